//! Suggestions for words that are no command: by meaning, from a table of kubectl's, docker's and ssh's words, else by
//! edit distance.

use anyhow::{Error, anyhow};

/// Edits up to which a word counts as mistyped.
const MAX_EDITS: usize = 2;
/// Length up to which words are compared.
const MAX_WORD_CHARS: usize = 64;

/// Words of other programs that only read, and the commands that answer them.
const READING_WORDS: &[(&str, &[&str])] = &[
    ("get ps ls", &["list"]),
    ("describe inspect info show view", &["status", "show"]),
    ("top stats stat events health phase wait", &["status"]),
    ("watch", &["list"]),
    ("log tail cat journal output", &["logs"]),
    (
        "exec attach ssh shell sh bash login enter join open rsh port-forward forward proxy",
        &["connect"],
    ),
    ("history", &["list", "logs"]),
    ("explain", &["params"]),
    ("templates", &["template"]),
    ("snapshots", &["snapshot"]),
    ("validate check", &["lint"]),
];

/// Words of other programs that write, and the commands that answer them.
const WRITING_WORDS: &[(&str, &[&str])] = &[
    ("run apply new add make launch take save", &["create"]),
    ("up", &["create", "start"]),
    (
        "restart reboot resume unpause wake boot rollout",
        &["start"],
    ),
    ("cp copy scp rsync commit backup checkpoint", &["snapshot"]),
    ("clone fork restore", &["snapshot"]),
    ("edit set scale patch grow expand", &["resize"]),
    ("renew prolong touch ttl", &["extend"]),
    ("install init bootstrap", &["setup"]),
    (
        "pause suspend hibernate halt kill shutdown poweroff",
        &["stop"],
    ),
    ("down", &["stop", "delete"]),
    ("rm del remove destroy terminate", &["delete"]),
    ("gc clean purge sweep prune", &["cleanup"]),
];

/// Commands that end something. They are suggested for a mistyped word only if no reading word is as near.
const DESTRUCTIVE: &[&str] = &["stop", "delete", "cleanup"];
/// Commands that only read.
const READING: &[&str] = &[
    "list", "status", "logs", "connect", "show", "params", "version",
];

/// Returns the error for an unknown command after `prefix`, with suggestions from `known`.
pub fn unknown_command(word: &str, prefix: &str, known: &[&str]) -> Error {
    anyhow!(
        "unknown command {word:?} for {prefix:?}{}",
        suggestions(&near_commands(word, known))
    )
}

/// Returns kubectl's list of suggestions after an empty line; empty without any.
pub(super) fn suggestions(near: &[String]) -> String {
    if near.is_empty() {
        return String::new();
    }
    format!("\n\nDid you mean this?\n\t{}", near.join("\n\t"))
}

/// Returns those of the `known` commands that the word may mean.
pub(super) fn near_commands(word: &str, known: &[&str]) -> Vec<String> {
    let word = word.to_lowercase();
    if word.is_empty() || word.len() > MAX_WORD_CHARS {
        return Vec::new();
    }
    let meant = commands_of(&word);
    let meant: Vec<String> = known
        .iter()
        .filter(|name| meant.contains(name))
        .map(ToString::to_string)
        .collect();
    if !meant.is_empty() {
        return meant;
    }
    let reads = edits_to_reading(&word);
    let is_near = |name: &&&str| {
        let edits = strsim::levenshtein(&word, name);
        let is_excluded = DESTRUCTIVE.contains(name) && reads <= edits;
        // An unfinished word is no mistake: it means all that it begins.
        name.starts_with(&word) || (edits <= MAX_EDITS && !is_excluded)
    };
    let mut near: Vec<String> = known
        .iter()
        .filter(is_near)
        .map(ToString::to_string)
        .collect();
    if near.is_empty() {
        // A slip in a word of another program.
        let others = READING_WORDS.iter().filter(|(others, _)| {
            let mut others = others
                .split(' ')
                .filter(|other| other.len() > MAX_EDITS * 2);
            others.any(|other| strsim::levenshtein(&word, other) <= MAX_EDITS)
        });
        let meant: Vec<&str> = others.flat_map(|(_, meant)| *meant).copied().collect();
        near = known
            .iter()
            .filter(|name| meant.contains(name))
            .map(ToString::to_string)
            .collect();
    }
    near
}

/// Returns the commands that a word of another program means.
fn commands_of(word: &str) -> &'static [&'static str] {
    let tables = [READING_WORDS, WRITING_WORDS];
    let mut entries = tables.into_iter().flatten();
    entries
        .find(|(words, _)| words.split(' ').any(|one| one == word))
        .map_or(&[], |(_, meant)| meant)
}

/// Returns the edits to the nearest word that only reads.
fn edits_to_reading(word: &str) -> usize {
    let others = READING_WORDS.iter().flat_map(|(words, _)| words.split(' '));
    let words = others.chain(READING.iter().copied());
    words
        .map(|other| strsim::levenshtein(word, other))
        .min()
        .unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBS: &[&str] = &[
        "create", "list", "status", "logs", "connect", "stop", "start", "extend", "resize",
        "snapshot", "delete", "cleanup", "template", "setup", "version",
    ];

    fn near(word: &str) -> Vec<String> {
        near_commands(word, VERBS)
    }

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

    #[test]
    fn words_of_other_programs_are_answered_by_meaning() {
        for (word, meant) in [
            ("get", "list"),
            ("ps", "list"),
            ("describe", "status"),
            ("show", "status"),
            ("top", "status"),
            ("exec", "connect"),
            ("ssh", "connect"),
            ("port-forward", "connect"),
            ("run", "create"),
            ("apply", "create"),
            ("rm", "delete"),
            ("kill", "stop"),
            ("prune", "cleanup"),
            ("cp", "snapshot"),
            ("Get", "list"),
            ("descrbe", "status"),
            ("delte", "delete"),
            ("stopp", "stop"),
        ] {
            assert_eq!(near(word), [meant], "{word}");
        }
        assert_eq!(
            near_commands("rm", &["create", "list", "delete"]),
            ["delete"]
        );
        assert_eq!(near_commands("describe", &["list", "show"]), ["show"]);
        for (words, meant) in READING_WORDS.iter().chain(WRITING_WORDS) {
            let known = words.split(' ').all(|word| commands_of(word) == *meant);
            assert!(known, "{words}: a word stands in one row");
        }
    }

    #[test]
    fn a_word_that_reads_never_suggests_to_end_anything() {
        let others = READING_WORDS.iter().flat_map(|(words, _)| words.split(' '));
        for word in others.chain(READING.iter().copied()) {
            let slips = (0..word.len()).map(|at| format!("{}{}", &word[..at], &word[at + 1..]));
            for slip in slips.filter(|slip| slip.len() > 2).chain([word.to_owned()]) {
                let near = near(&slip);
                let ends = near.iter().any(|name| DESTRUCTIVE.contains(&name.as_str()));
                assert!(!ends, "{slip}: {near:?}");
            }
        }
    }
}
