//! Search for values that create structure: a million hostile values in nine places of a manifest, and hostile manifests.
//! The same seed tries the same texts everywhere.

use std::time::Instant;

use anyhow::{Result, ensure};
use session_support::structure::{
    HOSTILE_VALUES, RandomText, StructureProperty, check_manifest_text,
};

use crate::program::say;
use crate::report::Report;
use crate::settings::Settings;

/// Failures that are printed; the others are counted.
const SHOWN: u64 = 10;

/// Tries hostile values and manifests on the templates' code.
pub(crate) fn measure(settings: &Settings, _: &mut Report) -> Result<()> {
    let (seed, cases) = (settings.number("seed")?, settings.number("cases")?);
    let (began, property, mut random) = (
        Instant::now(),
        StructureProperty::new()?,
        RandomText::new(seed as u64),
    );
    let mut failures: u64 = 0;
    let mut judge = |text: &str, verdict: Result<(), String>| {
        let Err(reason) = verdict else { return Ok(()) };
        failures += 1;
        match failures <= SHOWN {
            true => say(&format!("failed: {text:?}\n  {reason}")),
            false => Ok(()),
        }
    };
    for case in 0..cases {
        match (HOSTILE_VALUES.get(case), case % 16) {
            (Some(value), _) => judge(value, property.check_value(value))?,
            (None, 0) => {
                let text = random.manifest();
                judge(&text, check_manifest_text(&text))?;
            }
            (None, _) => {
                let value = random.value();
                judge(&value, property.check_value(&value))?;
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    say(&format!(
        "template: {cases} cases, seed {seed}, {failures} failures, {seconds:.1} s"
    ))?;
    ensure!(failures == 0, "{failures} failures");
    Ok(())
}
