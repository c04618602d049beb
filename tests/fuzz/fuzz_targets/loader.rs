//! YAML of templates, manifests and Sessions: bounded, and what was read is read as the same from JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_support::structure::check_manifest_text;
use session_shared::template::{Manifest, Source, TemplateFile, parse_plain_objects};

/// Bytes of scalars that the loader lets through, each at most six as JSON, and its nodes with what stands between them.
const JSON_MAX: usize = 6 * (4 << 20) + 100_000 * 8;

fuzz_target!(|bytes: &[u8]| {
    let Ok(source) = Source::from_bytes("fuzz.yaml", bytes) else {
        return;
    };
    if let Ok(objects) = parse_plain_objects(&source) {
        for (_, object) in objects {
            let json = object.to_string();
            assert!(json.len() <= JSON_MAX, "{} bytes", json.len());
            let Ok(source) = Source::new("again.json", json) else {
                continue;
            };
            let again = parse_plain_objects(&source).expect("JSON is YAML");
            assert_eq!(again.len(), 1);
            assert_eq!(again[0].1, object);
        }
    }
    let _ = TemplateFile::parse(&source);
    let _ = Manifest::parse(&source);
    if let Err(why) = check_manifest_text(source.text()) {
        panic!("{why}");
    }
});
