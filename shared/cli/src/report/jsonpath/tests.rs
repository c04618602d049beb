use proptest::prelude::*;
use serde_json::json;

use super::*;

const FIXTURE: &str = include_str!("../../../../../tests/fixtures/jsonpath.txt");

/// Returns the output or the error, without the text that kubectl prints around the error.
fn answer(kind: &str, template: &str, object: &Value) -> Result<String, String> {
    let path = JsonPath::parse(template).map_err(|error| format!("error: {error}"))?;
    let printed = match kind {
        "jsonpath" => path.render(object),
        _ => path.render_json(object),
    };
    let around = format!("error executing jsonpath {template:?}: ");
    printed.map_err(|error| error.to_string().replace(&around, ""))
}

/// Sorts characters: Go's order of an object's values is random.
fn any_order(text: &str) -> Vec<char> {
    let mut chars: Vec<char> = text.chars().collect();
    chars.sort_unstable();
    chars
}

#[test]
fn templates_print_what_kubectl_prints() {
    let mut lines = FIXTURE.lines().filter(|line| !line.starts_with('#'));
    let object: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let object = &object["object"];
    let (mut cases, mut wrong) = (0, Vec::new());
    for line in lines {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| case[key].as_str();
        let (kind, template) = (text("kind").unwrap(), text("template").unwrap());
        let expected = match text("out") {
            Some(out) => Ok(out),
            None => Err(text("error").or(text("execution_error")).unwrap()),
        };
        let got = answer(kind, template, object);
        let same = match (&got, &expected) {
            (Ok(got), Ok(expected)) if template.contains(".*") || template.contains("..") => {
                any_order(got) == any_order(expected)
            }
            (got, expected) => got.as_deref().map_err(String::as_str) == *expected,
        };
        if !same {
            wrong.push(format!(
                "{kind} {template}\n  kubectl: {expected:?}\n  ours:    {got:?}"
            ));
        }
        cases += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cases > 200, "{cases}");
}

#[test]
fn an_object_is_walked_in_the_order_of_its_keys() {
    let object = json!({"b": 1, "a": {"z": 2, "y": 3}});
    assert_eq!(
        answer("jsonpath", "{.*}", &object).unwrap(),
        r#"{"y":3,"z":2} 1"#
    );
    assert_eq!(answer("jsonpath", "{.a.*}", &object).unwrap(), "3 2");
}

#[test]
fn a_relaxed_path_needs_neither_dot_nor_braces() {
    for text in [
        "metadata.name",
        ".metadata.name",
        "{metadata.name}",
        "{.metadata.name}",
    ] {
        assert_eq!(
            JsonPath::parse_relaxed(text).unwrap().source(),
            "{.metadata.name}"
        );
    }
    assert_eq!(JsonPath::parse_relaxed("").unwrap().source(), "");
    for text in ["{a}{b}", "{", "a}b", "{}"] {
        let error = JsonPath::parse_relaxed(text).unwrap_err().to_string();
        assert!(
            error.starts_with("unexpected path string, expected a 'name1.name2'"),
            "{text}: {error}"
        );
    }
    let error = JsonPath::parse_relaxed("a[b]").unwrap_err().to_string();
    assert_eq!(error, "invalid array index b");
}

#[test]
fn ranges_nest_only_so_deep() {
    let deep = "{range @}".repeat(100_000);
    let error = answer("jsonpath", &deep, &json!({})).unwrap_err();
    assert!(error.contains("nested more than"), "{error}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c\\n\\x1b]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c]", inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_template_panics(
        parts in prop::collection::vec(prop_oneof![
            "[{}\\[\\].*@$?()<>=!:,'\"\\\\a-c0-9 +\\-\\né]{0,6}",
            Just("{range ".to_owned()), Just("{end}".to_owned()), Just("[?(@.a".to_owned()), Just("..".to_owned()),
            Just("{.a".to_owned()), Just("[*]".to_owned()), Just("}".to_owned()), Just("[-1:5:2]".to_owned()),
        ], 0..12),
        object in value(),
    ) {
        let template = parts.concat();
        let _ = answer("jsonpath", &template, &object);
        let _ = answer("jsonpath-as-json", &template, &object);
        let _ = JsonPath::parse_relaxed(&template).map(|path| path.find(&object).is_ok());
    }
}
