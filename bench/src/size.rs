//! Sizes of the programs.

use anyhow::{Context as _, Result};

use crate::figure::{Table, Verdict};
use crate::program::UMBRELLA;
use crate::report::Report;
use crate::settings::Settings;

/// Megabytes, of a million bytes, that a verb's own program may have.
const VERB: f64 = 9.0;
/// Those of the program with all verbs.
const ALL_VERBS: f64 = 12.0;

/// Builds the programs and tells their sizes.
pub(crate) fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let verbs = settings.text("verbs");
    let mut programs = vec![(UMBRELLA.to_owned(), ALL_VERBS)];
    programs.extend(
        verbs
            .split(',')
            .map(|verb| (format!("{UMBRELLA}-{verb}"), VERB)),
    );
    let mut table = Table::new(&["PROGRAM", "SIZE", "WANTED", "VERDICT"]);
    for (package, wanted) in programs {
        let program = settings.program(&package)?;
        let bytes = program.metadata().context("cannot look at it")?.len();
        let megabytes = bytes as f64 / 1e6;
        let row = vec![
            package,
            format!("{megabytes:.2} MB"),
            format!("<= {wanted} MB"),
        ];
        table.row(row, Verdict::of(megabytes <= wanted));
    }
    report.others.push(table);
    Ok(())
}
