//! The metadata of an object that is read as k8s-openapi's type: what [`Untyped`] says of JSON, with the same meaning of a missing
//! field.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::untyped::Untyped;

/// Returns the name; [`Untyped::NONE`] without one.
pub fn name_of(metadata: &ObjectMeta) -> &str {
    let name = metadata.name.as_deref().filter(|name| !name.is_empty());
    name.unwrap_or(Untyped::NONE)
}

/// Returns the UID; `None` before the server has assigned one.
pub fn uid_of(metadata: &ObjectMeta) -> Option<&str> {
    metadata.uid.as_deref().filter(|uid| !uid.is_empty())
}

/// Returns true if both are the same object, not one that was made later under its name. Objects without UID never are.
pub fn is_same_object(one: &ObjectMeta, other: &ObjectMeta) -> bool {
    uid_of(one).is_some_and(|uid| uid_of(other) == Some(uid))
}

/// Returns the UIDs of the objects that own this one. A reference without UID, which the API server refuses, names no owner.
pub fn owner_uids(metadata: &ObjectMeta) -> impl Iterator<Item = &str> {
    let owners = metadata.owner_references.iter().flatten();
    let uids = owners.map(|owner| owner.uid.as_str());
    uids.filter(|uid| !uid.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(value: serde_json::Value) -> ObjectMeta {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_missing_is_never_an_empty_text() {
        for nothing in [json!({}), json!({ "name": "", "uid": "" })] {
            let nothing = metadata(nothing);
            assert_eq!((name_of(&nothing), uid_of(&nothing)), ("<none>", None));
            assert!(!is_same_object(&nothing, &nothing));
        }
        let named = metadata(json!({ "name": "p", "uid": "u" }));
        assert_eq!((name_of(&named), uid_of(&named)), ("p", Some("u")));
        assert!(is_same_object(&named, &named));
    }

    #[test]
    fn an_owner_without_uid_is_none() {
        let owned = metadata(
            json!({ "ownerReferences": [{ "kind": "Session", "name": "a" }, { "uid": "S" }] }),
        );
        assert_eq!(owner_uids(&owned).collect::<Vec<_>>(), ["S"]);
    }
}
