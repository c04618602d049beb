//! References from Pods, Pod templates, Ingresses and ServiceAccounts to other objects. An object that is referenced counts as in
//! use, whoever owns the user, and is never cleaned up. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::pods::{has_labels, has_pod_ended};
use super::untyped::Untyped;

/// Fields whose string value is the name of another object, and that object's kind.
const NAME_FIELDS: [(&str, &str); 5] = [
    ("claimName", "PersistentVolumeClaim"),
    ("secretName", "Secret"),
    ("serviceAccountName", "ServiceAccount"),
    ("serviceAccount", "ServiceAccount"),
    ("serviceName", "Service"),
];
/// Fields whose `name` is the name of another object, and that object's kind.
const REFERENCE_FIELDS: [(&str, &str); 10] = [
    ("secret", "Secret"),
    ("secretRef", "Secret"),
    ("secretKeyRef", "Secret"),
    ("nodePublishSecretRef", "Secret"),
    ("imagePullSecrets", "Secret"),
    ("secrets", "Secret"),
    ("configMap", "ConfigMap"),
    ("configMapRef", "ConfigMap"),
    ("configMapKeyRef", "ConfigMap"),
    ("service", "Service"),
];
/// Top-level fields that can hold references. A ServiceAccount has no spec.
const SEARCHED_FIELDS: [&str; 3] = ["spec", "secrets", "imagePullSecrets"];

/// Namespace, kind and name of an object.
type Key = (Option<String>, String, String);

/// The set of objects that are in use, with one user of each.
#[derive(Clone, Debug, Default)]
pub struct ObjectReferences {
    /// UIDs of objects that starts of sessions created or used.
    uids: BTreeSet<String>,
    /// Referenced objects, with the first user as `kind/name`.
    names: BTreeMap<Key, String>,
    /// Claims of StatefulSets: Namespace, name without the ordinal, and the set as `kind/name`.
    claims: Vec<(Option<String>, String, String)>,
    /// Metadata of Pods, for the selectors of Services.
    pods: Vec<Value>,
}

