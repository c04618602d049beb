//! The validated request of `schedule set`. Pure.

use anyhow::Result;
use session_shared::failure::usage_error;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::objects::cron_expression::CronExpression;
use session_shared::report::console::Console;

use crate::args::ScheduleSetArgs;
use crate::target::Target;

/// A validated request to create or change a schedule.
#[derive(Debug)]
pub(crate) struct SetIntent {
    pub(crate) target: Target,
    pub(crate) stop: Option<CronExpression>,
    pub(crate) start: Option<CronExpression>,
    pub(crate) skip_sync: bool,
    pub(crate) yes: bool,
    /// Time zone; `None` for that of the existing schedule.
    pub(crate) time_zone: Option<&'static str>,
    /// Image; `None` for that of the existing schedule.
    pub(crate) image: Option<String>,
    pub(crate) trust: TrustFlags,
    pub(crate) mutation: MutationOptions,
}

/// Validates the command line.
///
/// # Errors
/// Every mistake that can be found without a request.
pub(crate) fn parse_intent(args: ScheduleSetArgs, console: &mut Console) -> Result<SetIntent> {
    let ScheduleSetArgs {
        selection,
        stop,
        start,
        skip_sync,
        yes,
        schedule,
        trust,
        output,
        write_flags,
    } = args;
    let target = Target::parse(&selection, console)?;
    let parse = |flag, text: Option<String>| {
        let text = text.as_deref();
        text.map(|text| CronExpression::parse_clock(flag, text))
            .transpose()
    };
    let (stop, start) = (parse("--stop", stop)?, parse("--start", start)?);
    match (&stop, &start) {
        (None, None) => {
            return Err(usage_error(
                "at least one of --stop and --start is required",
            ));
        }
        (Some(stop), Some(start)) if stop == start => {
            return Err(usage_error("--stop and --start cannot be the same time"));
        }
        _ => {}
    }
    Ok(SetIntent {
        target,
        stop,
        start,
        skip_sync,
        yes,
        time_zone: schedule.time_zone()?,
        image: schedule.image()?.map(str::to_owned),
        trust,
        mutation: MutationOptions::for_objects(&write_flags, &output, console)?,
    })
}
