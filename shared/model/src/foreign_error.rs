//! Errors of serde and of the operating system in the words of kubectl.

use std::io;

/// Returns the message of a system error without its number, in lower case as in Go.
pub fn io_error_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// Returns what is wrong with a value that could not be decoded: `"text" is not one of string, integer`,
/// `must be a list, but is string "x"`. Messages of our own types are unchanged.
pub fn decode_error_text(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = match text.rfind(" at line ") {
        Some(at) if error.line() > 0 => &text[..at],
        _ => text.as_str(),
    };
    unknown_variant(text)
        .or_else(|| named_field(text))
        .or_else(|| wrong_type(text))
        .unwrap_or_else(|| text.to_owned())
}

fn unknown_variant(text: &str) -> Option<String> {
    let rest = text.strip_prefix("unknown variant `")?;
    let (variant, expected) = rest.split_once("`, expected ")?;
    let expected = expected.trim_start_matches("one of ").replace(" or ", ", ");
    Some(format!(
        "{variant:?} is not one of {}",
        expected.replace('`', "")
    ))
}

fn named_field(text: &str) -> Option<String> {
    let forms = [
        ("unknown field `", "unknown field"),
        ("missing field `", "missing required field"),
        ("duplicate field `", "duplicate field"),
    ];
    forms.into_iter().find_map(|(begin, words)| {
        let (field, _) = text.strip_prefix(begin)?.split_once('`')?;
        Some(format!("{words} {field:?}"))
    })
}

fn wrong_type(text: &str) -> Option<String> {
    let rest = text
        .strip_prefix("invalid type: ")
        .or_else(|| text.strip_prefix("invalid value: "))?;
    let (found, expected) = rest.rsplit_once(", expected ")?;
    let found = match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        "unit value" => "null".to_owned(),
        found => found.replace('`', ""),
    };
    Some(format!(
        "must be {}, but is {found}",
        expected_text(expected)
    ))
}

/// Returns the name of an expected type as Kubernetes' documentation writes it.
fn expected_text(expected: &str) -> String {
    let is_rust_integer = expected.strip_prefix(['u', 'i']).is_some_and(|bits| {
        bits == "size" || !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit())
    });
    match expected {
        _ if is_rust_integer => "an integer".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "a borrowed string" => "a string".to_owned(),
        other if other.starts_with("struct ") => "an object".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Text,
        Number,
        Other,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only decoded")]
    struct Declared {
        name: String,
        kind: Option<Kind>,
        count: Option<u32>,
        items: Option<Vec<String>>,
        inner: Option<Box<Declared>>,
    }

    fn text(value: Value) -> String {
        decode_error_text(&serde_json::from_value::<Declared>(value).unwrap_err())
    }

    #[test]
    fn no_word_of_rust_is_left() {
        for (value, expected) in [
            (
                json!({"name": "a", "kind": "x"}),
                "\"x\" is not one of text, number, other",
            ),
            (json!({}), "missing required field \"name\""),
            (json!({"name": "a", "nam": 1}), "unknown field \"nam\""),
            (json!({"name": 1}), "must be a string, but is integer 1"),
            (
                json!({"name": true}),
                "must be a string, but is boolean true",
            ),
            (json!({"name": {}}), "must be a string, but is an object"),
            (
                json!({"name": "a", "count": "b, c"}),
                "must be an integer, but is string \"b, c\"",
            ),
            (
                json!({"name": "a", "count": -1}),
                "must be an integer, but is integer -1",
            ),
            (
                json!({"name": "a", "items": {}}),
                "must be a list, but is an object",
            ),
            (
                json!({"name": "a", "inner": "b"}),
                "must be an object, but is string \"b\"",
            ),
        ] {
            assert_eq!(text(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn a_place_in_a_text_that_was_never_shown_is_left_out() {
        let error = serde_json::from_str::<Declared>("{\"name\": []}").unwrap_err();
        assert_eq!(decode_error_text(&error), "must be a string, but is a list");
    }

    #[test]
    fn a_system_error_has_no_number() {
        let error = io::Error::from_raw_os_error(21);
        assert_eq!(io_error_text(&error), "is a directory");
    }
}
