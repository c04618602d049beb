use super::*;

fn printer(output: &str) -> ObjectPrinter {
    match Format::parse(output, FormatSet::All, false, false).unwrap() {
        Format::Objects(printer) => printer,
        Format::Text { .. } => panic!("{output} is a table"),
    }
}

fn error(output: &str, allowed: FormatSet) -> String {
    Format::parse(output, allowed, false, false)
        .unwrap_err()
        .to_string()
}

fn alice() -> Value {
    json!({
        "kind": "Session", "apiVersion": "streaming.platform/v1",
        "metadata": {"name": "alice", "managedFields": [{"manager": "x"}]},
        "unknownField": {"kept": true},
    })
}

#[test]
fn a_bad_format_is_answered_with_the_allowed_ones() {
    assert_eq!(
        error("bogus", FormatSet::All),
        "unable to match a printer suitable for the output format \"bogus\", allowed formats are: \
             custom-columns,custom-columns-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,wide,yaml"
    );
    assert_eq!(
        error("json=x", FormatSet::Object),
        "unable to match a printer suitable for the output format \"json=x\", allowed formats are: \
             json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,yaml"
    );
    assert!(error("wide", FormatSet::Object).contains("allowed formats"));
    assert_eq!(
        error("json", FormatSet::Name),
        "unexpected -o output mode: json. We only support '-o name'"
    );
    for allowed in [FormatSet::All, FormatSet::Object, FormatSet::Name] {
        assert!(allowed.formats().is_sorted());
    }
}

#[test]
fn a_format_that_lacks_its_argument_says_so() {
    for output in [
        "jsonpath",
        "jsonpath=",
        "jsonpath-as-json=",
        "jsonpath-file=",
    ] {
        assert_eq!(
            error(output, FormatSet::All),
            "template format specified but no template given",
            "{output}"
        );
    }
    for output in ["custom-columns", "custom-columns=", "custom-columns-file="] {
        let expected = "custom-columns format specified but no custom columns given";
        assert_eq!(error(output, FormatSet::All), expected, "{output}");
    }
    assert_eq!(
        error("jsonpath-file=/nowhere", FormatSet::All),
        "error reading --template /nowhere, open /nowhere: no such file or directory"
    );
    assert_eq!(
        error("custom-columns-file=/nowhere", FormatSet::All),
        "error reading template /nowhere, open /nowhere: no such file or directory"
    );
    assert_eq!(
        error("jsonpath={.a", FormatSet::All),
        "error parsing jsonpath {.a, unclosed action"
    );
}

#[test]
fn words_are_taken_in_any_case_where_kubectl_does() {
    assert!(matches!(
        Format::parse("", FormatSet::Name, false, false).unwrap(),
        Format::Text { wide: false }
    ));
    assert!(matches!(
        Format::parse("wide", FormatSet::All, false, false).unwrap(),
        Format::Text { wide: true }
    ));
    assert!(printer("NAME").is_name() && !printer("JSON").is_name());
    assert!(error("WIDE", FormatSet::All).contains("\"WIDE\""));
}

#[test]
fn a_single_object_stands_alone_and_keeps_unknown_fields() {
    let expected = r#"{
    "apiVersion": "streaming.platform/v1",
    "kind": "Session",
    "metadata": {
        "name": "alice"
    },
    "unknownField": {
        "kept": true
    }
}
"#;
    assert_eq!(printer("json").print_object(&alice()).unwrap(), expected);
    assert_eq!(
        printer("name").print_object(&alice()).unwrap(),
        "session.streaming.platform/alice\n"
    );
    assert_eq!(
        printer("jsonpath={.metadata.managedFields[0].manager}")
            .print_object(&alice())
            .unwrap(),
        "x"
    );
    assert_eq!(
        printer("custom-columns=N:.metadata.name")
            .print_object(&alice())
            .unwrap(),
        "N\nalice\n"
    );
    assert!(
        printer("kyaml")
            .print_object(&alice())
            .unwrap()
            .starts_with("---\n{\n  apiVersion: \"streaming.platform/v1\",")
    );
}

#[test]
fn managed_fields_are_printed_when_wanted() {
    let Format::Objects(mut printer) =
        Format::parse("yaml", FormatSet::Object, false, true).unwrap()
    else {
        panic!("no objects");
    };
    assert!(
        printer
            .print_object(&alice())
            .unwrap()
            .contains("  managedFields:\n  - manager: x\n  name: alice\n")
    );
}

#[test]
fn several_objects_are_a_list() {
    let empty = r#"{
    "apiVersion": "v1",
    "items": [],
    "kind": "List",
    "metadata": {
        "resourceVersion": ""
    }
}
"#;
    assert_eq!(printer("json").print_list(&[]).unwrap(), empty);
    let yaml = printer("yaml").print_list(&[alice()]).unwrap();
    assert!(
        yaml.starts_with(
            "apiVersion: v1\nitems:\n- apiVersion: streaming.platform/v1\n  kind: Session\n"
        ),
        "{yaml}"
    );
    assert!(!yaml.contains("managedFields"));
    assert_eq!(
        printer("jsonpath={.items[*].metadata.name}")
            .print_list(&[alice(), alice()])
            .unwrap(),
        "alice alice"
    );
    assert_eq!(
        printer("name")
            .print_list(&[alice(), json!({"kind": "Pod", "apiVersion": "v1"})])
            .unwrap(),
        "session.streaming.platform/alice\npod/<unknown>\n"
    );
    assert_eq!(printer("name").print_list(&[]).unwrap(), "");
    assert_eq!(
        printer("custom-columns=N:.metadata.name")
            .print_list(&[])
            .unwrap(),
        "N\n"
    );
}

#[test]
fn documents_one_after_the_other_are_kept_apart() {
    let mut yaml = printer("yaml");
    let first = yaml.print_object(&alice()).unwrap();
    assert_eq!(
        yaml.print_object(&alice()).unwrap(),
        format!("---\n{first}")
    );
    let mut json = printer("json");
    assert_eq!(
        json.print_object(&alice()).unwrap(),
        json.print_object(&alice()).unwrap()
    );
}
