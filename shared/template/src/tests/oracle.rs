//! Comparison of YAML parsing with recorded results of kubectl, and with kubectl itself if it is installed.
//!
//! The fixtures name the kubectl version and command that made them. `cargo test -p session-shared record_what_kubectl_reads
//! -- --ignored` records them again.

use std::process::Command;

use serde_json::{Value, json};

use super::super::loader::{PlaceholderMode, load_documents};
use super::super::scalar::parse_plain_scalar;
use super::super::source::Source;

const SCALARS: &str = include_str!("../../../../tests/fixtures/yaml-scalars.json");
const DOCUMENTS: &str = include_str!("../../../../tests/fixtures/yaml-documents.json");
const COMMAND: &str = "kubectl label --local -f FILE a=b -o json";

/// Plain scalars; each is parsed as the value of a key.
#[rustfmt::skip]
const ASKED: &[&str] = &[
    // Words.
    "y", "Y", "yes", "Yes", "YES", "yEs", "n", "N", "no", "No", "NO", "true", "True", "TRUE", "tRUE", "false", "False", "FALSE", "on", "On", "ON",
    "off", "Off", "OFF", "oFF", "~", "null", "Null", "NULL", "nUll", "nil", "None", "", "t", "f", "ok", "true false", "yes!", "alice",
    // Integers.
    "0", "1", "-1", "+1", "00", "01", "007", "0644", "-0644", "+0644", "08", "09", "0089", "-08", "10", "123456789", "1_000", "1__0", "1_", "_1", "-_1", "+_1",
    "0_7", "0_8", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "+9223372036854775807",
    "+9223372036854775808", "18446744073709551615", "18446744073709551616", "+18446744073709551615", "-18446744073709551616",
    "99999999999999999999999", "100000000000000000000", "1000000000000000000000", "-0", "+0",
    // Prefixes.
    "0x1F", "0X1F", "0xff", "-0x1F", "+0x1F", "0x-5", "0x+5", "0x", "0xg", "0x1_0", "0xFFFFFFFFFFFFFFFF", "0x10000000000000000", "-0x8000000000000000",
    "0o7", "0O7", "0o17", "0o8", "-0o7", "0o", "0o-7", "0b1", "0B1", "0b101", "0b102", "-0b11", "+0b11", "0b", "0b-1", "0b+1", "-0b-1", "-0b+1", "0b_1",
    "0b1111111111111111111111111111111111111111111111111111111111111111", "0b11111111111111111111111111111111111111111111111111111111111111111",
    "0x1p4", "0x1.8p1", "0_x1", "0x_1", "00x1", "0xdeadbeef", "1x",
    // Floats.
    "1.0", "1.5", "-1.5", "+1.5", "1.", "5.", "-5.", ".5", "-.5", "+.5", ".", "-.", "+.", "..", "...5", "._5", ".5_0", "1.5_0", "1._5", "1.2.3", "0.1", "00.5", "01.5", "-0.0",
    "1e3", "1E3", "1e+3", "1e-3", "1.5e3", ".5e3", "5.e3", "1e", "1e+", "e3", "1e3.5", "1ee3", "1e400", "-1e400", "1e-400", "12e03", "1e20", "1e21", "1e22", "1_0e3", "1e1_0",
    "123456789012345678901234567890", "0.1e1", "9007199254740993", "9007199254740993.0", "1e18", "1e19", "-1e18", "-1e19", "3.14159", "6.02e23", ".e3", "-e3", "+-1", "-+1", "--1",
    "+", "-a", "+a",
    // Text that other parsers read as numbers.
    "12:30:45", "1:2", "190:20:30", "2001-01-01", "2001-1-1", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.10 -5", "1.2.3.4", "10.0.0.0/8", "4G", "4Gi", "500m", "1,000", "1 000", "50%",
    "001", "1e3x", "0755x", "=", "<", "a: b", "infinity", "Infinity", "inf", "nan", "NaN", "-inf", "٣", "１",
    // Refused by kubectl, read as strings here.
    ".inf", ".Inf", ".INF", "-.inf", "+.inf", ".nan", ".NaN", ".NAN",
];

/// Difficult texts. `%` is replaced by the rest of an object, so that every text contains one or more objects.
const HEAD: &str = "apiVersion: x/v1\nkind: Foo\nmetadata: {name: a}\n";

