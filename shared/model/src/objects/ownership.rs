//! Ownership of a session's objects: the namespace, labels, annotations and owner reference that every object of a session gets.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::pods::pod_metadata_paths;
use super::untyped::Untyped;
use crate::api::{API_VERSION, PrimaryRef, Session};
use crate::labels;
use crate::names::{NamespaceName, SessionName, UserId};

/// The session, user and command that objects belong to. Its labels, annotations and owner reference are set on every rendered
/// object.
#[derive(Clone, Debug)]
pub struct Ownership {
    /// Name of the session.
    pub session: SessionName,
    /// UID of the Session; `None` in a client-side dry run, where no Session exists: no owner reference is set then.
    pub session_uid: Option<String>,
    /// Namespace of the session and of all its objects.
    pub namespace: NamespaceName,
    /// User id of the session's owner, unchanged.
    pub user_id: UserId,
    /// Random token of this command.
    pub command_token: String,
    /// Template; `None` for a session with a manifest, whose Pods mount their ServiceAccount token unless the manifest forbids it.
    pub template: Option<String>,
    /// The primary workload.
    pub primary: Option<PrimaryRef>,
}

/// Returns true for data, which outlives a Session: claims, snapshots and the parameters Secret. Data never has an owner reference,
/// so that neither garbage collection nor a plain `kubectl delete session` deletes it.
pub fn is_data(object: &Value) -> bool {
    match Untyped(object).kind() {
        "PersistentVolumeClaim" | "VolumeSnapshot" => true,
        _ => is_parameters_secret(object),
    }
}

/// Returns true for the Secret that holds a session's secret parameters.
pub fn is_parameters_secret(object: &Value) -> bool {
    Untyped(object).kind() == "Secret" && Untyped(object).label(labels::PARAMETERS).is_some()
}

impl Ownership {
    /// Returns the ownership of an existing Session's objects, from its metadata, spec and last start.
    ///
    /// # Errors
    /// An invalid name, Namespace or owner, which only an object has that bypassed the API's validation.
    pub fn of_session(session: &Session) -> Result<Self> {
        let applied = session.applied();
        Ok(Self {
            session: session.name().parse()?,
            session_uid: session.uid().map(str::to_owned),
            namespace: session.namespace().parse()?,
            user_id: session.owner().parse()?,
            command_token: String::new(),
            template: session
                .status
                .as_ref()
                .and_then(|status| status.template.clone()),
            primary: applied.and_then(|applied| applied.primary.clone()),
        })
    }

    /// Returns the labels of every object.
    pub fn labels(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert(labels::MANAGED_BY.into(), labels::MANAGER.into());
        map.insert(labels::SESSION.into(), self.session.as_str().into());
        map.insert(
            labels::USER.into(),
            labels::to_label_value(self.user_id.as_str()).into(),
        );
        map
    }

    fn annotations(&self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert(labels::USER_ID.into(), self.user_id.as_str().into());
        map.insert(labels::RUN.into(), self.command_token.as_str().into());
        map
    }

    /// Returns the owner reference to the Session; `None` without a UID.
    pub fn owner_reference(&self) -> Option<Value> {
        self.session_uid.as_ref().map(|uid| {
            json!({
                "apiVersion": API_VERSION,
                "kind": "Session",
                "name": self.session.as_str(),
                "uid": uid,
                "controller": true,
                "blockOwnerDeletion": true,
            })
        })
    }

    /// Sets namespace, labels, annotations and owner reference on a rendered object and on the Pod and claim templates inside it.
    pub fn apply_to(&self, object: &mut Value) {
        let data = is_data(object);
        let primary = self
            .primary
            .as_ref()
            .is_some_and(|p| has_kind_and_name(object, &p.kind, &p.name));
        self.set_metadata(object.pointer_mut("/metadata"), true, data);
        if let Some(metadata) = object
            .pointer_mut("/metadata")
            .and_then(Value::as_object_mut)
        {
            metadata.insert("namespace".into(), self.namespace.as_str().into());
            // Data has no owner, even if the manifest names one.
            metadata.shift_remove("ownerReferences");
            if let (false, Some(owner)) = (data, self.owner_reference()) {
                metadata.insert("ownerReferences".into(), json!([owner]));
            }
        }
        for path in pod_metadata_paths(Untyped(object).kind()) {
            ensure_map(object, path);
            self.set_metadata(object.pointer_mut(path), false, false);
        }
        if primary && let Some(path) = pod_metadata_paths(Untyped(object).kind()).last() {
            set_metadata_entry(object, path, "labels", labels::PRIMARY, "true");
        }
        if let Some(claims) = object
            .pointer_mut("/spec/volumeClaimTemplates")
            .and_then(Value::as_array_mut)
        {
            for claim in claims {
                ensure_map(claim, "/metadata");
                self.set_metadata(claim.pointer_mut("/metadata"), true, true);
                if let Some(metadata) = claim.get_mut("metadata").and_then(Value::as_object_mut) {
                    metadata.shift_remove("ownerReferences");
                }
            }
        }
        self.set_workload_defaults(object);
    }

