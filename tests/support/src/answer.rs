//! What the fake answers: codes, bodies, headers, delays, hang-ups; and the Statuses that real servers send.

use std::time::Duration;

use serde_json::{Value, json};

/// One answer. Built by a constructor, refined by the methods that return it again.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
    pub(crate) delay: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Bytes(Vec<u8>),
    /// Lines sent one after another, then the end, or no end if `open`.
    Lines {
        lines: Vec<String>,
        open: bool,
    },
    /// A container's log, as it is written.
    Log(Box<crate::logs::Reading>),
    /// The store's changes, as they happen.
    Live(Box<crate::stream::Live>),
    /// The connection is closed without an answer.
    HangUp,
    /// So many bytes of the body, then the connection is closed.
    Cut(Vec<u8>),
    /// A WebSocket of `pods/exec`.
    Exec(crate::exec::Execution),
    /// A WebSocket of `pods/portforward`.
    Port(crate::ports::Port),
}

impl Answer {
    fn new(code: u16, body: Body) -> Self {
        Self {
            code,
            headers: Vec::new(),
            body,
            delay: Duration::ZERO,
        }
    }

    /// JSON with that status code.
    pub fn json(code: u16, body: Value) -> Self {
        Self::new(code, Body::Bytes(body.to_string().into_bytes()))
            .header("content-type", "application/json")
    }

    /// 200 with JSON.
    pub fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    /// Something that is no JSON, such as a proxy's page.
    pub fn text(code: u16, content_type: &str, body: &str) -> Self {
        Self::new(code, Body::Bytes(body.as_bytes().to_vec())).header("content-type", content_type)
    }

    /// The connection is closed without an answer.
    pub fn hang_up() -> Self {
        Self::new(0, Body::HangUp)
    }

    /// 200, the beginning of a body, then the connection is closed.
    pub fn cut(body: &str) -> Self {
        Self::new(200, Body::Cut(body.as_bytes().to_vec()))
            .header("content-type", "application/json")
    }

    /// A watch: one line an event, then the server ends it.
    pub fn watch(events: Vec<Value>) -> Self {
        Self::lines(events, false)
    }

    /// A watch: one line an event, then silence.
    pub fn watch_open(events: Vec<Value>) -> Self {
        Self::lines(events, true)
    }

    fn lines(events: Vec<Value>, open: bool) -> Self {
        let lines = events.iter().map(|event| format!("{event}\n")).collect();
        Self::new(200, Body::Lines { lines, open }).header("content-type", "application/json")
    }

    pub(crate) fn live(live: crate::stream::Live) -> Self {
        Self::new(200, Body::Live(Box::new(live))).header("content-type", "application/json")
    }

    pub(crate) fn of_log(body: Body) -> Self {
        Self::new(200, body).header("content-type", "text/plain")
    }

    pub(crate) fn exec(execution: crate::exec::Execution) -> Self {
        Self::new(101, Body::Exec(execution))
    }

    /// A port of a Pod, in version 4 of the protocol: it sends back what it gets, or is refused in these words.
    pub fn port(refused: Option<&str>) -> Self {
        let refused = refused.map(str::to_owned);
        Self::new(101, Body::Port(crate::ports::Port { refused }))
    }

    /// The same answer, that much later.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer with a `Warning:` header, as the API server sends it.
    #[must_use]
    pub fn warning(self, text: &str) -> Self {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        self.header("warning", &format!("299 - \"{quoted}\""))
    }
}

