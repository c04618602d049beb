//! `kubectl session`: all verbs in one program.
//!
//! The program's name selects a verb, or else its first argument that is not a flag. Any other word runs the program
//! `kubectl-session-WORD` beside this program or on PATH, so that the suite can be extended.

mod dispatch;
mod external;

use std::ffi::OsString;
use std::process::ExitCode;

use session_shared::verb::Entry;
use session_shared::verb::usage::VerbGroup;

/// All verbs of the suite.
pub const VERBS: &[Entry] = &[
    Entry::of::<kubectl_session_create::Create>(),
    Entry::of::<kubectl_session_list::List>(),
    Entry::of::<kubectl_session_status::Status>(),
    Entry::of::<kubectl_session_logs::Logs>(),
    Entry::of::<kubectl_session_connect::Connect>(),
    Entry::of::<kubectl_session_stop::Stop>(),
    Entry::of::<kubectl_session_start::Start>(),
    Entry::of::<kubectl_session_extend::Extend>(),
    Entry::of::<kubectl_session_resize::Resize>(),
    Entry::of::<kubectl_session_snapshot::Snapshot>(),
    Entry::of::<kubectl_session_delete::Delete>(),
    Entry::of::<kubectl_session_cleanup::Cleanup>(),
    Entry::of::<kubectl_session_template::Template>(),
    Entry::of::<kubectl_session_setup::Setup>(),
];

/// Groups of the verbs on the suite's help page.
pub const GROUPS: &[VerbGroup] = &[
    VerbGroup {
        title: "Basic Commands",
        verbs: &["create", "list", "status", "connect", "logs"],
    },
    VerbGroup {
        title: "Lifecycle Commands",
        verbs: &["start", "stop", "extend", "resize", "delete"],
    },
    VerbGroup {
        title: "Data Commands",
        verbs: &["snapshot"],
    },
    VerbGroup {
        title: "Admin Commands",
        verbs: &["template", "setup", "cleanup"],
    },
];

/// Runs the program with argv, whose first element is the name it was called by.
pub fn main(args: Vec<OsString>) -> ExitCode {
    dispatch::run(args)
}
