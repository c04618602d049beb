//! The requests of every verb, step by step through the life of a session with a claim.

use crate::scenario::{self, SET_UP, SetUp, Stage, Who, count};

/// The numbers are what the verbs make today: more is a step back that somebody should have meant.
pub(crate) const STAGE: Stage = Stage {
    set_up: SetUp {
        who: Who::SessionUser,
        storage: true,
        files: &[include_str!("requests.yaml")],
        ..SET_UP
    },
    counts: &[
        // One LIST is of claims that are kept under its name, three of quotas, LimitRanges and nodes; the user may not list the last.
        count("session create one -f FILE --expires-in 2h", 16),
        count("session list", 2),
        // The last is its schedule of snapshots.
        count("session status one", 11),
        count("session logs one", 3),
        count("session connect one -- true", 3),
        count("session extend one --by 1h", 5),
        // One of each lets the server judge the Session's patch before Pod or claim is changed.
        count("session resize one --cpu 200m", 13),
        count("session resize one --storage 128Mi", 13),
        count("session snapshot create one --class CLASS --name first", 7),
        count("session snapshot list", 1),
        // Four of them ask about rights.
        count("session stop one", 14),
        count("session stop one", 6),
        // Three about rights, and who else uses the claim.
        count(
            "session snapshot restore first --in-place --class CLASS",
            19,
        ),
        count("session start one", 19),
        count("session start one", 6),
        // One is the new Session, as a dry run before the snapshot.
        count("session snapshot clone one two --class CLASS", 16),
        count("session snapshot restore first --into three", 12),
        count("session cleanup --expired --dry-run=client", 8),
        // Seven about rights, a rehearsal, and who else uses the claim; one more where a claim is held for a moment
        // after its Pod.
        count("session delete one --delete-data -y", 26),
    ],
    // What the copies leave.
    clean_up: &[
        "session delete --all --delete-data -y",
        "session snapshot prune --all --keep 0 -y",
    ],
    ..scenario::STAGE
};
