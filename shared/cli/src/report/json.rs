//! JSON as kubectl writes it: sorted keys, `<`, `>` and `&` escaped, indented by four or on one line.
//!
//! This writer and those of the other formats recurse as deep as the value; serde_json reads at most 128 levels.

use std::fmt::Write;

use serde_json::{Map, Number, Value};

/// Formats a value over several lines, indented by four, without a final newline.
pub fn format_indented(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(0));
    out
}

/// Formats a value on one line.
pub fn format_compact(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, None);
    out
}

/// Returns the entries of an object, sorted by key.
pub fn sorted_entries(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

/// Formats a number as Go's JSON encoder does: `1.0` is `1`, and exponents are used below 1e-6 and from 1e21 on.
pub fn format_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            let size = float.abs();
            if size != 0.0 && !(1e-6..1e21).contains(&size) {
                format_exponent(float, 1)
            } else {
                format!("{float}")
            }
        }
        _ => number.to_string(),
    }
}

/// Formats a format_number as Go's `%v` does: as [`format_number`], but the exponent has two digits and is used below 1e-4.
pub fn format_go_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            let size = float.abs();
            if size != 0.0 && !(1e-4..1e21).contains(&size) {
                format_exponent(float, 2)
            } else {
                format!("{float}")
            }
        }
        _ => number.to_string(),
    }
}

/// Formats a value as Go's `%v` does: `map[a:b c:[1 2]]`, `<nil>`, strings unquoted.
pub fn format_go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(n) => format_go_number(n),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(format_go_value).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let entries = sorted_entries(map).into_iter();
            let entries: Vec<_> = entries
                .map(|(key, item)| format!("{key}:{}", format_go_value(item)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

/// Formats a float with an exponent that has a sign and at least `digits` digits: `1e+21`, `1e-07`.
fn format_exponent(float: f64, digits: usize) -> String {
    let text = format!("{float:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, size) = match exponent.strip_prefix('-') {
        Some(size) => ('-', size),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{size:0>digits$}")
}

fn write(out: &mut String, value: &Value, indent: Option<usize>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(n) => out.push_str(&format_number(n)),
        Value::String(text) => quote(out, text),
        Value::Array(items) => {
            let items = items.iter().map(|item| (None, item)).collect();
            write_all(out, ('[', ']'), items, indent);
        }
        Value::Object(map) => {
            let entries = sorted_entries(map);
            let entries = entries.into_iter().map(|(key, item)| (Some(key), item));
            write_all(out, ('{', '}'), entries.collect(), indent);
        }
    }
}

fn write_all(
    out: &mut String,
    (open, close): (char, char),
    entries: Vec<(Option<&String>, &Value)>,
    indent: Option<usize>,
) {
    out.push(open);
    let inner = indent.map(|blanks| blanks + 4);
    let empty = entries.is_empty();
    for (at, (key, item)) in entries.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        break_line(out, inner);
        if let Some(key) = key {
            quote(out, key);
            out.push_str(if inner.is_some() { ": " } else { ":" });
        }
        write(out, item, inner);
    }
    if !empty {
        break_line(out, indent);
    }
    out.push(close);
}

fn break_line(out: &mut String, indent: Option<usize>) {
    if let Some(blanks) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', blanks));
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            // Go escapes these so that JSON can be embedded in a web page.
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_written_as_kubectl_writes_it() {
        let value =
            json!({"b": [], "a": {"z": null, "y": "x<y&z\u{7}"}, "c": [1, {"k": true}], "d": {}});
        let expected = r#"{
    "a": {
        "y": "x\u003cy\u0026z\u0007",
        "z": null
    },
    "b": [],
    "c": [
        1,
        {
            "k": true
        }
    ],
    "d": {}
}"#;
        assert_eq!(format_indented(&value), expected);
        assert_eq!(
            format_compact(&json!({"b": [1, 2], "a": "ü"})),
            r#"{"a":"ü","b":[1,2]}"#
        );
        assert_eq!(serde_json::from_str::<Value>(expected).unwrap(), value);
    }

    #[test]
    fn numbers_look_as_in_go() {
        let both = |text: &str| {
            let n: Number = serde_json::from_str(text).unwrap();
            (format_number(&n), format_go_number(&n))
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(both("1.0"), pair("1", "1"));
        assert_eq!(both("1e21"), pair("1e+21", "1e+21"));
        assert_eq!(both("0.0000001"), pair("1e-7", "1e-07"));
        assert_eq!(both("0.00001"), pair("0.00001", "1e-05"));
        assert_eq!(both("-0.5"), pair("-0.5", "-0.5"));
        assert_eq!(both("18446744073709551615").0, "18446744073709551615");
        assert_eq!(both("-9223372036854775808").0, "-9223372036854775808");
    }

    #[test]
    fn values_are_plain_as_in_go() {
        let value = json!({"b": [1, "x", null], "a": {"k": true}});
        assert_eq!(format_go_value(&value), "map[a:map[k:true] b:[1 x <nil>]]");
    }
}
