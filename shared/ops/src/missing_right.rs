//! Hint for a request that RBAC refused: who lacks which right, and a role that has it.

use session_model::api::API_GROUP;
use session_model::encode::shell;
use session_model::failure::{FailureKind, find_failure};
use session_model::objects::custom_workload::is_custom_api;

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
    let roles = right.roles();
    let Some((role, namespace)) = roles.first().zip(right.namespace) else {
        let place = match right.namespace {
            // The server names a Namespace as the place of itself.
            Some(_) if resource == "namespaces" => String::new(),
            Some(namespace) => format!(" in namespace {namespace:?}"),
            None => " at the cluster scope".to_owned(),
        };
        return Some(format!(
            "ask an administrator for the right to {verb} {resource}{place}"
        ));
    };
    let (flag, grantee) = match right.user.strip_prefix("system:serviceaccount:") {
        Some(account) => ("--serviceaccount", account),
        None => ("--user", right.user),
    };
    // A name of its own for each user: kubectl does not add a subject to a RoleBinding that exists. No name may have "/" or "%".
    let binding = format!("{role}-{grantee}").replace(['/', '%'], "-");
    let binding = shell::quote_command(&["kubectl", "create", "rolebinding", &binding]);
    let grantee = shell::quote_word(grantee);
    let named = match roles {
        [role] => format!("role {role}"),
        roles => format!("one of the roles {}", roles.join(", ")),
    };
    Some(format!(
        "ask an administrator to grant {verb} on {resource} in namespace {namespace:?} with {named}: {binding} --clusterrole {role} {flag} {grantee} -n {namespace}"
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

    /// Returns the roles that have the right, the one to suggest first: those of `kubectl session setup roles`, and view, edit and
    /// admin of Kubernetes, to which they are added. A role that has all rights of a listed one is left out, except edit, which has
    /// everything that the verbs need. Empty for a right that is not one of a namespace, or that none of the roles has.
    fn roles(&self) -> &'static [&'static str] {
        if self.namespace.is_none() {
            return &[];
        }
        let is_read = matches!(self.verb, "get" | "list" | "watch");
        match (self.group, self.resource) {
            (API_GROUP, "sessiontemplates") if is_read => &["session-reader"],
            (API_GROUP, "sessiontemplates") => &["session-template-admin"],
            (API_GROUP, "sessions") if matches!(self.verb, "assign" | "manage") => &["admin"],
            (API_GROUP, "sessions") if is_read => &["view", "edit", "session-user"],
            // session-user may not create what a session consists of.
            (API_GROUP, "sessions") if self.verb != "deletecollection" => &["edit", "session-user"],
            ("", "pods/exec" | "pods/portforward")
            | ("", "pods/resize")
            | ("snapshot.storage.k8s.io", "volumesnapshots") => &["session-user", "edit"],
            ("", "pods" | "pods/log" | "events" | "services" | "persistentvolumeclaims")
                if is_read =>
            {
                &["view", "edit", "session-user"]
            }
            // View reads neither Secrets nor what serves streams.
            ("", "secrets" | "pods/attach" | "pods/proxy" | "services/proxy") => &["edit"],
            ("rbac.authorization.k8s.io", _) => &["admin"],
            // One that does not exist has no room for a RoleBinding.
            ("", "namespaces") => &[],
            // The maker of a custom kind grants it, or nobody.
            (API_GROUP | "snapshot.storage.k8s.io", _) => &["edit"],
            (group, _) if is_custom_api(&format!("{group}/")) => &[],
            // Kubernetes grants their changes to nobody in a namespace.
            ("", "resourcequotas" | "limitranges") if !is_read => &[],
            (
                "" | "apps" | "autoscaling" | "batch" | "discovery.k8s.io" | "metrics.k8s.io"
                | "networking.k8s.io" | "policy",
                _,
            ) if is_read => &["view", "edit"],
            _ => &["edit"],
        }
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
                "ask an administrator to grant get and create on pods/exec in namespace \"ns\" with one of the roles session-user, edit: kubectl create rolebinding session-user-bob --clusterrole session-user --user bob -n ns",
            ),
            (
                "system:serviceaccount:ci:bot",
                "create",
                "sessions",
                API_GROUP,
                "ask an administrator to grant create on sessions in namespace \"ns\" with one of the roles edit, session-user: kubectl create rolebinding edit-ci:bot --clusterrole edit --serviceaccount ci:bot -n ns",
            ),
            (
                "bob smith",
                "list",
                "pods",
                "",
                "ask an administrator to grant list on pods in namespace \"ns\" with one of the roles view, edit, session-user: kubectl create rolebinding 'view-bob smith' --clusterrole view --user 'bob smith' -n ns",
            ),
            (
                "bob",
                "create",
                "pods/attach",
                "",
                "ask an administrator to grant get and create on pods/attach in namespace \"ns\" with role edit: kubectl create rolebinding edit-bob --clusterrole edit --user bob -n ns",
            ),
            (
                "bob",
                "manage",
                "sessions",
                API_GROUP,
                "ask an administrator to grant manage on sessions in namespace \"ns\" with role admin: kubectl create rolebinding admin-bob --clusterrole admin --user bob -n ns",
            ),
            (
                "bob",
                "create",
                "limitranges",
                "",
                "ask an administrator for the right to create limitranges in namespace \"ns\"",
            ),
            (
                "https://issuer.example/a%b",
                "delete",
                "pods",
                "",
                "ask an administrator to grant delete on pods in namespace \"ns\" with role edit: kubectl create rolebinding edit-https:--issuer.example-a-b --clusterrole edit --user 'https://issuer.example/a%b' -n ns",
            ),
            (
                "bob",
                "get",
                "namespaces",
                "",
                "ask an administrator for the right to get namespaces",
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
