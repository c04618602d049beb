//! The validated command line of `connect`. Pure.

use std::time::Duration;

use anyhow::{Result, bail};
use session_shared::failure::usage_error;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::non_empty;
use session_shared::names::SessionName;

use crate::args::Args;
use crate::port_forward::{self, PortForward};

/// Default of `--timeout`: as for `create`.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

/// Kind of connection that the flags select.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConnectMode {
    /// The session's connection method: a command, a web page or SSH. A given command takes its place.
    Method,
    /// Web page in a browser.
    Open,
    /// URL of the web page; with `json`, all addresses for programs.
    Print { json: bool },
    /// A port connected to standard input and output.
    Stdio { port: String },
    /// Local ports forwarded to ports of the session.
    Forward { ports: Vec<PortForward> },
    /// The ssh program.
    Ssh,
    /// A Host block for the configuration of ssh.
    SshConfig,
}

/// A validated command line.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) name: SessionName,
    pub(crate) mode: ConnectMode,
    pub(crate) method: Option<String>,
    pub(crate) container: Option<String>,
    /// Arguments after `--`.
    pub(crate) command: Vec<String>,
    /// Value of `-i`, if given.
    pub(crate) stdin: Option<bool>,
    /// Value of `-t`, if given.
    pub(crate) tty: Option<bool>,
    /// True if the command is ended with this program.
    pub(crate) kill_on_exit: bool,
    /// True if a stopped session is started.
    pub(crate) start: bool,
    /// True if a starting session is waited for.
    pub(crate) wait: bool,
    /// Time limit of the wait.
    pub(crate) limit: Duration,
}

/// Validates the command line.
///
/// # Errors
/// Every mistake that can be found without a request.
pub(crate) fn parse_intent(args: &Args) -> Result<Intent> {
    let way = parse_mode(args)?;
    let limit = args.wait_flags.timeout_or(DEFAULT_TIMEOUT);
    let intent = Intent {
        name: parse_session_name(&args.name)?,
        mode: way,
        method: args.method.clone(),
        container: args.container.clone(),
        command: args.command.clone(),
        stdin: args.streams.stdin,
        tty: args.streams.tty,
        kill_on_exit: args.streams.kill_on_exit,
        // Without waiting, a started session could not be entered.
        start: args.wait_flags.wait && !args.no_start,
        wait: args.wait_flags.wait,
        limit: args.pod_running_timeout.unwrap_or(limit),
    };
    reject_unused_flags(&intent)?;
    Ok(intent)
}

fn parse_mode(args: &Args) -> Result<ConnectMode> {
    let asked = [
        ("--open", args.open),
        ("--print", args.print),
        ("--stdio", args.stdio.is_some()),
        ("--port-forward", !args.port_forward.is_empty()),
        ("--ssh", args.ssh),
        ("--ssh-config", args.ssh_config),
    ];
    let asked: Vec<&str> = asked
        .into_iter()
        .filter_map(|(flag, given)| given.then_some(flag))
        .collect();
    if let [one, other, ..] = asked.as_slice() {
        return Err(usage_error(format!(
            "{one} and {other} cannot be specified together"
        )));
    }
    let json = match non_empty(&args.output) {
        None => false,
        Some("json") => true,
        Some(other) => {
            return Err(usage_error(format!(
                "unable to match a printer suitable for the output format {other:?}, allowed formats are: json"
            )));
        }
    };
    if json && !args.print {
        return Err(usage_error("-o requires --print"));
    }
    Ok(match asked.first().copied() {
        Some("--open") => ConnectMode::Open,
        Some("--print") => ConnectMode::Print { json },
        Some("--port-forward") => ConnectMode::Forward {
            ports: port_forward::parse_port_forwards(&args.port_forward)?,
        },
        Some("--ssh") => ConnectMode::Ssh,
        Some("--ssh-config") => ConnectMode::SshConfig,
        _ => match &args.stdio {
            Some(port) => ConnectMode::Stdio {
                port: parse_port(port)?,
            },
            None => ConnectMode::Method,
        },
    })
}

/// Validates a port number or name from the command line.
///
/// # Errors
/// A usage error.
pub(crate) fn parse_port(word: &str) -> Result<String> {
    check_port(word).map_err(|error| usage_error(error.to_string()))?;
    Ok(word.to_owned())
}

/// Validates a port number or name of a connection method.
///
/// # Errors
/// Neither a port number nor a valid port name.
pub(crate) fn check_port(word: &str) -> Result<()> {
    let number = word.parse::<i64>();
    let is_legal = match number {
        Ok(number) => (1..=65535).contains(&number),
        Err(_) => is_port_name(word),
    };
    if !is_legal {
        bail!("invalid port {word:?}: must be a number from 1 to 65535 or a port name");
    }
    Ok(())
}

/// Returns true for an IANA service name, the form of Kubernetes' port names.
fn is_port_name(word: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    word.len() <= 15
        && word.chars().all(legal)
        && word.contains(|c: char| c.is_ascii_lowercase())
        && !word.starts_with('-')
        && !word.ends_with('-')
        && !word.contains("--")
}

/// Rejects flags and arguments that the selected kind of connection does not use.
fn reject_unused_flags(intent: &Intent) -> Result<()> {
    let takes_command = matches!(intent.mode, ConnectMode::Method | ConnectMode::Ssh);
    if !takes_command && !intent.command.is_empty() {
        return Err(usage_error(
            "a command can be given only for a shell or with --ssh",
        ));
    }
    if intent.mode != ConnectMode::Method && intent.kill_on_exit {
        return Err(usage_error(
            "--kill-on-exit can be used only with a shell or a command",
        ));
    }
    if intent.mode != ConnectMode::Method && (intent.stdin.is_some() || intent.tty.is_some()) {
        return Err(usage_error(
            "-i and -t can be used only with a shell or a command",
        ));
    }
    if matches!(intent.mode, ConnectMode::Stdio { .. }) && intent.method.is_some() {
        return Err(usage_error(
            "--stdio and --method cannot be specified together",
        ));
    }
    Ok(())
}
