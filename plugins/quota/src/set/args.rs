//! The command line of `quota set`.

use std::time::Duration;

use clap::Args as Group;
use session_shared::flags::output::ObjectOutputFlags;
use session_shared::flags::wait::{WaitFlags, with_default_timeout};
use session_shared::flags::write::WriteFlags;

/// Default of `--timeout`: a resource that is new to the cluster, such as sessions after `setup`, is counted at the next full count of the
/// server's controller, by default every five minutes.
pub(crate) const COUNTED_TIMEOUT: Duration = Duration::from_secs(600);

pub(crate) const EXAMPLES: &str = "  # Allow 100 sessions, stopped ones included
  kubectl session quota set --max-sessions 100

  # Limit what sessions request, and how many Pods and claims there are
  kubectl session quota set --cpu 50 --memory 100Gi --pods 50 --claims 0

  # Limit requests, and limits to twice as much; containers without values get defaults
  kubectl session quota set --cpu 4 --memory 8Gi --limits-factor 2 --limit-range default.cpu=2,default.memory=4Gi

  # Set the quota that a sindri.yaml or nvim-web's configuration describes
  kubectl session quota set -f sindri.yaml
  kubectl session quota set --config nvim-web.toml

  # Let the sessions of alice run 40 hours a week, and those of every other user 8 hours a day
  kubectl session quota set --hours 'user=alice:40/week' --hours 'user=*:8/day'

  # Print the objects for an administrator to apply
  kubectl session quota set --max-sessions 100 --dry-run=client -o yaml";

/// Flags and arguments of `quota set`, unchecked.
#[derive(Group, Clone, Debug, Default)]
#[command(mut_arg("timeout", |timeout| with_default_timeout(timeout, COUNTED_TIMEOUT)))]
pub struct QuotaSetArgs {
    /// Name of the ResourceQuota; defaults to session-quota, with a sindri.yaml to sindri-quota. The LimitRange of NAME-quota is
    /// NAME-limits
    pub name: Option<String>,

    /// File with a sindri.yaml, whose resourceQuota is set; "-" means standard input. Flags override its values
    #[arg(short = 'f', long, value_name = "FILENAME")]
    pub filename: Option<String>,

    /// Configuration of nvim-web (TOML), whose max_sessions is set; "-" means standard input. Flags override its values
    #[arg(long, value_name = "FILENAME", conflicts_with = "filename")]
    pub config: Option<String>,

    #[command(flatten)]
    pub amounts: AmountFlags,

    /// Hours for which a user's sessions may run in each day, week (from Monday) or month, in UTC (user=alice:40/week); user=*
    /// is every user without a budget of their own, user=NAME:none removes a budget; may be repeated. Budgets are kept in the
    /// ResourceQuota session-hours and checked by create, start and connect, not by the server
    #[arg(help_heading = "Resource", long, value_name = "user=NAME:HOURS/PERIOD")]
    pub hours: Vec<String>,

    /// If true, take over a ResourceQuota or LimitRange of this name that quota set has not made; its other limits are kept
    #[arg(long)]
    pub force: bool,

    /// If true, do not ask before a limit is set below what is used
    #[arg(short = 'y', long)]
    pub yes: bool,

    #[command(flatten)]
    pub output: ObjectOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
    #[command(flatten)]
    pub wait_flags: WaitFlags,
}

/// Flags for the amounts of the ResourceQuota and the LimitRange.
#[derive(Group, Clone, Debug, Default)]
pub struct AmountFlags {
    /// Maximum number of sessions, stopped ones included (count/sessions.streaming.platform)
    #[arg(help_heading = "Resource", long, value_name = "NUMBER")]
    pub max_sessions: Option<String>,

    /// CPU that all Pods may request (requests.cpu)
    #[arg(help_heading = "Resource", long, value_name = "QUANTITY")]
    pub cpu: Option<String>,

    /// Memory that all Pods may request (requests.memory)
    #[arg(help_heading = "Resource", long, value_name = "QUANTITY")]
    pub memory: Option<String>,

    /// Storage that all claims may request (requests.storage)
    #[arg(help_heading = "Resource", long, value_name = "QUANTITY")]
    pub storage: Option<String>,

    /// Maximum number of claims (persistentvolumeclaims)
    #[arg(help_heading = "Resource", long, value_name = "NUMBER")]
    pub claims: Option<String>,

    /// Maximum number of Pods that have not ended (pods)
    #[arg(help_heading = "Resource", long, value_name = "NUMBER")]
    pub pods: Option<String>,

    /// Maximum number of NVIDIA GPUs (requests.nvidia.com/gpu)
    #[arg(help_heading = "Resource", long, value_name = "NUMBER")]
    pub gpu: Option<String>,

    /// Limit of any resource that a ResourceQuota counts (services.loadbalancers=0); may be repeated or comma-separated
    #[arg(
        help_heading = "Resource",
        long,
        value_name = "RESOURCE=QUANTITY",
        value_delimiter = ','
    )]
    pub hard: Vec<String>,

    /// Factor from the CPU and memory that Pods may request to their limits (limits.cpu, limits.memory), 1 or more; a
    /// sindri.yaml's is 2, otherwise limits are not counted
    #[arg(help_heading = "Resource", long, value_name = "FACTOR")]
    pub limits_factor: Option<String>,

    /// Default of containers without a value of their own: default.cpu, default.memory (limits), defaultRequest.cpu,
    /// defaultRequest.memory (requests), and the same of ephemeral-storage; may be repeated or comma-separated. They are set as a
    /// LimitRange
    #[arg(
        help_heading = "Resource",
        long,
        value_name = "DEFAULT=QUANTITY",
        value_delimiter = ','
    )]
    pub limit_range: Vec<String>,
}
