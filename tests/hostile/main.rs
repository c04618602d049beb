//! Attacks and careless hands: each is tried against the suite, and must come to nothing.
//!
//! ```text
//! main.rs      the list, its runner, the table of docs/security.md that is made from it
//! attack.rs    what an attack is
//! others       one file per kind of attack
//! ```
//!
//! `UPDATE_GOLDEN=1 cargo test --test hostile the_page_lists_every_attack` writes the table anew.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a failed test may fail loudly; clippy does not know this target for one"
)]

mod archives;
mod attack;
mod callers;
mod endings;
mod input;
mod kept_data;
mod page;
mod privileges;
mod servers;
mod text;
mod trust;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use attack::Attack;

/// Every attack, in the order of the page.
fn all() -> Vec<Attack> {
    [
        text::attacks(),
        trust::attacks(),
        privileges::attacks(),
        callers::attacks(),
        input::attacks(),
        endings::attacks(),
        kept_data::attacks(),
        servers::attacks(),
        archives::attacks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(4));
    let attacks = all();
    let page = page::table(&attacks);
    let mut trials: Vec<Trial> = attacks
        .into_iter()
        .map(|attack| {
            Trial::test(attack.name, move || {
                (attack.run)().map_err(|error| Failed::from(format!("{error:#}")))
            })
        })
        .collect();
    trials.push(Trial::test("the_page_lists_every_attack", move || {
        page::compare(&page).map_err(|error| Failed::from(format!("{error:#}")))
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}
