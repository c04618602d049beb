//! Command line of `create`.

use std::time::Duration;

use clap::Parser;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::existing::ExistingFlags;
use session_shared::flags::output::{ObjectOutputFlags, VerbosityFlags};
use session_shared::flags::room::RoomFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;

use crate::rendered_flags::RenderedFlags;
use crate::roster::args::RosterFlags;
use crate::session_flags::{ManifestFlags, SessionFlags};

/// Default of `--timeout`.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

const ZONE_HELP: &str = "Time zone of --at and --ready-by (Europe/Berlin); defaults to UTC";

pub(crate) const ABOUT: &str = "Create a session from a template or a manifest

A session is one user's interactive workload. Pass a SessionTemplate with --template, or a file with -f: a Session object, a \
manifest with ${NAME} and ${NAME:-default} placeholders, a Sindri configuration (sindri.yaml), or a LabSession object. The session's objects are created with your own permissions, and existing \
objects are not changed. If NAME is omitted, a name is generated from the owner and the time. With --roster, a session is created \
for each line of a CSV file, after all lines have been checked; with --at or --ready-by, a CronJob creates them later, with a \
ServiceAccount of its own.

If the session does not become ready, it is kept so that you can inspect it. When its lifetime is over, it runs on until its \
owner or an admin runs cleanup --expired, which stops or deletes it as the onExpiry field of the template says.";

const EXAMPLES: &str = "  # Create a session from a template and wait until it is ready
  kubectl session create dev --template shell

  # Create a session whose files survive a stop, if its template names a data volume or has a claim
  kubectl session create dev --template nvim --storage 10Gi

  # Create a lab for another user, with more memory and a lifetime of three hours
  kubectl session create lab-1 --template lab --user-id alice@example.com --memory 4Gi --expires-in 3h --set ROOTFS_IMAGE_URL=https://storage.example.com/lab.ext4

  # Pass a secret value without showing it in the process list
  kubectl session create lab-2 --template lab --set-file VSCODE_PASSWORD=password.txt --env-file lab.env

  # Create a session from a manifest with placeholders
  kubectl session create demo -f pod.yaml --set IMAGE=busybox:1.36

  # Create a session from a file with the placeholders of another tool
  kubectl session create demo -f pod.yaml --replace '{user-id}=${USER_ID}'

  # Create the session that a Sindri configuration describes, and its namespace
  kubectl session create -f sindri.yaml --create-namespace

  # Create a lab from a LabSession object, with the URL that such an object does not hold
  kubectl session create -f labsession.yaml --set ROOTFS_IMAGE_URL=https://storage.example.com/lab.ext4

  # Create the session that nvim-web's configuration describes
  kubectl session create dev --config nvim-web.toml

  # Create a session when the quota of the namespace has room for it, and give up after an hour
  kubectl session create dev --template shell --wait-for-room=1h

  # Create the sessions of a class, at most 10 in a minute; the same command continues after an interruption
  kubectl session create --roster class.csv --template shell --rate 10/60s

  # Create the sessions of a class in the cluster, ready when it begins
  kubectl session create --roster class.csv --template shell --rate 10/60s --ready-by \"2026-03-02 07:45\" --time-zone Europe/Berlin --image registry.example.com/kubectl-session:0.1.0

  # Print the objects that would be created
  kubectl session create dev --template shell --dry-run=client --rendered -o yaml";

/// Flags and arguments of `create`, as typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "create", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session create [NAME] (--template NAME | -f FILENAME | --config FILENAME | --roster FILENAME) [options]")]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, DEFAULT_TIMEOUT)))]
#[command(mut_arg("time_zone", |zone| zone.help_heading("Roster").help(ZONE_HELP)))]
#[command(mut_arg("image", |image| image.help_heading("Roster")))]
pub struct Args {
    /// Flags for the session itself.
    #[command(flatten)]
    pub session: SessionFlags,

    /// Roster flags.
    #[command(flatten)]
    pub roster_flags: RosterFlags,

    /// Flags for existing objects.
    #[command(flatten)]
    pub existing: ExistingFlags,

    /// Flags for the objects of the manifest.
    #[command(flatten)]
    pub manifest: ManifestFlags,

    /// If true, create the namespace if it does not exist
    #[arg(long)]
    pub create_namespace: bool,

    /// If true, do not check quotas, limits, free resources and classes before creating the session
    #[arg(long)]
    pub skip_checks: bool,

    /// If true, generate a name from the owner and the time; NAME, if given, takes the owner's place
    #[arg(long)]
    pub generate_name: bool,

    /// Creator of the objects: client (this command), controller (none exists yet), or auto (a controller if one runs)
    #[arg(long, value_name = "WHO", default_value = "auto")]
    pub reconcile: String,

    /// Flags for the printed objects.
    #[command(flatten)]
    pub rendered: RenderedFlags,

    /// Output flags.
    #[command(flatten)]
    pub output: ObjectOutputFlags,
    /// Verbosity flags.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Flags for writes.
    #[command(flatten)]
    pub write_flags: WriteFlags,
    /// Waiting flags.
    #[command(flatten)]
    pub wait_flags: WaitFlags,
    /// Wait for room.
    #[command(flatten)]
    pub room_flags: RoomFlags,
    /// Cluster connection flags.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}
