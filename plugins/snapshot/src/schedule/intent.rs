//! What is wanted of a schedule, complete and legal. Pure.

use anyhow::{Result, anyhow};
use session_shared::client::DryRun;
use session_shared::failure::{hinted, usage};
use session_shared::flags::selection::session_name;
use session_shared::names::SessionName;
use session_shared::ops::snapshotting::class_name;

use super::cron::Cron;
use crate::args::Schedule;

/// The image of this version, where nobody names another: what `cargo image` writes. No registry has it.
const IMAGE: &str = concat!("localhost/kubectl-session:", env!("CARGO_PKG_VERSION"));

/// A schedule that is to be there, or none.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) session: SessionName,
    /// `None` to take it away.
    pub(crate) asked: Option<Asked>,
    pub(crate) dry_run: DryRun,
}

/// How snapshots are taken.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) cron: Cron,
    pub(crate) time_zone: Option<String>,
    pub(crate) keep: u32,
    pub(crate) class: Option<String>,
    pub(crate) skip_hooks: bool,
    pub(crate) image: String,
}

/// Reads the command line.
///
/// # Errors
/// Every mistake that can be seen from here.
pub(crate) fn read(args: &Schedule) -> Result<Intent> {
    let asked = if args.remove {
        let given = [
            ("--cron", args.cron.is_some()),
            ("--keep", args.keep.is_some()),
            ("--time-zone", args.time_zone.is_some()),
            ("--class", args.class.is_some()),
            ("--image", args.image.is_some()),
            ("--skip-hooks", args.skip_hooks),
        ];
        if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
            return Err(usage(format!("{flag} cannot be given with --remove")));
        }
        None
    } else {
        Some(asked(args)?)
    };
    Ok(Intent {
        session: session_name(&args.session)?,
        asked,
        dry_run: args.writing.dry_run()?,
    })
}

fn asked(args: &Schedule) -> Result<Asked> {
    let Some(cron) = &args.cron else {
        return Err(usage("--cron is required, or --remove"));
    };
    let keep = args.keep.ok_or_else(|| usage("--keep is required"))?;
    Ok(Asked {
        cron: cron.parse()?,
        time_zone: args.time_zone.as_deref().map(time_zone).transpose()?,
        keep: kept(keep)?,
        class: class_name(args.class.as_deref())?,
        skip_hooks: args.skip_hooks,
        image: image(args.image.as_deref().unwrap_or(IMAGE))?,
    })
}

/// The value of `--keep` where the newest snapshot is one's own.
///
/// # Errors
/// None at all.
pub(crate) fn kept(keep: u32) -> Result<u32> {
    match keep {
        0 => Err(usage(
            "--keep must be 1 or more: the snapshot that was just taken is one of them",
        )),
        keep => Ok(keep),
    }
}

/// A name of the time zone database. Which names there are, the server knows.
fn time_zone(given: &str) -> Result<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    let local = given.eq_ignore_ascii_case("local");
    if given.is_empty() || local || !given.chars().all(legal) || given.starts_with('/') {
        let error = anyhow!("invalid value of --time-zone {given:?}: it is no name of a time zone");
        return Err(hinted(error, "write one as Europe/Berlin or Etc/UTC"));
    }
    Ok(given.to_owned())
}

fn image(given: &str) -> Result<String> {
    if given.is_empty() || given.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let error = anyhow!("invalid value of --image {given:?}: it is no name of an image");
        return Err(hinted(
            error,
            format!("write one with registry and tag, as {IMAGE}"),
        ));
    }
    Ok(given.to_owned())
}
