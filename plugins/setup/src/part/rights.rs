//! `setup roles --for TEMPLATE`: the Role of a platform's session manager in a namespace.

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::objects::resource::{ROLE, ROLE_BINDING, SERVICE_ACCOUNT};
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::console::Console;

use super::flags::{PartFlags, PartIntent};
use super::platform::Platform;
use super::site::{Part, PartKind, Site};

const GROUP: &str = "rbac.authorization.k8s.io";
const ALL: &[&str] = &[
    "get", "list", "watch", "create", "update", "patch", "delete",
];
const MAKE: &[&str] = &["get", "list", "watch", "create", "delete"];
/// Verbs for objects that `start` and `resize` apply again.
const APPLY: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
const READ: &[&str] = &["get", "list"];
const WATCH: &[&str] = &["get", "list", "watch"];

/// API group, resources and verbs of a rule.
type Rule = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// Verbs of the documents (G27), and those that the admission policy requires for sessions of other users.
const MANAGE: &[&str] = &[
    "get", "list", "watch", "create", "update", "patch", "delete", "assign", "manage",
];

/// Rules that the Roles of the documents lack for sessions: claims, snapshots, logs, shells, events and resizes. `create` and `start`
/// read quotas, limits and the Pod Security level of the namespace to tell whether the session fits; `delete` and `cleanup` look for
/// all workloads of a session.
///
/// The ClusterRole `admin`, into which session-manager is aggregated, contains all of them, so that an admin of the namespace may
/// grant them.
const COMMON: [Rule; 13] = [
    ("streaming.platform", &["sessions"], MANAGE),
    ("streaming.platform", &["sessions/status"], ALL),
    ("streaming.platform", &["sessions/finalizers"], &["update"]),
    ("snapshot.storage.k8s.io", &["volumesnapshots"], MAKE),
    ("", &["persistentvolumeclaims"], APPLY),
    ("", &["pods/log"], &["get"]),
    ("", &["pods/exec", "pods/portforward"], &["get", "create"]),
    ("", &["events"], &["list", "watch"]),
    ("", &["pods/resize"], &["patch"]),
    ("", &["resourcequotas", "limitranges"], WATCH),
    ("", &["namespaces"], &["get"]),
    (
        "apps",
        &["statefulsets", "deployments", "replicasets", "daemonsets"],
        &["list"],
    ),
    ("batch", &["jobs"], &["list"]),
];

/// The Role of a document.
#[derive(Debug)]
struct SessionManager {
    account: &'static str,
    role: &'static str,
    binding: &'static str,
    rules: &'static [Rule],
}

fn session_manager(platform: Platform) -> Option<SessionManager> {
    match platform {
        Platform::Nvim => Some(SessionManager {
            account: "nvim-web-router",
            role: "nvim-web-session-manager",
            binding: "nvim-web-session-manager",
            rules: &[
                ("", &["pods"], APPLY),
                ("", &["pods/status"], &["get"]),
                ("", &["configmaps", "services"], READ),
            ],
        }),
        Platform::Gimp => Some(SessionManager {
            account: "session-manager",
            role: "session-manager-role",
            binding: "session-manager-binding",
            rules: &[
                ("", &["pods", "services", "configmaps", "secrets"], ALL),
                ("apps", &["deployments", "replicasets"], ALL),
            ],
        }),
        Platform::Lab => Some(SessionManager {
            account: "dozlab-session-manager",
            role: "dozlab-session-manager",
            binding: "dozlab-session-manager",
            rules: &[("", &["pods", "services", "secrets"], APPLY)],
        }),
        Platform::Sindri | Platform::Preview => None,
    }
}

