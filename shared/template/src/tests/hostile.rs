//! Tests with malformed and hostile input, and the expected errors.

use std::time::{Duration, Instant};

use super::super::{Manifest, Source};
use super::fails;
use session_model::failure::ErrorWithHint;

macro_rules! fixture {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../../../tests/fixtures/hostile/", $name)).as_slice(),
        )
    };
}

fn parse(name: &str, bytes: &[u8]) -> anyhow::Result<Manifest> {
    Manifest::parse(&Source::from_bytes(name, bytes)?)
}

/// Files and their expected errors.
const BAD: &[((&str, &[u8]), &str)] = &[
    (
        fixture!("alias-bomb.yaml"),
        "alias-bomb.yaml:11:10: more than 100000 values, aliases expanded",
    ),
    (
        fixture!("duplicate-keys.yaml"),
        "duplicate-keys.yaml:8:3: duplicate key \"a\"",
    ),
    (
        fixture!("merge-keys.yaml"),
        "merge-keys.yaml:8:3: merge keys (\"<<\") are not supported: repeat the fields",
    ),
    (
        fixture!("helm.yaml"),
        "helm.yaml:5:9: \"{{ }}\" is a placeholder of Helm, Jinja or Tera, which must be rendered first",
    ),
    (
        fixture!("helm-quoted.yaml"),
        "helm-quoted.yaml:4:9: \"{{ }}\" is a placeholder of Helm, Jinja or Tera, which must be rendered first",
    ),
    (
        fixture!("tera.yaml"),
        "tera.yaml:6:1: \"{% %}\" is a placeholder of Helm, Jinja or Tera, which must be rendered first",
    ),
    (fixture!("not-utf-8.yaml"), "not-utf-8.yaml:6:9: not UTF-8"),
    (
        fixture!("key-placeholder.yaml"),
        "key-placeholder.yaml:6:3: placeholder in key \"${KEY}\": placeholders are allowed only in values",
    ),
    (
        fixture!("unterminated.yaml"),
        "2 problems\n  unterminated.yaml:6:8: unterminated placeholder \"${NAME-y\"\n  unterminated.yaml:8:6: unterminated placeholder \"${OTHER\"",
    ),
    (
        fixture!("nested.yaml"),
        "nested.yaml:6:7: placeholder A has another placeholder in its default",
    ),
    (
        fixture!("bad-names.yaml"),
        "3 problems\n  bad-names.yaml:6:6: invalid placeholder \"${user-id}\": must be a name of letters, digits and \"_\", followed by \"}\" or \":-\"\n  bad-names.yaml:7:6: invalid placeholder \"${1A}\": must be a name of letters, digits and \"_\", followed by \"}\" or \":-\"\n  bad-names.yaml:7:16: invalid placeholder \"${}\": must be a name of letters, digits and \"_\", followed by \"}\" or \":-\"",
    ),
    (
        fixture!("flow-map.yaml"),
        "2 problems\n  flow-map.yaml:4:9: \"{user-id}\" is a placeholder of another tool\n  flow-map.yaml:6:11: \"{user-id}\" is a placeholder of another tool",
    ),
    (
        fixture!("tags.yaml"),
        "tags.yaml:6:15: tag \"!!binary\" is not supported",
    ),
    (
        fixture!("no-kind.yaml"),
        "no-kind.yaml:1:1: object has no kind",
    ),
    (
        fixture!("no-name.yaml"),
        "2 problems\n  no-name.yaml:1:1: Pod has generateName, but objects of a session must have metadata.name\n  no-name.yaml:6:1: Pod has no metadata.name",
    ),
    (
        fixture!("not-an-object.yaml"),
        "not-an-object.yaml:1:1: a document must be an object with apiVersion, kind and metadata",
    ),
    (
        fixture!("only-comments.yaml"),
        "only-comments.yaml: manifest contains no objects",
    ),
];

#[test]
fn every_bad_file_is_refused_with_its_place() {
    for ((name, bytes), wanted) in BAD {
        assert_eq!(fails(parse(name, bytes)), *wanted);
    }
}

#[test]
fn the_way_out_is_told() {
    for ((name, bytes), wanted) in [
        (
            fixture!("flow-map.yaml"),
            "replace the placeholder: --replace '{user-id}=${USER_ID}'",
        ),
        (
            fixture!("nested.yaml"),
            "write $${...} for a literal ${...}",
        ),
        (
            fixture!("helm.yaml"),
            "pipe in the rendered text, for example: helm template CHART | kubectl session create NAME -f -",
        ),
    ] {
        let error = parse(name, bytes).unwrap_err();
        assert_eq!(
            error
                .downcast_ref::<ErrorWithHint>()
                .map(|hinted| hinted.hint.as_str()),
            Some(wanted),
            "{name}"
        );
    }
}

