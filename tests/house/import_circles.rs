//! Circles of imports among the files of one crate: files that can only be read together.
//!
//! A file imports another one if its code, tests apart, names it in a `use` or in a path from `crate`, `super`, `self` or one of
//! its own modules. A re-export (`pub use`) is an import only if the file itself uses the name; a name that is imported from a
//! re-export is an import of the file that has it.

use std::collections::BTreeMap;

/// Re-exports that are followed from one file to the next.
const REEXPORTS_MAX: usize = 4;

/// Files of a crate by their module path; each with its name for messages, and its code.
pub(super) type Crate = BTreeMap<Vec<String>, (String, String)>;

/// The imports of each file.
type Imports = BTreeMap<Vec<String>, Vec<Import>>;

/// The files that each file imports.
type Targets = BTreeMap<Vec<String>, Vec<Vec<String>>>;

/// A name that a file imports.
struct Import {
    path: Vec<String>,
    is_reexport: bool,
}

/// Returns the module path of a file below `src/`: `a/b.rs` and `a/b/mod.rs` are `a::b`, `lib.rs` is the root.
pub(super) fn module_path(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs");
    let mut path: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib")) {
        path.pop();
    }
    path
}

/// Returns the files of a circle in the order of their imports, the first one again at the end.
pub(super) fn find_circle(files: &Crate) -> Option<Vec<String>> {
    let imports: Imports = files
        .iter()
        .map(|(module, (_, code))| {
            let inner = children(files, module);
            (module.clone(), imports_of(code, &inner))
        })
        .collect();
    let targets: Targets = files
        .iter()
        .map(|(module, (_, code))| {
            let body = split_uses(code).1;
            let own = imports[module].iter();
            let used = own.filter(|import| {
                let name = import.path.last().map_or("", String::as_str);
                let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let mut words = body.split(|c| !is_word(c));
                !import.is_reexport || words.any(|word| word == name)
            });
            let found = used.filter_map(|import| resolve(files, &imports, module, &import.path, 0));
            let found = found.filter(|target| target != module);
            (module.clone(), found.collect())
        })
        .collect();
    let mut done = Vec::new();
    let mut names = files
        .keys()
        .find_map(|start| visit(&targets, start, &mut Vec::new(), &mut done))?
        .into_iter()
        .map(|module| files[&module].0.clone())
        .collect::<Vec<_>>();
    names.push(names[0].clone());
    Some(names)
}

/// Follows the imports of `module` in depth; returns the circle that a path from it runs into.
fn visit(
    targets: &Targets,
    module: &[String],
    path: &mut Vec<Vec<String>>,
    done: &mut Vec<Vec<String>>,
) -> Option<Vec<Vec<String>>> {
    if let Some(start) = path.iter().position(|passed| passed == module) {
        return Some(path[start..].to_vec());
    }
    if done.iter().any(|passed| passed == module) {
        return None;
    }
    path.push(module.to_vec());
    let mut all = targets[module].iter();
    let found = all.find_map(|target| visit(targets, target, path, done));
    path.pop();
    done.push(module.to_vec());
    found
}

/// Returns the file that a path of `module` leads to; `None` for other crates and for the file's own items.
fn resolve(
    files: &Crate,
    imports: &Imports,
    module: &[String],
    path: &[String],
    depth: usize,
) -> Option<Vec<String>> {
    let supers = path.iter().take_while(|word| *word == "super").count();
    let (mut at, mut rest) = match path.first()?.as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (module.to_vec(), &path[1..]),
        "super" => (
            module[..module.len().checked_sub(supers)?].to_vec(),
            &path[supers..],
        ),
        _ => (module.to_vec(), path),
    };
    let first = rest.first()?.clone();
    let is_named = matches!(path[0].as_str(), "crate" | "self" | "super");
    if !is_named && !files.contains_key(&[at.clone(), vec![first]].concat()) {
        return None;
    }
    while let Some((word, more)) = rest.split_first() {
        let inner = [at.clone(), vec![word.clone()]].concat();
        if !files.contains_key(&inner) {
            break;
        }
        (at, rest) = (inner, more);
    }
    if !files.contains_key(&at) {
        return None;
    }
    if let Some(name) = rest.first().filter(|_| depth < REEXPORTS_MAX) {
        let mut passed_on = imports[&at].iter();
        let source = passed_on
            .find(|import| import.is_reexport && import.path.last() == Some(name))
            .and_then(|import| resolve(files, imports, &at, &import.path, depth + 1));
        return Some(source.unwrap_or(at));
    }
    Some(at)
}

