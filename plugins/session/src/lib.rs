//! `kubectl session`: every verb in one program.
//!
//! It looks at the name it was called by, then at its first argument that is no flag. A word it does not know is looked for as
//! `kubectl-session-WORD`, so that the suite can be extended.

mod dispatch;
mod external;

use std::ffi::OsString;
use std::process::ExitCode;

use session_shared::verb::Entry;
use session_shared::verb::usage::VerbGroup;

/// Every verb of the suite, in the order of help.
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

/// The groups of the verbs in the help of the suite.
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

/// Runs the program with its arguments, the name it was called by first.
pub fn main(args: Vec<OsString>) -> ExitCode {
    dispatch::run(args)
}
