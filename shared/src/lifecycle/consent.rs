//! The user's word, before a stop destroys what only Pods hold.

use anyhow::{Result, anyhow};

use super::stopping::Present;
use crate::failure::hinted;
use crate::objects::resource::SESSION;
use crate::report::console::{Console, DELETION_QUESTION};

/// What is said when the answer was no.
const CANCELLED: &str = "nothing has been stopped";

/// Asks on a terminal whether data may go; without one that needs -y. True where there is nothing to ask, and for yes.
///
/// # Errors
/// When there is nobody to ask.
pub fn ask(present: &[Present], console: &mut Console) -> Result<bool> {
    let lost: Vec<(String, Vec<String>)> = present
        .iter()
        .map(|one| {
            (
                format!("{}/{}", SESSION.singular(), one.name()),
                one.destroyed(),
            )
        })
        .filter(|(_, pods)| !pods.is_empty())
        .collect();
    if lost.is_empty() {
        return Ok(true);
    }
    if !console.can_ask() {
        let pods: Vec<&str> = lost
            .iter()
            .flat_map(|(_, pods)| pods)
            .map(String::as_str)
            .collect();
        let error = anyhow!(
            "stopping would destroy data that no claim keeps: {}",
            pods.join(", ")
        );
        return Err(hinted(
            error,
            format!("say that it may with -y; {CANCELLED}"),
        ));
    }
    let mut preview = vec!["No claim keeps the data of what you are about to stop:".to_owned()];
    preview.extend(
        lost.iter().map(|(session, pods)| {
            format!("{session}: {} (its data is destroyed)", pods.join(", "))
        }),
    );
    if console.confirm(&preview, DELETION_QUESTION)? {
        return Ok(true);
    }
    console.line(CANCELLED)?;
    Ok(false)
}
