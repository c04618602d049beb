//! The validated command line of `cleanup`. Pure.

use std::time::Duration;

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::duration::Lifetime;
use session_shared::failure::{usage_error, with_hint};
use session_shared::names::UserId;
use session_shared::ops::stop_options::StopOptions;

use crate::args::Args;

/// A validated command line: what to clean up, and how.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
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
    pub(crate) dry_run: DryRun,
}

/// Validates the command line.
///
/// # Errors
/// No selection; flags that exclude each other; invalid durations.
pub(crate) fn parse_intent(args: &Args) -> Result<Intent> {
    if let Some(name) = args.names.first() {
        let error = usage_error(format!("cleanup does not accept names: {name:?}"));
        let delete = format!("delete a session by name: kubectl session delete {name}");
        return Err(with_hint(error, delete));
    }
    if args.interactive && args.yes {
        return Err(usage_error("-i and -y cannot be given together"));
    }
    let kept = parse_min_age("kept-older-than", args.kept_older_than.as_deref())?;
    let snapshots = parse_min_age("snapshots-older-than", args.snapshots_older_than.as_deref())?;
    let sweeps = args.expired || args.unhealthy || args.orphans || args.all;
    if !sweeps && kept.is_none() && snapshots.is_none() && !args.snapshot_contents {
        return Err(usage_error(
            "one of --expired, --unhealthy, --orphans, --all, --kept-older-than, --snapshots-older-than or --snapshot-contents is required",
        ));
    }
    if args.max == Some(0) {
        return Err(usage_error("--max must be at least 1"));
    }
    let dry_run = args.write_flags.dry_run()?;
    if let Some(interval) = args.interval {
        if interval.is_zero() {
            return Err(usage_error("--interval must be greater than 0"));
        }
        if args.interactive || (!args.yes && dry_run == DryRun::None) {
            return Err(usage_error("--interval requires --yes or --dry-run"));
        }
    }
    Ok(Intent {
        expired: args.expired || args.all,
        unhealthy: args.unhealthy || args.all,
        orphans: args.orphans || args.all,
        kept_older_than: kept,
        snapshots_older_than: snapshots,
        snapshot_contents: args.snapshot_contents,
        selector: args.selector.clone().unwrap_or_default(),
        owner: args.user_id.as_deref().map(str::parse).transpose()?,
        all_namespaces: args.all_namespaces,
        interval: args.interval,
        max_actions: args.max.map_or(usize::MAX, |most| most as usize),
        stop_options: StopOptions::new(args.wait_flags.wait, args.wait_flags.given(), false),
        yes: args.yes,
        interactive: args.interactive,
        dry_run,
    })
}

/// Parses the minimum age of data to delete. It must be greater than 0, so that no value means all data.
fn parse_min_age(flag: &str, text: Option<&str>) -> Result<Option<Duration>> {
    let Some(text) = text else { return Ok(None) };
    let lifetime: Lifetime = text.parse()?;
    match lifetime.duration() {
        Some(age) => Ok(Some(age)),
        None => Err(usage_error(format!("--{flag} must be greater than 0"))),
    }
}
