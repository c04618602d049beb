//! Templates of `-o jsonpath`, over an object as a server may send it: the first line is the template, the rest the object.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use session_shared::report::jsonpath::JsonPath;

fuzz_target!(|text: &str| {
    let (template, object) = text.split_once('\n').unwrap_or((text, ""));
    let object: Value = serde_json::from_str(object).unwrap_or_else(|_| {
        json!({"items": [{"metadata": {"name": "a", "labels": {"x.y/z": "1"}}, "n": 1},
            {"metadata": {"name": "b"}, "n": 2.5, "list": [1, [2], null, true]}]})
    });
    for path in [JsonPath::parse(template), JsonPath::parse_relaxed(template)] {
        let Ok(path) = path else { continue };
        let again = JsonPath::parse(path.source()).expect("a parsed template parses");
        let (first, second) = (path.render(&object), again.render(&object));
        assert_eq!(first.is_ok(), second.is_ok());
        if let (Ok(first), Ok(second)) = (first, second) {
            assert_eq!(first, second);
            assert!(first.len() <= 16 << 20, "{} bytes", first.len());
        }
        let _ = path.render_json(&object);
    }
});