impl ObjectReferences {
    /// Collects the references of all `users`: Pods, workloads, CronJobs, ServiceAccounts, Ingresses.
    pub fn from_users<'a>(users: impl Iterator<Item = &'a Value>) -> Self {
        let mut uses = Self::default();
        users.for_each(|user| uses.add_user(user));
        uses
    }

    /// Collects the references of the Pods that have not ended and are not being deleted.
    pub fn from_running_pods<'a>(pods: impl Iterator<Item = &'a Value>) -> Self {
        let over = |pod: &&Value| has_pod_ended(pod) || Untyped(pod).is_terminating();
        Self::from_users(pods.filter(|pod| !over(pod)))
    }

    /// Adds the references of one object.
    pub fn add_user(&mut self, user: &Value) {
        let object = Untyped(user);
        let (namespace, kind, name) = (object.namespace(), object.kind(), object.name());
        let by = format!("{}/{name}", kind.to_lowercase());
        for field in SEARCHED_FIELDS {
            if let Some(value) = user.get(field) {
                self.collect_references(namespace, &by, field, value);
            }
        }
        // A generic ephemeral volume has a claim named after the Pod and the volume.
        for volume in object.items_at("/spec/volumes") {
            if let (Some(_), Some(volume)) = (volume.at("/ephemeral"), volume.str_at("/name")) {
                let claim = format!("{name}-{volume}");
                self.add_name(namespace, &by, "PersistentVolumeClaim", &claim);
            }
        }
        // A StatefulSet finds its claims by name, including those of ordinals that have no Pod now.
        for template in object.items_at("/spec/volumeClaimTemplates") {
            let begin = format!("{}-{name}-", template.name());
            self.claims
                .push((namespace.map(str::to_owned), begin, by.clone()));
        }
        if kind == "Pod" {
            self.pods.push(user["metadata"].clone());
        }
    }

    /// Adds an object that a start of a session created or used, by UID.
    pub fn add_uid(&mut self, uid: &str) {
        self.uids.insert(uid.to_owned());
    }

    /// Adds the data source of a pending claim: a snapshot or another claim.
    pub fn add_source(&mut self, claim: &Value) {
        let claim = Untyped(claim);
        if claim.str_at("/status/phase") != Some("Pending") {
            return;
        }
        let by = format!("persistentvolumeclaim/{}", claim.name());
        let sources = ["/spec/dataSource", "/spec/dataSourceRef"];
        for source in sources.into_iter().filter_map(|path| claim.at(path)) {
            let source = Untyped(source);
            if let Some(name) = source.str_at("/name") {
                self.add_name(claim.namespace(), &by, source.kind(), name);
            }
        }
    }

    /// Returns true if `object` is in use.
    pub fn contains(&self, object: &Value) -> bool {
        let uid = Untyped(object).uid();
        uid.is_some_and(|uid| self.uids.contains(uid)) || self.find_user(object).is_some()
    }

    /// Returns a user of `object` as `kind/name`, or a phrase for a Service that selects Pods; `None` if nothing refers to it by name.
    pub fn find_user(&self, object: &Value) -> Option<&str> {
        let untyped = Untyped(object);
        let (kind, name) = (untyped.kind(), untyped.name());
        let namespace = untyped.namespace().map(str::to_owned);
        if kind == "PersistentVolumeClaim" {
            let made = |(place, begin, _): &&(Option<String>, String, String)| {
                let ordinal = name.strip_prefix(begin.as_str());
                let number = |ordinal: &str| {
                    !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit())
                };
                *place == namespace && ordinal.is_some_and(number)
            };
            if let Some((.., by)) = self.claims.iter().find(made) {
                return Some(by);
            }
        }
        if kind == "Service" && self.pods.iter().any(|pod| selects(object, pod)) {
            return Some("selected pods");
        }
        let key = (namespace, kind.to_owned(), name.to_owned());
        self.names.get(&key).map(String::as_str)
    }

    fn collect_references(&mut self, namespace: Option<&str>, by: &str, key: &str, value: &Value) {
        let named = |known: &&(&str, &str)| known.0 == key;
        if let (Some((_, kind)), Some(name)) = (NAME_FIELDS.iter().find(named), value.as_str()) {
            self.add_name(namespace, by, kind, name);
        }
        if let Some((_, kind)) = REFERENCE_FIELDS.iter().find(named) {
            let all = value
                .as_array()
                .map_or(std::slice::from_ref(value), Vec::as_slice);
            for name in all.iter().filter_map(|one| Untyped(one).str_at("/name")) {
                self.add_name(namespace, by, kind, name);
            }
        }
        match value {
            Value::Array(all) => all
                .iter()
                .for_each(|one| self.collect_references(namespace, by, "", one)),
            Value::Object(map) => map
                .iter()
                .for_each(|(key, below)| self.collect_references(namespace, by, key, below)),
            _ => {}
        }
    }

    fn add_name(&mut self, namespace: Option<&str>, by: &str, kind: &str, name: &str) {
        if !name.is_empty() {
            let namespace = namespace.map(str::to_owned);
            let key = (namespace, kind.to_owned(), name.to_owned());
            self.names.entry(key).or_insert_with(|| by.to_owned());
        }
    }
}

