//! How far "no value creates structure" holds: a million hostile values in nine places of a manifest, and hostile manifests.
//!
//! `cargo bench-template --seed N`; the same seed tries the same texts everywhere.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use session_shared::template::property::{HOSTILE_VALUES, StructureProperty, RandomText, check_manifest_text};

/// Tries hostile values and manifests on the template room.
#[derive(Parser)]
struct Arguments {
    /// Where the random texts begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many texts to try: of sixteen, one is a manifest and fifteen are values.
    #[arg(long, default_value_t = 1_000_000)]
    cases: u64,
}

/// Failures that are printed; the others are counted.
const SHOWN: u64 = 10;

#[allow(clippy::print_stdout)]
fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let (began, property, mut random) = (
        Instant::now(),
        StructureProperty::new()?,
        RandomText::new(arguments.seed),
    );
    let mut failures: u64 = 0;
    let mut judge = |text: &str, verdict: Result<(), String>| {
        if let Err(reason) = verdict {
            failures += 1;
            if failures <= SHOWN {
                println!("failed: {text:?}\n  {reason}");
            }
        }
    };
    for case in 0..arguments.cases {
        match (HOSTILE_VALUES.get(case as usize), case % 16) {
            (Some(value), _) => judge(value, property.check_value(value)),
            (None, 0) => {
                let text = random.manifest();
                judge(&text, check_manifest_text(&text));
            }
            (None, _) => {
                let value = random.value();
                judge(&value, property.check_value(&value));
            }
        }
    }
    println!(
        "template: {} cases, seed {}, {failures} failures, {:.1} s",
        arguments.cases,
        arguments.seed,
        began.elapsed().as_secs_f64()
    );
    Ok(if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
