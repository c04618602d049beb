//! What is to be shown or waited for, complete and legal.

use std::time::Duration;

use anyhow::{Result, bail};
use session_shared::api::Phase;
use session_shared::failure::usage;
use session_shared::flags::selection::session_name;
use session_shared::names::SessionName;
use session_shared::report::format::Format;

use crate::args::Args;

/// How long is waited where nobody says: as `create` does.
pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(300);

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Intent {
    /// The session.
    pub(crate) name: SessionName,
    /// How it is printed.
    pub(crate) format: Format,
    /// What is done beside printing it once.
    pub(crate) mode: Mode,
}

/// Once, again and again, or when it is so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Once,
    Watch,
    /// Zero time looks once.
    Wait {
        target: Phase,
        limit: Duration,
    },
}

/// Reads the command line.
///
/// # Errors
/// What cannot be meant.
pub(crate) fn read(args: &Args) -> Result<Intent> {
    let mode = match &args.wait_for {
        None if args.watch => Mode::Watch,
        None => Mode::Once,
        Some(_) if args.watch => {
            return Err(usage(
                "--watch goes on for ever: it goes neither with --wait-for nor with --timeout",
            ));
        }
        Some(target) => Mode::Wait {
            target: phase(target)?,
            limit: args.timeout,
        },
    };
    Ok(Intent {
        name: session_name(&args.name)?,
        format: Format::of_object(&args.printing)?,
        mode,
    })
}

fn phase(word: &str) -> Result<Phase> {
    if word == "ready" {
        return Ok(Phase::Running);
    }
    match Phase::ALL.into_iter().find(|phase| phase.word() == word) {
        Some(phase) => Ok(phase),
        None => {
            let words: Vec<&str> = Phase::ALL.iter().map(|phase| phase.word()).collect();
            bail!(
                "cannot wait for {word:?}: it is ready or a phase, one of {}",
                words.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(line: &str) -> Result<Mode> {
        let words = std::iter::once("status").chain(line.split_whitespace());
        Ok(read(&Args::try_parse_from(words).unwrap())?.mode)
    }

    use clap::Parser;

    #[test]
    fn a_time_alone_waits_for_ready() {
        let wait = |target, seconds| Mode::Wait {
            target,
            limit: Duration::from_secs(seconds),
        };
        assert_eq!(mode("a").unwrap(), Mode::Once);
        assert_eq!(mode("session/a -w").unwrap(), Mode::Watch);
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
            "cannot wait for \"up\": it is ready or a phase, one of pending, running, stopped, terminating, failed"
        );
        assert!(mode("a -w --timeout 1s").is_err());
        assert!(mode("A").is_err());
        assert!(mode("a -o wide").is_err());
    }
}