#[rustfmt::skip]
const TEXTS: &[(&str, &str)] = &[
    ("literal", "spec: |\n  one\n   two\n\n  three\n"),
    ("literal, strip", "spec: |-\n  one\n  two\n\n"),
    ("literal, keep", "spec: |+\n  one\n\n\nafter: 1\n"),
    ("literal with indentation", "spec: |2\n    one\n  two\n"),
    ("literal with comment behind", "spec: | # no text\n  # text\n  one\n"),
    ("literal with leading blank lines", "spec: |\n\n\n  one\n"),
    ("literal that begins with a tab", "spec: |\n  \tone\n"),
    ("literal with tabs", "spec: |\n  one\n  \ttwo\t\n"),
    ("empty literal", "spec: |\nafter: 1\n"),
    ("folded", "spec: >\n  one\n  two\n\n  three\n    four\n  five\n"),
    ("folded, strip", "spec: >-\n  one\n  two\n"),
    ("folded, keep", "spec: >+\n  one\n\n"),
    ("plain over lines", "spec: one\n  two\n\n  three\n"),
    ("plain with hash", "spec: a#b # c\n"),
    ("plain with colon", "spec: a:b\n"),
    ("plain with quotes inside", "spec: it's \"so\"\n"),
    ("plain url", "spec: http://a.b/c?d=e&f=g#h\n"),
    ("single quoted", "spec: 'it''s'\n"),
    ("single quoted over lines", "spec: 'one\n  two\n\n  three'\n"),
    ("double quoted escapes", "spec: \"\\t\\n\\x41\\u00e9\\U0001F600\\\\\\\"\\0\"\n"),
    ("double quoted slash", "spec: \"a\\/b\"\n"),
    ("double quoted over lines", "spec: \"one\n  two \\\n  three\"\n"),
    ("quoted words", "spec: ['true', \"1\", '~', \"\"]\n"),
    ("flow", "spec: {a: 1, b: [x, y, {c: d}], e: }\n"),
    ("flow over lines", "spec: {\n  a: 1,\n  b: [\n    x,\n  ],\n}\n"),
    ("json", "spec: {\"a\":1,\"b\":[true,null,\"x\"]}\n"),
    ("json without blanks", "spec: {\"a\":\"b\",\"c\":1.50}\n"),
    ("sequence at the key's indent", "spec:\n- a\n- b: 1\n  c: 2\n-\n  - d\n"),
    ("nested sequences", "spec:\n- - a\n  - b\n- - c\n"),
    ("anchor and alias", "spec: &x {a: [1]}\nother: *x\n"),
    ("anchor on a scalar", "spec: &x 0644\nother: *x\n"),
    ("alias of a literal", "spec: &x |\n  one\nother: *x\n"),
    ("anchor used anew", "spec: &x 1\nb: *x\nc: &x 2\nd: *x\n"),
    ("keys of all kinds", "spec: {1: a, yes: b, 0x10: c, 'y': d, \"on\": e, -1: f, 010: g}\n"),
    ("key on", "on: 1\nn: 3\nspec: 4\n"),
    ("key with blanks", "spec:\n  a b: 1\n  \"c: d\": 2\n  ? e\n  : 3\n"),
    ("null values", "spec: {a: , b: ~, c: null, d: ''}\n"),
    ("tag str", "spec: [!!str 5, !!str true]\n"),
    ("tag str on nothing", "spec: [!!str ]\n"),
    ("carriage returns", "spec: |\r\n  one\r\n  two\r\nafter: 1\r\n"),
    ("carriage returns in plain", "spec:\r\n  a: 1\r\n  b: c\r\n"),
    ("tab after the colon", "spec:\t1\n"),
    ("tab before a comment", "spec: 1\t# c\n"),
    ("trailing blanks", "spec: a   \nb: \"c\"  \n"),
    ("comments all over", "# a\nspec: # b\n  # c\n  a: 1 # d\n# e\n"),
    ("no newline at the end", "spec: 1"),
    ("document end", "spec: 1\n...\n"),
    ("unicode", "spec: [ä, 日本, \u{1F600}, \"\u{2028}\"]\n"),
    ("non-breaking space", "spec: a\u{a0}b\n"),
    ("dollar signs", "spec: [$A, $(B), '${C}', $$]\n"),
    ("long number in a flow", "spec: [1e3, 0644, 1_000, 12:30]\n"),
    ("merge key", "spec: &x {a: 1}\nother:\n  <<: *x\n  b: 2\n"),
    ("duplicate key", "spec: 1\nspec: 2\n"),
    ("foreign tag", "spec: !foo 5\n"),
    ("tag int", "spec: !!int '5'\n"),
    ("null key", "spec: {~: 1}\n"),
    ("float key", "spec: {1.5: 1}\n"),
    ("complex key", "spec:\n  ? [a]\n  : 1\n"),
    ("unknown alias", "spec: *x\n"),
    ("tab for indentation", "spec:\n\ta: 1\n"),
    ("two values", "spec: a: b\n"),
    ("unclosed quote", "spec: 'a\n"),
    ("unclosed flow", "spec: [a\n"),
    ("at sign", "spec: @a\n"),
    ("backtick", "spec: `a`\n"),
    ("percent", "spec: %a\n"),
    ("asterisk", "spec: *.a\n"),
];

/// Intended differences from kubectl; everything else must agree.
#[rustfmt::skip]
const MEANT: &[(&str, &str)] = &[
    ("merge key", "readers differ on what wins"),
    ("duplicate key", "kubectl takes the last without a word"),
    ("foreign tag", "kubectl drops it without a word"),
    ("tag int", "only !!str means something in a manifest"),
    ("literal that begins with a tab", "kubectl fails on it, YAML allows it"),
    ("double quoted slash", "kubectl fails on it, JSON writes it"),
    ("float key", "kubectl makes text of it through a 32-bit float"),
];

