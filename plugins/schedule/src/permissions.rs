//! The permissions of a schedule's ServiceAccount: those that the requests of `stop` and `start` need. Pure.

use serde_json::Value;
use session_shared::objects::ResourceType;
use session_shared::objects::custom_workload::is_custom_api;
use session_shared::scheduled_run::{creation_rules, rule};

/// API group of Sessions.
const SESSION_GROUP: &str = "streaming.platform";
/// Kinds that other workloads consist of, with their verbs for a stop.
const WORKLOADS: [(&str, &[&str], &[&str]); 3] = [
    ("", &["pods"], &["get", "list", "watch", "delete"]),
    (
        "apps",
        &["statefulsets", "deployments", "replicasets", "daemonsets"],
        &["get", "list", "watch", "patch", "delete"],
    ),
    (
        "batch",
        &["jobs"],
        &["get", "list", "watch", "patch", "delete"],
    ),
];

/// Actions of the runs, and the objects that they touch.
#[derive(Clone, Debug)]
pub(crate) struct RunPermissions<'a> {
    /// Name of the session; `None` for a selection.
    pub(crate) session: Option<&'a str>,
    /// Types of the objects that the sessions' last starts made.
    pub(crate) made: &'a [ResourceType],
    /// True if a stop may run a sync hook.
    pub(crate) runs_hooks: bool,
    /// Name of the Pod in which the hook runs; `None` if it is not known.
    pub(crate) pod: Option<&'a str>,
    /// True if the runs start sessions, too.
    pub(crate) starts: bool,
}

impl RunPermissions<'_> {
    /// Returns the rules of the Role.
    pub(crate) fn rules(&self) -> Vec<Value> {
        // `manage`: the sessions belong to other users than the ServiceAccount.
        let session = ["get", "list", "watch", "patch", "manage"];
        let mut rules = vec![
            rule(SESSION_GROUP, &["sessions"], &session, self.session),
            rule(
                SESSION_GROUP,
                &["sessions/status"],
                &["patch"],
                self.session,
            ),
            rule("", &["persistentvolumeclaims"], &["list"], None),
        ];
        rules.extend(WORKLOADS.map(|(group, plurals, verbs)| rule(group, plurals, verbs, None)));
        let scales = ["statefulsets/scale", "deployments/scale"];
        rules.push(rule("apps", &scales, &["patch"], None));
        if self.runs_hooks {
            let verbs = ["create", "get"];
            rules.push(rule("", &["pods/exec"], &verbs, self.pod));
        }
        let custom = self
            .made
            .iter()
            .filter(|made| is_custom_api(&made.api_version()));
        rules.extend(custom.map(|made| {
            let scale = format!("{}/scale", made.plural);
            let verbs = ["get", "list", "watch", "patch", "delete"];
            rule(&made.group, &[&made.plural, &scale], &verbs, None)
        }));
        if self.starts {
            rules.extend(creation_rules(self.made));
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_shared::objects::resource::{SERVICE, STATEFUL_SET};

    fn find<'a>(rules: &'a [Value], resource: &str, verb: &str) -> Option<&'a Value> {
        let has = |list: &Value, word: &str| list.as_array().unwrap().iter().any(|one| one == word);
        let mut rules = rules.iter();
        rules.find(|rule| has(&rule["resources"], resource) && has(&rule["verbs"], verb))
    }

    fn rules(session: Option<&str>, starts: bool) -> Vec<Value> {
        let permissions = RunPermissions {
            session,
            made: &[SERVICE.clone(), STATEFUL_SET.clone()],
            runs_hooks: session.is_some(),
            pod: Some("tool-alice"),
            starts,
        };
        permissions.rules()
    }

    #[test]
    fn a_stop_may_touch_one_session_and_create_nothing() {
        let stop = rules(Some("alice"), false);
        assert_eq!(
            find(&stop, "sessions", "manage").unwrap()["resourceNames"][0],
            "alice"
        );
        assert_eq!(
            find(&stop, "pods/exec", "create").unwrap()["resourceNames"][0],
            "tool-alice"
        );
        for (resource, verb) in [
            ("pods", "create"),
            ("secrets", "get"),
            ("services", "delete"),
        ] {
            assert!(find(&stop, resource, verb).is_none(), "{verb} {resource}");
        }
        for rule in rules(Some("alice"), true) {
            assert!(!rule.to_string().contains('*'), "{rule}");
        }
    }

    #[test]
    fn a_start_may_create_what_the_last_one_made() {
        let both = rules(None, true);
        for resource in [
            "pods",
            "persistentvolumeclaims",
            "secrets",
            "services",
            "statefulsets",
        ] {
            assert!(find(&both, resource, "create").is_some(), "{resource}");
        }
        assert!(find(&both, "configmaps", "create").is_none());
        assert_eq!(
            find(&both, "sessions", "patch")
                .unwrap()
                .get("resourceNames"),
            None
        );
    }
}
