//! Command line of `connect`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::VerbosityFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::go_duration::parse;

/// Default of `--timeout`: as for `create`.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

pub(crate) const ABOUT: &str = "Open a session's shell, run a command in it, or reach its ports

The template defines the connection methods of a session, and the first one is the default; kubectl session status NAME lists \
them. A command after -- runs instead of the method's command, in the workload and container of --workload and -c, else in those \
of --method, else in the primary ones. If the session is still starting, connect waits for it. If the session is stopped, connect starts it.

As with kubectl exec, a command after -- gets standard input only with -i. A shell (no command after --) on a terminal gets it \
without the flag. With standard input, the command runs in a terminal if standard input and output are both terminals; -t=false \
changes that.

Forwarded ports stay open while the session's Pod is replaced. If the session is stopped or deleted, the command fails.

If connect is ended by a signal, the command's standard input and terminal are closed, but the command may go on running; connect \
then says how to list its processes. --kill-on-exit ends them.

connect exits with the command's exit code: 126 if the command cannot be run, 127 if it is not found, 128 + N if signal N ended it. \
After Ctrl-C, SIGTERM or SIGHUP the exit code is 130, 143 or 129, after any other error 1. On Windows, kubectl turns every \
nonzero exit code into 1; run kubectl-session directly to get the original.";

const EXAMPLES: &str = "  # Open a shell in the session
  kubectl session connect dev

  # Run a command in another container and write its output to a file
  kubectl session connect dev -c sidecar -- cat /etc/hosts > hosts

  # Run a command in another workload of the session
  kubectl session connect pr-17 --workload db -- pg_isready -U disney_app

  # Copy files into the session
  tar cz project | kubectl session connect dev -i -- tar xz -C /workspace

  # Open the session's web page in a browser
  kubectl session connect dev --open

  # Connect with SSH
  kubectl session connect lab-1 --ssh

  # Copy a file with scp
  kubectl session connect lab-1 --ssh-config >> ~/.ssh/config
  scp results.csv lab-1:

  # Forward local ports to the session until Ctrl-C
  kubectl session connect dev --port-forward 8080:80
  kubectl session connect dev --port-forward :http,localhost:5432

  # Print the session's addresses for a program
  kubectl session connect dev --print -o json";

const WAIT: &str = "If true, wait until the session is ready, and start it if it is stopped; if false, fail if the session is not ready";

/// Flags and arguments of `connect`, as typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "connect", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session connect NAME [--open | --print | --ssh | --ssh-config | --stdio PORT | --port-forward PORTS] [options] [-- COMMAND [ARGS...]]")]
// An argument that is changed comes last, so this is the order of the flags in help.
#[command(mut_arg("wait", |wait| wait.help(WAIT)))]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, DEFAULT_TIMEOUT)))]
#[command(mut_arg("pod_running_timeout", |alias| alias))]
pub struct Args {
    /// Name of the session; session/NAME and the output of -o name are accepted, too
    pub name: String,

    /// Command to run; with --ssh, arguments for ssh
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,

    /// Name of the connection method; defaults to the template's first
    #[arg(long, value_name = "NAME")]
    pub method: Option<String>,

    /// Workload or Pod of the session, as NAME or KIND/NAME; defaults to that of the method, else the primary one
    #[arg(long, value_name = "WORKLOAD")]
    pub workload: Option<String>,

    /// Name of the container; defaults to that of the method, else the default one of the workload
    #[arg(short = 'c', long, value_name = "NAME")]
    pub container: Option<String>,

    /// Standard input and terminal of the command.
    #[command(flatten)]
    pub streams: StreamFlags,

    /// Kind of connection.
    #[command(flatten)]
    pub mode: ModeFlags,

    /// If true, fail instead of starting a stopped session
    #[arg(long)]
    pub no_start: bool,

    /// Alias of --timeout, as in kubectl exec
    #[arg(help_heading = "Waiting", long, value_name = "DURATION", value_parser = parse)]
    pub pod_running_timeout: Option<Duration>,

    /// Waiting flags.
    #[command(flatten)]
    pub wait_flags: WaitFlags,
    /// Trust in commands stored in the session.
    #[command(flatten)]
    pub trust: TrustFlags,

    /// Verbosity flags.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Cluster connection flags.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// Flags of the command's streams; each is `None` if it was not given.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct StreamFlags {
    /// If true, pass standard input to the command; defaults to true for a shell (without COMMAND) on a terminal
    #[arg(short = 'i', long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub stdin: Option<bool>,

    /// If true, run the command in a terminal; requires standard input, and defaults to true if standard input and output are terminals
    #[arg(short = 't', long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub tty: Option<bool>,

    /// If true, also end the command and what it started if connect is ended by a signal; needs sh in the container, and defaults to
    /// the method's killOnExit
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub kill_on_exit: Option<bool>,
}

/// Flags that select the kind of connection, instead of a connection method.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ModeFlags {
    /// If true, forward a local port to the session's web page and open it in a browser
    #[arg(help_heading = "Web Page", long)]
    pub open: bool,

    /// If true, print the URL of the session's web page; with -o json, addresses for programs
    #[arg(help_heading = "Web Page", long)]
    pub print: bool,

    /// Output format of --print. One of: (json)
    #[arg(help_heading = "Web Page", short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,

    /// Connect standard input and output to a port of the session's Pod (a number, also if undeclared, or a name), as an
    /// ssh ProxyCommand
    #[arg(help_heading = "Port", long, value_name = "PORT")]
    pub stdio: Option<String>,

    /// Forward a local port to a port of the session's Pod; may be repeated or comma-separated
    ///
    /// REMOTE is a number, also of an undeclared port, or a name; a port that only a Service of the session has means the one it
    /// leads to. ADDRESS defaults to 127.0.0.1; localhost means 127.0.0.1 and ::1; write IPv6 addresses in brackets. LOCAL
    /// defaults to the number of REMOTE; an empty LOCAL or 0 picks a free port.
    #[arg(help_heading = "Port", long, value_name = "[ADDRESS:][LOCAL:]REMOTE")]
    pub port_forward: Vec<String>,

    /// If true, run ssh to the session's SSH server; arguments after -- are passed to ssh
    #[arg(help_heading = "SSH", long)]
    pub ssh: bool,

    /// If true, print a Host block for ~/.ssh/config
    #[arg(help_heading = "SSH", long)]
    pub ssh_config: bool,

    /// With --stdio, known_hosts file of ssh for this session alone; its keys are dropped when the SSH server's container is another
    #[arg(help_heading = "SSH", long, value_name = "FILE")]
    pub known_hosts: Option<PathBuf>,
}
