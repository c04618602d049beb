//! Everything on the screen is also in the JSON document. Each word of each golden screen must be among the texts and numbers of the
//! document, except for the screen's own words, listed here, and ages, recognised by their form.

use std::collections::BTreeSet;

use serde_json::Value;
use session_shared::report::escape;

use crate::scenes::{all, status};

/// Words that the screen adds.
const OWN: &str = "Name Namespace Owner Template Phase Reason Note Started Expires Endpoint Data policy Diagnosis Workloads \
    Network Connect Conditions Events Next since ago in on then at for old of to now and is the \
    preset application manifest changed changes unknown last start deleted expired expiry recorded termination \
    Pod PersistentVolumeClaim Secret VolumeSnapshot CronJob which session's status \
    primary ready not Pods selects no init restart restarts exit code image requests limits uses usage used cpu memory \
    requested class volume kept node show the values port default times remedy evidence secret parameters \
    <none> <unknown>";

fn words(text: &str) -> impl Iterator<Item = &str> {
    let between = |c: char| c.is_whitespace() || "(),:;/%→=".contains(c);
    text.split(between)
        .map(|word| word.trim_matches('"'))
        .filter(|word| !word.is_empty())
}

fn scalars(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| scalars(item, found)),
        Value::Object(map) => map.iter().for_each(|(key, item)| {
            found.push(key.clone());
            scalars(item, found);
        }),
        Value::String(text) => found.push(escape::escape_line(text).into_owned()),
        Value::Null => {}
        other => found.push(other.to_string()),
    }
}

/// Returns true for an age such as `2h` or `3m10s`, which is computed from a time in the document.
fn is_age(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.ends_with(['s', 'm', 'h', 'd', 'y'])
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || "smhdy".contains(c))
}

#[test]
fn every_cell_of_the_screen_is_in_the_json() {
    let own: BTreeSet<&str> = words(OWN).collect();
    for (name, api) in all() {
        let document: Value = serde_json::from_str(status(&api, "-o json").done()).unwrap();
        let mut texts = Vec::new();
        scalars(&document, &mut texts);
        let all = texts.join("\n");
        let known: BTreeSet<&str> = words(&all).collect();
        let screen = status(&api, "").out;
        let cells: Vec<&str> = words(&screen)
            .filter(|word| !own.contains(word) && !is_age(word))
            .collect();
        assert!(cells.len() > 10, "{name}: {cells:?}");
        // A word that is longer than a line is in two pieces on the screen.
        let missing: Vec<&&str> = cells
            .iter()
            .filter(|cell| !known.contains(**cell) && !all.contains(**cell))
            .collect();
        assert!(missing.is_empty(), "{name}: {missing:?}\n{screen}");
    }
}

#[test]
fn the_test_finds_what_is_missing() {
    assert!(
        is_age("2h") && is_age("3m10s") && !is_age("10.1.2.3") && !is_age("hours") && !is_age("5")
    );
    let mut texts = Vec::new();
    scalars(&serde_json::json!({"a": ["x y", 7], "b": null}), &mut texts);
    assert_eq!(texts, ["a", "x y", "7", "b"]);
}
