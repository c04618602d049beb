//! Check for StorageClasses and IngressClasses that objects name and the cluster does not have.

use serde_json::Value;

use super::Cause;
use session_model::objects::Untyped;

/// Returns the StorageClasses named by claims and by StatefulSets' claim templates, sorted, each once.
pub fn named_storage_classes(objects: &[Value]) -> Vec<String> {
    let direct = objects
        .iter()
        .filter(|object| Untyped(object).kind() == "PersistentVolumeClaim");
    let inside = objects
        .iter()
        .filter_map(|object| object.pointer("/spec/volumeClaimTemplates")?.as_array())
        .flatten();
    sort_unique(
        direct
            .chain(inside)
            .filter_map(|claim| Untyped(claim).str_at("/spec/storageClassName")),
    )
}

/// Returns the IngressClasses named by Ingresses, sorted, each once.
pub fn named_ingress_classes(objects: &[Value]) -> Vec<String> {
    let ingresses = objects
        .iter()
        .filter(|object| Untyped(object).kind() == "Ingress");
    sort_unique(ingresses.filter_map(|ingress| Untyped(ingress).str_at("/spec/ingressClassName")))
}

fn sort_unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Returns the first class of `wanted` that does not exist as a cause; its remedy lists those that do. `present` are all objects
/// of that kind.
pub fn find_missing_class(kind: &str, wanted: &[String], present: &[Value]) -> Option<Cause> {
    let names: Vec<&str> = present.iter().map(|class| Untyped(class).name()).collect();
    let name = wanted.iter().find(|name| !names.contains(&name.as_str()))?;
    let remedy = match names.as_slice() {
        [] => format!("create one first: the cluster has no {kind}"),
        names if kind == "StorageClass" => {
            let names = names.join(", ");
            format!("use one of the cluster's with create --storage-class: {names}")
        }
        names => format!("use one of the cluster's: {}", names.join(", ")),
    };
    Some(Cause {
        reason: format!("{kind}NotFound"),
        message: format!("{kind} {name:?} does not exist"),
        remedy: Some(remedy),
        ..Cause::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_class_is_answered_with_those_that_exist() {
        let claim =
            json!({ "kind": "PersistentVolumeClaim", "spec": { "storageClassName": "fast" } });
        let wanted = named_storage_classes(&[claim]);
        let present = [json!({ "metadata": { "name": "standard" } })];
        let cause = find_missing_class("StorageClass", &wanted, &present).unwrap();
        assert_eq!(cause.message, "StorageClass \"fast\" does not exist");
        assert_eq!(
            cause.remedy.as_deref(),
            Some("use one of the cluster's with create --storage-class: standard")
        );
        assert_eq!(
            find_missing_class("StorageClass", &["standard".into()], &present),
            None
        );
    }
}
