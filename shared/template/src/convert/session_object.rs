//! Session objects, which need no conversion: fields that a Session does not have, which the API server would drop.

use super::super::loader::{PlaceholderMode, load_documents};
use super::super::node::Node;
use super::super::problem::{Problem, Problems};
use super::super::source::Source;
use super::fields::{FieldReader, value};

const ROOT: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];
const SPEC: &[&str] = &[
    "userId",
    "template",
    "application",
    "manifest",
    "primary",
    "secretsFrom",
    "skipMissingKinds",
    "parameters",
    "preset",
    "resources",
    "storage",
    "timeout",
    "state",
    "startRequest",
    "dataPolicy",
];
const RESOURCES: &[&str] = &["cpu", "memory", "gpu"];
const STORAGE: &[&str] = &["size", "class"];

/// Returns a warning for each field of a Session object that is unknown, with the near name.
pub fn unknown_session_fields(source: &Source) -> Vec<Problem> {
    let (roots, _) = load_documents(source, PlaceholderMode::Plain);
    let mut reader = FieldReader::new(source, Problems::default());
    for root in &roots {
        reader.warn_unknown_keys(root, "", ROOT);
        let spec = value(Some(root), "spec");
        let parts = [("resources", RESOURCES), ("storage", STORAGE)];
        let parts = parts.map(|(key, known)| (value(spec, key), key, known));
        for (node, path, known) in [(spec, "spec", SPEC)].into_iter().chain(parts) {
            if let Some(node @ Node::Mapping(..)) = node {
                reader.warn_unknown_keys(node, path, known);
            }
        }
    }
    reader.warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use session_model::api::{ResourceLimits, SessionSpec, StorageSpec};

    fn fields<T: JsonSchema>() -> Vec<String> {
        let schema = schemars::schema_for!(T);
        let fields = schema.get("properties").unwrap().as_object().unwrap();
        fields.keys().cloned().collect()
    }

    #[test]
    fn the_fields_are_those_of_the_api() {
        for (fields, known) in [
            (fields::<SessionSpec>(), SPEC),
            (fields::<ResourceLimits>(), RESOURCES),
            (fields::<StorageSpec>(), STORAGE),
        ] {
            let mut known = known.to_vec();
            known.sort_unstable();
            let mut fields = fields;
            fields.sort_unstable();
            assert_eq!(fields, known);
        }
    }

    #[test]
    fn an_unknown_field_is_told_with_the_near_name() {
        let text = "apiVersion: streaming.platform/v1\nkind: Session\nmetadata: {name: a}\nspec:\n  userID: a\n  application: gimp\n  resources: {cpus: 2}\n  region: eu\nstatus: {phase: pending}\n";
        let found = unknown_session_fields(&Source::new("s.yaml", text).unwrap());
        let told: Vec<String> = found
            .iter()
            .map(|one| format!("{one} ({})", one.hint.as_deref().unwrap_or("no hint")))
            .collect();
        assert_eq!(
            told,
            [
                "s.yaml:5:3: unknown key \"userID\" of spec is ignored (did you mean \"userId\"?)",
                "s.yaml:8:3: unknown key \"region\" of spec is ignored (no hint)",
                "s.yaml:7:15: unknown key \"cpus\" of resources is ignored (did you mean \"cpu\"?)"
            ]
        );
    }
}
