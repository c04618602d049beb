//! File patterns of a manifest's `files`: `*` and `?` within one part of a path.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Paths below `folder` that match, sorted.
///
/// # Errors
/// When a folder cannot be read.
pub fn matches(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let mut found = vec![folder.to_owned()];
    for part in pattern
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        let mut next = Vec::new();
        for folder in found.iter().filter(|path| path.is_dir()) {
            let entries = std::fs::read_dir(folder)
                .with_context(|| format!("cannot read {}", folder.display()))?;
            for entry in entries {
                let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
                if is_match(part, &entry.file_name().to_string_lossy()) {
                    next.push(entry.path());
                }
            }
        }
        found = next;
    }
    found.sort();
    Ok(found)
}

fn is_match(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where the last `*` was, and how much of the name it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        if pattern
            .get(at)
            .is_some_and(|c| *c == '?' || *c == name[read])
            && pattern[at] != '*'
        {
            (at, read) = (at + 1, read + 1);
        } else if pattern.get(at) == Some(&'*') {
            star = Some((at, read));
            at += 1;
        } else if let Some((place, taken)) = star {
            star = Some((place, taken + 1));
            (at, read) = (place + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

    use super::*;

    #[test]
    fn stars_and_question_marks_stay_within_a_name() {
        for (pattern, name, wanted) in [
            ("*", "anything", true),
            ("*", "", true),
            ("kubectl-*", "kubectl-session", true),
            ("kubectl-*", "kubectl", false),
            ("*.md", "README.md", true),
            ("*.md", "README.md.txt", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            ("LICEN?E", "LICENSE", true),
            ("LICEN?E", "LICENE", false),
            ("*", "*", true),
            ("a", "b", false),
        ] {
            assert_eq!(is_match(pattern, name), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_go_down_folders() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("x-1/bin")).unwrap();
        std::fs::write(folder.path().join("x-1/bin/run"), "").unwrap();
        std::fs::write(folder.path().join("x-2"), "").unwrap();
        let found = |pattern| matches(folder.path(), pattern).unwrap();
        assert_eq!(found("x-*/bin/*"), [folder.path().join("x-1/bin/run")]);
        assert_eq!(found("*").len(), 2);
        assert_eq!(found("*/*/*/*"), Vec::<PathBuf>::new());
        assert_eq!(found("."), [folder.path()]);
    }
}
