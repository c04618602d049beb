//! The architecture itself: which room may use which, and what every verb must have.
//!
//! Nothing else enforces these rules. A rule that is broken on purpose gets its exemption here, by name and with its reason.
//!
//! Long because every rule of the house stands here.

#![allow(
    clippy::expect_used,
    reason = "a test may fail loudly, its helpers too"
)]

#[path = "house/args_destructuring.rs"]
mod args_destructuring;
#[path = "house/import_circles.rs"]
mod import_circles;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Crates of `shared/`, and which of them each may use. Cargo keeps what the manifests say; this keeps the manifests.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("template", &["model"]),
    ("engine", &["model", "template"]),
    // Only what is not about sessions: names, failures, progress, references to objects.
    ("client", &["model"]),
    ("ops", &["model", "template", "engine", "client"]),
    ("cli", &["model", "template", "engine", "client", "ops"]),
];

/// Crates that a crate of `shared/` must stay without: pure code has no runtime, and only `cli` reads a command line or prints.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("model", &["tokio", "clap", "futures"]),
    ("template", &["tokio", "clap", "futures", "kube"]),
    ("engine", &["tokio", "clap", "futures", "kube"]),
    ("client", &["clap", "tabled", "indicatif"]),
    ("ops", &["clap", "tabled", "indicatif", "kube"]),
    ("cli", &["kube", "hyper"]),
];

/// Words that say nothing about what a file holds.
const NAMELESS: &[&str] = &[
    "utils", "util", "common", "helpers", "helper", "manager", "misc",
];

/// Reads of an object that are not to become an empty text, which a selector, a request or a comparison would take for a value.
const EMPTY_READS: &[&str] = &[
    ".as_str()",
    ".uid()",
    ".namespace()",
    ".resource_version()",
    "metadata.name.as_deref()",
    "metadata.name.clone()",
    "metadata.uid.as_deref()",
    "metadata.uid.clone()",
];

/// Files that may read an empty text, because the API means it.
const MAY_READ_EMPTY: &[&str] = &[
    // A list without `continue` is the last page, and one without version is watched from its beginning.
    "client/src/list_page.rs",
    // A Status may lack each part, which a Failure says with an empty text.
    "client/src/failure_of_response.rs",
    // A user may lack each part, and the next reader compares none of them.
    "client/src/caller_identity.rs",
];

/// Lines after which a file has to be split, or to say why not.
const LONG: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                files(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(&root().join(folder), &mut found);
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(!found.is_empty(), "{folder} has no source files");
    found
        .into_iter()
        .map(|path| {
            (
                path.clone(),
                fs::read_to_string(path).expect("a source file is text"),
            )
        })
        .collect()
}

/// The code of a file: no comments, and no items under `#[cfg(test)]`.
fn code(text: &str) -> String {
    let mut lines = text.lines();
    let mut code = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" || line.trim().starts_with("#[cfg(all(test,") {
            let indent = line.len() - line.trim_start().len();
            // A declaration ends on its line, a block where a brace stands as deep as the attribute.
            let ends = |line: &str| {
                line.len() - line.trim_start().len() == indent
                    && (line.ends_with(';') || line.trim_end_matches([',', ';']).ends_with('}'))
            };
            let _skipped = lines.by_ref().find(|line| ends(line));
        } else if !line.trim_start().starts_with("//") {
            code.push(line);
        }
    }
    code.join("\n")
}

fn is_test_file(path: &Path) -> bool {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.components().any(|part| part.as_os_str() == "tests")
        || path.to_string_lossy().ends_with("tests.rs")
}

/// Words that follow `prefix` in `text`, up to the first character that no name has.
fn words_after<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).map(move |(at, _)| {
        let rest = &text[at + prefix.len()..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        &rest[..end]
    })
}

/// Names of the dependencies of a manifest, without those of tests.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(manifest)).expect("a crate has a manifest");
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]") && !line.contains("dev-");
        } else if let Some((name, _)) = line.split_once('.').filter(|_| inside) {
            names.insert(name.to_owned());
        }
    }
    assert!(!names.is_empty(), "{manifest} has no dependencies");
    names
}

#[test]
fn crates_use_only_crates_inside_them() {
    for (name, allowed) in ARROWS {
        let used = dependencies(&format!("shared/{name}/Cargo.toml"));
        let inner = used.iter().filter_map(|used| used.strip_prefix("session-"));
        for used in inner {
            assert!(
                allowed.contains(&used),
                "session-{name} uses session-{used}"
            );
        }
        let (_, forbidden) = FORBIDDEN
            .iter()
            .find(|(of, _)| of == name)
            .expect("every crate has a row");
        for other in *forbidden {
            assert!(!used.contains(*other), "session-{name} uses {other}");
        }
    }
    let crates = fs::read_dir(root().join("shared")).expect("shared/ is there");
    let crates = crates
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").is_file());
    assert_eq!(crates.count(), ARROWS.len());
}

