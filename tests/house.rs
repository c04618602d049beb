//! The architecture itself: which room may use which, and what every verb must have.
//!
//! Nothing else enforces these rules. A rule that is broken on purpose gets its exemption here, by name and with its reason.
//!
//! Long because every rule of the house stands here.

#![allow(
    clippy::expect_used,
    reason = "a test may fail loudly, its helpers too"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms of `shared/src`, inner to outer; a room uses only rooms before it.
const ROOMS: &[&str] = &[
    "unicode",
    "names",
    "encode",
    "labels",
    "failure",
    "programs",
    "quantity",
    "duration",
    "state",
    "api",
    "progress",
    "objects",
    "template",
    "diagnosis",
    "plan",
    "reconcile",
    "flags",
    "cluster",
    "report",
    "verb",
    "lifecycle",
];

/// What a room may touch outside, beside std, serde, serde_json and anyhow.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("unicode", &["icu_normalizer"]),
    ("names", &[]),
    ("encode", &[]),
    ("labels", &["sha2"]),
    ("failure", &[]),
    ("programs", &[]),
    ("quantity", &["schemars"]),
    ("duration", &["jiff", "schemars"]),
    // Whose files these are.
    ("state", &["sha2", "rustix"]),
    ("api", &["kube", "schemars", "k8s_openapi", "jiff"]),
    (
        "template",
        &[
            "granit_parser",
            "regex",
            "getrandom",
            "base64",
            "serde_saphyr",
        ],
    ),
    ("progress", &[]),
    ("objects", &["k8s_openapi"]),
    ("diagnosis", &["k8s_openapi", "jiff"]),
    ("plan", &[]),
    ("reconcile", &["jiff", "k8s_openapi"]),
    ("flags", &["clap"]),
    (
        "cluster",
        &[
            "kube",
            "tokio",
            "http",
            "http_body_util",
            "futures",
            "bytes",
            "tower",
            "k8s_openapi",
            "jiff",
            "base64",
            "getrandom",
            "hyper",
            "hyper_rustls",
            "hyper_util",
            "rustix",
            "tower_http",
            "secrecy",
            "tokio_tungstenite",
            "serde_saphyr",
            "tracing",
            "flate2",
        ],
    ),
    (
        "report",
        &[
            "tabled",
            "serde_saphyr",
            "anstyle",
            "indicatif",
            "jiff",
            "clap",
            "terminal_size",
            // The terminal: its modes, and word of its size.
            "crossterm",
            "rustix",
            "tokio",
            "bytes",
        ],
    ),
    ("lifecycle", &["futures", "jiff", "k8s_openapi"]),
];

/// Words that say nothing about what a file holds.
const NAMELESS: &[&str] = &[
    "utils", "util", "common", "helpers", "helper", "manager", "misc",
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

/// The code of a file: no comments, and nothing after the tests begin.
fn code(text: &str) -> String {
    let lines = text
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]");
    lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn room_of(path: &Path) -> Option<&'static str> {
    let inside = path.strip_prefix(root().join("shared/src")).ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    ROOMS.iter().find(|room| **room == name).copied()
}

fn is_test_file(path: &Path) -> bool {
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

#[test]
fn a_room_uses_only_rooms_inside_it() {
    let mut broken = Vec::new();
    let position = |room: &str| ROOMS.iter().position(|known| *known == room);
    for (path, text) in sources("shared/src") {
        let Some(room) = room_of(&path) else {
            assert!(path.ends_with("lib.rs"), "{} is in no room", path.display());
            continue;
        };
        for used in words_after(&code(&text), "crate::") {
            if used != room
                && position(used).is_some_and(|other| other > position(room).unwrap_or_default())
            {
                broken.push(format!("{} ({room}) uses {used}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_room_touches_only_its_own_crates() {
    let manifest =
        fs::read_to_string(root().join("shared/Cargo.toml")).expect("the manifest is text");
    let crates: BTreeSet<String> = manifest
        .lines()
        .filter_map(|line| {
            line.split_once(".workspace")
                .map(|(name, _)| name.replace('-', "_"))
        })
        .filter(|name| {
            ![
                "version",
                "edition",
                "license",
                "serde",
                "serde_json",
                "anyhow",
            ]
            .contains(&name.as_str())
        })
        .collect();
    let mut broken = Vec::new();
    for (path, text) in sources("shared/src")
        .into_iter()
        .filter(|(path, _)| !is_test_file(path))
    {
        let Some((room, allowed)) =
            room_of(&path).and_then(|room| OUTSIDE.iter().find(|(name, _)| *name == room))
        else {
            continue;
        };
        let text = code(&text);
        for name in &crates {
            let used = text.contains(&format!("{name}::")) && !text.contains(&format!("_{name}::"));
            if used && !allowed.contains(&name.as_str()) {
                broken.push(format!("{} ({room}) uses the crate {name}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Text for other programs has one encoder a format: a second one would forget what the first has learnt.
#[test]
fn words_of_a_shell_are_quoted_in_one_room() {
    let sources = ["shared/src", "plugins"].into_iter().flat_map(sources);
    for (path, text) in sources.filter(|(path, _)| room_of(path) != Some("encode")) {
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
        assert!(
            ["plan.rs", "view.rs"]
                .iter()
                .any(|file| folder.join("src").join(file).is_file()),
            "plugins/{verb} has neither src/plan.rs nor src/view.rs"
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
    for row in rows.iter().filter(|row| !row.starts_with("| Promise ")) {
        let column = row.trim_end_matches('|').rsplit('|').next();
        let mut named = column.unwrap_or_default().split('`').skip(1).step_by(2);
        let known: Vec<bool> = named.by_ref().map(|name| tests.contains(name)).collect();
        if known.is_empty() || known.contains(&false) {
            unproved.push(*row);
        }
    }
    assert!(rows.len() > 20 && unproved.is_empty(), "{unproved:#?}");
}
