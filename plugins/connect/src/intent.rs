//! The validated command line of `connect`. Pure.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::non_empty;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::names::SessionName;
use session_shared::reconcile::WorkloadName;
use session_shared::report::console::Console;

use crate::args::{Args, DEFAULT_TIMEOUT, ModeFlags, StreamFlags};
use crate::port_forward::{self, PortForward};
use crate::port_name::parse_port;

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
    Stdio {
        port: String,
        /// File with the host keys of the SSH server behind the port.
        known_hosts: Option<PathBuf>,
    },
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
    pub(crate) workload: Option<WorkloadName>,
    pub(crate) container: Option<String>,
    /// Arguments after `--`.
    pub(crate) command: Vec<String>,
    /// Value of `-i`, if given.
    pub(crate) stdin: Option<bool>,
    /// Value of `-t`, if given.
    pub(crate) tty: Option<bool>,
    /// True if the command ends with this program; `None` where the method decides.
    pub(crate) kill_on_exit: Option<bool>,
    /// True if a stopped session is started.
    pub(crate) start: bool,
    /// True if a starting session is waited for.
    pub(crate) wait: bool,
    /// Time limit of the wait.
    pub(crate) limit: Duration,
    pub(crate) trust: TrustFlags,
    pub(crate) connection: ConnectionFlags,
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// Every mistake that can be found without a request.
pub(crate) fn parse_intent(args: Args, console: &mut Console) -> Result<Intent> {
    let Args {
        name,
        command,
        method,
        workload,
        container,
        streams:
            StreamFlags {
                stdin,
                tty,
                kill_on_exit,
            },
        mode,
        no_start,
        pod_running_timeout,
        wait_flags,
        trust,
        verbosity,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    let limit = wait_flags.timeout_or(DEFAULT_TIMEOUT);
    let intent = Intent {
        mode: mode.parse()?,
        name: parse_session_name(&name)?,
        method,
        workload: workload.as_deref().map(str::parse).transpose()?,
        container,
        command,
        stdin,
        tty,
        kill_on_exit,
        // Without waiting, a started session could not be entered.
        start: wait_flags.wait && !no_start,
        wait: wait_flags.wait,
        limit: pod_running_timeout.unwrap_or(limit),
        trust,
        connection,
    };
    reject_unused_flags(&intent)?;
    Ok(intent)
}

impl ModeFlags {
    /// Returns the kind of connection.
    ///
    /// # Errors
    /// Two kinds at once; a flag without the one that it belongs to; an invalid port.
    fn parse(&self) -> Result<ConnectMode> {
        let given = self.given_kind()?;
        let json = match non_empty(&self.output) {
            None => false,
            Some("json") => true,
            Some(other) => {
                return Err(usage_error(format!(
                    "unable to match a printer suitable for the output format {other:?}, allowed formats are: json"
                )));
            }
        };
        if json && !self.print {
            return Err(usage_error("-o requires --print"));
        }
        if self.known_hosts.is_some() && self.stdio.is_none() {
            return Err(usage_error("--known-hosts requires --stdio"));
        }
        Ok(match given {
            Some("--open") => ConnectMode::Open,
            Some("--print") => ConnectMode::Print { json },
            Some("--port-forward") => ConnectMode::Forward {
                ports: port_forward::parse_port_forwards(&self.port_forward)?,
            },
            Some("--ssh") => ConnectMode::Ssh,
            Some("--ssh-config") => ConnectMode::SshConfig,
            _ => match &self.stdio {
                Some(port) => ConnectMode::Stdio {
                    port: parse_port(port)?,
                    known_hosts: self.known_hosts.clone(),
                },
                None => ConnectMode::Method,
            },
        })
    }

    /// Returns the flag that selects the kind; `None` for the connection method.
    ///
    /// # Errors
    /// Two such flags.
    fn given_kind(&self) -> Result<Option<&'static str>> {
        let Self {
            open,
            print,
            output: _,
            stdio,
            port_forward,
            ssh,
            ssh_config,
            known_hosts: _,
        } = self;
        let flags = [
            ("--open", *open),
            ("--print", *print),
            ("--stdio", stdio.is_some()),
            ("--port-forward", !port_forward.is_empty()),
            ("--ssh", *ssh),
            ("--ssh-config", *ssh_config),
        ];
        let mut given = flags.into_iter().filter(|(_, is_given)| *is_given);
        let (first, second) = (given.next(), given.next());
        if let (Some((flag, _)), Some((other, _))) = (first, second) {
            return Err(usage_error(format!(
                "{flag} and {other} cannot be specified together"
            )));
        }
        Ok(first.map(|(flag, _)| flag))
    }
}

/// Rejects flags and arguments that the selected kind of connection does not use.
fn reject_unused_flags(intent: &Intent) -> Result<()> {
    let takes_command = matches!(intent.mode, ConnectMode::Method | ConnectMode::Ssh);
    if !takes_command && !intent.command.is_empty() {
        return Err(usage_error(
            "a command can be given only for a shell or with --ssh",
        ));
    }
    if intent.mode != ConnectMode::Method && intent.kill_on_exit.is_some() {
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
