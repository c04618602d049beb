//! What sessions that exist use, whoever made it: it is never taken away. Pure.

use std::collections::BTreeSet;

use serde_json::Value;
use session_shared::api::Session;
use session_shared::objects::resource::text;

/// Where Pods name claims, Secrets, ConfigMaps and ServiceAccounts: a key, and the kind that its text names.
const NAMES: [(&str, &str); 4] = [
    ("claimName", "PersistentVolumeClaim"),
    ("secretName", "Secret"),
    ("serviceAccountName", "ServiceAccount"),
    ("serviceAccount", "ServiceAccount"),
];
/// Keys of objects whose `name` is meant, and its kind.
const REFERENCES: [(&str, &str); 7] = [
    ("secret", "Secret"),
    ("secretRef", "Secret"),
    ("secretKeyRef", "Secret"),
    ("imagePullSecrets", "Secret"),
    ("configMap", "ConfigMap"),
    ("configMapRef", "ConfigMap"),
    ("configMapKeyRef", "ConfigMap"),
];

/// What is used.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// UIDs of what a start made or used.
    uids: BTreeSet<String>,
    /// Namespace, kind and name of what a Pod names.
    names: BTreeSet<(String, String, String)>,
}

impl Uses {
    /// Adds what a session's last start made or used.
    pub(crate) fn session(&mut self, session: &Session) {
        let status = session.status.as_ref();
        let applied = status.and_then(|status| status.applied.as_ref());
        let objects = applied.into_iter().flat_map(|applied| &applied.objects);
        self.uids.extend(objects.map(|object| object.uid.clone()));
    }

    /// Adds what a Pod, or the Pods of a workload, name.
    pub(crate) fn workload(&mut self, object: &Value) {
        let namespace = text(object, "/metadata/namespace");
        if let Some(spec) = object.get("spec") {
            self.collect(namespace, spec);
        }
    }

    /// Adds the snapshot that a claim is being restored from.
    pub(crate) fn claim(&mut self, claim: &Value) {
        let source = ["/spec/dataSource", "/spec/dataSourceRef"];
        let pending = text(claim, "/status/phase") == "Pending";
        for source in source.iter().filter_map(|path| claim.pointer(path)) {
            if pending && text(source, "/kind") == "VolumeSnapshot" {
                let namespace = text(claim, "/metadata/namespace");
                self.add(namespace, "VolumeSnapshot", text(source, "/name"));
            }
        }
    }

    /// True if `object` is used.
    pub(crate) fn contains(&self, object: &Value) -> bool {
        let part = |pointer: &str| text(object, pointer).to_owned();
        let key = (
            part("/metadata/namespace"),
            part("/kind"),
            part("/metadata/name"),
        );
        self.uids.contains(text(object, "/metadata/uid")) || self.names.contains(&key)
    }

    fn collect(&mut self, namespace: &str, value: &Value) {
        match value {
            Value::Array(all) => all.iter().for_each(|one| self.collect(namespace, one)),
            Value::Object(map) => {
                for (key, below) in map {
                    let named = |known: &&(&str, &str)| known.0 == key;
                    if let (Some((_, kind)), Some(name)) =
                        (NAMES.iter().find(named), below.as_str())
                    {
                        self.add(namespace, kind, name);
                    }
                    if let Some((_, kind)) = REFERENCES.iter().find(named) {
                        let all = below
                            .as_array()
                            .map_or(std::slice::from_ref(below), Vec::as_slice);
                        all.iter()
                            .for_each(|one| self.add(namespace, kind, text(one, "/name")));
                    }
                    self.collect(namespace, below);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, namespace: &str, kind: &str, name: &str) {
        if !name.is_empty() {
            let key = (namespace.to_owned(), kind.to_owned(), name.to_owned());
            self.names.insert(key);
        }
    }
}
