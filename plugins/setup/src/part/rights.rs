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
const READ: &[&str] = &["get", "list"];

/// API group, resources and verbs of a rule.
type Rule = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// Rules that the Roles of the documents lack for sessions: claims, snapshots, logs, shells, events and resizes.
const COMMON: [Rule; 7] = [
    ("streaming.platform", &["sessions", "sessions/status"], ALL),
    ("snapshot.storage.k8s.io", &["volumesnapshots"], MAKE),
    ("", &["persistentvolumeclaims"], MAKE),
    ("", &["pods/log"], &["get"]),
    ("", &["pods/exec", "pods/portforward"], &["get", "create"]),
    ("", &["events"], &["list"]),
    ("", &["pods/resize"], &["patch"]),
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
                ("", &["pods"], MAKE),
                ("", &["pods/status"], &["get"]),
                ("", &["configmaps"], READ),
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
            rules: &[("", &["pods", "services", "secrets"], MAKE)],
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
