//! Test that the built-in templates render what the documents of their platforms have: `fields/TEMPLATE.txt` is a table with a
//! row for each field.
//!
//! ```text
//! # KIND/NAME  PATH  VALUE  IDS            columns are two or more spaces apart
//! Pod/lab-session-alice-001  spec.restartPolicy  Never  D25
//! render --preset large --set IMAGE=localhost/a:1     the rows below are of this rendering, and of no rows above; secrets by --secret
//! ```
//!
//! The session is `alice-001` of user alice@example.com in namespace labs. PATH: keys with dots between; `[x]` is the item of a
//! list whose `name` (or `key`, `host`) is x, its number, or a key that contains dots. VALUE: JSON, else text; `(absent)` for a field that
//! must not exist, with the PATH `.` for an object that must not. `SessionTemplate/NAME` is the template itself. IDS are those of the requirements.

use serde_json::Value;

use super::super::{Manifest, Parameters, Source, TemplateFile, ValueLayers, builtin_templates};
use super::map;

/// Templates of no platform, which need no table.
const WITHOUT_TABLE: &[&str] = &["shell"];

/// A row of a table.
struct Row<'t> {
    line: usize,
    object: &'t str,
    path: &'t str,
    value: &'t str,
}

#[test]
fn every_template_renders_the_fields_of_its_table() {
    let mut wrong = Vec::new();
    for (name, text) in builtin_templates() {
        match read_table(name) {
            Ok(table) => wrong.extend(check_template(name, text, &table)),
            Err(_) if WITHOUT_TABLE.contains(name) => {}
            Err(error) => wrong.push(format!("{name}: no table: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn check_template(name: &str, text: &str, table: &str) -> Vec<String> {
    let source = Source::new(format!("{name}.yaml"), text).unwrap();
    let file = TemplateFile::parse(&source).unwrap().remove(0);
    check_table(name, table, &|flags| render(&file, flags))
}

/// Returns the text of a table.
pub(super) fn read_table(name: &str) -> std::io::Result<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/fields");
    std::fs::read_to_string(folder.join(format!("{name}.txt")))
}

/// Returns a line for each row of a table that does not hold. `render` returns the objects for the flags of a `render` line.
pub(super) fn check_table(
    name: &str,
    table: &str,
    render: &dyn Fn(&str) -> Vec<Value>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut flags = "";
    let mut objects = None;
    for (index, line) in table.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(words) = line.strip_prefix("render ") {
            (flags, objects) = (words, None);
            continue;
        }
        let cells: Vec<&str> = line
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect();
        let [object, path, value, ids] = cells[..] else {
            wrong.push(format!(
                "{name}.txt:{}: not four columns: {line}",
                index + 1
            ));
            continue;
        };
        assert!(
            ids.split(' ').all(is_id),
            "{name}.txt:{}: no id: {ids}",
            index + 1
        );
        let row = Row {
            line: index + 1,
            object,
            path,
            value,
        };
        let objects = objects.get_or_insert_with(|| render(flags));
        if let Err(found) = check_row(&row, objects) {
            wrong.push(format!(
                "{name}.txt:{}: {object} {path}: {value} expected, {found}",
                row.line
            ));
        }
    }
    wrong
}

/// Returns true for the id of a requirement (S13) or a decision (16).
fn is_id(id: &str) -> bool {
    let digits = id.strip_prefix(['N', 'S', 'G', 'D', 'P']).unwrap_or(id);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Renders the template with the flags of a `render` line, and returns its objects and itself.
fn render(file: &TemplateFile, flags: &str) -> Vec<Value> {
    let (mut set, mut secrets) = (Vec::new(), Vec::new());
    let (mut preset, mut identity) = (None, super::identity("alice-001"));
    let mut words = flags.split_whitespace();
    while let Some(flag) = words.next() {
        let value = words.next().unwrap();
        match flag {
            "--set" => set.push(value.split_once('=').unwrap()),
            "--secret" => secrets.push(value.split_once('=').unwrap()),
            "--preset" => preset = Some(value),
            "--application" => identity.application = Some(value.parse().unwrap()),
            _ => panic!("unknown flag {flag}"),
        }
    }
    let manifest = Manifest::parse(&file.manifest).unwrap();
    let (set, secrets) = (map(&set), map(&secrets));
    let given = ValueLayers {
        flags: &set,
        files: &secrets,
        preset,
        presets: &file.presets,
        ..ValueLayers::default()
    };
    let mut values = Parameters::merge(&file.parameters, &manifest)
        .unwrap()
        .resolve(identity, &given)
        .unwrap();
    values.generate_missing_secrets().unwrap();
    let rendered = manifest.render(&values).unwrap();
    manifest.check_namespace(&rendered, "labs").unwrap();
    let mut objects = rendered.into_objects();
    objects.push(file.object.clone());
    objects
}

fn check_row(row: &Row<'_>, objects: &[Value]) -> Result<(), String> {
    let named = |object: &&Value| {
        let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!(
            "{}/{}",
            part(&object["kind"]),
            part(&object["metadata"]["name"])
        ) == row.object
    };
    let object = objects.iter().find(named);
    let found = match row.path {
        "." => object,
        path => find(object.ok_or("no such object")?, path),
    };
    if row.value == "(absent)" {
        return found.map_or(Ok(()), |found| Err(format!("{found} found")));
    }
    let expected: Value = serde_json::from_str(row.value).unwrap_or_else(|_| row.value.into());
    match found {
        Some(found) if *found == expected => Ok(()),
        Some(found) => Err(format!("{found} found")),
        None => Err("no such field".to_owned()),
    }
}

/// Returns the field at a path of a table.
fn find<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    let mut place = object;
    let mut rest = path;
    while !rest.is_empty() {
        let step;
        (step, rest) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']')?,
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        rest = rest.strip_prefix('.').unwrap_or(rest);
        place = match place {
            Value::Array(items) => find_item(items, step)?,
            _ => place.get(step)?,
        };
    }
    Some(place)
}

fn find_item<'v>(items: &'v [Value], step: &str) -> Option<&'v Value> {
    let is_named = |item: &&Value| {
        ["name", "key", "host"]
            .iter()
            .any(|key| item.get(key).and_then(Value::as_str) == Some(step))
    };
    let named = items.iter().find(is_named);
    named.or_else(|| items.get(step.parse::<usize>().ok()?))
}

#[test]
fn a_table_finds_what_is_wrong() {
    let (name, text) = builtin_templates()[1];
    let table = "Pod/nvim-web-session-alice-001  spec.restartPolicy  Always  N20\n\
        Pod/other  spec  (absent)  N20\n\
        Pod/nvim-web-session-alice-001  spec.containers[nvim-web].image  (absent)  N20\n\
        Pod/nvim-web-session-alice-001  spec.containers[other].image  x  N20\n\
        three columns  only  here\n\
        Pod/nvim-web-session-alice-001  spec.containers[0].ports[ws].containerPort  9001  N20\n\
        render --set WS_PORT=9002\n\
        Pod/nvim-web-session-alice-001  spec.containers[0].ports[ws].containerPort  9001  N20\n";
    let wrong = check_template(name, text, table);
    let lines: Vec<&str> = wrong
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            "nvim.txt:1:",
            "nvim.txt:2:",
            "nvim.txt:3:",
            "nvim.txt:4:",
            "nvim.txt:5:",
            "nvim.txt:8:"
        ]
    );
}