/// Returns true if a Service selects a Pod with these metadata.
fn selects(service: &Value, pod: &Value) -> bool {
    let selector = service.pointer("/spec/selector").and_then(Value::as_object);
    let Some(selector) = selector.filter(|selector| !selector.is_empty()) else {
        return false;
    };
    let labels = pod.pointer("/labels").and_then(Value::as_object);
    Untyped(service).namespace() == Untyped(pod).str_at("/namespace")
        && labels.is_some_and(|labels| has_labels(labels, selector))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(kind: &str, name: &str) -> Value {
        json!({"kind": kind, "metadata": {"namespace": "ns", "name": name}})
    }

    fn used(user: Value, kind: &str, name: &str) -> bool {
        ObjectReferences::from_users([user].iter()).contains(&object(kind, name))
    }

    fn with_spec(kind: &str, spec: Value) -> Value {
        let mut user = object(kind, "u");
        user["spec"] = spec;
        user
    }

    #[test]
    fn everything_that_a_pod_can_name_is_used() {
        for (spec, kind) in [
            (
                json!({"volumes": [{"persistentVolumeClaim": {"claimName": "x"}}]}),
                "PersistentVolumeClaim",
            ),
            (
                json!({"volumes": [{"secret": {"secretName": "x"}}]}),
                "Secret",
            ),
            (
                json!({"volumes": [{"configMap": {"name": "x"}}]}),
                "ConfigMap",
            ),
            (
                json!({"volumes": [{"projected": {"sources": [{"secret": {"name": "x"}}]}}]}),
                "Secret",
            ),
            (
                json!({"volumes": [{"projected": {"sources": [{"configMap": {"name": "x"}}]}}]}),
                "ConfigMap",
            ),
            (
                json!({"volumes": [{"csi": {"driver": "d", "nodePublishSecretRef": {"name": "x"}}}]}),
                "Secret",
            ),
            (
                json!({"containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "x", "key": "k"}}}]}]}),
                "Secret",
            ),
            (
                json!({"containers": [{"env": [{"valueFrom": {"configMapKeyRef": {"name": "x", "key": "k"}}}]}]}),
                "ConfigMap",
            ),
            (
                json!({"initContainers": [{"envFrom": [{"secretRef": {"name": "x"}}]}]}),
                "Secret",
            ),
            (
                json!({"ephemeralContainers": [{"envFrom": [{"configMapRef": {"name": "x"}}]}]}),
                "ConfigMap",
            ),
            (
                json!({"imagePullSecrets": [{"name": "y"}, {"name": "x"}]}),
                "Secret",
            ),
            (json!({"serviceAccountName": "x"}), "ServiceAccount"),
        ] {
            assert!(used(with_spec("Pod", spec.clone()), kind, "x"), "{spec}");
            let template = json!({"replicas": 0, "template": {"spec": spec}});
            assert!(used(with_spec("Deployment", template), kind, "x"), "{spec}");
            let cron = json!({"jobTemplate": {"spec": {"template": {"spec": spec}}}});
            assert!(used(with_spec("CronJob", cron), kind, "x"), "{spec}");
        }
    }

    #[test]
    fn claims_that_the_server_names_are_used() {
        let ephemeral = json!({"volumes": [{"name": "v", "ephemeral": {}}]});
        assert!(used(
            with_spec("Pod", ephemeral),
            "PersistentVolumeClaim",
            "u-v"
        ));
        let set = json!({"replicas": 0, "volumeClaimTemplates": [{"metadata": {"name": "home"}}]});
        for (claim, is) in [
            ("home-u-0", true),
            ("home-u-12", true),
            ("home-u-x", false),
            ("home-u-", false),
        ] {
            assert_eq!(
                used(
                    with_spec("StatefulSet", set.clone()),
                    "PersistentVolumeClaim",
                    claim
                ),
                is
            );
        }
    }

    #[test]
    fn what_stands_around_pods_uses_too() {
        let tls = json!({"tls": [{"secretName": "x"}], "rules": [{"http": {"paths": [{"backend": {"service": {"name": "w"}}}]}}]});
        assert!(used(with_spec("Ingress", tls.clone()), "Secret", "x"));
        assert!(used(with_spec("Ingress", tls), "Service", "w"));
        assert!(used(
            with_spec("StatefulSet", json!({"serviceName": "x"})),
            "Service",
            "x"
        ));
        let mut account = object("ServiceAccount", "a");
        account["imagePullSecrets"] = json!([{"name": "x"}]);
        account["secrets"] = json!([{"name": "y"}]);
        assert!(used(account.clone(), "Secret", "x") && used(account, "Secret", "y"));
    }

    #[test]
    fn a_service_is_used_by_the_pods_that_it_selects() {
        let mut pod = object("Pod", "p");
        pod["metadata"]["labels"] = json!({"app": "web", "x": "y"});
        let mut service = object("Service", "s");
        for (selector, is) in [
            (json!({"app": "web"}), true),
            (json!({"app": "db"}), false),
            (json!({}), false),
        ] {
            service["spec"] = json!({"selector": selector});
            assert_eq!(
                ObjectReferences::from_users([pod.clone()].iter()).contains(&service),
                is,
                "{service}"
            );
        }
        service["spec"] = json!({"selector": {"app": "web"}});
        service["metadata"]["namespace"] = "another".into();
        assert!(!ObjectReferences::from_users([pod].iter()).contains(&service));
    }

    #[test]
    fn names_of_another_namespace_or_kind_are_others() {
        let pod = with_spec("Pod", json!({"volumes": [{"configMap": {"name": "x"}}]}));
        let uses = ObjectReferences::from_users([pod].iter());
        assert!(!uses.contains(&object("Secret", "x")));
        let mut other = object("ConfigMap", "x");
        assert_eq!(uses.find_user(&other), Some("pod/u"));
        other["metadata"]["namespace"] = "another".into();
        assert!(!uses.contains(&other));
    }

    #[test]
    fn what_a_claim_is_being_made_of_is_used_until_it_is_there() {
        let mut claim = object("PersistentVolumeClaim", "new");
        claim["spec"] = json!({"dataSource": {"kind": "VolumeSnapshot", "name": "s"}});
        for (phase, is) in [("Pending", true), ("Bound", false)] {
            claim["status"] = json!({"phase": phase});
            let mut uses = ObjectReferences::default();
            uses.add_source(&claim);
            assert_eq!(uses.contains(&object("VolumeSnapshot", "s")), is);
        }
    }
}
