//! Sizes of the programs.

use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::bufread::GzEncoder;

use crate::figure::{Table, Verdict};
use crate::program::UMBRELLA;
use crate::report::Report;
use crate::settings::Settings;

/// Megabytes, of a million bytes, that a verb's own program may have.
const VERB: f64 = 9.0;
/// Those of the program with all verbs, compressed as in its release archive.
const ALL_VERBS: f64 = 12.0;

/// Builds the programs and tells their sizes.
pub(crate) fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let verbs = settings.text("verbs");
    let mut table = Table::new(&["PROGRAM", "SIZE", "WANTED", "VERDICT"]);
    let compressed = compressed_megabytes(&settings.program(UMBRELLA)?)?;
    let mut add = |program: String, megabytes: f64, wanted: f64| {
        let cells = [
            program,
            format!("{megabytes:.2} MB"),
            format!("<= {wanted} MB"),
        ];
        table.row(cells.into(), Verdict::of(megabytes <= wanted));
    };
    add(format!("{UMBRELLA}, compressed"), compressed, ALL_VERBS);
    for verb in verbs.split(',') {
        let package = format!("{UMBRELLA}-{verb}");
        let program = settings.program(&package)?;
        let bytes = program.metadata().context("cannot look at it")?.len();
        add(package, bytes as f64 / 1e6, VERB);
    }
    report.others.push(table);
    Ok(())
}

fn compressed_megabytes(program: &Path) -> Result<f64> {
    let bytes = std::fs::read(program).with_context(|| format!("cannot read {program:?}"))?;
    let mut compressed = GzEncoder::new(bytes.as_slice(), Compression::best());
    let size = std::io::copy(&mut compressed, &mut std::io::sink());
    Ok(size.context("cannot compress it")? as f64 / 1e6)
}
