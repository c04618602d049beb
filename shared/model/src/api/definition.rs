//! The CustomResourceDefinitions, generated from the Rust types; `krew`, `setup` and the checked-in copies in
//! `docs/api/` all come from here.

use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::session::Session;
use super::template::SessionTemplate;

/// A session's name becomes a label value and part of object names: both allow 63 bytes, and labels no dots at the ends.
const NAME_RULE: &str = "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')";
/// Durations as spec.timeout takes them: seconds, never, or numbers with units (2h, 7d, 1d12h, 1.5h, PT1H).
const TIMEOUT_RULE: &str = "type(self) == int ? self >= 0 : self.matches('^(never|[0-9]+|([0-9]+([.][0-9]+)?[a-z]+)+|P[0-9A-Z.]+)$')";

/// The definitions, ready for `kubectl apply`: Session first, then SessionTemplate.
pub fn definitions() -> Vec<Value> {
    let mut session = definition::<Session>();
    rule(
        &mut session,
        "",
        NAME_RULE,
        "the name of a Session must be a DNS label of at most 63 characters",
    );
    rule(
        &mut session,
        "/properties/spec",
        "!(has(self.manifest) && has(self.template))",
        "manifest and template exclude each other",
    );
    rule(
        &mut session,
        "/properties/spec/properties/userId",
        "self == oldSelf",
        "userId cannot be changed",
    );
    rule(
        &mut session,
        "/properties/spec/properties/resources/properties/gpu",
        "type(self) == int ? self >= 0 : self.matches('^[0-9]+$')",
        "gpu must be a whole number: extended resources cannot be divided; use time-slicing (ask for 1 of the advertised \
         replicas) or a MIG resource",
    );
    rule(
        &mut session,
        "/properties/spec/properties/timeout",
        TIMEOUT_RULE,
        "timeout must be seconds, a duration such as 2h or 7d, or never",
    );
    bound(&mut session, "/properties/spec/properties/timeout", 64);
    bound(
        &mut session,
        "/properties/spec/properties/resources/properties/gpu",
        32,
    );
    vec![session, definition::<SessionTemplate>()]
}

fn definition<K: CustomResourceExt>() -> Value {
    let mut value = serde_json::to_value(K::crd()).unwrap_or_default();
    if let Some(schema) = value.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        strip(schema);
    }
    value
}

/// Takes away what the API has no use for: `nullable` (a null would reach the CEL rules; without it the server drops it),
/// `default` (values are looked up when the session starts), `title`, and formats the server does not know.
fn strip(schema: &mut Value) {
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
                    // Below it stand names of fields, which may well be called `default` or `format`.
                    ("properties", Value::Object(fields)) => fields.values_mut().for_each(strip),
                    (_, value) => strip(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn place<'a>(
    definition: &'a mut Value,
    path: &str,
) -> Option<&'a mut serde_json::Map<String, Value>> {
    definition
        .pointer_mut(&format!("/spec/versions/0/schema/openAPIV3Schema{path}"))?
        .as_object_mut()
}

/// Adds a CEL rule. A path that is not there adds nothing: the test below counts the rules.
fn rule(definition: &mut Value, path: &str, rule: &str, message: &str) {
    if let Some(schema) = place(definition, path) {
        let rules = schema
            .entry("x-kubernetes-validations")
            .or_insert_with(|| json!([]));
        if let Some(rules) = rules.as_array_mut() {
            rules.push(json!({ "rule": rule, "message": message }));
        }
    }
}

/// Bounds the text of an int-or-string, without which the server refuses the rule on it as too expensive.
fn bound(definition: &mut Value, path: &str, length: u32) {
    if let Some(schema) = place(definition, path) {
        schema.insert("maxLength".into(), length.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_found_its_place() {
        let text = serde_json::to_string(&definitions()).unwrap();
        assert_eq!(text.matches("x-kubernetes-validations").count(), 5);
        // The one left is the field of a parameter.
        assert_eq!(
            text.matches("\"default\":").count(),
            1,
            "the API has no defaults"
        );
        assert_eq!(text.matches("\"nullable\":").count(), 0);
    }

    #[test]
    fn columns_and_names_are_those_of_the_design() {
        let all = definitions();
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
