//! The command line of `connect`.

use std::time::Duration;

use clap::{ArgAction, Parser};
use session_shared::flags::connection::Connection;
use session_shared::flags::output::Talk;
use session_shared::flags::trust_manifest::TrustManifest;
use session_shared::flags::waiting::Waiting;
use session_shared::go_duration::parse;

pub(crate) const ABOUT: &str = "Enter a session: its shell, a command in it, its web page, its SSH server.

The template says how a session can be entered (kubectl session status NAME shows the methods); the first method is the \
default. Words after -- run in the session's primary container instead of a shell. A session that is coming up is waited \
for, one that is stopped is started first.

Standard input goes to the command. Where standard input and output are both a terminal, the command gets one, too; \
-i=false and -t=false say otherwise. The exit code is the command's own: 126 where it cannot be run, 127 where there is no \
such command, 128 + N where signal N ended it; 130, 143 or 129 after Ctrl-C, SIGTERM or SIGHUP, and 1 for everything else that went wrong. On \
Windows kubectl makes 1 of every exit code: call kubectl-session there to see it.";

const EXAMPLES: &str = "  # A shell in the session
  kubectl session connect alice

  # A command in another container, its output into a file
  kubectl session connect alice -c sidecar -- cat /etc/hosts > hosts

  # Files into the session
  tar cz project | kubectl session connect alice -- tar xz -C /workspace

  # The session's web page in a browser
  kubectl session connect alice --open

  # SSH, with a file copied through it
  kubectl session connect lab-1 --ssh
  kubectl session connect lab-1 --ssh-config >> ~/.ssh/config && scp results.csv lab-1:

  # Ports of the session on this machine, until Ctrl-C
  kubectl session connect alice --port-forward 8080:80
  kubectl session connect alice --port-forward :http,localhost:5432

  # Where a program reaches the session
  kubectl session connect alice --print -o json";

/// Flags and arguments of `connect`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "connect", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session connect NAME [options] [-- COMMAND [ARGS...]]")]
pub struct Args {
    /// Name of the session, also as session/NAME
    pub name: String,

    /// Command to run, or with --ssh words for ssh
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,

    /// Method of the template to enter by; by default the first
    #[arg(long, value_name = "NAME")]
    pub method: Option<String>,

    /// Container to enter; by default the method's, else the primary one
    #[arg(short = 'c', long, value_name = "NAME")]
    pub container: Option<String>,

    /// Pass standard input to the command; true by default
    #[arg(short = 'i', long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub stdin: Option<bool>,

    /// Give the command a terminal; by default where standard input and output are terminals
    #[arg(short = 't', long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub tty: Option<bool>,

    /// Open the web page of the method in a browser, through a port of this machine
    #[arg(long)]
    pub open: bool,

    /// Print where the session's page is reached without this program; with -o json what programs need
    #[arg(long)]
    pub print: bool,

    /// Output format of --print. One of: (json)
    #[arg(
        short = 'o',
        long,
        value_name = "FORMAT",
        default_value = "",
        hide_default_value = true
    )]
    pub output: String,

    /// Connect standard input and output with a port of the session, by number or by name: a ProxyCommand for ssh
    #[arg(long, value_name = "PORT")]
    pub stdio: Option<String>,

    /// Make a port of the session, by number or by name, reachable as a port of this machine; may be given again, several in
    /// one with commas. ADDRESS is 127.0.0.1 unless given; localhost is that and ::1, IPv6 is written in brackets. LOCAL is
    /// the same number unless given; 0 or nothing before the colon picks a free one
    #[arg(
        long,
        value_name = "[ADDRESS:][LOCAL:]REMOTE",
        allow_hyphen_values = true
    )]
    pub port_forward: Vec<String>,

    /// Run ssh to the session's SSH server; words after -- are for ssh
    #[arg(long)]
    pub ssh: bool,

    /// Print a Host block for ~/.ssh/config
    #[arg(long)]
    pub ssh_config: bool,

    /// Refuse a session that is stopped, instead of starting it
    #[arg(long)]
    pub no_start: bool,

    /// How long to wait for a session that is coming up, kubectl's name for --timeout
    #[arg(long, value_name = "DURATION", value_parser = parse, allow_hyphen_values = true)]
    pub pod_running_timeout: Option<Duration>,

    /// Whether to wait, and how long.
    #[command(flatten)]
    pub waiting: Waiting,
    /// Whether what the session stores is run whoever has written it.
    #[command(flatten)]
    pub trust: TrustManifest,

    /// How much is said.
    #[command(flatten)]
    pub talk: Talk,
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connection: Connection,
}
