//! Suggestions for mistyped commands.

use anyhow::{Error, anyhow};

/// Edits up to which a word counts as mistyped.
const MAX_EDITS: usize = 2;
/// Length up to which words are compared.
const MAX_WORD_CHARS: usize = 64;

/// Returns the error for an unknown command after `prefix`, with suggestions from `known`.
pub fn unknown_command(word: &str, prefix: &str, known: &[&str]) -> Error {
    let near: Vec<String> = known
        .iter()
        .filter(|name| is_near(word, name))
        .map(ToString::to_string)
        .collect();
    anyhow!(
        "unknown command {word:?} for {prefix:?}{}",
        suggestions(&near)
    )
}

/// Returns kubectl's list of suggestions after an empty line; empty without any.
pub(super) fn suggestions(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    format!("\n\nDid you mean this?\n\t{}", near.join("\n\t"))
}

/// True for names that begin with the word, or differ from it by at most two edits.
fn is_near(word: &str, name: &str) -> bool {
    let (word, name) = (word.to_lowercase(), name.to_lowercase());
    !word.is_empty()
        && word.len() <= MAX_WORD_CHARS
        && (name.starts_with(&word) || strsim::levenshtein(&word, &name) <= MAX_EDITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood() {
        let verbs = ["create", "list", "logs", "delete", "status", "stop"];
        let text = |word: &str| unknown_command(word, "kubectl session", &verbs).to_string();
        assert_eq!(
            text("lsit"),
            "unknown command \"lsit\" for \"kubectl session\"\n\nDid you mean this?\n\tlist"
        );
        assert_eq!(
            text("st"),
            "unknown command \"st\" for \"kubectl session\"\n\nDid you mean this?\n\tlist\n\tstatus\n\tstop"
        );
        assert_eq!(
            text("frobnicate"),
            "unknown command \"frobnicate\" for \"kubectl session\""
        );
        assert_eq!(text(&"x".repeat(100_000)).lines().count(), 1);
        assert!(!text("").contains("Did you mean"));
    }
}