#[test]
fn what_is_too_much_is_refused_soon() {
    let began = Instant::now();
    let deep = format!("a: {}", "[".repeat(10_000));
    let block: String = (0..5_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth.min(200))))
        .collect();
    let long = "x".repeat(200_000);
    let repeated: String = (0..50).map(|at| format!("  k{at}: *x\n")).collect();
    for (text, wanted) in [
        (deep, ""),
        (block, ""),
        (
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  a: &x {long}\n{repeated}"
            ),
            "more than 4194304 bytes, aliases expanded",
        ),
        (
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: [{}]\n",
                "a,".repeat(100_001)
            ),
            "more than 100000 values",
        ),
        ("a: &a [*a]".to_owned(), "alias inside its own anchor"),
    ] {
        let error = fails(parse("a.yaml", text.as_bytes()));
        assert!(error.contains(wanted), "{error}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

/// Long texts that would take quadratic time in a naive parser.
fn long_texts() -> Vec<(&'static str, String)> {
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n";
    let object =
        |at: usize| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a{at}}}\n---\n");
    let many =
        |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let names = many(30_000, &|at| format!("${{A{at}}}"));
    let keys = many(12_000, &|at| format!("  k{at}: ${{A{at}}}\n"));
    let secrets = many(15_000, &|at| format!("  k{at}: v{at}\n"));
    vec![
        (
            "open",
            format!("{head}  a: |\n    {}", "${A".repeat(100_000)),
        ),
        (
            "open defaults",
            format!("{head}  a: |\n    {}}}", "${A:-".repeat(70_000)),
        ),
        (
            "bad names",
            format!("{head}  a: |\n    {}", "${}".repeat(100_000)),
        ),
        (
            "braces",
            format!("{head}b: |\n    {}}}", "{".repeat(1_000_000)),
        ),
        (
            "places",
            format!("{head}  a: |\n{}", "    ${A}\n".repeat(40_000)),
        ),
        ("names", format!("{head}  a: {names}")),
        ("keys", format!("{head}{keys}")),
        ("secrets", format!("{secret}{secrets}")),
        ("objects", many(5_000, &object)),
    ]
}

#[test]
fn what_is_hostile_to_a_careless_reader_is_read_soon() {
    for (name, text) in long_texts() {
        let source = Source::new("a.yaml", text).unwrap();
        let began = Instant::now();
        drop(super::super::lint::lint_source(&source));
        drop(super::super::extract_secret_literals(&source));
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{name}: {:?}",
            began.elapsed()
        );
    }
}

#[test]
fn a_long_value_in_many_places_is_refused() {
    let places: String = (0..100).map(|at| format!("  k{at}: ${{V}}\n")).collect();
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{places}");
    let error = fails(super::render(&text, &[("V", &"x".repeat(60_000))]));
    assert_eq!(error, "a.yaml: manifest renders to more than 4194304 bytes");
    let error = fails(super::render(&text, &[("V", &"x".repeat(70_000))]));
    assert_eq!(
        error,
        "parameter V: the value must have at most 65536 bytes, but has 70000"
    );
}

#[test]
fn a_value_that_is_repeated_is_not_made() {
    // 196 kB that expand to 3.1 GB.
    let text = |key: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  {key}: \"{}\"\n",
            "${V}".repeat(9_000)
        )
    };
    let error = fails(super::render(&text("a"), &[("V", &"x".repeat(64 << 10))]));
    assert_eq!(
        error,
        "a.yaml:5:6: the value has more than 1048576 bytes after replacing its parameters"
    );
    let many = text("a") + &format!("  b: {}\n", "${W}".repeat(1_001));
    for (name, text) in [
        ("placeholders", many),
        (
            "aliases",
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  a: &a \"{}\"\n  b: *a\n",
                "${V}".repeat(5_001)
            ),
        ),
    ] {
        let error = fails(parse("a.yaml", text.as_bytes()));
        assert!(
            error.ends_with("more than 10000 placeholders, aliases expanded"),
            "{name}: {error}"
        );
    }
    // Each placeholder is stored with its location and the kind of its object.
    let key = fails(parse(
        "a.yaml",
        format!("? {}\n: 1\n", "x".repeat(2_000)).as_bytes(),
    ));
    assert!(key.ends_with("a key must have at most 1024 bytes"), "{key}");
    let kind = format!(
        "apiVersion: v1\nkind: {}\nmetadata: {{name: a}}\n",
        "x".repeat(2_000)
    );
    let kind = fails(parse("a.yaml", kind.as_bytes()));
    assert_eq!(kind, "a.yaml:2:7: kind must have at most 253 characters");
}

#[test]
fn a_deep_path_is_shown_by_its_end() {
    let steps = vec![super::super::path_step::PathStep::Key("0123456789"); 100];
    let shown = super::super::path_step::json_pointer(&steps);
    assert!(
        shown.len() <= 210 && shown.starts_with("/.../0123456789"),
        "{shown}"
    );
}

#[test]
fn quotes_are_recommended_where_yaml_wants_them() {
    let error = parse("a.yaml", b"a: [${A}]").unwrap_err();
    assert!(
        error
            .downcast_ref::<ErrorWithHint>()
            .is_some_and(|hinted| hinted.hint.contains("quote the placeholder"))
    );
}
