//! The validated command line of `logs`.

use anyhow::{Result, anyhow, bail};
use session_shared::Timestamp;
use session_shared::client::LogOptions;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::{list, non_empty};
use session_shared::go_duration;
use session_shared::names::SessionName;
use session_shared::reconcile::WorkloadName;
use session_shared::report::console::Console;

use crate::args::Args;

/// The validated command line.
#[derive(Debug)]
pub(crate) struct Intent {
    pub(crate) session: SessionName,
    /// Workload or Pod; `None` means the primary workload.
    pub(crate) workload: Option<WorkloadName>,
    pub(crate) containers: ContainerSelection,
    pub(crate) follow: bool,
    /// Prefix before each line; `None` means only for several logs.
    pub(crate) prefix: Option<bool>,
    /// Options of every log; container and follow are set for each log.
    pub(crate) options: LogOptions,
    pub(crate) connection: ConnectionFlags,
}

/// The containers whose logs to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContainerSelection {
    /// Default container of each Pod.
    Default,
    /// Container of this name.
    Named(String),
    /// All containers, including init and ephemeral ones.
    All,
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// Usage errors, with kubectl's messages where kubectl has the same check.
pub(crate) fn parse_intent(args: Args, console: &mut Console) -> Result<Intent> {
    let Args {
        name,
        workload,
        follow,
        previous,
        container,
        all_containers,
        since,
        since_time,
        tail,
        limit_bytes,
        timestamps,
        prefix,
        verbosity,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    if all_containers && let Some(container) = non_empty(&container) {
        bail!("--all-containers=true should not be specified with container name {container}");
    }
    let since_seconds = parse_since(&since)?;
    if since_seconds.is_some() && non_empty(&since_time).is_some() {
        bail!("at most one of `sinceTime` or `sinceSeconds` may be specified");
    }
    let positive = |number: i64| u64::try_from(number).ok().filter(|number| *number > 0);
    if limit_bytes < 0 {
        bail!("--limit-bytes must be greater than 0");
    }
    if tail < -1 {
        bail!("--tail must be greater than or equal to -1");
    }
    Ok(Intent {
        session: list::parse_session_name(&name)?,
        workload: workload.as_deref().map(str::parse).transpose()?,
        containers: match (all_containers, non_empty(&container)) {
            (true, _) => ContainerSelection::All,
            (false, None) => ContainerSelection::Default,
            (false, Some(name)) => ContainerSelection::Named(name.to_owned()),
        },
        // The log of a previous run does not grow.
        follow: follow && !previous,
        prefix,
        options: LogOptions {
            previous,
            timestamps,
            since_seconds,
            since_time: non_empty(&since_time).map(parse_since_time).transpose()?,
            tail: u64::try_from(tail).ok(),
            limit_bytes: positive(limit_bytes),
            ..LogOptions::default()
        },
        connection,
    })
}

/// Returns whole seconds, as the server expects. As with kubectl, zero means no limit.
fn parse_since(text: &str) -> Result<Option<u64>> {
    if text.starts_with('-') {
        bail!("--since must be greater than 0");
    }
    let duration = go_duration::parse(text).map_err(usage_error)?;
    let seconds = duration.as_secs_f64().round().max(1.0);
    Ok((!duration.is_zero()).then_some(seconds as u64))
}

fn parse_since_time(text: &str) -> Result<Timestamp> {
    text.parse().map_err(|_| {
        anyhow!("invalid --since-time {text:?}: must be RFC 3339, such as 2026-03-01T12:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn intent(line: &str) -> Result<Intent> {
        let words = std::iter::once("logs").chain(line.split_whitespace());
        let (mut console, _) = Console::for_test("", false);
        parse_intent(Args::parse_from(words), &mut console)
    }

    #[test]
    fn flags_become_the_servers_parameters() {
        let options = |line| intent(line).unwrap().options;
        let given = options("a --since=90s --tail=0 --timestamps --limit-bytes=7 -p");
        assert_eq!(
            (given.since_seconds, given.tail, given.limit_bytes),
            (Some(90), Some(0), Some(7))
        );
        assert!(given.timestamps && given.previous);
        assert_eq!(options("a"), LogOptions::default());
        assert_eq!(options("a --since=400ms").since_seconds, Some(1));
        let time = options("a --since-time=2026-03-01T13:00:00+01:00").since_time;
        assert_eq!(time.unwrap().to_string(), "2026-03-01T12:00:00Z");
        assert!(!intent("a -f -p").unwrap().follow);
    }
}
