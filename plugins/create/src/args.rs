//! The command line of `create`.

use clap::Parser;
use session_shared::flags::connection::Connection;
use session_shared::flags::existing::Existing;
use session_shared::flags::output::{ObjectOutput, Talk};
use session_shared::flags::values::Values;
use session_shared::flags::waiting::{Waiting, default_timeout};
use session_shared::flags::writing::Writing;

pub(crate) const ABOUT: &str = "Create a session: one user's interactive workload.

What runs comes from a SessionTemplate (--template) or from a file (-f): a Session object, or a manifest whose ${NAME} \
and ${NAME:-default} placeholders are filled in. The session's objects are made with your own rights; nothing that \
exists already is changed. Without a name, one is made of the owner's name and the time.

A session that does not get ready is kept, so that it can be looked at.";

const EXAMPLES: &str = "  # Create a session from a template and wait until it is ready
  kubectl session create alice --template shell

  # Create a lab for somebody else, with more memory, for three hours
  kubectl session create lab-1 --template lab --user-id alice@example.com --memory 4Gi --expires-in 3h --set ROOTFS_IMAGE_URL=https://storage.example.com/lab.ext4

  # Give a secret value without showing it in the process list
  kubectl session create lab-2 --template lab --set-file VSCODE_PASSWORD=password.txt --env-file lab.env

  # Create a session from a manifest with placeholders
  kubectl session create demo -f pod.yaml --set IMAGE=busybox:1.36

  # See what would be made, without making it
  kubectl session create alice --template shell --dry-run=client --rendered -o yaml";

/// Flags and arguments of `create`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "create", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session create [NAME] (--template NAME | -f FILENAME) [options]")]
#[command(mut_arg("timeout", |timeout| default_timeout(timeout, crate::intent::USUAL_WAIT)))]
pub struct Args {
    /// Name of the session; made of the owner's name and the time when it is left out
    pub name: Option<String>,

    /// SessionTemplate to run
    #[arg(long, value_name = "NAME", conflicts_with = "filename")]
    pub template: Option<String>,

    /// File that holds a Session object or a manifest; - reads standard input
    #[arg(short = 'f', long, value_name = "FILENAME")]
    pub filename: Option<String>,

    /// What the template is given.
    #[command(flatten)]
    pub values: Values,

    /// Preset of the template: a named set of values
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,

    /// Owner of the session (alice@example.com); by default who the API server says you are
    #[arg(long, value_name = "ID")]
    pub user_id: Option<String>,

    /// CPU limit of the primary container (2, 1500m); its request keeps the template's ratio
    #[arg(long, value_name = "QUANTITY")]
    pub cpu: Option<String>,

    /// Memory limit of the primary container (4Gi); its request keeps the template's ratio
    #[arg(long, value_name = "QUANTITY")]
    pub memory: Option<String>,

    /// Number of GPUs, whole ones; 0 for none
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    pub gpu: Option<String>,

    /// Size of the session's data (20Gi); makes an ephemeral workspace a kept one where the template allows it
    #[arg(long, value_name = "QUANTITY")]
    pub storage: Option<String>,

    /// StorageClass of the session's data
    #[arg(long, value_name = "NAME")]
    pub storage_class: Option<String>,

    /// Lifetime of each start (3600, 2h, 7d); 0 or never for no end
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub expires_in: Option<String>,

    /// What happens to the session's data when it is deleted: keep, snapshot or delete
    #[arg(long, value_name = "POLICY")]
    pub data_policy: Option<String>,

    /// What becomes of what is already there.
    #[command(flatten)]
    pub existing: Existing,

    /// Workload that is entered, as KIND/NAME, for a manifest with several
    #[arg(long, value_name = "KIND/NAME")]
    pub primary: Option<String>,

    /// Create the namespace when it does not exist
    #[arg(long)]
    pub create_namespace: bool,

    /// Do not check quotas and classes before anything is written
    #[arg(long)]
    pub skip_checks: bool,

    /// Make a name of the owner's name and the time; a NAME becomes its beginning
    #[arg(long)]
    pub generate_name: bool,

    /// Who makes the objects: auto asks whether a controller is alive, client is this command, controller leaves it to one
    #[arg(long, value_name = "WHO", default_value = "auto")]
    pub reconcile: String,

    /// With --dry-run=client: print the objects that would be made, without the values of generated secrets
    #[arg(long)]
    pub rendered: bool,

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
