//! The verbs: what is there before, what is run, and what sets things right afterwards.

use crate::state::{State, text};

/// A verb on a session `s`. In command lines `TEMPLATE` stands for the name of a template with a Pod, `TEMPLATE-set` of one
/// with a StatefulSet, `FILE` for a file with a template that is not applied yet.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// As the table calls it.
    pub(crate) name: &'static str,
    /// What makes what the verb needs: command lines, `!orphan` (the Session goes, all else stays), `!expire` (its time is over).
    pub(crate) before: &'static [&'static str],
    /// The command line that is disturbed.
    pub(crate) line: &'static str,
    /// The command line that sets right what is there.
    pub(crate) again: fn(&State) -> String,
    /// What it says where there is nothing left to do, with exit code 1.
    pub(crate) already: Option<&'static str>,
    /// Data that it is there to destroy, as beginnings of Kind/name.
    pub(crate) destroys: &'static [&'static str],
    /// Data that it replaces, once there is a snapshot of it.
    pub(crate) replaces: bool,
    /// Whether containers and claims change their size.
    pub(crate) sizes: bool,
    /// The requests at which errors happen in every run of the tests; in the whole matrix they happen at all.
    pub(crate) errors_at: [usize; 3],
}

const CREATE: &str = "create s --template TEMPLATE --timeout 60s";
const CREATE_SET: &str = "create s --template TEMPLATE-set --timeout 60s";
const STOP: &str = "stop s --timeout 60s";
const START: &str = "start s --set COLOUR=blue --timeout 60s";
const RESTART: &str = "start s --restart --set COLOUR=blue -y --timeout 60s";
const DELETE: &str = "delete s -y --timeout 60s";
const SAVE: &str = "delete s --snapshot-data --class session-snapshots -y --timeout 60s";
const DELETE_DATA: &str = "delete s --delete-data -y --timeout 60s";
const SNAPSHOT: &str = "snapshot create s --name first --class session-snapshots --timeout 60s";
const RESIZE: &str = "resize s --cpu 200m --memory 64Mi --storage 128Mi --timeout 60s";
const RESIZE_ANEW: &str = "resize s --cpu 200m --memory 64Mi --restart -y --timeout 60s";
const EXTEND: &str = "extend s --no-expiry";
const RESTORE: &str = "snapshot restore first --in-place --class session-snapshots --timeout 60s";
const INTO: &str = "snapshot restore first --into t --timeout 60s";
const CLONE: &str = "snapshot clone s t --class session-snapshots --timeout 60s";
const FORGET: &str = "snapshot delete first -y --timeout 60s";
const PRUNE: &str = "snapshot prune s --keep 0 -y --timeout 60s";
const SCHEDULE: &str = "snapshot schedule s --cron @yearly --keep 3 --class session-snapshots --image localhost/session:1";
const UNSCHEDULE: &str = "snapshot schedule s --remove";
const CLOCK: &str = "schedule set s --stop 20:00 --start 07:30 --image localhost/session:1 -y";
const UNCLOCK: &str = "schedule delete s";
const CLEANUP: &str = "cleanup --all -y --timeout 60s";
const APPLY: &str = "template apply -f FILE";

const CLAIMS: &[&str] = &["PersistentVolumeClaim/"];
const SNAPSHOTS: &[&str] = &["VolumeSnapshot/"];

