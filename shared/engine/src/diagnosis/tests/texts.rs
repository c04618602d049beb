//! Every text in the code is among the cases.

use super::causes;

/// Files whose texts the cases cannot provoke: they have tests of their own.
const NOT_FOUND_HERE: &[&str] = &[
    "download_failure.rs",
    "ingress_conflict.rs",
    "missing_class.rs",
    "pod_security.rs",
    "quota.rs",
    "fact_lines.rs",
    "facts.rs",
    "fact_query.rs",
    "limit_violation.rs",
    "pod_resize.rs",
    "expansion.rs",
    "stability.rs",
    "claim_holder.rs",
    "remedy.rs",
];

/// Literals that are no causes: patterns that the code looks for, and texts for Pods with no problem.
const NO_CAUSES: &[&str] = &[
    "being deleted",
    "failed to sync",
    "deadline exceeded",
    "is reserved for",
    "not registered",
    "connection error",
    "unable to start container process:",
    "OCI runtime create failed:",
    "failed to create shim task:",
    ": Are you trying to mount",
    "executable file",
    "Pod was rejected",
    "too many requests",
    "the registry is unavailable",
    "max limit to request ratio per",
    "403 forbidden",
    "server gave http response to https client",
    "first record does not look like a tls",
    "no matching manifest",
    "does not match the specified platform",
    "connection re",
    "temporary failure",
    "manifest unknown",
    "volume node affinity",
    "topology spread",
    "Stopping container",
    "denied request",
    "ReadWriteOncePod access mode",
    "EmptyDir volume",
    "exceeds the limit",
    "exceeded its local ephemeral storage limit",
    "exceeds the total limit of containers",
    "already used by pod(s)",
];

/// Returns the longest fixed part of every string literal in a source file, without its placeholders.
fn words_of(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let unescaped = lines.replace("'\"'", "").replace("\\\"", "\u{1}");
    let literals = unescaped.split('"').skip(1).step_by(2);
    literals
        .filter_map(|literal| {
            let pieces = literal.split(['{', '}']).step_by(2);
            pieces.max_by_key(|piece| piece.len())
        })
        .map(|piece| piece.replace('\u{1}', "\"").trim().to_owned())
        .collect()
}

/// Every text in the code appears in the causes of the cases, so that none is left unchecked.
#[test]
fn every_text_of_the_code_is_among_the_cases() {
    let said: String = causes()
        .into_iter()
        .map(|(_, cause)| format!("{cause:?}").replace("\\\"", "\""))
        .collect();
    let room = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnosis");
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(room).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() || name.ends_with("tests.rs") || NOT_FOUND_HERE.contains(&name.as_str()) {
            continue;
        }
        for words in words_of(&std::fs::read_to_string(&path).unwrap()) {
            let counts = words.len() > 12 && words.contains(' ');
            if counts && !said.contains(&words) && !NO_CAUSES.contains(&words.as_str()) {
                missing.push(format!("{name}: {words}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}
