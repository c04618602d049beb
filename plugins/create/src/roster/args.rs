//! Flags of `create --roster`.

use clap::Args;
use session_shared::flags::pace::PaceFlags;

/// Flags of `create` for the sessions of a roster.
#[derive(Args, Clone, Debug, Default)]
pub struct RosterFlags {
    /// CSV file with a session per line: columns user, and optionally name, template, preset, namespace, timeout; other
    /// columns are parameters. "-" means standard input
    ///
    /// The first line names the columns; user may be called user_id or email, too. Empty cells take the value of the flag (--template,
    /// --preset, --namespace, --expires-in, --set). Without a name, the session is named after its user. Sessions that exist
    /// already are left unchanged, so that the same command continues after an interruption. With --roster, -o is one of csv, json, name
    /// or wide, and create waits for ready sessions only with an explicit --wait.
    #[arg(help_heading = "Roster", long, value_name = "FILENAME", conflicts_with_all = ["name", "filename", "config", "user_id", "generate_name", "replace", "primary", "rendered"])]
    pub roster: Option<String>,

    /// Pace of a roster.
    #[command(flatten)]
    pub pace: PaceFlags,
}
