//! The validated command line of `status`.

use std::time::Duration;

use anyhow::{Result, bail};
use session_shared::api::Phase;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::names::SessionName;
use session_shared::report::console::Console;
use session_shared::report::format::Format;

use crate::args::Args;

/// The validated command line.
#[derive(Debug)]
pub(crate) struct Intent {
    /// Name of the session.
    pub(crate) name: SessionName,
    /// Output format.
    pub(crate) format: Format,
    /// Print once, watch or wait.
    pub(crate) mode: StatusMode,
    /// Cluster and credentials.
    pub(crate) connection: ConnectionFlags,
}

/// The mode of `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusMode {
    /// Prints one report.
    Once,
    /// Prints a report after every change.
    Watch,
    /// Waits for a phase, at most `limit`; a limit of zero checks once.
    Wait { target: Phase, limit: Duration },
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// An unknown phase, an invalid name, or flags that exclude each other.
pub(crate) fn parse_intent(args: Args, console: &mut Console) -> Result<Intent> {
    let Args {
        name,
        watch,
        wait_for,
        timeout,
        output,
        verbosity,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    let mode = match &wait_for {
        None if watch => StatusMode::Watch,
        None => StatusMode::Once,
        Some(_) if watch => {
            return Err(usage_error(
                "--watch cannot be used with --wait-for or --timeout",
            ));
        }
        Some(target) => StatusMode::Wait {
            target: parse_phase(target)?,
            limit: timeout,
        },
    };
    Ok(Intent {
        name: parse_session_name(&name)?,
        format: Format::from_object_flags(&output)?,
        mode,
        connection,
    })
}

fn parse_phase(word: &str) -> Result<Phase> {
    if word == "ready" {
        return Ok(Phase::Running);
    }
    match Phase::ALL.into_iter().find(|phase| phase.as_str() == word) {
        Some(phase) => Ok(phase),
        None => {
            let words: Vec<&str> = Phase::ALL.iter().map(|phase| phase.as_str()).collect();
            bail!(
                "invalid --wait-for {word:?}: must be one of ready, {}",
                words.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(line: &str) -> Result<StatusMode> {
        let words = std::iter::once("status").chain(line.split_whitespace());
        let (mut console, _) = Console::for_test("", false);
        let intent = parse_intent(Args::parse_from(words), &mut console)?;
        Ok(intent.mode)
    }

    use clap::Parser;

    #[test]
    fn a_time_alone_waits_for_ready() {
        let wait = |target, seconds| StatusMode::Wait {
            target,
            limit: Duration::from_secs(seconds),
        };
        assert_eq!(mode("a").unwrap(), StatusMode::Once);
        assert_eq!(mode("session/a -w").unwrap(), StatusMode::Watch);
        assert_eq!(mode("a --timeout 1s").unwrap(), wait(Phase::Running, 1));
        assert_eq!(
            mode("a --wait-for stopped").unwrap(),
            wait(Phase::Stopped, 300)
        );
        assert_eq!(
            mode("a --wait-for ready --timeout=0").unwrap(),
            wait(Phase::Running, 0)
        );
    }

    #[test]
    fn mistakes_are_said_before_anything_is_asked() {
        assert_eq!(
            mode("a --wait-for up").unwrap_err().to_string(),
            "invalid --wait-for \"up\": must be one of ready, pending, running, stopped, terminating, failed"
        );
        assert!(mode("a -w --timeout 1s").is_err());
        assert!(mode("A").is_err());
        assert!(mode("a -o wide").is_err());
    }
}
