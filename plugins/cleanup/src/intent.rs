//! What is to be cleaned up, complete and legal.

use std::time::Duration;

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::duration::Lifetime;
use session_shared::failure::{hinted, usage};
use session_shared::ops::manner::Manner;

use crate::args::Args;

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    /// Sessions whose time is over.
    pub(crate) expired: bool,
    /// Sessions that ail.
    pub(crate) unhealthy: bool,
    /// What is left of sessions that are gone, except data.
    pub(crate) orphans: bool,
    /// Kept data of at least this age.
    pub(crate) kept: Option<Duration>,
    /// Snapshots of at least this age.
    pub(crate) snapshots: Option<Duration>,
    /// What snapshots have left at the driver.
    pub(crate) contents: bool,
    /// A label query that everything has to match; empty for none.
    pub(crate) selector: String,
    pub(crate) all_namespaces: bool,
    /// How long to rest between two rounds; `None` for one round.
    pub(crate) interval: Option<Duration>,
    /// How much is done in one round.
    pub(crate) most: usize,
    /// How sessions are ended.
    pub(crate) manner: Manner,
    pub(crate) yes: bool,
    pub(crate) interactive: bool,
    pub(crate) dry_run: DryRun,
}

/// Reads the command line.
///
/// # Errors
/// Nothing chosen, or what cannot be meant.
pub(crate) fn read(args: &Args) -> Result<Intent> {
    if let Some(name) = args.names.first() {
        let error = usage(format!("cleanup takes no names: {name:?}"));
        let delete = format!("delete a session by name: kubectl session delete {name}");
        return Err(hinted(error, delete));
    }
    if args.interactive && args.yes {
        return Err(usage("-i and -y cannot be given together"));
    }
    let kept = age("kept-older-than", args.kept_older_than.as_deref())?;
    let snapshots = age("snapshots-older-than", args.snapshots_older_than.as_deref())?;
    let sweeps = args.expired || args.unhealthy || args.orphans || args.all;
    if !sweeps && kept.is_none() && snapshots.is_none() && !args.snapshot_contents {
        return Err(usage(
            "say what is to be cleaned up: --expired, --unhealthy, --orphans, --all, --kept-older-than, --snapshots-older-than or --snapshot-contents",
        ));
    }
    if args.max == Some(0) {
        return Err(usage("--max must be at least 1"));
    }
    let dry_run = args.writing.dry_run()?;
    if let Some(interval) = args.interval {
        if interval.is_zero() {
            return Err(usage("--interval must be longer than nothing"));
        }
        if args.interactive || (!args.yes && dry_run == DryRun::None) {
            return Err(usage("--interval asks nobody: it needs -y, or --dry-run"));
        }
    }
    Ok(Intent {
        expired: args.expired || args.all,
        unhealthy: args.unhealthy || args.all,
        orphans: args.orphans || args.all,
        kept,
        snapshots,
        contents: args.snapshot_contents,
        selector: args.selector.clone().unwrap_or_default(),
        all_namespaces: args.all_namespaces,
        interval: args.interval,
        most: args.max.map_or(usize::MAX, |most| most as usize),
        manner: Manner::new(args.waiting.wait, args.waiting.given(), false),
        yes: args.yes,
        interactive: args.interactive,
        dry_run,
    })
}

/// An age from which on data is destroyed: there is none that means all of it.
fn age(flag: &str, text: Option<&str>) -> Result<Option<Duration>> {
    let Some(text) = text else { return Ok(None) };
    let lifetime: Lifetime = text.parse()?;
    match lifetime.duration() {
        Some(age) => Ok(Some(age)),
        None => Err(usage(format!("--{flag} must be longer than nothing"))),
    }
}
