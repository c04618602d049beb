//! The validated command line of `snapshot schedule`. Pure.

use anyhow::Result;
use session_shared::failure::usage_error;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::names::SessionName;
use session_shared::objects::cron_expression::CronExpression;
use session_shared::ops::snapshot_plan::parse_class_name;
use session_shared::report::console::Console;

use crate::archive_args::reject_other_flags;
use crate::schedule_args::ScheduleArgs;

/// A validated command line: a schedule to create or change, or its removal.
#[derive(Debug)]
pub(crate) struct Intent {
    pub(crate) session: SessionName,
    /// The wanted schedule; `None` to remove it.
    pub(crate) schedule: Option<ScheduleOptions>,
    pub(crate) mutation: MutationOptions,
    /// Consent to hooks that another user may have changed.
    pub(crate) trust: TrustFlags,
}

/// Options of a schedule: when snapshots are taken, how many are kept, and with which image. Time zone and image that are
/// not given are those that the schedule has.
#[derive(Clone, Debug)]
pub(crate) struct ScheduleOptions {
    pub(crate) cron: CronExpression,
    pub(crate) time_zone: Option<String>,
    pub(crate) keep: u32,
    pub(crate) class: Option<String>,
    pub(crate) skip_hooks: bool,
    pub(crate) image: Option<String>,
}

/// Validates the command line.
///
/// # Errors
/// Every mistake that can be found without a request.
pub(crate) fn parse_intent(args: ScheduleArgs, console: &mut Console) -> Result<Intent> {
    let ScheduleArgs {
        session,
        cron,
        keep,
        schedule,
        class,
        skip_hooks,
        remove,
        trust,
        output,
        write_flags,
    } = args;
    let (time_zone, image) = (schedule.time_zone()?, schedule.image()?);
    let schedule = if remove {
        let given = [
            ("--cron", cron.is_some()),
            ("--keep", keep.is_some()),
            ("--time-zone", time_zone.is_some()),
            ("--class", class.is_some()),
            ("--image", image.is_some()),
            ("--skip-hooks", skip_hooks),
        ];
        reject_other_flags("--remove", &given)?;
        None
    } else {
        let cron = cron.ok_or_else(|| usage_error("one of --cron or --remove is required"))?;
        let keep = keep.ok_or_else(|| usage_error("--keep is required"))?;
        Some(ScheduleOptions {
            cron: cron.parse()?,
            time_zone: time_zone.map(str::to_owned),
            keep: check_keep(keep)?,
            class: parse_class_name(class.as_deref())?,
            skip_hooks,
            image: image.map(str::to_owned),
        })
    };
    Ok(Intent {
        session: parse_session_name(&session)?,
        schedule,
        mutation: MutationOptions::for_objects(&write_flags, &output, console)?,
        trust,
    })
}

/// Validates the value of `--keep` for a run that takes a snapshot itself.
///
/// # Errors
/// Zero.
pub(crate) fn check_keep(keep: u32) -> Result<u32> {
    match keep {
        0 => Err(usage_error(
            "--keep must be at least 1: the new snapshot is counted too",
        )),
        keep => Ok(keep),
    }
}
