//! Flags of `create --roster`.

use anyhow::Result;
use clap::Args;
use session_shared::failure::usage_error;
use session_shared::flags::output::ObjectOutputFlags;
use session_shared::flags::pace::PaceFlags;
use session_shared::flags::values::ValueFlags;
use session_shared::report::console::Console;

use super::report::ReportFormat;
use session_shared::roster::reader::Roster;

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
    #[arg(help_heading = "Roster", long, value_name = "FILENAME", conflicts_with_all = ["name", "filename", "config", "user_id", "generate_name", "replace", "primary", "rendered", "wait_for_room"])]
    pub roster: Option<String>,

    /// Pace of a roster.
    #[command(flatten)]
    pub pace: PaceFlags,
}

/// A roster with a valid header, and how its sessions are created.
#[derive(Debug)]
pub(crate) struct RosterOptions {
    pub(super) roster: Roster,
    pub(super) pace: PaceFlags,
    pub(super) format: ReportFormat,
    /// True if the command line names a template.
    pub(super) has_template: bool,
}

impl RosterFlags {
    /// Reads the roster; `None` without one.
    ///
    /// # Errors
    /// Flags that need a roster or do not go together with it; as [`Roster::read`].
    pub(crate) fn read_options(
        self,
        output: &ObjectOutputFlags,
        values: &ValueFlags,
        has_template: bool,
        console: &mut Console,
    ) -> Result<Option<RosterOptions>> {
        let Self { roster: file, pace } = self;
        let Some(file) = file else {
            return match pace.is_given() {
                true => Err(usage_error("--rate and --parallel require --roster")),
                false => Ok(None),
            };
        };
        let format = ReportFormat::parse(output.output.as_deref())?;
        if file == "-" && values.reads_input() {
            return Err(usage_error("standard input can be read only once"));
        }
        let roster = Roster::read(&file, console.input())?;
        if !has_template && !roster.has_templates() {
            return Err(usage_error(
                "--template is required: the roster has no column \"template\"",
            ));
        }
        Ok(Some(RosterOptions {
            roster,
            pace,
            format,
            has_template,
        }))
    }
}