/// A verb that is run again as it was, and destroys nothing.
const fn verb(name: &'static str, before: &'static [&'static str], line: &'static str) -> Scenario {
    Scenario {
        name,
        before,
        line,
        again: |_| String::new(),
        already: None,
        destroys: &[],
        replaces: false,
        sizes: false,
        errors_at: [1, 2, 3],
    }
}

/// Those that every run of the tests disturbs.
pub(crate) const COMMON: [Scenario; 6] = [
    Scenario {
        again: |state| match state.get("Session/s") {
            Some(_) => "start s --timeout 60s".into(),
            None => String::new(),
        },
        // The POSTs of Session and Pod, and the status.
        errors_at: [7, 14, 15],
        ..verb("create", &[], CREATE)
    },
    Scenario {
        // That it is to be stopped, its Pod, its status.
        errors_at: [7, 8, 10],
        ..verb("stop", &[CREATE], STOP)
    },
    Scenario {
        errors_at: [13, 20, 21],
        ..verb("start", &[CREATE, STOP], START)
    },
    Scenario {
        already: Some("not found"),
        // Its Pod, that a claim is kept, the Session.
        errors_at: [8, 10, 13],
        ..verb("delete", &[CREATE], DELETE)
    },
    Scenario {
        already: Some("already exists"),
        // Both POSTs, and the watch that waits.
        errors_at: [4, 5, 6],
        ..verb("snapshot", &[CREATE], SNAPSHOT)
    },
    Scenario {
        sizes: true,
        // A claim, that the session has the size, its Pod.
        errors_at: [16, 20, 21],
        ..verb("resize", &[CREATE], RESIZE)
    },
];

/// The others.
pub(crate) const RARE: [Scenario; 21] = [
    Scenario {
        again: COMMON[0].again,
        ..verb("create-set", &[], CREATE_SET)
    },
    verb("stop-set", &[CREATE_SET], STOP),
    verb("start-set", &[CREATE_SET, STOP], START),
    verb("restart", &[CREATE], RESTART),
    Scenario {
        already: Some("not found"),
        destroys: &["PersistentVolumeClaim/", "Secret/session-"],
        ..verb("delete-data", &[CREATE], DELETE_DATA)
    },
    Scenario {
        already: Some("not found"),
        destroys: CLAIMS,
        replaces: true,
        ..verb("delete-snapshot", &[CREATE], SAVE)
    },
    Scenario {
        // As it says when it is run again: it does not finish a start.
        again: |state| {
            let session = state.get("Session/s");
            let phase = session.map(|session| text(session, "/status/phase"));
            match (state.get("Pod/room-s"), phase) {
                (Some(_), Some("running")) => String::new(),
                _ => "start s --timeout 60s".into(),
            }
        },
        ..verb("resize-restart", &[CREATE], RESIZE_ANEW)
    },
    verb(
        "extend",
        &["create s --template TEMPLATE --expires-in 1h --timeout 60s"],
        EXTEND,
    ),
    Scenario {
        destroys: CLAIMS,
        replaces: true,
        ..verb("restore", &[CREATE, SNAPSHOT, STOP], RESTORE)
    },
    Scenario {
        already: Some("already exists"),
        ..verb("restore-into", &[CREATE, SNAPSHOT], INTO)
    },
    Scenario {
        again: |state| {
            let copying = "/metadata/annotations/streaming.platform~1copying";
            match state.get("Session/t").map(|session| text(session, copying)) {
                None | Some("") => String::new(),
                // As it says when it is run again.
                Some(set) => format!("snapshot restore {set} --into t --timeout 60s"),
            }
        },
        already: Some("already exists"),
        ..verb("clone", &[CREATE], CLONE)
    },
    Scenario {
        already: Some("not found"),
        destroys: SNAPSHOTS,
        ..verb("snapshot-delete", &[CREATE, SNAPSHOT], FORGET)
    },
    Scenario {
        destroys: SNAPSHOTS,
        ..verb("snapshot-prune", &[CREATE, SNAPSHOT], PRUNE)
    },
    verb("schedule", &[CREATE], SCHEDULE),
    verb("schedule-remove", &[CREATE, SCHEDULE], UNSCHEDULE),
    verb("clock", &[CREATE], CLOCK),
    verb("clock-delete", &[CREATE, CLOCK], UNCLOCK),
    verb("cleanup-orphans", &[CREATE, "!orphan"], CLEANUP),
    verb("cleanup-expired", &[CREATE, "!expire"], CLEANUP),
    verb("setup", &[], "setup"),
    verb("template-apply", &[], APPLY),
];
