//! What the user wants, complete and legal as far as it can be known without asking the cluster.

use std::time::Duration;

use anyhow::{Result, bail};
use session_shared::failure::usage;
use session_shared::flags::selection::session_name;
use session_shared::names::SessionName;

use crate::args::Args;
use crate::ports::{self, Forward};

/// How long `connect` waits for a session when it is not told: as `create`.
const USUAL_WAIT: Duration = Duration::from_secs(300);

/// What is to be done with the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// What the method says: a shell, a page, SSH. A command given runs instead of a shell.
    Method,
    /// The page, in a browser.
    Open,
    /// The page's address; `json` with what programs need.
    Print { json: bool },
    /// Standard input and output to and from a port.
    Stdio { port: String },
    /// Ports of this machine that lead to ports.
    Forward { ports: Vec<Forward> },
    /// ssh.
    Ssh,
    /// A Host block for ssh.
    SshConfig,
}

/// What the user wants.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) name: SessionName,
    pub(crate) way: Way,
    pub(crate) method: Option<String>,
    pub(crate) container: Option<String>,
    /// Words after `--`.
    pub(crate) command: Vec<String>,
    /// `-i`, if it was said.
    pub(crate) stdin: Option<bool>,
    /// `-t`, if it was said.
    pub(crate) tty: Option<bool>,
    /// Whether to start a session that is stopped.
    pub(crate) start: bool,
    /// Whether to wait for a session that is coming up.
    pub(crate) wait: bool,
    /// How long.
    pub(crate) limit: Duration,
}

/// Reads the command line.
///
/// # Errors
/// Every mistake that can be seen from here.
pub(crate) fn read(args: &Args) -> Result<Intent> {
    let way = way(args)?;
    let limit = args.waiting.limit(USUAL_WAIT);
    let intent = Intent {
        name: session_name(&args.name)?,
        way,
        method: args.method.clone(),
        container: args.container.clone(),
        command: args.command.clone(),
        stdin: args.stdin,
        tty: args.tty,
        // What is started has to be waited for.
        start: args.waiting.wait && !args.no_start,
        wait: args.waiting.wait,
        limit: args.pod_running_timeout.unwrap_or(limit),
    };
    fits(&intent)?;
    Ok(intent)
}

fn way(args: &Args) -> Result<Way> {
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
        return Err(usage(format!(
            "{one} and {other} cannot be specified together"
        )));
    }
    let json = match args.output.as_str() {
        "" => false,
        "json" => true,
        other => {
            return Err(usage(format!(
                "unable to match a printer suitable for the output format {other:?}, allowed formats are: json"
            )));
        }
    };
    if json && !args.print {
        return Err(usage("-o goes with --print"));
    }
    Ok(match asked.first().copied() {
        Some("--open") => Way::Open,
        Some("--print") => Way::Print { json },
        Some("--port-forward") => Way::Forward {
            ports: ports::read(&args.port_forward)?,
        },
        Some("--ssh") => Way::Ssh,
        Some("--ssh-config") => Way::SshConfig,
        _ => match &args.stdio {
            Some(port) => Way::Stdio {
                port: legal_port(port)?,
            },
            None => Way::Method,
        },
    })
}

/// A port number that exists, or a name that a port can have.
///
/// # Errors
/// Usage.
pub(crate) fn legal_port(word: &str) -> Result<String> {
    check_port(word).map_err(|error| usage(error.to_string()))?;
    Ok(word.to_owned())
}

/// As [`legal_port`], for a port that nobody has typed.
///
/// # Errors
/// When it is neither.
pub(crate) fn check_port(word: &str) -> Result<()> {
    let number = word.parse::<i64>();
    let is_legal = match number {
        Ok(number) => (1..=65535).contains(&number),
        Err(_) => is_port_name(word),
    };
    if !is_legal {
        bail!("invalid port {word:?}: it is a number from 1 to 65535, or the name of a port");
    }
    Ok(())
}

/// IANA's service names, as Kubernetes has them for ports.
fn is_port_name(word: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    word.len() <= 15
        && word.chars().all(legal)
        && word.contains(|c: char| c.is_ascii_lowercase())
        && !word.starts_with('-')
        && !word.ends_with('-')
        && !word.contains("--")
}

/// Flags that mean nothing to what is to be done.
fn fits(intent: &Intent) -> Result<()> {
    let takes_command = matches!(intent.way, Way::Method | Way::Ssh);
    if !takes_command && !intent.command.is_empty() {
        return Err(usage("a command goes with a shell or with --ssh only"));
    }
    if intent.way != Way::Method && (intent.stdin.is_some() || intent.tty.is_some()) {
        return Err(usage("-i and -t go with a shell or a command only"));
    }
    if matches!(intent.way, Way::Stdio { .. }) && intent.method.is_some() {
        return Err(usage("--stdio and --method cannot be specified together"));
    }
    Ok(())
}