/// Folders of `shared/` and `plugins/` that are crates.
fn crates() -> Vec<String> {
    let folders = ["shared", "plugins"].into_iter().flat_map(|folder| {
        let entries = fs::read_dir(root().join(folder)).expect("the folder is there");
        entries
            .flatten()
            .map(move |entry| format!("{folder}/{}", entry.file_name().to_string_lossy()))
    });
    let is_crate = |folder: &String| root().join(folder).join("Cargo.toml").is_file();
    let mut found: Vec<String> = folders.filter(is_crate).collect();
    found.sort();
    found
}

/// Files that import each other can only be read together.
#[test]
fn files_of_a_crate_import_each_other_in_one_direction() {
    let mut circles = Vec::new();
    for folder in crates() {
        let source = root().join(&folder).join("src");
        let files: import_circles::Crate = sources(&format!("{folder}/src"))
            .into_iter()
            .filter(|(path, _)| !is_test_file(path) && !path.ends_with("main.rs"))
            .map(|(path, text)| {
                let file = path.strip_prefix(&source).expect("a file below src/");
                let file = file.to_string_lossy().replace('\\', "/");
                (import_circles::module_path(&file), (file, code(&text)))
            })
            .collect();
        assert!(!files.is_empty(), "{folder} has no source files");
        let circle = import_circles::find_circle(&files);
        circles.extend(circle.map(|files| format!("{folder}: {}", files.join(" imports "))));
    }
    assert!(
        crates().len() > ARROWS.len() && circles.is_empty(),
        "{circles:#?}"
    );
}

/// The client could be anybody's: a plugin of another kind needs what it does, too.
#[test]
fn the_client_knows_no_session() {
    for (path, text) in sources("shared/client/src") {
        if is_test_file(&path) {
            continue;
        }
        for used in words_after(&code(&text), "session_model::") {
            assert!(
                !["api", "labels", "local_state"].contains(&used),
                "{} uses session_model::{used}",
                path.display()
            );
        }
    }
}

#[test]
fn only_the_client_sends_requests() {
    for folder in ["model", "template", "engine", "ops", "cli"] {
        for (path, text) in sources(&format!("shared/{folder}/src")) {
            let sends = code(&text).contains("hyper::") || code(&text).contains("http::Request");
            assert!(!sends, "{} sends requests", path.display());
        }
    }
}

#[test]
fn code_after_a_test_item_is_looked_at() {
    let text = "a\n#[cfg(test)]\nmod tests;\nb\n#[cfg(test)]\nmod tests {\n    x\n}\nc\n    // d\n";
    assert_eq!(code(text), "a\nb\nc");
}

