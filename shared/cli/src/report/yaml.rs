//! YAML in kubectl's style: indented by two, sequences not indented, sorted keys, block scalars for text of several
//! lines.
//!
//! kubectl reads it back as the same object. It is not byte for byte kubectl's: long lines are not folded, and some
//! strings are quoted that kubectl leaves plain.

use anyhow::{Context, Result};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::{DoubleQuoted, SingleQuoted};

use super::json::sorted_entries;
use session_model::unicode::is_invisible;

/// Formats an object as a YAML document with a final newline and without `---`.
///
/// # Errors
/// The serializer fails, for which no case is known.
pub fn format_yaml(value: &Value) -> Result<String> {
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(&SortedValue(value), options)
        .context("failed to write the object as YAML")
}

/// Value written with sorted keys, and with whole floats as integers.
struct SortedValue<'a>(&'a Value);

impl Serialize for SortedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(&SortedValue(item))?;
                }
                sequence.end()
            }
            Value::Object(map) => {
                let mut mapping = serializer.serialize_map(Some(map.len()))?;
                for (key, item) in sorted_entries(map) {
                    mapping.serialize_entry(key, &SortedValue(item))?;
                }
                mapping.end()
            }
            Value::Number(number) => match whole_number(number.as_f64(), number.is_f64()) {
                Some(whole) => serializer.serialize_i64(whole),
                None => number.serialize(serializer),
            },
            Value::String(text) => write_text(text, serializer),
            other => other.serialize(serializer),
        }
    }
}

fn write_text<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let tabbed = text.starts_with('\t') || text.contains("\n\t");
    if tabbed || text.contains(is_invisible) {
        // A block scalar must not begin with a tab, which kubectl's parser takes for indentation. A character that a
        // terminal shows as an escape is an escape only between double quotes.
        DoubleQuoted(text).serialize(serializer)
    } else if wants_single_quotes(text) {
        SingleQuoted(text).serialize(serializer)
    } else {
        text.serialize(serializer)
    }
}

/// True for printable text that would be YAML syntax without quotes. kubectl puts such text between single quotes, and
/// text that would be another type between double quotes.
fn wants_single_quotes(text: &str) -> bool {
    let printable = text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    let bullet =
        ["-", "?", ":"].contains(&text) || ["- ", "? ", ": "].iter().any(|b| text.starts_with(b));
    let indicator = text.starts_with([
        ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`',
    ]);
    let inside = text.contains(": ") || text.contains(" #") || text.ends_with(':');
    let blank_end = text.starts_with(' ') || text.ends_with(' ');
    printable && (bullet || indicator || inside || blank_end)
}

/// Converts a whole float to an integer if floats of that size are exact.
fn whole_number(float: Option<f64>, is_float: bool) -> Option<i64> {
    let float = float.filter(|float| is_float && float.fract() == 0.0)?;
    // Below 2^53 the conversion is exact.
    (float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_object_looks_as_from_kubectl() {
        let value = json!({
            "kind": "Session",
            "spec": {"timeout": "2h", "list": ["a", ["b"], {"d": "e", "c": [1.0, 0.5]}], "none": null, "e": {}, "l": []},
            "apiVersion": "streaming.platform/v1",
            "metadata": {"annotations": {"text": "a\nb\n", "open": "a\nb", "yes": "true", "n": "0644", "d": "2024-01-01", "s": "a: it's"}},
        });
        let expected = "\
apiVersion: streaming.platform/v1
kind: Session
metadata:
  annotations:
    d: \"2024-01-01\"
    \"n\": \"0644\"
    open: |-
      a
      b
    s: 'a: it''s'
    text: |
      a
      b
    \"yes\": \"true\"
spec:
  e: {}
  l: []
  list:
  - a
  - - b
  - c:
    - 1
    - 0.5
    d: e
  none: null
  timeout: 2h
";
        assert_eq!(format_yaml(&value).unwrap(), expected);
    }

    /// Texts that some reader takes for something else; all were read back by kubectl v1.32 as the same strings.
    const AWKWARD: &[&str] = &[
        "",
        " ",
        "~",
        "null",
        "true",
        "yes",
        "on",
        "0644",
        "0x1F",
        "1_000",
        "1e3",
        ".inf",
        "12:30:45",
        "2024-01-01",
        "- a",
        "a: b",
        "a #b",
        "*x",
        "&x",
        "!x",
        "%x",
        "@x",
        "`x`",
        "{a}",
        "[a]",
        "? a",
        "?",
        "<<",
        "=",
        "it's",
        "\"q\"",
        "a\\b",
        "a\tb",
        " lead",
        "trail ",
        "a\n\nb",
        "\n",
        "\n\n",
        "  lead\nb\n\n",
        "a\r\nb",
        "\u{7}",
        "😀",
        "\u{85}",
        "\u{feff}",
        "---",
        "--- a",
        "...",
        "|",
        ">",
        "# a\nb",
        "a\n---\nb\n",
        "\ta\nb",
        "a \nb",
        "-",
        ":",
        "a:",
        ",",
        "''",
        "\u{2028}",
        "a\u{202e}b",
        "a\u{200b}\n\u{e0041}",
        "x\u{7f}y",
    ];

    #[test]
    fn awkward_texts_come_back() {
        for text in AWKWARD {
            let value = json!({"metadata": {"a": [text, {"k": text}]}, "s": text});
            let yaml = format_yaml(&value).unwrap();
            let back: Value = serde_saphyr::from_str(&yaml).unwrap();
            assert_eq!(back, value, "{yaml}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "[ -~\\n\\t:#'\"äé-]{0,40}", key in "[a-z0-9./: '-]{1,12}") {
            let value = json!({key: text});
            let back: Value = serde_saphyr::from_str(&format_yaml(&value).unwrap()).unwrap();
            prop_assert_eq!(back, value);
        }
    }
}
