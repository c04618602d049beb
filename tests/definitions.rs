//! Tests that generated files of `docs` match the code: the CustomResourceDefinitions and the admission policy in `docs/api`, and
//! `docs/configuration.md`.

#![allow(
    clippy::expect_used,
    reason = "a failed test may fail loudly; clippy does not know this target's helpers for tests"
)]

#[path = "definitions/configuration_page.rs"]
mod configuration_page;

use std::path::Path;

use serde_json::json;
use session_shared::api::{admission_objects, custom_resource_definitions};
use session_shared::objects::Untyped;
use session_shared::report::yaml;

/// Compares a file of `docs` with what the code generates, or writes it if UPDATE_GOLDEN is set.
fn check_fresh(file: &str, fresh: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, fresh).expect("the file can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == fresh,
        "{} is stale: UPDATE_GOLDEN=1 cargo test -p session-shared --test definitions",
        path.display()
    );
}

#[test]
fn the_checked_in_definitions_are_fresh() {
    for definition in custom_resource_definitions() {
        let file = format!("api/{}.yaml", Untyped(&definition).name());
        let fresh = yaml::format_yaml(&definition).expect("a definition is YAML");
        check_fresh(&file, &fresh);
    }
}

#[test]
fn the_checked_in_admission_policy_is_fresh() {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": admission_objects() });
    check_fresh("api/admission.json", &format!("{list:#}\n"));
}

#[test]
fn the_page_of_the_built_in_templates_is_fresh() {
    check_fresh("configuration.md", &configuration_page::page());
}
