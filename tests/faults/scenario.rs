//! The verbs: what is there before, what is run, and what sets things right afterwards.

use crate::state::State;

/// A verb on a session `s`.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// As the table calls it.
    pub(crate) name: &'static str,
    /// Command lines that make what the verb needs; `TEMPLATE` stands for the template's name.
    pub(crate) before: &'static [&'static str],
    /// The command line that is disturbed.
    pub(crate) line: &'static str,
    /// The command line that sets right what is there.
    pub(crate) again: fn(&State) -> &'static str,
    /// What it says where there is nothing left to do, with exit code 1.
    pub(crate) already: Option<&'static str>,
    /// Data that it is there to destroy, as beginnings of Kind/name.
    pub(crate) destroys: &'static [&'static str],
    /// Whether containers and claims change their size.
    pub(crate) sizes: bool,
    /// The requests at which errors happen in every run of the tests; in the whole matrix they happen at all.
    pub(crate) errors_at: [usize; 3],
}

const CREATE: &str = "create s --template TEMPLATE --timeout 60s";
const STOP: &str = "stop s --timeout 60s";
const START: &str = "start s --set COLOUR=blue --timeout 60s";
const DELETE: &str = "delete s -y --timeout 60s";
const SNAPSHOT: &str = "snapshot create s --name first --class session-snapshots --timeout 60s";
const RESIZE: &str = "resize s --cpu 200m --memory 64Mi --storage 128Mi --timeout 60s";

/// Those that every run of the tests disturbs.
pub(crate) const COMMON: [Scenario; 6] = [
    Scenario {
        name: "create",
        before: &[],
        line: CREATE,
        again: |state| match state.get("Session/s") {
            Some(_) => "start s --timeout 60s",
            None => CREATE,
        },
        already: None,
        destroys: &[],
        sizes: false,
        errors_at: [5, 8, 11],
    },
    Scenario {
        name: "stop",
        before: &[CREATE],
        line: STOP,
        again: |_| STOP,
        already: None,
        destroys: &[],
        sizes: false,
        errors_at: [5, 8, 11],
    },
    Scenario {
        name: "start",
        before: &[CREATE, STOP],
        line: START,
        again: |_| START,
        already: None,
        destroys: &[],
        sizes: false,
        errors_at: [5, 8, 11],
    },
    Scenario {
        name: "delete",
        before: &[CREATE],
        line: DELETE,
        again: |_| DELETE,
        already: Some("not found"),
        destroys: &[],
        sizes: false,
        errors_at: [5, 8, 11],
    },
    Scenario {
        name: "snapshot",
        before: &[CREATE],
        line: SNAPSHOT,
        again: |_| SNAPSHOT,
        already: Some("already exists"),
        destroys: &[],
        sizes: false,
        errors_at: [5, 8, 11],
    },
    Scenario {
        name: "resize",
        before: &[CREATE],
        line: RESIZE,
        again: |_| RESIZE,
        already: None,
        destroys: &[],
        sizes: true,
        errors_at: [5, 8, 11],
    },
];
