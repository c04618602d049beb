//! `quota fit`: how many more sessions fit, by quota and by nodes.
//!
//! ```text
//! SourceFlags ─► rendered_sessions: objects of one session, and of another ─┐
//!                              FitFacts (ops): quotas, nodes, Pods, … ────────┴─► compute_fit (engine) ─► report, document
//! ```

mod document;
mod report;

use anyhow::{Result, anyhow};
use clap::Args as Group;
use session_shared::capacity::fit::{FitInput, compute_fit};
use session_shared::capacity::limit_range::{
    LimitViolation, apply_limit_defaults, find_limit_violation,
};
use session_shared::diagnosis::quota::find_unset_resources;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::numbers;
use session_shared::ops::fit_facts::FitFacts;
use session_shared::report::console::Console;
use session_shared::verb::Environment;

use self::report::FitReport;
use crate::row_output::{RowFormat, RowOutputFlags};
use crate::source_flags::SourceFlags;

pub(crate) const EXAMPLES: &str = "  # Count how many more sessions of a template fit in this namespace
  kubectl session quota fit --template shell

  # Show the figures of each node, too
  kubectl session quota fit --template lab --set ROOTFS_IMAGE_URL=https://storage.example.com/lab.ext4 -o wide

  # Check that a class of 40 fits; the exit code is 1 if it does not
  kubectl session quota fit --template nvim --preset large --count 40

  # Sum and count what another tool has rendered
  kubectl kustomize overlays/production | kubectl session quota fit -f -";

/// Flags of `quota fit`.
#[derive(Group, Clone, Debug)]
pub struct QuotaFitArgs {
    /// Template or file, and its values.
    #[command(flatten)]
    pub source: SourceFlags,
    /// Number of sessions that must fit; the exit code is 1 if fewer fit
    #[arg(long, value_name = "NUMBER", value_parser = numbers::parse_count)]
    pub count: Option<u32>,
    #[command(flatten)]
    pub output: RowOutputFlags,
}

/// Counts how many more sessions fit, and prints the figures.
///
/// # Errors
/// No template and no file, an invalid one, refused requests; with `--count`, too few fit.
pub(crate) async fn run(
    args: QuotaFitArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let QuotaFitArgs {
        source,
        count,
        output,
    } = args;
    if count == Some(0) {
        return Err(usage_error("--count must be at least 1"));
    }
    let format = RowFormat::parse(output)?;
    let (cluster, sessions) = source.read(connection, environment).await?;
    let (namespace, rendered) = (cluster.namespace(), sessions.rendered);
    let facts = FitFacts::read(&cluster, namespace, &rendered.objects).await?;
    let count = count.map(u64::from);
    let input = FitInput {
        wanted: count.unwrap_or_default(),
        ..facts.input(namespace, &rendered.objects, &rendered.other, None)
    };
    let report = FitReport {
        fit: compute_fit(&input),
        subject: sessions.subject,
        namespace,
        refusal: find_refusal(&rendered.objects, &facts),
        count,
    };
    let missing = facts.find_missing_class(&rendered.objects);
    let missing = missing.map(|cause| format!("{}: create refuses the sessions", cause.message));
    let notes = rendered.notes.iter().chain(&facts.notes).chain(&missing);
    print_report(&report, notes, format, &mut environment.console)?;
    check_count(&report)
}

fn print_report<'n>(
    report: &FitReport<'_>,
    notes: impl Iterator<Item = &'n String>,
    format: RowFormat,
    console: &mut Console,
) -> Result<()> {
    notes.for_each(|note| console.note(note));
    report.notes().iter().for_each(|note| console.note(note));
    let document = document::fit_document(report);
    let no_headers = format.no_headers;
    format.print(console, &document, "limits", |wide| {
        report.text(wide, no_headers)
    })
}

/// Returns why the server refuses even the first session, whatever is free.
fn find_refusal(objects: &[serde_json::Value], facts: &FitFacts) -> Option<String> {
    let mut admitted = objects.to_vec();
    apply_limit_defaults(&mut admitted, &facts.limit_ranges);
    let violation = find_limit_violation(&admitted, &facts.limit_ranges);
    let describe =
        |LimitViolation {
             range,
             subject,
             rule,
         }| { format!("LimitRange {range:?} is violated by {subject}: {rule}") };
    let unset =
        || find_unset_resources(&admitted, facts.quotas.as_deref()?).map(|cause| cause.message);
    violation.map(describe).or_else(unset)
}

/// Fails if `--count` asks for more sessions than fit.
fn check_count(report: &FitReport<'_>) -> Result<()> {
    let (Some(wanted), Some(fits)) = (report.count, report.fits()) else {
        return Ok(());
    };
    if fits.least >= wanted {
        return Ok(());
    }
    let error = anyhow!("only {} of {wanted} sessions fit", fits.least);
    if report.refusal.is_some() {
        let hint = "the server refuses each of them, however much is free: ask for other values with --set or --preset";
        return Err(with_hint(error, hint));
    }
    match report.missing(wanted) {
        missing if missing.is_empty() => Err(error),
        missing => Err(with_hint(
            error,
            format!("what is missing: {}", missing.join("; ")),
        )),
    }
}
