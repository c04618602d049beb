//! KYAML: YAML with braces, quoted strings and trailing commas, which every YAML parser reads.

use serde_json::Value;

use super::json::{self, sorted_entries};

/// Keys that some YAML parser reads as boolean, null, number or merge, in any case.
const AMBIGUOUS_KEYS: [&str; 11] = [
    "null", "y", "n", "yes", "no", "true", "false", "on", "off", "inf", "nan",
];

/// Formats an object as a KYAML document, with `---` before it and a final newline.
pub fn format_kyaml(value: &Value) -> String {
    let mut out = String::from("---\n");
    write(&mut out, value, 0);
    out.push('\n');
    out
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Array(items) if items.iter().all(|item| item.is_array() || item.is_object()) => {
            // The brackets of a list and of its items share a line.
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write(out, item, depth);
            }
            out.push(']');
        }
        Value::Array(items) => {
            out.push_str("[\n");
            for item in items {
                indent(out, depth + 1);
                write(out, item, depth + 1);
                out.push_str(",\n");
            }
            indent(out, depth);
            out.push(']');
        }
        Value::Object(map) => {
            out.push_str("{\n");
            for (key, item) in sorted_entries(map) {
                indent(out, depth + 1);
                out.push_str(&format_key(key));
                out.push_str(": ");
                write(out, item, depth + 1);
                out.push_str(",\n");
            }
            indent(out, depth);
            out.push('}');
        }
        Value::String(text) => out.push_str(&quote(text)),
        other => out.push_str(&json::format_compact(other)),
    }
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn format_key(key: &str) -> String {
    let mut chars = key.chars();
    let begins = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let plain = begins && chars.all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    if plain && !AMBIGUOUS_KEYS.contains(&key.to_ascii_lowercase().as_str()) {
        key.to_owned()
    } else {
        quote(key)
    }
}

/// Formats a double-quoted string. JSON's escapes are valid in YAML, which wants a few more.
fn quote(text: &str) -> String {
    // serde_json's own writer: the escapes for web pages of `json::compact` are not wanted here.
    let json = Value::from(text).to_string();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_written_with_braces() {
        let value = json!({
            "kind": "Session",
            "metadata": {"labels": {"a.b/c": "x<y", "no": "1", "0": "z"}, "finalizers": []},
            "spec": {"args": ["a\nb", 1, true], "list": [{"a": null}, {"b": {}}]},
        });
        let expected = r#"---
{
  kind: "Session",
  metadata: {
    finalizers: [],
    labels: {
      "0": "z",
      a.b/c: "x<y",
      "no": "1",
    },
  },
  spec: {
    args: [
      "a\nb",
      1,
      true,
    ],
    list: [{
      a: null,
    }, {
      b: {},
    }],
  },
}
"#;
        let written = format_kyaml(&value);
        assert_eq!(written, expected);
        let back: Value = serde_saphyr::from_str(&written).unwrap();
        assert_eq!(back, value);
    }
}
