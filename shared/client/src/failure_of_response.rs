//! Conversion of unsuccessful responses to [`Failure`].

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::body_summary;
use session_model::failure::{Failure, FailureKind, StatusCause};
use session_model::objects::Untyped;

/// The subject of a request, as error messages name it.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestSubject {
    /// HTTP method, `GET`.
    pub(super) method: String,
    /// Plural name of the resource, `sessions`; empty for requests without a resource.
    pub(super) plural: String,
    /// Plural name with the API group, `sessions.streaming.platform`.
    pub(super) qualified: String,
    /// Name of the object; empty for a collection.
    pub(super) name: String,
}

impl RequestSubject {
    /// Returns the suffix of an error message, ` (get pods x)`, in client-go's form; empty for requests without a
    /// resource.
    pub(super) fn error_suffix(&self) -> String {
        let verb = self.method.to_lowercase();
        match (self.qualified.as_str(), self.name.as_str()) {
            ("", _) => String::new(),
            (resource, "") => format!(" ({verb} {resource})"),
            (resource, name) => format!(" ({verb} {resource} {name})"),
        }
    }
}

/// Converts a response with an error status into a Failure.
pub(super) fn failure_of_response(
    code: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    subject: &RequestSubject,
) -> Failure {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    if value["kind"] == "Status" || value["status"] == "Failure" {
        return failure_of_status(&value, code.as_u16(), subject);
    }
    if code == StatusCode::NOT_FOUND && !subject.plural.is_empty() {
        return no_such_resource(subject);
    }
    failure_of_other_body(code.as_u16(), headers, body, subject)
}

/// Converts a Status from a response, a watch or an exec into a Failure. `code` is used if the Status has none.
pub(super) fn failure_of_status(status: &Value, code: u16, subject: &RequestSubject) -> Failure {
    let code = status["code"]
        .as_u64()
        .and_then(|code| u16::try_from(code).ok())
        .filter(|code| *code != 0)
        .unwrap_or(code);
    // A Status may lack each of them; a Failure says so with an empty text.
    let text = |part: Untyped<'_>, pointer: &str| {
        let text = part.str_at(pointer);
        text.unwrap_or_default().to_owned()
    };
    let status = Untyped(status);
    let (reason, message) = (text(status, "/reason"), text(status, "/message"));
    let details = status.at("/details").filter(|details| details.is_object());
    let about = details.map(|details| {
        let details = Untyped(details);
        (text(details, "/kind"), text(details, "/name"))
    });
    let kind = failure_kind(&reason, code, &message, &subject.method);
    // The 404 of an object names the object; the 404 of a type that is not served cannot.
    if kind == FailureKind::NotFound
        && about.as_ref().is_none_or(|(_, name)| name.is_empty())
        && !subject.plural.is_empty()
    {
        return no_such_resource(subject);
    }
    let causes = status.items_at("/details/causes");
    Failure {
        kind,
        message: if message.is_empty() {
            format!("the server responded with status code {code} and no reason")
        } else {
            message
        },
        reason,
        code,
        object: about,
        causes: causes
            .map(|cause| StatusCause {
                field: text(cause, "/field"),
                message: text(cause, "/message"),
            })
            .collect(),
    }
}

/// Maps the Status to a kind by its reason, or by its code if the reason is empty.
fn failure_kind(reason: &str, code: u16, message: &str, method: &str) -> FailureKind {
    match (reason, code) {
        ("NotFound", _) => FailureKind::NotFound,
        ("AlreadyExists", _) => FailureKind::AlreadyExists,
        ("Conflict", _) => FailureKind::Conflict,
        ("Forbidden", _) if message.contains("exceeded quota") => FailureKind::QuotaExceeded,
        ("Forbidden", _) => FailureKind::Forbidden,
        ("Unauthorized", _) => FailureKind::Unauthorized,
        ("Invalid", _) => FailureKind::Invalid,
        ("Expired" | "Gone", _) => FailureKind::Expired,
        ("TooManyRequests", _) => FailureKind::TooManyRequests,
        ("" | "Unknown", 409) if method == "POST" => FailureKind::AlreadyExists,
        ("" | "Unknown", code) => match code {
            401 => FailureKind::Unauthorized,
            403 => FailureKind::Forbidden,
            404 => FailureKind::NotFound,
            409 => FailureKind::Conflict,
            410 => FailureKind::Expired,
            422 => FailureKind::Invalid,
            429 => FailureKind::TooManyRequests,
            _ => FailureKind::OtherStatus,
        },
        _ => FailureKind::OtherStatus,
    }
}

fn no_such_resource(subject: &RequestSubject) -> Failure {
    Failure {
        code: 404,
        ..Failure::client_side(
            FailureKind::ResourceTypeNotFound,
            format!(
                "the server doesn't have a resource type {:?}",
                subject.plural
            ),
        )
    }
}

/// Builds the Failure for a response that is not a Status, such as a proxy's page, in client-go's words.
fn failure_of_other_body(
    code: u16,
    headers: &HeaderMap,
    body: &[u8],
    subject: &RequestSubject,
) -> Failure {
    let content_type = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("text/plain");
    let said = if content_type.starts_with("text/") {
        body_summary::summarize_body(body)
    } else {
        "unknown".to_owned()
    };
    let (reason, message) = match code {
        400 => ("BadRequest", "the server rejected our request for an unknown reason".to_owned()),
        401 => ("Unauthorized", "the server has asked for the client to provide credentials".to_owned()),
        403 => ("Forbidden", said.clone()),
        404 => ("NotFound", "the server could not find the requested resource".to_owned()),
        405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource".to_owned()),
        406 if said.is_empty() || said == "unknown" => {
            ("NotAcceptable", "the server was unable to respond with a content type that the client supports".to_owned())
        }
        406 => ("NotAcceptable", said.clone()),
        409 if subject.method == "POST" => ("AlreadyExists", "the server reported a conflict".to_owned()),
        409 => ("Conflict", "the server reported a conflict".to_owned()),
        415 => ("UnsupportedMediaType", said.clone()),
        422 => ("Invalid", "the server rejected our request due to an error in our request".to_owned()),
        429 => ("TooManyRequests", "the server has received too many requests and has asked us to try again later".to_owned()),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request".to_owned()),
        504 => ("Timeout", "the server was unable to return a response in the time allotted, but may still be processing the request".to_owned()),
        500.. => ("InternalError", format!("an error on the server ({said:?}) has prevented the request from succeeding")),
        _ => ("", format!("the server responded with the status code {code} but did not return more information")),
    };
    Failure {
        kind: failure_kind(reason, code, &message, &subject.method),
        message: format!("{message}{}", subject.error_suffix()),
        reason: reason.to_owned(),
        code,
        object: Some((subject.plural.clone(), subject.name.clone())),
        causes: vec![StatusCause {
            field: String::new(),
            message: said,
        }],
    }
}
