//! The command line of `schedule` and its subcommands.

use clap::{Args as Group, Parser, Subcommand};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::ListFlags;
use session_shared::flags::output::{
    ListOutputFlags, NameOutputFlags, ObjectOutputFlags, VerbosityFlags,
};
use session_shared::flags::schedule::ScheduleFlags;
use session_shared::flags::session_selection::SelectionFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::flags::write::WriteFlags;

pub(crate) const ABOUT: &str = "Stop and start sessions by the clock

A schedule consists of CronJobs that run `kubectl session stop` and `kubectl session start` in the cluster, at times of a time \
zone, with a ServiceAccount that has only the permissions these need. That of one session is deleted with the session. One for a \
selection (-l, --template, --user-id, --all) selects at each run, so that it applies to sessions that are created later, too. \
`status NAME` and `schedule list` show it. `create --roster FILE --at TIME` schedules the creation of a class: \
`schedule list` shows it, too, and `schedule delete` deletes it.";

const EXAMPLES: &str = "  # Stop a session every evening and start it on working days
  kubectl session schedule set dev --stop 20:00 --start \"07:30 Mon-Fri\" --time-zone Europe/Berlin --image registry.example.com/kubectl-session:0.1.0

  # List the schedules of all namespaces
  kubectl session schedule list -A";

const SET_EXAMPLES: &str = "  # Stop a session every evening and start it on working days
  kubectl session schedule set dev --stop 20:00 --start \"07:30 Mon-Fri\" --time-zone Europe/Berlin --image registry.example.com/kubectl-session:0.1.0

  # Stop all sessions of a course at noon on Fridays
  kubectl session schedule set -l course=42 --stop \"12:00 Fri\" --time-zone Europe/Berlin --image registry.example.com/kubectl-session:0.1.0

  # Give the time in cron syntax, and print the objects that would be created
  kubectl session schedule set dev --stop \"0 20 * * 1-5\" --dry-run=client -o yaml";

const LIST_EXAMPLES: &str = "  # List the schedules of this namespace
  kubectl session schedule list

  # List the schedules of all namespaces
  kubectl session schedule list -A";

const DELETE_EXAMPLES: &str = "  # Delete the schedule of a session
  kubectl session schedule delete dev

  # Delete the schedule of a course
  kubectl session schedule delete -l course=42

  # Delete the schedule that creates the sessions of class.csv
  kubectl session schedule delete sessions-class-create";

/// Flags and subcommand of `schedule`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "schedule", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session schedule COMMAND [options]", disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
pub struct Args {
    /// Subcommand
    #[command(subcommand)]
    pub command: ScheduleCommand,

    /// Verbosity.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Connection to the cluster.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// A subcommand of `schedule`.
#[derive(Subcommand, Clone, Debug)]
pub enum ScheduleCommand {
    /// Create or change the schedule of a session or a selection
    ///
    /// Give --stop, --start or both. The schedule has the times of the last call only: a time that is not given again is removed; time
    /// zone and image stay. A stop runs the sync hook, and a session whose hook fails is not stopped. A session that is stopped or
    /// running already is left as it is.
    ///
    /// `extend` moves a stop once: a stop that falls into an extension waits for its end, for up to 12 hours. A session that is
    /// extended for longer is left to the next stop and to its expiry.
    ///
    /// The runs use the hooks and values that the session has now. If the admission policy of `setup` is not installed, run the command
    /// again after they have changed; a start of a selection needs the policy. Run it again, too, if a template makes objects
    /// of other kinds, so that the ServiceAccount may create them. Whoever may create Pods in the namespace can use the
    /// ServiceAccount.
    ///
    /// If you have no permission to create the Role and the RoleBinding, the other objects are created, these two are
    /// printed on standard output as YAML for an admin to apply, and the exit code is 0.
    ///
    /// The CronJobs need an image that contains this program. Build it with `cargo image` in the source tree. Push it to your
    /// registry and name it with --image, or import it on every node.
    #[command(after_long_help = SET_EXAMPLES, override_usage = "kubectl session schedule set (NAME | -l QUERY | --template NAME | --user-id ID | --all) (--stop TIME | --start TIME)... [options]")]
    Set(Box<ScheduleSetArgs>),
    /// List schedules
    #[command(visible_alias = "ls", after_long_help = LIST_EXAMPLES, override_usage = "kubectl session schedule list [options]")]
    List(ScheduleListArgs),
    /// Delete the schedule of a session or a selection
    ///
    /// Name the session, or give the selection as for `schedule set`. A schedule that creates the sessions of a roster has the name that
    /// `schedule list` shows. Sessions are neither stopped nor started, nor deleted.
    #[command(visible_alias = "rm", after_long_help = DELETE_EXAMPLES, override_usage = "kubectl session schedule delete (NAME | -l QUERY | --template NAME | --user-id ID | --all) [options]")]
    Delete(ScheduleDeleteArgs),
}

/// Flags and arguments of `schedule set`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("roster", |roster| roster.hide(true)))]
pub struct ScheduleSetArgs {
    /// Session or selection.
    #[command(flatten)]
    pub selection: SelectionFlags,
    /// Time of the stop: hour, minute and days of the week (20:00, "20:00 Mon-Fri", "9:00 weekends"), or cron syntax ("0 20 * * 1-5")
    #[arg(long, value_name = "TIME")]
    pub stop: Option<String>,
    /// Time of the start, as for --stop
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// If true, stop without running the template's sync hook
    #[arg(long, requires = "stop")]
    pub skip_sync: bool,
    /// If true, do not ask about data that stops destroy
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Time zone and image.
    #[command(flatten)]
    pub schedule: ScheduleFlags,
    /// Trust in what the session stores.
    #[command(flatten)]
    pub trust: TrustFlags,
    /// Output format.
    #[command(flatten)]
    pub output: ObjectOutputFlags,
    /// Dry run and field manager.
    #[command(flatten)]
    pub write_flags: WriteFlags,
}

/// Flags of `schedule list`.
#[derive(Group, Clone, Debug)]
pub struct ScheduleListArgs {
    /// Scope and selection.
    #[command(flatten)]
    pub selecting: ListFlags,
    /// Output format.
    #[command(flatten)]
    pub output: ListOutputFlags,
}

/// Flags and arguments of `schedule delete`.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("roster", |roster| roster.hide(true)))]
pub struct ScheduleDeleteArgs {
    /// Session or selection.
    #[command(flatten)]
    pub selection: SelectionFlags,
    /// Output format.
    #[command(flatten)]
    pub output: NameOutputFlags,
    /// Dry run and field manager.
    #[command(flatten)]
    pub write_flags: WriteFlags,
}