    /// Sets labels and annotations. The UID is set as an annotation, too, since `kubectl delete --cascade=orphan` removes owner
    /// references.
    fn set_metadata(&self, metadata: Option<&mut Value>, with_uid: bool, with_template: bool) {
        let Some(metadata) = metadata else { return };
        merge_entries(metadata, "labels", self.labels());
        merge_entries(metadata, "annotations", self.annotations());
        if let (true, Some(uid)) = (with_uid, &self.session_uid) {
            set_entry(metadata, "annotations", labels::SESSION_UID, uid);
        }
        if let (true, Some(template)) = (with_template, &self.template) {
            set_entry(metadata, "annotations", labels::TEMPLATE, template);
        }
    }

    /// Sets fields that every workload must have, whatever the manifest says.
    fn set_workload_defaults(&self, object: &mut Value) {
        if Untyped(object).kind() == "StatefulSet"
            && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
        {
            // Only the data policy deletes claims, and a changed template must not restart a user's session.
            let retain = json!({ "whenDeleted": "Retain", "whenScaled": "Retain" });
            spec.insert("persistentVolumeClaimRetentionPolicy".into(), retain);
            spec.insert("updateStrategy".into(), json!({ "type": "OnDelete" }));
        }
        if self.template.is_some()
            && let Some(spec) = super::pods::pod_spec_mut(object)
        {
            spec.entry("automountServiceAccountToken")
                .or_insert(Value::Bool(false));
        }
    }
}

/// Returns true if the object has that kind and name.
pub fn has_kind_and_name(object: &Value, kind: &str, name: &str) -> bool {
    Untyped(object).kind() == kind && Untyped(object).name() == name
}

fn ensure_map(object: &mut Value, path: &str) {
    if object.pointer(path).is_some_and(Value::is_object) {
        return;
    }
    if let Some((parent, key)) = path.rsplit_once('/')
        && let Some(map) = object.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        map.insert(key.to_owned(), json!({}));
    }
}

fn merge_entries(metadata: &mut Value, field: &str, entries: Map<String, Value>) {
    let Some(metadata) = metadata.as_object_mut() else {
        return;
    };
    let target = metadata.entry(field).or_insert_with(|| json!({}));
    if target.is_null() {
        *target = json!({});
    }
    if let Some(target) = target.as_object_mut() {
        target.extend(entries);
    }
}

fn set_entry(metadata: &mut Value, field: &str, key: &str, value: &str) {
    merge_entries(
        metadata,
        field,
        Map::from_iter([(key.to_owned(), Value::from(value))]),
    );
}

/// Sets one label or annotation of the metadata at `path`.
pub(crate) fn set_metadata_entry(
    object: &mut Value,
    path: &str,
    field: &str,
    key: &str,
    value: &str,
) {
    if let Some(metadata) = object.pointer_mut(path) {
        set_entry(metadata, field, key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ownership() -> Ownership {
        Ownership {
            session: "a".parse().unwrap(),
            session_uid: Some("u-1".into()),
            namespace: "ns".parse().unwrap(),
            user_id: "alice@example.com".parse().unwrap(),
            command_token: "r1".into(),
            template: Some("lab".into()),
            primary: Some(PrimaryRef {
                kind: "StatefulSet".into(),
                name: "w".into(),
                container: None,
                ..PrimaryRef::default()
            }),
        }
    }

    #[test]
    fn a_workload_and_its_templates_are_marked_and_owned() {
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "w" },
            "spec": { "template": { "spec": {} }, "volumeClaimTemplates": [{ "metadata": { "name": "d" } }] },
        });
        ownership().apply_to(&mut object);
        assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], "u-1");
        assert_eq!(object["metadata"]["namespace"], "ns");
        assert_eq!(
            object["spec"]["template"]["metadata"]["labels"][labels::PRIMARY],
            "true"
        );
        assert_eq!(
            object["spec"]["template"]["metadata"]["annotations"][labels::RUN],
            "r1"
        );
        assert_eq!(
            object["spec"]["template"]["spec"]["automountServiceAccountToken"],
            false
        );
        let claim = &object["spec"]["volumeClaimTemplates"][0]["metadata"];
        assert_eq!(claim["annotations"][labels::TEMPLATE], "lab");
        assert_eq!(claim["annotations"][labels::SESSION_UID], "u-1");
        assert_eq!(object["spec"]["updateStrategy"]["type"], "OnDelete");
        assert_eq!(
            object["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"],
            "Retain"
        );
    }

    #[test]
    fn data_is_marked_but_never_owned() {
        let mut claim = json!({ "kind": "PersistentVolumeClaim", "metadata": { "name": "c" } });
        ownership().apply_to(&mut claim);
        assert!(claim["metadata"].get("ownerReferences").is_none());
        assert_eq!(claim["metadata"]["annotations"][labels::SESSION_UID], "u-1");
    }

    #[test]
    fn a_manifest_session_keeps_what_its_author_wrote() {
        let mut pod =
            json!({ "kind": "Pod", "metadata": { "name": "p", "labels": null }, "spec": {} });
        let mut mine = ownership();
        mine.template = None;
        mine.apply_to(&mut pod);
        assert!(pod["spec"].get("automountServiceAccountToken").is_none());
        assert_eq!(pod["metadata"]["labels"][labels::SESSION], "a");
    }
}
