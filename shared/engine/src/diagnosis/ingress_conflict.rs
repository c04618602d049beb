//! Check for hosts and paths of Ingresses that an Ingress of others already serves: the controller would serve only one of the two,
//! or refuse the later one after everything else is created.

use serde_json::Value;

use super::Cause;
use session_model::objects::Untyped;

/// Annotation that names the class of an Ingress where `spec.ingressClassName` is not used.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// A host and path that an Ingress claims, with its class if it names one.
struct ClaimedPath<'a> {
    class: Option<&'a str>,
    host: &'a str,
    path: String,
}

impl ClaimedPath<'_> {
    /// Returns true if one controller may have to serve both. Different classes are served by different controllers.
    fn conflicts_with(&self, other: &Self) -> bool {
        let classes_differ =
            self.class.is_some() && other.class.is_some() && self.class != other.class;
        !classes_differ && self.host == other.host && self.path == other.path
    }
}

/// Returns every host and path of an Ingress; a rule without a host claims nothing of its own.
fn claimed_paths(ingress: &Value) -> Vec<ClaimedPath<'_>> {
    let class = Untyped(ingress)
        .str_at("/spec/ingressClassName")
        .or_else(|| ingress["metadata"]["annotations"][CLASS_ANNOTATION].as_str());
    let rules = ingress["spec"]["rules"].as_array();
    let mut claimed = Vec::new();
    for rule in rules.into_iter().flatten() {
        let Some(host) = rule["host"].as_str().filter(|host| !host.is_empty()) else {
            continue;
        };
        let paths = rule["http"]["paths"].as_array().map(Vec::as_slice);
        // A rule without paths sends everything to the default backend.
        let paths = match paths {
            None | Some([]) => vec!["/".to_owned()],
            Some(paths) => paths.iter().map(normalize_path).collect(),
        };
        claimed.extend(
            paths
                .into_iter()
                .map(|path| ClaimedPath { class, host, path }),
        );
    }
    claimed
}

/// Returns a path as it is compared: a final slash means something only to the type `Exact`.
fn normalize_path(path: &Value) -> String {
    let text = path["path"].as_str().unwrap_or("/");
    match (path["pathType"].as_str(), text.trim_end_matches('/')) {
        (Some("Exact"), _) => text.to_owned(),
        (_, "") => "/".to_owned(),
        (_, trimmed) => trimmed.to_owned(),
    }
}

/// Returns true if an object is an Ingress that claims a host.
pub fn claims_host(object: &Value) -> bool {
    Untyped(object).kind() == "Ingress" && !claimed_paths(object).is_empty()
}

/// Returns the first host and path of `objects` that another Ingress of `present` has, as a cause. Not counted are Ingresses of
/// the same name in `namespace`, those that belong to the Session of `session_uid`, and those that are being deleted.
pub fn find_ingress_conflict(
    objects: &[Value],
    namespace: &str,
    session_uid: Option<&str>,
    present: &[Value],
) -> Option<Cause> {
    let is_ours = |other: &Value| {
        let is_same = |object: &Value| {
            Untyped(object).kind() == "Ingress" && Untyped(object).name() == Untyped(other).name()
        };
        Untyped(other).is_terminating()
            || Untyped(other).is_owned_by(session_uid)
            || Untyped(other).namespace() == Some(namespace) && objects.iter().any(is_same)
    };
    let others: Vec<&Value> = present.iter().filter(|other| !is_ours(other)).collect();
    let ingresses = objects
        .iter()
        .filter(|object| Untyped(object).kind() == "Ingress");
    ingresses.flat_map(|ingress| claimed_paths(ingress).into_iter().map(move |claimed| (ingress, claimed)))
        .find_map(|(ingress, claimed)| {
            let other = others.iter().find(|other| {
                let theirs = claimed_paths(other);
                theirs.iter().any(|one| claimed.conflicts_with(one))
            })?;
            Some(Cause {
                reason: "IngressHostInUse".to_owned(),
                message: format!(
                    "host {:?} with path {:?} of ingress {:?} already belongs to ingress {:?} in namespace {:?}",
                    claimed.host,
                    claimed.path,
                    Untyped(ingress).name(),
                    Untyped(other).name(),
                    Untyped(other).home_namespace(),
                ),
                remedy: Some(
                    "use another host, such as one with ${SESSION_ID} in it, or delete the other ingress first".to_owned(),
                ),
                ..Cause::default()
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ingress(namespace: &str, name: &str, class: Option<&str>, host: &str, path: &str) -> Value {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ingressClassName": class, "rules": [{"host": host, "http": {"paths": [
            {"path": path, "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}},
        ]}}]}})
    }

    fn conflict(ours: &Value, other: &Value) -> Option<String> {
        let (ours, other) = (std::slice::from_ref(ours), std::slice::from_ref(other));
        find_ingress_conflict(ours, "default", Some("u-1"), other).map(|cause| cause.message)
    }

    #[test]
    fn a_host_and_path_of_another_ingress_are_named_with_it() {
        let ours = ingress("default", "web-alice", None, "web.example.com", "/");
        let other = ingress("team", "web-bob", Some("nginx"), "web.example.com", "/");
        assert_eq!(
            conflict(&ours, &other).as_deref(),
            Some(
                "host \"web.example.com\" with path \"/\" of ingress \"web-alice\" already belongs to ingress \"web-bob\" in namespace \"team\""
            )
        );
        let mut plain = other.clone();
        plain["spec"]["rules"] = json!([{"host": "web.example.com"}]);
        assert!(conflict(&ours, &plain).is_some(), "no path is every path");
        let slash = ingress("team", "b", None, "web.example.com", "/app/");
        let none = ingress("default", "a", None, "web.example.com", "/app");
        assert!(conflict(&none, &slash).is_some());
    }

    #[test]
    fn what_does_not_meet_is_no_conflict() {
        let ours = ingress("default", "web", Some("nginx"), "web.example.com", "/");
        for other in [
            ingress("team", "web", None, "api.example.com", "/"),
            ingress("team", "web", None, "web.example.com", "/api"),
            ingress("team", "web", Some("internal"), "web.example.com", "/"),
            ingress("default", "web", None, "web.example.com", "/"),
        ] {
            assert_eq!(conflict(&ours, &other), None, "{other}");
        }
        let mut own = ingress("default", "old-name", None, "web.example.com", "/");
        assert!(conflict(&ours, &own).is_some());
        own["metadata"]["ownerReferences"] = json!([{"apiVersion": "streaming.platform/v1", "kind": "Session",
            "name": "alice", "uid": "u-1"}]);
        assert_eq!(conflict(&ours, &own), None, "of the same session");
        let mut going = ingress("team", "web", None, "web.example.com", "/");
        going["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z".into();
        assert_eq!(conflict(&ours, &going), None);
        let mut without = ours.clone();
        without["spec"]["rules"] = json!([{"http": {"paths": [{"path": "/"}]}}]);
        assert!(claims_host(&ours) && !claims_host(&without));
    }
}