fn children(files: &Crate, module: &[String]) -> Vec<String> {
    let inner = files
        .keys()
        .filter(|other| other.len() == module.len() + 1 && other.starts_with(module));
    inner.filter_map(|other| other.last().cloned()).collect()
}

/// Returns the names that code imports: those of its `use` items, and its paths from `crate`, `super`, `self` or a child.
fn imports_of(code: &str, children: &[String]) -> Vec<Import> {
    let (uses, body) = split_uses(code);
    let mut found: Vec<Import> = Vec::new();
    for (tree, is_reexport) in uses {
        found.extend(use_paths(&tree).into_iter().map(|text| {
            Import {
                path: text
                    .split("::")
                    .map(|word| word.trim().to_owned())
                    .collect(),
                is_reexport,
            }
        }));
    }
    let starts = ["crate", "super", "self"].into_iter();
    for start in starts.chain(children.iter().map(String::as_str)) {
        for (at, _) in body.match_indices(&format!("{start}::")) {
            let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            if body[..at].ends_with(is_inside) {
                continue;
            }
            let text = body[at..]
                .split(|c| !is_inside(c))
                .next()
                .unwrap_or_default();
            let words = text.split("::").filter(|word| !word.is_empty());
            found.push(Import {
                path: words.map(str::to_owned).collect(),
                is_reexport: false,
            });
        }
    }
    found
}

/// Splits code into the trees of its `use` items, true for a re-export, and the rest.
fn split_uses(code: &str) -> (Vec<(String, bool)>, String) {
    let (mut uses, mut body) = (Vec::new(), String::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let item = line.trim_start();
        let (visibility, rest) = match item.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => rest.split_once(") ").unwrap_or(("", rest)),
            Some(rest) => ("pub", rest.trim_start()),
            None => ("", item),
        };
        let Some(first) = rest.strip_prefix("use ") else {
            body.push_str(line);
            body.push('\n');
            continue;
        };
        let mut tree = first.to_owned();
        while !tree.contains(';') {
            let Some(more) = lines.next() else { break };
            tree.push_str(more.trim());
        }
        let tree = tree.split(';').next().unwrap_or_default().to_owned();
        uses.push((tree, !visibility.is_empty()));
    }
    (uses, body)
}

/// Returns the paths of a `use` tree: `a::{b, c::D}` are `a::b` and `a::c::D`.
fn use_paths(tree: &str) -> Vec<String> {
    let Some((start, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.trim().to_owned()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("a part is there").push(c);
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts
        .flat_map(|part| use_paths(part))
        .map(|path| format!("{}{path}", start.trim()))
        .collect()
}

fn made_up(files: &[(&str, &str)]) -> Crate {
    let file =
        |(name, code): &(&str, &str)| (module_path(name), ((*name).to_owned(), (*code).to_owned()));
    files.iter().map(file).collect()
}

#[test]
fn a_circle_is_found_and_named() {
    let lib = ("lib.rs", "mod a;\nmod b;\npub use b::{B, other::C};");
    let a = ("a.rs", "use crate::B;");
    let b = (
        "b.rs",
        "use super::{\n    c::D,\n    a::{self, A as E},\n};",
    );
    let circle = find_circle(&made_up(&[lib, a, b, ("c.rs", "")]));
    assert_eq!(circle.unwrap(), ["a.rs", "b.rs", "a.rs"]);
    // A path in code counts as an import does; a façade that uses what it re-exports is part of the circle.
    let lib = ("lib.rs", "pub use a::A;\nstruct B(A);");
    let a = ("a/mod.rs", "fn f(b: &crate::B) {}");
    let circle = find_circle(&made_up(&[lib, a]));
    assert_eq!(circle.unwrap(), ["lib.rs", "a/mod.rs", "lib.rs"]);
    let lib = ("lib.rs", "fn main() { a::run() }\nfn helper() {}");
    let a = ("a.rs", "fn run() { super::helper() }");
    assert!(find_circle(&made_up(&[lib, a])).is_some());
}

#[test]
fn a_chain_and_a_facade_are_no_circles() {
    let lib = (
        "lib.rs",
        "mod a;\nmod b;\npub use a::A;\npub(crate) use b::B;",
    );
    let a = ("a.rs", "use crate::B;\nuse std::fmt;");
    let b = (
        "b.rs",
        "use anyhow::Result;\nuse a::X;\nuse self::inner::C;",
    );
    let inner = ("b/inner.rs", "");
    assert_eq!(find_circle(&made_up(&[lib, a, b, inner])), None);
}
