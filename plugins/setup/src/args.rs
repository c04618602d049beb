//! The command line of `setup`.

use clap::Parser;
use session_shared::flags::connection::Connection;
use session_shared::flags::output::{ObjectOutput, Talk};
use session_shared::flags::waiting::{Waiting, default_timeout};
use session_shared::flags::writing::Writing;

pub(crate) const ABOUT: &str = "Install the API into a cluster, once, as its admin.

It applies the CustomResourceDefinitions and waits until the server has taken them in, the namespace session-system, the \
roles, the admission policy that lets only its owner, and who has the verb manage, change a session, and the built-in \
templates. What is there already and right stays unchanged; parts can be named: crds, roles, admission, templates. With \
--remove it takes everything away again.

\
Where the server has no admission policies, before Kubernetes 1.30, they are skipped: users of one namespace then trust each \
other with everything in it, and a namespace per user is the boundary.";

const EXAMPLES: &str = "  # Install everything
  kubectl session setup

  # Bring the built-in templates up to date, and nothing else
  kubectl session setup templates

  # See what would change, as the server sees it
  kubectl session setup --dry-run=server

  # Take everything away; refused while there are sessions
  kubectl session setup --remove";

/// Flags and arguments of `setup`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "setup", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session setup [PART...] [options]")]
#[command(mut_arg("timeout", |timeout| default_timeout(timeout, crate::install::USUAL_WAIT)))]
pub struct Args {
    /// Parts to install: crds, roles, admission, templates; all of them when none is named
    pub parts: Vec<String>,

    /// Take the parts away instead
    #[arg(long)]
    pub remove: bool,

    /// With --remove: go on although there are sessions, which are deleted with the API
    #[arg(long)]
    pub force: bool,

    /// What is printed.
    #[command(flatten)]
    pub printing: ObjectOutput,
    /// How much is said.
    #[command(flatten)]
    pub talk: Talk,
    /// How changes are sent.
    #[command(flatten)]
    pub writing: Writing,
    /// Whether to wait, and how long.
    #[command(flatten)]
    pub waiting: Waiting,
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connection: Connection,
}