/// Failures as a real API server words them.
impl Answer {
    /// Any failure Status.
    pub fn status(code: u16, reason: &str, message: &str, details: Value) -> Self {
        let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message});
        if !reason.is_empty() {
            status["reason"] = reason.into();
        }
        if !details.is_null() {
            status["details"] = details;
        }
        status["code"] = code.into();
        Self::json(code, status)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::status(401, "Unauthorized", "Unauthorized", Value::Null)
    }

    /// 403: `user` may not `verb` objects of `resource` (`pods`, `sessions.streaming.platform`) in a namespace.
    pub fn forbidden(user: &str, verb: &str, resource: &str, namespace: &str) -> Self {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        let message = format!(
            "{resource} is forbidden: User {user:?} cannot {verb} resource {plural:?} in API group {group:?} in the namespace {namespace:?}"
        );
        Self::status(
            403,
            "Forbidden",
            &message,
            json!({"group": group, "kind": plural}),
        )
    }

    /// 403 of the admission policy for Sessions.
    pub fn denied_by_policy(session: &str, why: &str) -> Self {
        let policy = "session-owner.streaming.platform";
        let message = format!(
            "sessions.streaming.platform {session:?} is forbidden: ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: {why}"
        );
        let details = json!({"name": session, "group": "streaming.platform", "kind": "sessions"});
        Self::status(403, "Forbidden", &message, details)
    }

    /// 403 of a used-up ResourceQuota.
    pub fn quota(resource: &str, name: &str, quota: &str, detail: &str) -> Self {
        let message =
            format!("{resource} {name:?} is forbidden: exceeded quota: {quota}, {detail}");
        Self::status(
            403,
            "Forbidden",
            &message,
            json!({"name": name, "kind": resource}),
        )
    }

    /// 404 of an object.
    pub fn not_found(resource: &str, name: &str) -> Self {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        let message = format!("{resource} {name:?} not found");
        Self::status(
            404,
            "NotFound",
            &message,
            json!({"name": name, "group": group, "kind": plural}),
        )
    }

    /// 404 of an API that is not installed: no Status, as the API server answers.
    pub fn no_such_path() -> Self {
        Self::text(404, "text/plain; charset=utf-8", "404 page not found\n")
    }

    /// 409, the name is taken.
    pub fn already_exists(resource: &str, name: &str) -> Self {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        let message = format!("{resource} {name:?} already exists");
        Self::status(
            409,
            "AlreadyExists",
            &message,
            json!({"name": name, "group": group, "kind": plural}),
        )
    }

    /// 409, somebody else wrote first, or a precondition failed.
    pub fn conflict(resource: &str, name: &str, why: &str) -> Self {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::status(
            409,
            "Conflict",
            &message,
            json!({"name": name, "group": group, "kind": plural}),
        )
    }

    /// 410: a watch or a continue token is too old.
    pub fn expired() -> Self {
        Self::status(
            410,
            "Expired",
            "The resourceVersion for the provided watch is too old.",
            Value::Null,
        )
    }

    /// 422 with causes (field, message).
    pub fn invalid(group: &str, kind: &str, name: &str, causes: &[(&str, &str)]) -> Self {
        let list: Vec<String> = causes
            .iter()
            .map(|(field, message)| format!("{field}: {message}"))
            .collect();
        let all = if list.len() == 1 {
            list.join("")
        } else {
            format!("[{}]", list.join(", "))
        };
        let message = format!(
            "{kind}{}{group} {name:?} is invalid: {all}",
            if group.is_empty() { "" } else { "." }
        );
        let causes: Vec<Value> = causes
            .iter()
            .map(|(field, message)| json!({"reason": "FieldValueInvalid", "message": message, "field": field}))
            .collect();
        Self::status(
            422,
            "Invalid",
            &message,
            json!({"name": name, "group": group, "kind": kind, "causes": causes}),
        )
    }

    /// 429, with `Retry-After` in seconds.
    pub fn too_many(retry_after: u32) -> Self {
        let message =
            "the server has received too many requests and has asked us to try again later";
        Self::status(
            429,
            "TooManyRequests",
            message,
            json!({"retryAfterSeconds": retry_after}),
        )
        .header("retry-after", &retry_after.to_string())
    }

    /// 500.
    pub fn internal(message: &str) -> Self {
        let details = json!({"causes": [{"message": message}]});
        Self::status(
            500,
            "InternalError",
            &format!("Internal error occurred: {message}"),
            details,
        )
    }
}
