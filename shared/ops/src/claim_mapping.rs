//! Claim names of a copy: maps each claim of a session to its counterpart in another session of the same template. Pure.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow};
use serde_json::Value;

use session_model::objects::Untyped;

/// Maps claims of session `old` to their counterparts among the rendered objects of session `new`.
///
/// # Errors
/// The first claim without a counterpart.
pub(super) fn map_claims(
    claims: &[&str],
    old: &str,
    new: &str,
    objects: &[Value],
) -> Result<BTreeMap<String, String>> {
    let rendered = rendered_claim_names(objects);
    let counterpart = |claim: &&str| {
        let candidates = renamed_candidates(claim, old, new);
        let counterpart = candidates
            .into_iter()
            .find(|candidate| is_rendered_claim(&rendered, candidate));
        match counterpart {
            Some(counterpart) => Ok(((*claim).to_owned(), counterpart)),
            None => Err(anyhow!(
                "cannot copy claim {claim:?} of session {old:?}: the template makes no such claim for session {new:?}"
            )),
        }
    };
    claims.iter().map(counterpart).collect()
}

/// Returns the names of the claims that rendered objects make: full names, and name prefixes of a StatefulSet's claims, to which
/// the ordinal is appended.
fn rendered_claim_names(objects: &[Value]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut whole, mut numbered) = (BTreeSet::new(), BTreeSet::new());
    for object in objects {
        let name = Untyped(object).name();
        if Untyped(object).kind() == "PersistentVolumeClaim" {
            whole.insert(name.to_owned());
        }
        let templates = object.pointer("/spec/volumeClaimTemplates");
        for template in templates.and_then(Value::as_array).into_iter().flatten() {
            numbered.insert(format!("{}-{name}-", Untyped(template).name()));
        }
    }
    (whole, numbered)
}

/// Returns true if `name` is one of the names that [`rendered_claim_names`] returned.
fn is_rendered_claim((whole, numbered): &(BTreeSet<String>, BTreeSet<String>), name: &str) -> bool {
    let number = |begin: &String| {
        name.strip_prefix(begin.as_str())
            .is_some_and(|rest| rest.parse::<u32>().is_ok())
    };
    whole.contains(name) || numbered.iter().any(number)
}

/// Returns candidates for the name of `claim` in session `new` instead of `old`: each occurrence of `old` as a whole word replaced
/// alone, and then all of them.
fn renamed_candidates(claim: &str, old: &str, new: &str) -> Vec<String> {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    let places: Vec<usize> = claim
        .match_indices(old)
        .map(|(at, _)| at)
        .filter(|at| {
            let (before, after) = (&claim[..*at], &claim[at + old.len()..]);
            is_edge(before.chars().next_back()) && is_edge(after.chars().next())
        })
        .collect();
    let put = |at: usize| format!("{}{new}{}", &claim[..at], &claim[at + old.len()..]);
    let mut all = claim.to_owned();
    for at in places.iter().rev() {
        all.replace_range(*at..at + old.len(), new);
    }
    let mut candidates: Vec<String> = places.iter().map(|at| put(*at)).collect();
    if places.len() > 1 {
        candidates.push(all);
    }
    candidates
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_renamed_where_the_session_is_a_word_of_it() {
        assert_eq!(
            renamed_candidates("home-alice", "alice", "bob"),
            ["home-bob"]
        );
        assert_eq!(
            renamed_candidates("data-notes-a-b-0", "a-b", "c"),
            ["data-notes-c-0"]
        );
        assert_eq!(
            renamed_candidates("data-notes-data-0", "data", "c"),
            ["c-notes-data-0", "data-notes-c-0", "c-notes-c-0"]
        );
        assert!(renamed_candidates("home-malice", "alice", "bob").is_empty());
    }

    #[test]
    fn a_statefulsets_claims_have_numbers() {
        let objects = [
            json!({ "kind": "PersistentVolumeClaim", "metadata": { "name": "home-c" } }),
            json!({ "kind": "StatefulSet", "metadata": { "name": "notes-c" },
                "spec": { "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] } }),
        ];
        let names = rendered_claim_names(&objects);
        for name in ["home-c", "data-notes-c-0", "data-notes-c-12"] {
            assert!(is_rendered_claim(&names, name), "{name}");
        }
        for name in [
            "home-d",
            "data-notes-c-",
            "data-notes-c-x",
            "data-notes-d-0",
        ] {
            assert!(!is_rendered_claim(&names, name), "{name}");
        }
    }
}
