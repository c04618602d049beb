//! An object whose type this program does not fix: the parts that every Kubernetes object has, and fields by JSON pointer.
//!
//! Objects of known types that are read only (Pods, claims, Events, …) are parsed as k8s-openapi's types; those that are written
//! back, printed or of any type stay JSON and are read here.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// An object of any type, or a part of one (a container, a condition), seen as JSON. Reads borrow from the JSON.
///
/// A field that is missing is `None`, never an empty text; so is an empty one, which the API treats as missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Untyped<'o>(pub &'o Value);

/// One entry of an object's `ownerReferences`, all parts of which the API server requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'o> {
    /// API version: `apps/v1`.
    pub api_version: &'o str,
    /// Kind: `ReplicaSet`.
    pub kind: &'o str,
    /// Name.
    pub name: &'o str,
    /// UID.
    pub uid: &'o str,
    /// True for the one owner that controls the object.
    pub controller: bool,
}

impl<'o> Untyped<'o> {
    /// Text for the API version, kind or name of JSON that has none: neither a name nor a kind, so it matches no object, and the
    /// client refuses a request for it. Objects of the cluster have all three, and what a user writes is checked where it is read.
    pub const NONE: &'static str = "<none>";

    /// Returns the API version: `apps/v1`; [`Untyped::NONE`] without one.
    pub fn api_version(self) -> &'o str {
        self.str_at("/apiVersion").unwrap_or(Self::NONE)
    }

    /// Returns the kind: `StatefulSet`; [`Untyped::NONE`] without one.
    pub fn kind(self) -> &'o str {
        self.str_at("/kind").unwrap_or(Self::NONE)
    }

    /// Returns the name; [`Untyped::NONE`] without one.
    pub fn name(self) -> &'o str {
        self.str_at("/metadata/name").unwrap_or(Self::NONE)
    }

    /// Returns the Namespace; `None` for an object of the cluster.
    pub fn namespace(self) -> Option<&'o str> {
        self.str_at("/metadata/namespace")
    }

    /// Returns the Namespace of an object whose type lives in one; [`Untyped::NONE`] without one.
    pub fn home_namespace(self) -> &'o str {
        self.namespace().unwrap_or(Self::NONE)
    }

    /// Returns the UID; `None` before the server has assigned one.
    pub fn uid(self) -> Option<&'o str> {
        self.str_at("/metadata/uid")
    }

    /// Returns true if this is the object with that UID, not a later one of the same name.
    pub fn has_uid(self, uid: &str) -> bool {
        self.uid() == Some(uid)
    }

    /// Returns true if the object with that UID owns this one; without a UID, nothing does.
    pub fn is_owned_by(self, uid: Option<&str>) -> bool {
        uid.is_some_and(|uid| self.owners().any(|owner| owner.uid == uid))
    }

    /// Returns true if both are the same object, not one that was made later under its name. Objects without UID never are.
    pub fn is_same_object(self, other: &Value) -> bool {
        self.uid().is_some_and(|uid| Untyped(other).has_uid(uid))
    }

    /// Returns the UID of an object that is to be written only if it is still the same.
    ///
    /// # Errors
    /// An object without UID, which the server has not stored.
    pub fn require_uid(self) -> Result<&'o str> {
        self.uid().with_context(|| self.missing("metadata.uid"))
    }

    /// Returns the resource version of an object that is to be written only if it has not changed.
    ///
    /// # Errors
    /// An object without resource version, which was not read from the server.
    pub fn require_resource_version(self) -> Result<&'o str> {
        let version = self.resource_version();
        version.with_context(|| self.missing("metadata.resourceVersion"))
    }

    fn missing(self, field: &str) -> String {
        format!("{} {:?} has no {field}", self.kind(), self.name())
    }

    /// Returns the resource version; `None` for an object that was not read from the server.
    pub fn resource_version(self) -> Option<&'o str> {
        self.str_at("/metadata/resourceVersion")
    }

    /// Returns when the server created the object; `None` for one that was not read from the server.
    pub fn created(self) -> Option<Timestamp> {
        self.str_at("/metadata/creationTimestamp")?.parse().ok()
    }

    /// Returns true for an object that is being deleted: it has a deletionTimestamp, and finalizers or a grace period hold it.
    pub fn is_terminating(self) -> bool {
        self.str_at("/metadata/deletionTimestamp").is_some()
    }

    /// Returns a label. An empty value is a value here.
    pub fn label(self, key: &str) -> Option<&'o str> {
        self.0.pointer("/metadata/labels")?.get(key)?.as_str()
    }

    /// Returns an annotation. An empty value is a value here.
    pub fn annotation(self, key: &str) -> Option<&'o str> {
        self.0.pointer("/metadata/annotations")?.get(key)?.as_str()
    }

    /// Returns the objects that own this one. Garbage collection follows these references.
    pub fn owners(self) -> impl Iterator<Item = Owner<'o>> {
        self.items_at("/metadata/ownerReferences")
            .filter_map(|owner| {
                Some(Owner {
                    api_version: owner.str_at("/apiVersion")?,
                    kind: owner.str_at("/kind")?,
                    name: owner.str_at("/name")?,
                    uid: owner.str_at("/uid")?,
                    controller: owner.at("/controller") == Some(&Value::Bool(true)),
                })
            })
    }

    /// Reads the object as a Rust type; what the type does not have is left out, so the result must never be written back. `None`
    /// for an object with a field of another type than the API defines.
    pub fn read<T: Deserialize<'o>>(self) -> Option<T> {
        T::deserialize(self.0).ok()
    }

    /// Returns the value at a JSON pointer.
    pub fn at(self, pointer: &str) -> Option<&'o Value> {
        self.0.pointer(pointer)
    }

    /// Returns the text at a JSON pointer; `None` for an empty text and for a value of another type.
    pub fn str_at(self, pointer: &str) -> Option<&'o str> {
        self.at(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    /// Returns the items of the list at a JSON pointer; none if there is no list.
    pub fn items_at(self, pointer: &str) -> impl Iterator<Item = Untyped<'o>> + use<'o> {
        let items = self.at(pointer).and_then(Value::as_array);
        items.into_iter().flatten().map(Untyped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_every_object_has_is_read() {
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "p", "namespace": "ns", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z",
                "labels": { "a": "1" }, "annotations": { "b": "" },
            },
        });
        let object = Untyped(&object);
        assert_eq!(
            (object.api_version(), object.kind(), object.name()),
            ("v1", "Pod", "p")
        );
        assert_eq!((object.namespace(), object.uid()), (Some("ns"), Some("u")));
        assert_eq!(object.resource_version(), Some("7"));
        assert_eq!(
            object.created().map(|at| at.to_string()).as_deref(),
            Some("2026-01-01T00:00:00Z")
        );
        assert!(object.is_terminating());
        assert_eq!((object.label("a"), object.label("b")), (Some("1"), None));
        assert_eq!(object.annotation("b"), Some(""));
        assert!(object.has_uid("u") && object.is_same_object(object.0));
        assert_eq!(object.require_uid().unwrap(), "u");
    }

    #[test]
    fn what_is_missing_is_never_an_empty_text() {
        let nothing = json!({ "metadata": { "uid": "", "name": 1 } });
        let nothing = Untyped(&nothing);
        assert_eq!((nothing.kind(), nothing.name()), ("<none>", "<none>"));
        assert_eq!((nothing.uid(), nothing.namespace()), (None, None));
        assert_eq!(nothing.home_namespace(), "<none>");
        assert!(!nothing.has_uid("") && !nothing.is_same_object(nothing.0));
        let error = nothing.require_uid().unwrap_err().to_string();
        assert_eq!(error, r#"<none> "<none>" has no metadata.uid"#);
        assert_eq!(nothing.str_at("/metadata/name"), None);
        assert_eq!(nothing.at("/metadata/name"), Some(&json!(1)));
        assert!(!nothing.is_terminating());
        assert_eq!(nothing.owners().count(), 0);
    }

    #[test]
    fn an_owner_has_all_its_parts() {
        let owner = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "R", "controller": true });
        let object = json!({ "metadata": { "ownerReferences": [{ "kind": "ReplicaSet", "name": "r" }, owner] } });
        let owners: Vec<Owner<'_>> = Untyped(&object).owners().collect();
        let whole = Owner {
            api_version: "apps/v1",
            kind: "ReplicaSet",
            name: "r",
            uid: "R",
            controller: true,
        };
        assert_eq!(owners, [whole]);
    }
}