/// Text for other programs has one encoder a format: a second one would forget what the first has learnt.
#[test]
fn words_of_a_shell_are_quoted_in_one_room() {
    let sources = ["shared", "plugins"].into_iter().flat_map(sources);
    for (path, text) in sources {
        if path.starts_with(root().join("shared/model/src/encode")) {
            continue;
        }
        let quotes = code(&text).contains(r##"r"'\''""##);
        assert!(!quotes, "{} quotes words of a shell", path.display());
    }
}

fn verbs() -> Vec<String> {
    let entries = fs::read_dir(root().join("plugins")).expect("plugins/ is there");
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    // The umbrella is the only crate that may import verbs, and has none of its own folder's shape.
    names.retain(|name| name != "session");
    names.sort();
    names
}

#[test]
fn verbs_import_neither_verbs_nor_kube() {
    for verb in verbs() {
        let manifest = fs::read_to_string(root().join(format!("plugins/{verb}/Cargo.toml")))
            .expect("a verb has a manifest");
        let dependencies = manifest
            .split("[dev-dependencies]")
            .next()
            .unwrap_or_default();
        for line in dependencies.lines() {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            assert!(
                !name.starts_with("kubectl-session-"),
                "plugins/{verb} imports {name}"
            );
            // `serve` drives kube's runtime as a controller.
            assert!(
                verb == "serve" || (name != "kube" && name != "k8s-openapi"),
                "plugins/{verb} imports {name}"
            );
        }
    }
}

#[test]
fn every_verb_has_its_parts() {
    assert!(!verbs().is_empty());
    for verb in verbs() {
        let folder = root().join(format!("plugins/{verb}"));
        for file in ["Cargo.toml", "src/main.rs", "src/lib.rs", "src/args.rs"] {
            assert!(
                folder.join(file).is_file(),
                "plugins/{verb}/{file} is missing"
            );
        }
        // A verb of subcommands has them in the folders of these.
        let mut found = Vec::new();
        files(&folder.join("src"), &mut found);
        let is_part = |file: &PathBuf| file.ends_with("intent.rs") || file.ends_with("plan.rs");
        assert!(
            found.iter().any(is_part),
            "plugins/{verb} has neither an intent.rs nor a plan.rs"
        );
        assert!(
            root().join(format!("tests/verbs/{verb}.rs")).is_file(),
            "tests/verbs/{verb}.rs is missing"
        );
        let args = fs::read_to_string(folder.join("src/args.rs")).expect("args.rs is text");
        let examples = args
            .lines()
            .filter(|line| {
                line.trim_start()
                    .starts_with(&format!("kubectl session {verb}"))
            })
            .count();
        assert!(
            examples >= 2,
            "the help of {verb} has {examples} examples, two are wanted"
        );
        let main = fs::read_to_string(folder.join("src/main.rs")).expect("main.rs is text");
        assert!(
            code(&main)
                .lines()
                .filter(|line| !line.trim().is_empty())
                .count()
                <= 6,
            "plugins/{verb}/src/main.rs is more than one call"
        );
    }
}

#[test]
fn flags_are_taken_apart_once_and_whole() {
    let mut faults = Vec::new();
    for verb in verbs() {
        let files: Vec<args_destructuring::File> = sources(&format!("plugins/{verb}/src"))
            .into_iter()
            .filter(|(path, _)| !is_test_file(path))
            .map(|(path, text)| (path.display().to_string(), code(&text)))
            .collect();
        let structs = args_destructuring::args_structs(&files);
        assert!(!structs.is_empty(), "plugins/{verb} has no flags");
        let found = args_destructuring::find_faults(&files);
        faults.extend(found.into_iter().map(|fault| format!("{verb}: {fault}")));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn no_shipped_name_can_swallow_an_argument() {
    // kubectl runs the longest match on PATH: `kubectl-session-VERB-WORD` would take a NAME for a verb.
    for verb in verbs() {
        assert!(!verb.contains('-'), "plugins/{verb}");
    }
}

#[test]
fn files_are_named_after_things() {
    let mut found = Vec::new();
    files(&root(), &mut found);
    for path in found {
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        assert!(
            !NAMELESS.contains(&stem.as_str()),
            "{} says nothing about what it holds",
            path.display()
        );
    }
}

/// A field that is missing, or misspelt in the code, is `None`, an error, or `<none>` in a message.
#[test]
fn no_read_of_an_object_answers_an_empty_text() {
    let mut found = Vec::new();
    for folder in ["shared", "plugins"] {
        for (path, text) in sources(folder) {
            let is_allowed = MAY_READ_EMPTY.iter().any(|file| path.ends_with(file));
            if is_test_file(&path) || is_allowed {
                continue;
            }
            let code: String = code(&text).split_whitespace().collect();
            let mut empty = code.contains(".unwrap_or(\"\")");
            for (at, _) in code.match_indices(".unwrap_or_default()") {
                let before = &code[..at];
                // The call before it, without its arguments: `str_at("/spec/x")`.
                let call = before.rsplit_once('(').map_or("", |(call, _)| call);
                let reads = ["str_at", ".label", ".annotation", "Value::as_str"];
                empty |= EMPTY_READS.iter().any(|read| before.ends_with(read));
                empty |= reads.iter().any(|read| call.ends_with(read));
                empty |= before.ends_with("Value::as_str)");
            }
            if empty {
                found.push(path.display().to_string());
            }
        }
    }
    assert_eq!(
        found,
        Vec::<String>::new(),
        "reads that answer an empty text"
    );
}

#[test]
fn long_files_say_why() {
    for folder in ["shared", "plugins", "tests", "bench", "krew"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            let head: String = text.lines().take(12).collect::<Vec<_>>().join("\n");
            assert!(
                lines <= LONG || head.contains("Long because"),
                "{} has {lines} lines",
                path.display()
            );
        }
    }
}

/// A promise whose test is gone, or has another name now, is a claim that nobody checks.
#[test]
fn every_promise_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/guarantees.md")).expect("the page is text");
    let mut tests = BTreeSet::new();
    for folder in ["shared", "plugins", "tests", "krew"] {
        for (_, text) in sources(folder) {
            // Tests of the real cluster are listed by strings.
            for prefix in ["fn ", "\""] {
                tests.extend(words_after(&text, prefix).map(str::to_owned));
            }
        }
    }
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).collect();
    let mut unproved = Vec::new();
    for row in rows.iter().filter(|row| !row.starts_with("| Guarantee ")) {
        let column = row.trim_end_matches('|').rsplit('|').next();
        let mut named = column.unwrap_or_default().split('`').skip(1).step_by(2);
        let known: Vec<bool> = named.by_ref().map(|name| tests.contains(name)).collect();
        if known.is_empty() || known.contains(&false) {
            unproved.push(*row);
        }
    }
    assert!(rows.len() > 20 && unproved.is_empty(), "{unproved:#?}");
}
