//! Tests that the files in `docs/api` match the CustomResourceDefinitions and the admission policy generated from the code.

use std::path::{Path, PathBuf};

use serde_json::json;
use session_shared::api::{admission_objects, custom_resource_definitions};
use session_shared::objects::Untyped;
use session_shared::report::yaml;

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/api")
        .join(format!("{name}.yaml"))
}

#[test]
fn the_checked_in_definitions_are_fresh() {
    for definition in custom_resource_definitions() {
        let path = place(Untyped(&definition).name());
        let fresh = yaml::format_yaml(&definition).expect("a definition is YAML");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &fresh).expect("the definition can be written");
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stored == fresh,
            "{} is stale: UPDATE_GOLDEN=1 cargo test -p session-shared --test definitions",
            path.display()
        );
    }
}

#[test]
fn the_checked_in_admission_policy_is_fresh() {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": admission_objects() });
    let fresh = format!("{list:#}\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api/admission.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &fresh).expect("the policy can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == fresh,
        "{} is stale: UPDATE_GOLDEN=1 cargo test -p session-shared --test definitions",
        path.display()
    );
}
