//! Command lines that cannot be meant: each is answered as kubectl does, without a request.
//!
//! The command lines are those of the golden files, the lines that begin with `$`: `VERB-illegal.txt` for the verb's own checks,
//! `VERB-usage.txt` for those of its flags. To try one more, add its line and write the file anew.

use session_support::{FakeApi, golden};

use super::{run_of, verbs_with_requests};
use crate::play::Play;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden");

/// Words of clap's that kubectl does not say.
const CLAP: [&str; 5] = ["Usage:", "For more information", "tip:", "[possible", "'--"];

#[test]
fn what_cannot_be_meant_is_told_before_any_request() {
    for entry in verbs_with_requests() {
        let kinds = ["illegal", "usage"].map(|kind| format!("{}-{kind}.txt", entry.name));
        let tried: usize = kinds.iter().map(|file| try_lines(entry.name, file)).sum();
        // The files of snapshot are taken by tests of its own: its command lines name files that are there.
        assert!(tried >= 3 || entry.name == "snapshot", "{}", entry.name);
    }
}

/// Tries the command lines of a golden file, if there is one, and returns how many they are.
fn try_lines(verb: &str, file: &str) -> usize {
    let Ok(listed) = std::fs::read_to_string(format!("{FOLDER}/{file}")) else {
        return 0;
    };
    let start = format!("$ {verb} ");
    let lines: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix(&start))
        .collect();
    let mut text = String::new();
    for words in &lines {
        let api = FakeApi::stateful();
        let played = run_of(verb)(Play::on(&api), words);
        text.push_str(&format!("$ {verb} {words}\n{}", played.failed()));
        for clap in CLAP {
            assert!(!played.err.contains(clap), "{verb} {words}: {played:?}");
        }
        assert!(api.requests().is_empty(), "{verb} {words}");
    }
    golden(file, &text);
    lines.len()
}
