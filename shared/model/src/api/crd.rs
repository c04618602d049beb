//! The CustomResourceDefinitions of Session and SessionTemplate, generated from the Rust types. `setup` applies them; the
//! copies in `docs/api/` are generated from them.

use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::session::Session;
use super::template::SessionTemplate;

/// CEL rule for a session's name, which becomes a label value and part of object names: at most 63 bytes, no dots.
const NAME_RULE: &str = "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')";
/// CEL rule for spec.timeout: seconds, `never`, or numbers with units (2h, 7d, 1d12h, 1.5h, PT1H).
const TIMEOUT_RULE: &str = "type(self) == int ? self >= 0 : self.matches('^(never|[0-9]+|([0-9]+([.][0-9]+)?[a-z]+)+|P[0-9A-Z.]+)$')";

/// Returns the definitions of Session and SessionTemplate, in this order, ready for `kubectl apply`.
pub fn custom_resource_definitions() -> Vec<Value> {
    let mut session = custom_resource_definition::<Session>();
    add_cel_rule(
        &mut session,
        "",
        NAME_RULE,
        "the name of a Session must be a DNS label of at most 63 characters",
    );
    add_cel_rule(
        &mut session,
        "/properties/spec",
        "!(has(self.manifest) && has(self.template))",
        "manifest and template are mutually exclusive",
    );
    add_cel_rule(
        &mut session,
        "/properties/spec/properties/userId",
        "self == oldSelf",
        "userId is immutable",
    );
    add_cel_rule(
        &mut session,
        "/properties/spec/properties/resources/properties/gpu",
        "type(self) == int ? self >= 0 : self.matches('^[0-9]+$')",
        "gpu must be a whole number, because extended resources cannot be divided; use time-slicing (request 1 of the \
         advertised replicas) or a MIG resource",
    );
    add_cel_rule(
        &mut session,
        "/properties/spec/properties/timeout",
        TIMEOUT_RULE,
        "timeout must be a number of seconds, a duration such as 2h or 7d, or never",
    );
    set_max_length(&mut session, "/properties/spec/properties/timeout", 64);
    set_max_length(
        &mut session,
        "/properties/spec/properties/resources/properties/gpu",
        32,
    );
    let usage = "/properties/status/properties/usage/properties";
    for run in ["current", "runs/items"] {
        for amount in ["cpu", "memory", "gpu", "storage"] {
            let path = format!("{usage}/{run}/properties/{amount}");
            set_max_length(&mut session, &path, 64);
        }
    }
    vec![session, custom_resource_definition::<SessionTemplate>()]
}

fn custom_resource_definition<K: CustomResourceExt>() -> Value {
    let mut value = serde_json::to_value(K::crd()).unwrap_or_default();
    if let Some(schema) = value.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        remove_schema_keys(schema);
    }
    value
}

/// Removes generated schema keys that the API does not want: `nullable` (without it the server drops null values before the
/// CEL rules see them), `default` (absent values are resolved when the session starts), `title`, and formats unknown to the
/// server.
fn remove_schema_keys(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let known = |format: &Value| matches!(format.as_str(), Some("int32" | "int64"));
            map.retain(|key, value| match key.as_str() {
                "nullable" | "title" | "default" => false,
                "format" => known(value),
                _ => true,
            });
            for (key, value) in map.iter_mut() {
                match (key.as_str(), value) {
                    // The keys of `properties` are field names, and a field may be called `default` or `format`.
                    ("properties", Value::Object(fields)) => {
                        fields.values_mut().for_each(remove_schema_keys)
                    }
                    (_, value) => remove_schema_keys(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(remove_schema_keys),
        _ => {}
    }
}

fn schema_at<'a>(
    definition: &'a mut Value,
    path: &str,
) -> Option<&'a mut serde_json::Map<String, Value>> {
    definition
        .pointer_mut(&format!("/spec/versions/0/schema/openAPIV3Schema{path}"))?
        .as_object_mut()
}

/// Adds a CEL rule at `path`. Does nothing if the path does not exist; a test counts the rules.
fn add_cel_rule(definition: &mut Value, path: &str, rule: &str, message: &str) {
    if let Some(schema) = schema_at(definition, path) {
        let rules = schema
            .entry("x-kubernetes-validations")
            .or_insert_with(|| json!([]));
        if let Some(rules) = rules.as_array_mut() {
            rules.push(json!({ "rule": rule, "message": message }));
        }
    }
}

/// Sets maxLength of an int-or-string. Without a bound the server rejects the field's CEL rule as too expensive.
fn set_max_length(definition: &mut Value, path: &str, length: u32) {
    if let Some(schema) = schema_at(definition, path) {
        schema.insert("maxLength".into(), length.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_found_its_place() {
        let text = serde_json::to_string(&custom_resource_definitions()).unwrap();
        assert_eq!(text.matches("x-kubernetes-validations").count(), 5);
        // The remaining one is the field `default` of a parameter.
        assert_eq!(
            text.matches("\"default\":").count(),
            1,
            "the API has no defaults"
        );
        assert_eq!(text.matches("\"nullable\":").count(), 0);
    }

    /// Returns the paths of strings and lists of a schema that have no bound.
    fn unbounded(schema: &Value, path: &str, found: &mut Vec<String>) {
        let is_string = schema["type"] == "string" || schema["x-kubernetes-int-or-string"] == true;
        if is_string && schema.get("maxLength").is_none()
            || schema["type"] == "array" && schema.get("maxItems").is_none()
            || schema["type"] == "object" && schema.get("properties").is_none()
        {
            found.push(path.to_owned());
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            unbounded(field, &format!("{path}.{name}"), found);
        }
        if let Some(items) = schema.get("items") {
            unbounded(items, &format!("{path}[]"), found);
        }
    }

    #[test]
    fn the_record_of_runs_is_bounded() {
        let all = custom_resource_definitions();
        let usage = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/usage";
        let usage = all[0].pointer(usage).unwrap();
        assert_eq!(usage["properties"]["runs"]["maxItems"], 50);
        let mut found = Vec::new();
        unbounded(usage, "usage", &mut found);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn columns_and_names_are_those_of_the_design() {
        let all = custom_resource_definitions();
        let columns: Vec<_> = all[0]
            .pointer("/spec/versions/0/additionalPrinterColumns")
            .and_then(Value::as_array)
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            columns,
            [
                "USER", "TEMPLATE", "PHASE", "EXPIRES", "POD", "NODE", "ENDPOINT", "AGE"
            ]
        );
        assert_eq!(all[0].pointer("/spec/names/shortNames/0").unwrap(), "sess");
        assert_eq!(all[0].pointer("/spec/scope").unwrap(), "Namespaced");
        assert_eq!(all[1].pointer("/spec/scope").unwrap(), "Cluster");
    }
}
