//! The validated request of a resize. Pure.

use std::time::Duration;

use anyhow::{Context, Result};
use session_shared::api::{IntOrString, ResourceLimits};
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::ops::session_selection::SessionSelection;
use session_shared::ops::stop_options::StopOptions;
use session_shared::quantity::Quantity;
use session_shared::report::console::Console;

use crate::args::{Args, USUAL_WAIT};
use crate::workload_count::{WorkloadCount, parse_counts};

/// A validated resize request.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) selection: SessionSelection,
    pub(crate) pace: PaceFlags,
    pub(crate) size: ResourceLimits,
    /// Wanted size of the session's claims.
    pub(crate) storage: Option<Quantity>,
    /// Wanted counts of workloads.
    pub(crate) replicas: Vec<WorkloadCount>,
    /// Wanted minimums of autoscaled workloads.
    pub(crate) min_replicas: Vec<WorkloadCount>,
    pub(crate) restart: bool,
    /// Options of the stop of a restart.
    pub(crate) stop_options: StopOptions,
    pub(crate) yes: bool,
    pub(crate) trust: TrustFlags,
    pub(crate) mutation: MutationOptions,
    /// Timeout of the wait; `None` does not wait.
    pub(crate) wait: Option<Duration>,
    pub(crate) connection: ConnectionFlags,
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// Usage errors: no size at all, or a quantity that is invalid, zero or negative.
pub(crate) fn parse_intent(args: Args, console: &mut Console) -> Result<Intent> {
    let Args {
        selection,
        cpu,
        memory,
        storage,
        replicas,
        min_replicas,
        restart,
        skip_sync,
        yes,
        pace,
        trust,
        output,
        verbosity,
        write_flags,
        wait_flags,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    let selection = selection.selection(console.input())?;
    let has_size = cpu.is_some() || memory.is_some() || storage.is_some();
    let is_scaling = !replicas.is_empty() || !min_replicas.is_empty();
    if !has_size && !is_scaling {
        return Err(usage_error(
            "at least one of --cpu, --memory, --storage, --replicas and --min-replicas is required",
        ));
    }
    if is_scaling && (has_size || restart) {
        return Err(usage_error(
            "--replicas and --min-replicas cannot be combined with --cpu, --memory, --storage and --restart",
        ));
    }
    Ok(Intent {
        selection,
        pace,
        size: ResourceLimits {
            cpu: parse_limit("cpu", cpu.as_deref())?,
            memory: parse_limit("memory", memory.as_deref())?,
            gpu: None,
        },
        storage: parse_positive("storage", storage.as_deref())?,
        replicas: parse_counts("replicas", &replicas)?,
        min_replicas: parse_counts("min-replicas", &min_replicas)?,
        restart,
        stop_options: StopOptions::for_restart(wait_flags.given(), skip_sync),
        yes,
        trust,
        mutation: MutationOptions::for_objects(&write_flags, &output, console)?,
        wait: wait_flags.wait.then(|| wait_flags.timeout_or(USUAL_WAIT)),
        connection,
    })
}

impl Intent {
    /// Returns true if the number of Pods is changed, not their size.
    pub(crate) fn is_scaling(&self) -> bool {
        !self.replicas.is_empty() || !self.min_replicas.is_empty()
    }
}

/// Parses a limit and returns it in Kubernetes' canonical form.
fn parse_limit(flag: &str, text: Option<&str>) -> Result<Option<IntOrString>> {
    let amount = parse_positive(flag, text)?;
    Ok(amount.map(|amount| IntOrString::from(amount.to_string().as_str())))
}

/// Parses a quantity that must be greater than 0.
fn parse_positive(flag: &str, text: Option<&str>) -> Result<Option<Quantity>> {
    let Some(text) = text else { return Ok(None) };
    let amount: Quantity = text
        .parse()
        .with_context(|| format!("invalid value of --{flag}"))?;
    if amount.is_zero() || amount.is_negative() {
        return Err(usage_error(format!(
            "invalid value of --{flag} {text:?}: must be greater than 0"
        )));
    }
    Ok(Some(amount))
}
