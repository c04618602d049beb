//! The command line of `resize`.

use std::time::Duration;

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::{ObjectOutputFlags, VerbosityFlags};
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::session_selection::SelectionFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;

/// Default of `--timeout`: the wait for the kubelet or the restart.
pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(300);

pub(crate) const ABOUT: &str = "Change the CPU, memory, storage and replicas of running sessions

Set the limits of the primary container; its requests keep their ratio to the limits. Later starts get the new size, too. \
If possible, the session is resized in place: nothing restarts, and the command waits until the kubelet has resized the \
Pod. If the node has no room at the moment, the kubelet defers the resize until other Pods are gone; the command waits for \
that until --timeout, then fails, and the request stays. A stopped session cannot be resized: start it first.

Not possible in place are: a change of the QoS class, a session that runs as a Deployment, a container whose resizePolicy \
demands a restart, a lower memory limit on servers that do not allow it, and more than the node has. With --restart, the \
session is then stopped, after its sync hook (a command that saves unsaved work), and started with the new size. If several sessions \
are selected and one of them must restart, resize asks for confirmation; without a terminal it requires --yes.

--storage expands the session's PersistentVolumeClaims, if their StorageClass and CSI driver support expansion, and waits \
until their file systems are resized. Claims cannot shrink.

--replicas changes the number of Pods of a workload, and later starts restore it. If a HorizontalPodAutoscaler scales the \
workload, the command fails; --min-replicas changes the autoscaler's minimum instead.";

const EXAMPLES: &str = "  # Resize the memory of a session in place
  kubectl session resize dev --memory 8Gi

  # Expand the claims of a session
  kubectl session resize dev --storage 100Gi

  # Run five Pods of a workload
  kubectl session resize pr-17 --replicas api=5

  # Run at least five Pods of a workload with an autoscaler
  kubectl session resize pr-17 --min-replicas api=5

  # Resize the running sessions of a template, at most 10 in a minute
  kubectl session resize --template lab --phase running --memory 4Gi --rate 10/60s

  # Resize a session, restarting it if necessary
  kubectl session resize dev --cpu 2 --memory 4Gi --restart";

/// Flags and arguments of `resize`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "resize", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session resize (NAME... | -l QUERY | --template NAME | --user-id ID | --phase PHASE | --roster FILENAME | --all) (--cpu QUANTITY | --memory QUANTITY | --storage QUANTITY | --replicas WORKLOAD=COUNT | --min-replicas WORKLOAD=COUNT)... [options]")]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, USUAL_WAIT)))]
pub struct Args {
    /// Sessions to resize.
    #[command(flatten)]
    pub selection: SelectionFlags,

    /// CPU limit of the primary container (2, 500m)
    #[arg(long, value_name = "QUANTITY")]
    pub cpu: Option<String>,

    /// Memory limit of the primary container (4Gi)
    #[arg(long, value_name = "QUANTITY")]
    pub memory: Option<String>,

    /// Size of the session's claims (20Gi); claims cannot shrink
    #[arg(long, value_name = "QUANTITY")]
    pub storage: Option<String>,

    /// Number of Pods of a Deployment or StatefulSet of the session (api=5); may be repeated or comma-separated
    #[arg(long, value_name = "WORKLOAD=COUNT", value_delimiter = ',')]
    pub replicas: Vec<String>,

    /// Fewest Pods of a workload with a HorizontalPodAutoscaler (api=5); may be repeated or comma-separated
    #[arg(long, value_name = "WORKLOAD=COUNT", value_delimiter = ',')]
    pub min_replicas: Vec<String>,

    /// If true, restart the session if it cannot be resized in place; the stop runs its sync hook
    #[arg(long)]
    pub restart: bool,

    /// If true, --restart stops without running the template's sync hook
    #[arg(long, requires = "restart")]
    pub skip_sync: bool,

    /// If true, do not ask before --restart destroys data or restarts several sessions
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// Pace of the writes.
    #[command(flatten)]
    pub pace: PaceFlags,

    /// Trust in stored manifest and hooks.
    #[command(flatten)]
    pub trust: TrustFlags,

    /// Output format.
    #[command(flatten)]
    pub output: ObjectOutputFlags,
    /// Verbosity.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Dry run and field manager.
    #[command(flatten)]
    pub write_flags: WriteFlags,
    /// Waiting and its timeout.
    #[command(flatten)]
    pub wait_flags: WaitFlags,
    /// Cluster and credentials.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}
