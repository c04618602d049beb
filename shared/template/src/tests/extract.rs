//! Tests of the extraction of literal Secret values.

use super::super::extract::*;
use super::super::source::Source;

fn extract(text: &str) -> ExtractedSecrets {
    extract_secret_literals(&Source::new("a.yaml", text).unwrap()).unwrap()
}

const HEAD: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";

#[test]
fn every_way_to_write_a_value_is_moved_and_nothing_else_changes() {
    for (written, left) in [
        (
            "stringData:\n  pw: hunter2 # mine\n",
            "stringData:\n  pw: \"${SECRET_PW}\"\n",
        ),
        (
            "stringData: {pw: hunter2, x: }\n",
            "stringData: {pw: \"${SECRET_PW}\", x: }\n",
        ),
        (
            "stringData:\n  pw: 'hunter2'\n\n# end\n",
            "stringData:\n  pw: \"${SECRET_PW}\"\n\n",
        ),
        (
            "stringData:\n  pw: !!str \"hunter2\"\n",
            "stringData:\n  pw: !!str \"${SECRET_PW}\"\n",
        ),
        (
            "stringData:\n  pw: |\n    hunter2\n    x\n\n  q: |2-\n     y\n",
            "stringData:\n  pw: \"${SECRET_PW}\"\n\n  q: \"${SECRET_Q}\"\n",
        ),
        (
            "stringData:\n  \"p|w\": >+ # | no\n\n    hunter2\n\n\n",
            "stringData:\n  \"p|w\": \"${SECRET_P_W}\"\n\n\n",
        ),
        (
            "stringData:\n  pw: hunter2\n    x\n",
            "stringData:\n  pw: \"${SECRET_PW}\"\n",
        ),
        (
            "data:\n  pw: aHVudGVyMg==\r\n",
            "data:\n  pw: \"${SECRET_PW}\"\r\n",
        ),
        (
            "stringData: {a: &x s, b: *x}\n",
            "stringData: {a: &x \"${SECRET_A}\", b: *x}\n",
        ),
        (
            "stringData: {a-b: s, a.b: t}\n",
            "stringData: {a-b: \"${SECRET_A_B}\", a.b: \"${SECRET_A_B_2}\"}\n",
        ),
    ] {
        let extracted = extract(&format!("{HEAD}{written}"));
        assert_eq!(extracted.text, format!("{HEAD}{left}"));
        assert!(!extracted.values.is_empty() && !format!("{extracted:?}").contains("hunter2"));
    }
}

#[test]
fn placeholders_stay_and_what_stands_around_them_goes() {
    let extracted = extract(&format!(
        "{HEAD}stringData:\n  url: postgres://u:pw@${{SESSION_ID}}:5432/${{DB}}\n  p: ${{P:-old}}\n"
    ));
    let left =
        "stringData:\n  url: \"${SECRET_URL}${SESSION_ID}${SECRET_URL_2}${DB}\"\n  p: \"${P}\"\n";
    assert_eq!(extracted.text, format!("{HEAD}{left}"));
    let values: Vec<_> = extracted
        .values
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        values,
        [
            ("P", "old"),
            ("SECRET_URL", "postgres://u:pw@"),
            ("SECRET_URL_2", ":5432/")
        ]
    );
}

#[test]
fn nothing_to_move_changes_nothing() {
    for text in [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {pw: x}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pw: \"${PW}\", q: }\n",
    ] {
        let extracted = extract(text);
        assert_eq!(extracted.text, text);
        assert!(extracted.values.is_empty());
    }
}

#[test]
fn a_secret_that_would_stay_readable_is_refused() {
    for (text, reason) in [
        (
            "stringData: {pw: &x s}\ntype: *x\n",
            "a.yaml:4:21: a Secret's value is used outside of data through an alias",
        ),
        (
            "stringData: {a: \"${P:-x}\", b: \"${P:-y}\"}\n",
            "a.yaml:4:32: placeholder P has different defaults",
        ),
    ] {
        let source = Source::new("a.yaml", format!("{HEAD}{text}")).unwrap();
        let error = extract_secret_literals(&source).unwrap_err().to_string();
        assert!(error.starts_with(reason), "{error}");
    }
}

#[test]
fn what_repeats_the_data_of_a_secret_goes_and_is_told() {
    let extracted = extract(
        "# head\napiVersion: v1\nkind: Secret\nmetadata:\n  name: a # its name\n  annotations:\n    \
         kubectl.kubernetes.io/last-applied-configuration: |\n      {\"stringData\":{\"pw\":\"hunter2\"}}\n    \
         note: it is hunter2\n    owner: me\nstringData:\n  # the old one was hunter1\n  pw: hunter2\ndata: {b: Y29ycmVjdA==}\n\
         # ends here\n---\napiVersion: v1 # stays\nkind: ConfigMap\nmetadata: {name: b} # hunter2 too\n\
         data: {a: \"# no comment\"} # not correct\n# stays\n",
    );
    assert_eq!(
        extracted.text,
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  annotations:\n    \
         kubectl.kubernetes.io/last-applied-configuration: \"\"\n    note: \"\"\n    owner: me\nstringData:\n  \
         pw: \"${SECRET_PW}\"\ndata: {b: \"${SECRET_B}\"}\n---\napiVersion: v1 # stays\nkind: ConfigMap\n\
         metadata: {name: b}\ndata: {a: \"# no comment\"}\n# stays\n"
    );
    let dropped: Vec<String> = extracted.removed.iter().map(ToString::to_string).collect();
    assert_eq!(
        dropped,
        [
            "a.yaml:8:7: annotation kubectl.kubernetes.io/last-applied-configuration of Secret \"a\" is removed, because it may contain the Secret's data",
            "a.yaml:9:11: annotation note of Secret \"a\" is removed, because it may contain the Secret's data",
            "a.yaml:1:1: a comment beside a Secret is removed",
            "a.yaml:5:11: a comment beside a Secret is removed",
            "a.yaml:12:3: a comment beside a Secret is removed",
            "a.yaml:15:1: a comment beside a Secret is removed",
            "a.yaml:19:21: a comment with the value of a Secret is removed",
            "a.yaml:20:27: a comment with the value of a Secret is removed",
        ]
    );
}

#[test]
fn lists_json_and_documents_behind_others_hide_no_secret() {
    for (text, left) in [
        (
            r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"pw": "hunter2"}}]}"#,
            r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"pw": "${SECRET_PW}"}}]}"#,
        ),
        (
            "apiVersion: v1\nkind: List\nitems: # of all\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n  data: {pw: aHVudGVyMg==} # hunter2\n",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: a}\n  data: {pw: \"${SECRET_PW}\"}\n",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n# hunter2\n---\n# of the Secret\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pw: {deeper: hunter2}}\n",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pw: {deeper: \"${SECRET_DEEPER}\"}}\n",
        ),
    ] {
        assert_eq!(extract(text).text, left);
    }
}

#[test]
fn many_comments_beside_many_secrets_are_read_soon() {
    let secrets: String = (0..6_000)
        .map(|at| format!("  k{at}: value{at}\n"))
        .collect();
    let comments: String = (0..30_000)
        .map(|at| format!("# {at} is no value\n"))
        .collect();
    let text = format!(
        "{HEAD}stringData:\n{secrets}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: b}}\n{comments}data: {{a: b}}\n"
    );
    let began = std::time::Instant::now();
    assert_eq!(extract(&text).values.len(), 6_000);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}