/// The Role of a platform and who gets it.
#[derive(Debug)]
struct Rights {
    manager: Option<SessionManager>,
    /// Kind and name of the subject; `None` for the ServiceAccount of the platform.
    subject: Option<(&'static str, String)>,
}

/// Validates the flags.
///
/// # Errors
/// Usage errors: another template or subject.
pub(crate) fn parse_part(
    flags: PartFlags,
    bind_to: Option<String>,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<(Box<dyn Part>, PartIntent)> {
    let platforms = [Platform::Nvim, Platform::Gimp, Platform::Lab];
    let (platform, intent) = flags.parse("roles", &platforms, connection, console)?;
    let subject = bind_to.as_deref().map(parse_subject).transpose()?;
    let part = Rights {
        manager: session_manager(platform),
        subject,
    };
    Ok((Box::new(part), intent))
}

fn parse_subject(text: &str) -> Result<(&'static str, String)> {
    let subject = text.split_once(':').and_then(|(kind, name)| {
        let kind = match kind {
            "user" => "User",
            "group" => "Group",
            "serviceaccount" => "ServiceAccount",
            _ => return None,
        };
        (!name.is_empty()).then(|| (kind, name.to_owned()))
    });
    subject.ok_or_else(|| {
        usage_error(format!(
            "invalid value of --bind-to {text:?}: must be user:NAME, group:NAME or serviceaccount:NAME"
        ))
    })
}

impl Part for Rights {
    fn name(&self) -> &'static str {
        "roles"
    }

    fn kinds(&self) -> &'static [PartKind] {
        static KINDS: [PartKind; 3] = [
            PartKind::built_in(&SERVICE_ACCOUNT),
            PartKind::built_in(&ROLE),
            PartKind::built_in(&ROLE_BINDING),
        ];
        &KINDS
    }

    fn objects(&self, site: &Site) -> Vec<PlannedObject> {
        let Some(manager) = &self.manager else {
            return Vec::new();
        };
        let rules = manager.rules.iter().chain(&COMMON);
        let rules: Value = rules
            .map(|(group, resources, verbs)| {
                json!({"apiGroups": [group], "resources": resources, "verbs": verbs})
            })
            .collect();
        let subject = match &self.subject {
            None => service_account(manager.account, site),
            Some(("ServiceAccount", name)) => service_account(name, site),
            Some((kind, name)) => json!({"apiGroup": GROUP, "kind": kind, "name": name}),
        };
        let binding = json!({
            "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": manager.role},
            "subjects": [subject],
        });
        let account = self
            .subject
            .is_none()
            .then(|| site.object(&SERVICE_ACCOUNT, manager.account, json!({})));
        let mut objects = Vec::from_iter(account);
        objects.push(site.object(&ROLE, manager.role, json!({"rules": rules})));
        objects.push(site.object(&ROLE_BINDING, manager.binding, binding));
        objects
    }
}

fn service_account(name: &str, site: &Site) -> Value {
    json!({"kind": "ServiceAccount", "name": name, "namespace": site.namespace})
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_shared::objects::Untyped;

    /// The server lets an admin of a namespace grant only rights that `admin` has: for our kinds, those of the ClusterRoles that setup
    /// aggregates into it.
    #[test]
    fn an_admin_may_grant_the_rights_of_session_managers() {
        let roles = crate::roles::roles();
        let held = ["session-client", "session-manager"].map(|name| {
            let role = roles.iter().find(|role| Untyped(role).name() == name);
            Untyped(role.unwrap()).items_at("/rules").map(|rule| rule.0)
        });
        let held: Vec<&Value> = held.into_iter().flatten().collect();
        let has = |rule: &Value, list: &str, word: &str| {
            let list = rule[list].as_array().unwrap();
            list.iter().any(|one| one == word)
        };
        let ours = ["streaming.platform", "snapshot.storage.k8s.io"];
        let rules = COMMON.iter().filter(|(group, ..)| ours.contains(group));
        for (group, resources, verbs) in rules {
            for (resource, verb) in resources
                .iter()
                .flat_map(|one| verbs.iter().map(move |verb| (one, verb)))
            {
                let is_held = held.iter().any(|rule| {
                    has(rule, "apiGroups", group)
                        && has(rule, "resources", resource)
                        && has(rule, "verbs", verb)
                });
                assert!(is_held, "{verb} {resource}");
            }
        }
    }
}