fn recorded(fixture: &str) -> Vec<(String, Value)> {
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    cases
        .iter()
        .map(|case| (case[0].as_str().unwrap().to_owned(), case[1].clone()))
        .collect()
}

fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => a == b || a.is_f64() && a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Parses a difficult text and returns the result in the form of the fixture.
fn ours(text: &str) -> Value {
    let source = Source::new("a.yaml", format!("{HEAD}{text}")).unwrap();
    let (documents, problems) = load_documents(&source, PlaceholderMode::Plain);
    match documents.as_slice() {
        [document] if problems.is_empty() => document.to_value(),
        _ => Value::String("error".into()),
    }
}

#[test]
fn scalars_are_typed_as_kubectl_types_them() {
    let cases = recorded(SCALARS);
    assert_eq!(
        cases.len(),
        ASKED.len(),
        "the fixture is older than the table: record it anew"
    );
    assert!(cases.len() >= 150);
    for (text, theirs) in cases {
        let ours = parse_plain_scalar(&text);
        if theirs == json!({"error": true}) {
            // Scalars that kubectl refuses are read as text, never as numbers.
            assert!(ours.is_string(), "{text:?}: {ours}");
        } else {
            assert!(
                same(&ours, &theirs),
                "{text:?}: we say {ours}, kubectl {theirs}"
            );
        }
    }
}

#[test]
fn awkward_texts_are_read_as_kubectl_reads_them() {
    let cases = recorded(DOCUMENTS);
    assert_eq!(
        cases.len(),
        TEXTS.len(),
        "the fixture is older than the table: record it anew"
    );
    let mut wrong = String::new();
    for ((name, text), (recorded, theirs)) in TEXTS.iter().zip(cases) {
        assert_eq!(*name, recorded);
        let ours = ours(text);
        let meant = MEANT.iter().any(|(meant, _)| meant == name);
        if meant == same(&ours, &theirs) {
            wrong.push_str(&format!("{name}: we say {ours}\n  kubectl {theirs}\n"));
        }
    }
    assert_eq!(wrong, "");
}

/// Returns kubectl's reading of a text without the label it adds, or `None` if kubectl is not installed.
fn ask(text: &str) -> Option<Value> {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let file = std::env::temp_dir().join(format!(
        "session-oracle-{}-{count}.yaml",
        std::process::id()
    ));
    std::fs::write(&file, text).unwrap();
    let output = Command::new("kubectl")
        .args(["label", "--local", "a=b", "-o", "json", "-f"])
        .arg(&file)
        .output();
    std::fs::remove_file(&file).unwrap();
    let output = output.ok()?;
    let Ok(mut object) = serde_json::from_slice::<Value>(&output.stdout) else {
        return Some(Value::String("error".into()));
    };
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("labels");
    }
    Some(object)
}

fn ask_scalars() -> Option<Value> {
    let mut text = format!("{HEAD}spec:\n");
    for (index, scalar) in ASKED.iter().enumerate() {
        if !refused(scalar) {
            text.push_str(&format!("  k{index}: {scalar}\n"));
        }
    }
    ask(&text)
}

/// Scalars that make kubectl refuse the whole file, or that are not scalars in YAML.
fn refused(scalar: &str) -> bool {
    let infinite = scalar.trim_start_matches(['+', '-']).to_lowercase();
    matches!(infinite.as_str(), ".inf" | ".nan") || scalar.contains(": ")
}

#[test]
fn kubectl_says_so_today() {
    let Some(today) = ask_scalars() else {
        println!("skipped: there is no kubectl here");
        return;
    };
    for (index, (text, recorded)) in recorded(SCALARS).iter().enumerate() {
        if !refused(text) {
            assert!(
                same(&today["spec"][format!("k{index}")], recorded),
                "{text:?} was {recorded}"
            );
        }
    }
}

#[test]
#[ignore = "writes tests/fixtures from the kubectl that is installed"]
fn record_what_kubectl_reads() {
    let version = Command::new("kubectl")
        .args(["version", "--client", "-o", "json"])
        .output()
        .unwrap();
    let version: Value = serde_json::from_slice(&version.stdout).unwrap();
    let made = |cases: Vec<Value>| {
        let cases: Vec<String> = cases.iter().map(|case| format!("  {case}")).collect();
        let version = version["clientVersion"]["gitVersion"].as_str().unwrap();
        format!(
            "{{\"command\": {COMMAND:?}, \"kubectl\": {version:?}, \"cases\": [\n{}\n]}}\n",
            cases.join(",\n")
        )
    };
    let scalars = ask_scalars().unwrap();
    let scalars = ASKED
        .iter()
        .enumerate()
        .map(|(index, text)| match refused(text) {
            true => json!([text, {"error": true}]),
            false => json!([text, scalars["spec"][format!("k{index}")]]),
        });
    let texts = TEXTS
        .iter()
        .map(|(name, text)| json!([name, ask(&format!("{HEAD}{text}"))]));
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    std::fs::write(fixtures.join("yaml-scalars.json"), made(scalars.collect())).unwrap();
    std::fs::write(fixtures.join("yaml-documents.json"), made(texts.collect())).unwrap();
}
