//! Hint for a request that RBAC refused: who lacks which right, and a role that has it.

use session_model::api::API_GROUP;
use session_model::encode::shell;
use session_model::failure::{FailureKind, find_failure};

/// A right that a user lacks, by the API server's message.
#[derive(Debug, PartialEq, Eq)]
struct MissingRight<'a> {
    user: &'a str,
    verb: &'a str,
    /// Plural with the subresource: `pods/exec`.
    resource: &'a str,
    group: &'a str,
    /// `None` at the cluster scope.
    namespace: Option<&'a str>,
}

/// Returns the hint for an error that RBAC caused. `None` for other errors, and for a refusal by an admission policy, a webhook
/// or a proxy, which no role helps against: only the authorizer writes `User "…" cannot VERB resource "…"`.
pub fn role_hint(error: &anyhow::Error) -> Option<String> {
    let failure = find_failure(error).filter(|failure| failure.kind == FailureKind::Forbidden)?;
    let right = MissingRight::parse(&failure.message)?;
    let (verb, resource) = match right.resource {
        // A websocket begins with a GET, which the API server checks as create from Kubernetes 1.35 on.
        stream @ ("pods/exec" | "pods/attach" | "pods/portforward") => ("get and create", stream),
        resource => (right.verb, resource),
    };
    let Some((role, namespace)) = right.role().zip(right.namespace) else {
        return Some(format!(
            "ask an administrator for the right to {verb} {resource} at the cluster scope"
        ));
    };
    let binding = shell::quote_command(&["kubectl", "create", "rolebinding", role]);
    let grantee = match right.user.strip_prefix("system:serviceaccount:") {
        Some(account) => format!("--serviceaccount {}", shell::quote_word(account)),
        None => format!("--user {}", shell::quote_word(right.user)),
    };
    Some(format!(
        "grant {verb} on {resource} in namespace {namespace:?}, for example with role {role}: {binding} --clusterrole {role} {grantee} -n {namespace}"
    ))
}

impl<'a> MissingRight<'a> {
    /// Reads `… User "U" cannot VERB resource "R" in API group "G" in the namespace "N"`, or `… at the cluster scope`.
    fn parse(message: &'a str) -> Option<Self> {
        let (_, rest) = message.split_once("User \"")?;
        let (user, rest) = rest.split_once("\" cannot ")?;
        let (verb, rest) = rest.split_once(" resource \"")?;
        let (resource, rest) = rest.split_once("\" in API group \"")?;
        let (group, rest) = rest.split_once('"')?;
        let namespace = rest.trim_start().strip_prefix("in the namespace \"");
        Some(Self {
            user,
            verb,
            resource,
            group,
            namespace: namespace
                .and_then(|rest| Some(rest.split_once('"')?.0))
                .filter(|namespace| !namespace.is_empty()),
        })
    }

    /// Returns a role that has the right: one of `kubectl session setup roles`, or of Kubernetes, to whose roles those are added.
    /// `None` for a right that is not one of a namespace.
    fn role(&self) -> Option<&'static str> {
        self.namespace?;
        let is_read = matches!(self.verb, "get" | "list" | "watch");
        Some(match (self.group, self.resource) {
            (API_GROUP, "sessiontemplates") if is_read => "session-reader",
            (API_GROUP, "sessiontemplates") => "session-template-admin",
            ("", "pods/exec" | "pods/attach" | "pods/portforward") => "session-user",
            ("rbac.authorization.k8s.io", _) => "admin",
            // View has no right to read Secrets.
            ("", "secrets") => "edit",
            (API_GROUP | "" | "apps" | "batch" | "networking.k8s.io", _) if is_read => "view",
            _ => "edit",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::failure::Failure;

    fn hint(message: &str) -> Option<String> {
        role_hint(&Failure::client_side(FailureKind::Forbidden, message).into())
    }

    #[test]
    fn a_missing_right_is_told_with_a_role_that_has_it() {
        for (user, verb, resource, group, expected) in [
            (
                "bob",
                "get",
                "pods/exec",
                "",
                "grant get and create on pods/exec in namespace \"ns\", for example with role session-user: kubectl create rolebinding session-user --clusterrole session-user --user bob -n ns",
            ),
            (
                "system:serviceaccount:ci:bot",
                "create",
                "sessions",
                API_GROUP,
                "grant create on sessions in namespace \"ns\", for example with role edit: kubectl create rolebinding edit --clusterrole edit --serviceaccount ci:bot -n ns",
            ),
            (
                "bob smith",
                "list",
                "pods",
                "",
                "grant list on pods in namespace \"ns\", for example with role view: kubectl create rolebinding view --clusterrole view --user 'bob smith' -n ns",
            ),
        ] {
            let message = format!(
                "pods \"a\" is forbidden: User {user:?} cannot {verb} resource {resource:?} in API group {group:?} in the namespace \"ns\": RBAC: role \"x\" not found"
            );
            assert_eq!(hint(&message).as_deref(), Some(expected));
        }
        assert_eq!(
            hint("nodes is forbidden: User \"bob\" cannot list resource \"nodes\" in API group \"\" at the cluster scope").as_deref(),
            Some("ask an administrator for the right to list nodes at the cluster scope")
        );
    }

    #[test]
    fn no_role_helps_against_what_is_not_rbac() {
        for message in [
            "pods \"web\" is forbidden: ValidatingAdmissionPolicy 'no-exec' with binding 'b' denied request: no shells here",
            "admission webhook \"no-exec.example.com\" denied the request: no shells here",
            "<html>403 Forbidden</html>",
            "User \"bob\" cannot get path \"/metrics\"",
        ] {
            assert_eq!(hint(message), None, "{message}");
        }
    }
}
