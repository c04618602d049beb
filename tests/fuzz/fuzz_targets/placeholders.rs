//! Values of placeholders: they come out as they were given, wherever they stand, and are never read again; a text of
//! placeholders renders to at most what is allowed.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use session_support::structure::StructureProperty;
use session_shared::template::{ValueLayers, SessionIdentity, Manifest, RENDERED_BYTES_MAX, Parameters, Source};

static PROPERTY: LazyLock<StructureProperty> = LazyLock::new(|| StructureProperty::new().expect("the manifest is good"));

fuzz_target!(|input: (&str, &str)| {
    let (value, text) = input;
    if let Err(why) = PROPERTY.check_value(value) {
        panic!("{why}");
    }
    // The text as a scalar of a manifest, so that it is parsed as one and not refused as YAML.
    let manifest = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": text}});
    let Ok(source) = Source::new("fuzz.yaml", manifest.to_string()) else {
        return;
    };
    let Ok(manifest) = Manifest::parse(&source) else {
        return;
    };
    let Ok(parameters) = Parameters::merge(&[], &manifest) else {
        return;
    };
    let flags: BTreeMap<String, String> = manifest
        .placeholders()
        .into_iter()
        .map(|placeholder| (placeholder.name, value.to_owned()))
        .collect();
    let given = ValueLayers {
        flags: &flags,
        ..ValueLayers::default()
    };
    let identity = SessionIdentity {
        session: "alice".parse().expect("a name"),
        user: "alice@example.com".parse().expect("a user"),
        namespace: "default".parse().expect("a namespace"),
        application: None,
    };
    let Ok(values) = parameters.resolve(identity, &given) else {
        return;
    };
    if let Ok(rendered) = manifest.render(&values) {
        let length: usize = rendered.into_objects().iter().map(|object| object.to_string().len()).sum();
        // Characters may be escaped as JSON.
        assert!(length <= 6 * RENDERED_BYTES_MAX + 1024, "{length} bytes");
    }
});
