//! The validated command line of `cleanup`. Pure.

use std::time::Duration;

use anyhow::{Context, Result};
use session_shared::client::DryRun;
use session_shared::duration::Lifetime;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::names::UserId;
use session_shared::ops::stop_options::StopOptions;
use session_shared::report::console::Console;

use crate::args::{Args, TargetFlags};

/// Selection of a cleanup; at least one kind of target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CleanupTargets {
    /// Stop or delete expired sessions.
    pub(crate) expired: bool,
    /// Delete unhealthy sessions.
    pub(crate) unhealthy: bool,
    /// Delete objects of sessions that no longer exist, except data.
    pub(crate) orphans: bool,
    /// Delete kept data of at least this age.
    pub(crate) kept_older_than: Option<Duration>,
    /// Delete snapshots of at least this age.
    pub(crate) snapshots_older_than: Option<Duration>,
    /// Delete VolumeSnapshotContents of deleted snapshots.
    pub(crate) snapshot_contents: bool,
}

/// A validated command line: what to clean up, and how.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    /// Selection.
    pub(crate) targets: CleanupTargets,
    /// Label selector for the objects of the plan; empty for none.
    pub(crate) selector: String,
    /// Owner of the sessions and objects; `None` for all owners.
    pub(crate) owner: Option<UserId>,
    pub(crate) all_namespaces: bool,
    /// Pause between two rounds; `None` for a single round.
    pub(crate) interval: Option<Duration>,
    /// Maximum number of actions in one round.
    pub(crate) max_actions: usize,
    /// Options for stopping sessions.
    pub(crate) stop_options: StopOptions,
    pub(crate) yes: bool,
    pub(crate) interactive: bool,
    pub(crate) trust: TrustFlags,
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// No selection; flags that exclude each other; invalid durations.
pub(crate) fn parse_intent(args: Args, console: &mut Console) -> Result<Intent> {
    let Args {
        targets,
        names,
        selector,
        user_id,
        all_namespaces,
        interval,
        max,
        interactive,
        yes,
        trust,
        verbosity,
        write_flags,
        wait_flags,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    refuse_names(&names)?;
    if interactive && yes {
        return Err(usage_error("-i and -y cannot be given together"));
    }
    let targets = targets.parse()?;
    if max == Some(0) {
        return Err(usage_error("--max must be at least 1"));
    }
    let mutation = MutationOptions::for_text(&write_flags, console)?;
    let is_unattended = !interactive && (yes || mutation.dry_run != DryRun::None);
    check_interval(interval, is_unattended)?;
    Ok(Intent {
        targets,
        selector: selector.unwrap_or_default(),
        owner: user_id.as_deref().map(str::parse).transpose()?,
        all_namespaces,
        interval,
        max_actions: max.map_or(usize::MAX, |most| most as usize),
        stop_options: StopOptions::new(wait_flags.wait, wait_flags.given(), false),
        yes,
        interactive,
        trust,
        mutation,
        connection,
    })
}

/// Refuses names: a cleanup is of everything that its flags select.
///
/// # Errors
/// There is a name.
fn refuse_names(names: &[String]) -> Result<()> {
    let Some(name) = names.first() else {
        return Ok(());
    };
    let error = usage_error(format!("cleanup does not accept names: {name:?}"));
    let delete = format!("delete a session by name: kubectl session delete {name}");
    Err(with_hint(error, delete))
}

impl TargetFlags {
    /// Returns what is cleaned up.
    ///
    /// # Errors
    /// Nothing is; an invalid age.
    fn parse(self) -> Result<CleanupTargets> {
        let Self {
            expired,
            unhealthy,
            orphans,
            all,
            kept_older_than,
            snapshots_older_than,
            snapshot_contents,
        } = self;
        let kept = parse_min_age("kept-older-than", kept_older_than.as_deref())?;
        let snapshots = parse_min_age("snapshots-older-than", snapshots_older_than.as_deref())?;
        let sweeps = expired || unhealthy || orphans || all;
        if !sweeps && kept.is_none() && snapshots.is_none() && !snapshot_contents {
            return Err(usage_error(
                "at least one of --expired, --unhealthy, --orphans, --all, --kept-older-than, --snapshots-older-than and --snapshot-contents is required",
            ));
        }
        Ok(CleanupTargets {
            expired: expired || all,
            unhealthy: unhealthy || all,
            orphans: orphans || all,
            kept_older_than: kept,
            snapshots_older_than: snapshots,
            snapshot_contents,
        })
    }
}

/// Checks the pause between rounds: nobody is there to confirm each of them.
///
/// # Errors
/// No time at all; rounds that ask.
fn check_interval(interval: Option<Duration>, is_unattended: bool) -> Result<()> {
    let Some(interval) = interval else {
        return Ok(());
    };
    if interval.is_zero() {
        return Err(usage_error("--interval must be greater than 0"));
    }
    if !is_unattended {
        return Err(usage_error("--interval requires --yes or --dry-run"));
    }
    Ok(())
}

/// Parses the minimum age of data to delete. It must be greater than 0, so that no value means all data.
fn parse_min_age(flag: &str, text: Option<&str>) -> Result<Option<Duration>> {
    let Some(text) = text else { return Ok(None) };
    let parsed = text.parse::<Lifetime>();
    let lifetime = parsed.with_context(|| format!("invalid value of --{flag}"))?;
    match lifetime.duration() {
        Some(age) => Ok(Some(age)),
        None => Err(usage_error(format!("--{flag} must be greater than 0"))),
    }
}
