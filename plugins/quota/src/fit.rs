//! `quota fit`: how many more sessions fit, by quota and by nodes.
//!
//! ```text
//! SourceFlags ─► rendered_sessions: objects of one session, and of another ─┐
//!                              FitFacts (ops): quotas, nodes, Pods, … ────────┴─► compute_fit (engine) ─► report, document
//! ```

mod document;
mod report;

use anyhow::{Error, Result, anyhow};
use clap::Args as Group;
use session_shared::capacity::fit::{FitInput, compute_fit};
use session_shared::capacity::limit_range::{
    LimitViolation, apply_limit_defaults, find_limit_violation,
};
use session_shared::diagnosis::Cause;
use session_shared::diagnosis::quota::find_unset_resources;
use session_shared::failure::{self, FailureKind, usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::numbers;
use session_shared::objects::resource::NAMESPACE;
use session_shared::ops::Cluster;
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
  kubectl session quota fit --template sindri --preset large --count 40

  # Sum and count what another tool has rendered
  kubectl kustomize overlays/production | kubectl session quota fit -f -";

const OTHER_VALUES: &str = "ask for other values with --set or --preset";

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
    let (namespace, rendered) = (sessions.namespace.as_str(), sessions.rendered);
    let facts = FitFacts::read(&cluster, namespace, &rendered.objects).await?;
    let absent = find_absent_namespace(&cluster, namespace, &facts).await?;
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
        read_notes: rendered
            .notes
            .into_iter()
            .chain(facts.notes)
            .chain(absent)
            .collect(),
    };
    print_report(&report, format, &mut environment.console)?;
    check_count(&report)
}

/// Returns a note if the namespace does not exist. Objects in it show that it does; who may not read it gets no answer.
async fn find_absent_namespace(
    cluster: &Cluster,
    namespace: &str,
    facts: &FitFacts,
) -> Result<Option<String>> {
    let has_quotas = facts.quotas.iter().flatten().next().is_some();
    if has_quotas || !facts.limit_ranges.is_empty() {
        return Ok(None);
    }
    let hint = "create refuses the sessions without --create-namespace";
    match cluster.get(&NAMESPACE, "", namespace).await {
        Ok(None) => Ok(Some(format!(
            "namespace {namespace:?} does not exist: {hint}"
        ))),
        Ok(Some(_)) => Ok(None),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}

fn print_report(report: &FitReport<'_>, format: RowFormat, console: &mut Console) -> Result<()> {
    report.notes().iter().for_each(|note| console.note(note));
    let document = document::fit_document(report);
    let no_headers = format.no_headers;
    format.print(console, &document, "limits", |wide| {
        report.text(wide, no_headers)
    })
}

/// Returns why even the first session is refused, whatever is free.
fn find_refusal(objects: &[serde_json::Value], facts: &FitFacts) -> Option<Cause> {
    let mut admitted = objects.to_vec();
    apply_limit_defaults(&mut admitted, &facts.limit_ranges);
    let violation = find_limit_violation(&admitted, &facts.limit_ranges);
    let describe = |LimitViolation {
                        range,
                        subject,
                        rule,
                    }| Cause {
        message: format!("LimitRange {range:?} is violated by {subject}: {rule}"),
        ..Cause::default()
    };
    let unset = || find_unset_resources(&admitted, facts.quotas.as_deref()?);
    let missing = || facts.find_missing_class(objects);
    violation.map(describe).or_else(unset).or_else(missing)
}

/// Fails if `--count` asks for more sessions than fit, or if nothing is known that limits them.
fn check_count(report: &FitReport<'_>) -> Result<()> {
    let Some(wanted) = report.count else {
        return Ok(());
    };
    let Some(fits) = report.fits() else {
        return match report.fit.quotas {
            Some(_) => Ok(()),
            None => Err(unknown_count_error(wanted, report.namespace)),
        };
    };
    if fits.least >= wanted {
        return Ok(());
    }
    let error = anyhow!("only {} of {wanted} sessions fit", fits.least);
    if let Some(Cause { remedy, .. }) = &report.refusal {
        let remedy = remedy.as_deref().unwrap_or(OTHER_VALUES);
        let hint = format!("each of them is refused, however much is free: {remedy}");
        return Err(with_hint(error, hint));
    }
    match report.missing(wanted) {
        missing if missing.is_empty() => Err(error),
        missing => Err(with_hint(
            error,
            format!("more is needed: {}", missing.join("; ")),
        )),
    }
}

fn unknown_count_error(wanted: u64, namespace: &str) -> Error {
    let sessions = if wanted == 1 {
        "1 session fits".to_owned()
    } else {
        format!("{wanted} sessions fit")
    };
    let error = anyhow!("cannot tell whether {sessions}: neither quotas nor nodes can be read");
    let hint = format!(
        "ask an administrator for the right to list resourcequotas in namespace {namespace:?}, or nodes and pods of all namespaces"
    );
    with_hint(error, hint)
}
