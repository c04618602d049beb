//! How large the programs are: `cargo bench-size`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use session_bench::figure::{Table, Verdict};
use session_bench::program::{Building, UMBRELLA};

/// A verb's own program may have 9 MB, the one with all verbs 12 MB (of a million bytes).
#[derive(Parser)]
struct Arguments {
    /// Verbs whose own programs are built and measured
    #[arg(long, value_delimiter = ',', default_value = "create,list")]
    verbs: Vec<String>,
    #[command(flatten)]
    building: Building,
}

const VERB: f64 = 9.0;
const ALL_VERBS: f64 = 12.0;

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut programs = vec![(UMBRELLA.to_owned(), ALL_VERBS)];
    let verbs = arguments.verbs.iter();
    programs.extend(verbs.map(|verb| (format!("{UMBRELLA}-{verb}"), VERB)));
    let mut table = Table::new(&["PROGRAM", "SIZE", "WANTED", "VERDICT"]);
    for (package, wanted) in programs {
        let program = arguments.building.program(&package)?;
        let bytes = program.metadata().context("cannot look at it")?.len();
        let megabytes = bytes as f64 / 1e6;
        let row = vec![
            package,
            format!("{megabytes:.2} MB"),
            format!("<= {wanted} MB"),
        ];
        table.row(row, Verdict::of(megabytes <= wanted));
    }
    table.write(&mut std::io::stdout().lock())?;
    Ok(ExitCode::from(u8::from(table.missed())))
}
