//! Migration of field ownership from Update to Apply, as client-go's csaupgrade does.
//!
//! A POST or merge patch records its fields under our field manager with operation Update. A later server-side apply by
//! the same manager would not own them and could not remove them. So the entry is changed to Apply before the first
//! apply.

use anyhow::Result;
use http::Method;
use serde_json::{Map, Value, json};

use super::api_request::ApiRequest;
use super::write::{WriteOptions, add_write_params};
use super::{Cluster, api_paths};
use session_model::objects::ResourceType;
use session_model::objects::Untyped;

impl Cluster {
    /// Moves the fields that `write.field_manager` owns in `current` from Update to Apply. Returns true if a request was
    /// sent; a dry run sends none.
    ///
    /// # Errors
    /// A Failure; of kind Conflict if the object has changed since `current` was read.
    pub async fn upgrade_managed_fields(
        &self,
        t: &ResourceType,
        namespace: &str,
        name: &str,
        current: &Value,
        write: &WriteOptions,
    ) -> Result<bool> {
        let Some(entries) = upgraded_entries(current, &write.field_manager) else {
            return Ok(false);
        };
        if write.dry_run {
            return Ok(false);
        }
        let patch = json!([
            {"op": "replace", "path": "/metadata/managedFields", "value": entries},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": Untyped(current).resource_version()},
        ]);
        let call = ApiRequest::new(Method::PATCH, api_paths::object_path(t, namespace, name)?)
            .for_object(t, name);
        self.send(&add_write_params(call, write).body("application/json-patch+json", &patch))
            .await?;
        Ok(true)
    }
}

/// Returns the object's managedFields with all Update entries of `manager` merged into its Apply entry; `None` if nothing
/// changes.
fn upgraded_entries(object: &Value, manager: &str) -> Option<Vec<Value>> {
    let entries = object.pointer("/metadata/managedFields")?.as_array()?;
    let own = |entry: &Value, operation: &str| {
        entry["manager"] == manager
            && entry["operation"] == operation
            && Untyped(entry).str_at("/subresource").is_none()
    };
    let (updates, mut rest): (Vec<Value>, Vec<Value>) = entries
        .iter()
        .cloned()
        .partition(|entry| own(entry, "Update"));
    let mut updates = updates.into_iter();
    let mut applied = match rest.iter().position(|entry| own(entry, "Apply")) {
        Some(index) => rest.remove(index),
        None => updates.next()?,
    };
    let mut joined = false;
    for update in updates {
        merge_fields(&mut applied["fieldsV1"], &update["fieldsV1"]);
        joined = true;
    }
    if !joined && applied["operation"] == "Apply" {
        return None;
    }
    applied["operation"] = "Apply".into();
    rest.push(applied);
    Some(rest)
}

/// Merges the fields of `other` into `fields`.
fn merge_fields(fields: &mut Value, other: &Value) {
    let Value::Object(other) = other else { return };
    if !fields.is_object() {
        *fields = Value::Object(Map::new());
    }
    let Value::Object(fields) = fields else {
        return;
    };
    for (key, below) in other {
        merge_fields(
            fields.entry(key.clone()).or_insert_with(|| json!({})),
            below,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(entries: Value) -> Value {
        json!({"metadata": {"managedFields": entries}})
    }

    #[test]
    fn updates_become_the_apply() {
        let update =
            json!({"manager": "m", "operation": "Update", "fieldsV1": {"f:spec": {"f:a": {}}}});
        let other =
            json!({"manager": "x", "operation": "Update", "fieldsV1": {"f:spec": {"f:z": {}}}});
        let status = json!({"manager": "m", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}});
        let alone = upgraded_entries(&object(json!([update, other, status])), "m").unwrap();
        assert_eq!(alone.len(), 3);
        assert_eq!(
            alone[2],
            json!({"manager": "m", "operation": "Apply", "fieldsV1": {"f:spec": {"f:a": {}}}})
        );
        let apply =
            json!({"manager": "m", "operation": "Apply", "fieldsV1": {"f:spec": {"f:b": {}}}});
        let both = upgraded_entries(&object(json!([update, apply])), "m").unwrap();
        assert_eq!(
            both,
            [
                json!({"manager": "m", "operation": "Apply", "fieldsV1": {"f:spec": {"f:b": {}, "f:a": {}}}})
            ]
        );
        assert_eq!(
            upgraded_entries(&object(json!([apply, other, status])), "m"),
            None
        );
        assert_eq!(upgraded_entries(&json!({}), "m"), None);
    }
}
