//! The API server's audit log: which requests a command made.

use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// One finished request. Requests of the cluster's own parts are not in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// The request's id.
    pub audit_id: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or the HTTP verb of other paths.
    pub verb: String,
    /// Plural name; empty for paths that are no resource, like `/version`.
    pub resource: String,
    /// `log`, `exec`, `status`, …; mostly empty.
    pub subresource: String,
    /// API group; empty for the core one.
    pub group: String,
    /// Name of the object; empty for lists. A `create` often has none either.
    pub name: String,
    /// Namespace; empty for cluster-wide requests.
    pub namespace: String,
    /// Who asked; who was impersonated, if somebody was.
    pub user: String,
    /// The client's `User-Agent`.
    pub user_agent: String,
    /// Path and query.
    pub request_uri: String,
    /// HTTP status of the answer; 0 when none was sent.
    pub code: u16,
    /// When the request came, RFC 3339.
    pub received: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Line {
    #[serde(rename = "auditID")]
    audit_id: String,
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    user: User,
    impersonated_user: Option<User>,
    user_agent: String,
    object_ref: Reference,
    response_status: Status,
    request_received_timestamp: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct User {
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    resource: String,
    subresource: String,
    api_group: String,
    name: String,
    namespace: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    code: u16,
}

/// The finished requests in a log that `keep` wants, oldest first. No log yet gives none.
///
/// # Errors
/// When the log cannot be read.
pub(crate) fn read(log: &Path, keep: impl Fn(&AuditEvent) -> bool) -> Result<Vec<AuditEvent>> {
    let file = match std::fs::File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", log.display())),
    };
    let mut events = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line.with_context(|| format!("cannot read {}", log.display()))?;
        events.extend(parse(&line).filter(&keep));
    }
    Ok(events)
}

/// A line that is not a whole event is the one being written now: left out.
fn parse(line: &str) -> Option<AuditEvent> {
    let line: Line = serde_json::from_str(line).ok()?;
    let user = line.impersonated_user.unwrap_or(line.user);
    (line.stage == "ResponseComplete").then_some(AuditEvent {
        audit_id: line.audit_id,
        verb: line.verb,
        resource: line.object_ref.resource,
        subresource: line.object_ref.subresource,
        group: line.object_ref.api_group,
        name: line.object_ref.name,
        namespace: line.object_ref.namespace,
        user: user.username,
        user_agent: line.user_agent,
        request_uri: line.request_uri,
        code: line.response_status.code,
        received: line.request_received_timestamp,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/n/pods/p/log?x=1","verb":"get","user":{"username":"alice","groups":["g"]},"sourceIPs":["127.0.0.1"],"userAgent":"kubectl-session/0.1","objectRef":{"resource":"pods","namespace":"n","name":"p","apiVersion":"v1","subresource":"log"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z"}"#;

    #[test]
    fn a_line_becomes_an_event() {
        let event = parse(LINE).unwrap();
        assert_eq!(
            (
                event.verb.as_str(),
                event.resource.as_str(),
                event.subresource.as_str()
            ),
            ("get", "pods", "log")
        );
        assert_eq!(
            (event.user.as_str(), event.namespace.as_str(), event.code),
            ("alice", "n", 200)
        );
        assert_eq!(event.audit_id, "a1");
    }

    #[test]
    fn paths_without_a_resource_have_empty_fields() {
        let event = parse(r#"{"auditID":"b","stage":"ResponseComplete","verb":"get","requestURI":"/version","user":{"username":"u"}}"#).unwrap();
        assert_eq!(
            (
                event.resource.as_str(),
                event.request_uri.as_str(),
                event.code
            ),
            ("", "/version", 0)
        );
    }

    #[test]
    fn other_stages_and_half_lines_are_left_out() {
        assert_eq!(
            parse(&LINE.replace("ResponseComplete", "ResponseStarted")),
            None
        );
        assert_eq!(parse(&LINE[..100]), None);
    }

    #[test]
    fn the_impersonated_user_counts() {
        let line = LINE.replace(
            "\"sourceIPs\"",
            "\"impersonatedUser\":{\"username\":\"bob\"},\"sourceIPs\"",
        );
        assert_eq!(parse(&line).unwrap().user, "bob");
    }
}
