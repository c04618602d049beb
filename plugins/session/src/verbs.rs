//! The verbs of the suite.

use session_shared::verb::VerbEntry;
use session_shared::verb::command_line::VerbGroup;

use crate::version;

/// All verbs of the suite.
pub const VERBS: &[VerbEntry] = &[
    VerbEntry::of::<kubectl_session_create::Create>(),
    VerbEntry::of::<kubectl_session_list::List>(),
    VerbEntry::of::<kubectl_session_status::Status>(),
    VerbEntry::of::<kubectl_session_logs::Logs>(),
    VerbEntry::of::<kubectl_session_connect::Connect>(),
    VerbEntry::of::<kubectl_session_stop::Stop>(),
    VerbEntry::of::<kubectl_session_start::Start>(),
    VerbEntry::of::<kubectl_session_extend::Extend>(),
    VerbEntry::of::<kubectl_session_schedule::Schedule>(),
    VerbEntry::of::<kubectl_session_resize::Resize>(),
    VerbEntry::of::<kubectl_session_snapshot::Snapshot>(),
    VerbEntry::of::<kubectl_session_delete::Delete>(),
    VerbEntry::of::<kubectl_session_cleanup::Cleanup>(),
    VerbEntry::of::<kubectl_session_quota::Quota>(),
    VerbEntry::of::<kubectl_session_template::Template>(),
    VerbEntry::of::<kubectl_session_setup::Setup>(),
    VerbEntry::of::<version::Version>(),
];

/// Groups of the verbs on the suite's help page.
pub const VERB_GROUPS: &[VerbGroup] = &[
    VerbGroup {
        title: "Basic Commands",
        verbs: &["create", "list", "status", "connect", "logs"],
    },
    VerbGroup {
        title: "Lifecycle Commands",
        verbs: &["start", "stop", "schedule", "extend", "resize", "delete"],
    },
    VerbGroup {
        title: "Data Commands",
        verbs: &["snapshot"],
    },
    VerbGroup {
        title: "Admin Commands",
        verbs: &["quota", "template", "setup", "cleanup"],
    },
    VerbGroup {
        title: "Other Commands",
        verbs: &["version"],
    },
];
