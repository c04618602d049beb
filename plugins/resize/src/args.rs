//! The command line of `resize`.

use clap::Parser;
use session_shared::flags::connection::Connection;
use session_shared::flags::output::{ObjectOutput, Talk};
use session_shared::flags::trust_manifest::TrustManifest;
use session_shared::flags::waiting::Waiting;
use session_shared::flags::writing::Writing;

pub(crate) const ABOUT: &str = "Give a session that runs more or less cpu and memory, and more storage.

The limits of its container are set, its requests keep their ratio to them; later starts have the new size, too. It is \
done in place where the server and the node can: nothing restarts, and the command waits until the kubelet has done it. \
What cannot be done in place (another quality-of-service class, the Pods of a Deployment, a container that is restarted \
for it, less memory on some servers, a node that is too small) needs --restart, which stops the session, with its sync \
hook, and starts it with the new size. A node that has no room now defers a resize until other Pods have gone.

--storage grows the session's claims, where their StorageClass and its driver can, and waits for their file systems.";

const EXAMPLES: &str = "  # More memory, in place
  kubectl session resize alice --memory 8Gi

  # More room for its data
  kubectl session resize alice --storage 100Gi

  # Another size, with a restart if it takes one
  kubectl session resize alice --cpu 2 --memory 4Gi --restart";

/// Flags and arguments of `resize`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "resize", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session resize NAME (--cpu QUANTITY | --memory QUANTITY | --storage QUANTITY)... [options]")]
pub struct Args {
    /// Name of the session, also as session/NAME
    pub name: String,

    /// CPU limit of the primary container (2, 500m)
    #[arg(long, value_name = "QUANTITY", allow_hyphen_values = true)]
    pub cpu: Option<String>,

    /// Memory limit of the primary container (4Gi)
    #[arg(long, value_name = "QUANTITY", allow_hyphen_values = true)]
    pub memory: Option<String>,

    /// Size of the session's claims, which can only grow (20Gi)
    #[arg(long, value_name = "QUANTITY", allow_hyphen_values = true)]
    pub storage: Option<String>,

    /// Stop the session, with its sync hook, and start it again where it cannot be resized in place
    #[arg(long)]
    pub restart: bool,

    /// With --restart: go on without synchronising the session's data
    #[arg(long, requires = "restart")]
    pub skip_sync: bool,

    /// Answer yes to what would be asked: data that --restart destroys
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// Whether what the session stores is run whoever has written it.
    #[command(flatten)]
    pub trust: TrustManifest,

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
