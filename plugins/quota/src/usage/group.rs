//! Sums of what sessions have used, and notes on what the sums lack. Pure.

use std::collections::BTreeMap;

use session_shared::Timestamp;
use session_shared::capacity::grouping::Grouping;
use session_shared::capacity::run_hours::{RunEnd, UsedHours, Window};
use session_shared::ops::run_records::{RecordedSession, RunRecords};

use session_shared::report::name_list::list_names;

/// Names that a note lists; more are counted.
const NAMES_MAX: usize = 5;

/// What the sessions of one group have used.
#[derive(Clone, Debug, Default)]
pub(crate) struct UsageGroup {
    /// Name of the session, user or namespace.
    pub(crate) name: String,
    /// Namespace of a session.
    pub(crate) namespace: String,
    /// Owner of a session.
    pub(crate) user: String,
    /// Number of sessions.
    pub(crate) sessions: usize,
    /// Number of sessions that run now.
    pub(crate) running: usize,
    /// Creation of the first of the sessions.
    pub(crate) created: Option<Timestamp>,
    /// What they have used.
    pub(crate) used: UsedHours,
}

/// Sums by group, in the order of names.
pub(crate) fn group_usage(
    sessions: &[RecordedSession],
    by: Grouping,
    window: &Window,
) -> Vec<UsageGroup> {
    let mut groups: BTreeMap<(String, String), UsageGroup> = BTreeMap::new();
    for one in sessions {
        let session = &one.session;
        let (namespace, name) = match by {
            Grouping::Session => (session.namespace(), session.name()),
            Grouping::User => ("", session.owner()),
            Grouping::Namespace => ("", session.namespace()),
        };
        let group = groups.entry((namespace.to_owned(), name.to_owned()));
        let group = group.or_insert_with(|| UsageGroup {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            user: session.owner().to_owned(),
            ..UsageGroup::default()
        });
        group.sessions += 1;
        group.running += usize::from(one.is_running());
        group.used += one.count(window).used;
        let created = session
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0);
        group.created = match (group.created, created) {
            (Some(first), Some(created)) => Some(first.min(created)),
            (first, created) => first.or(created),
        };
    }
    groups.into_values().collect()
}

/// Returns notes on the window and on what is not counted.
pub(crate) fn usage_notes(records: &RunRecords, window: &Window) -> Vec<String> {
    let time = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    let mut notes = vec![format!(
        "hours from {} to {}; deleted sessions are not counted",
        time(window.from),
        time(window.until)
    )];
    if records.is_pods_unlistable {
        notes.push("current runs count to now: no permission to list Pods".to_owned());
    }
    if !records.unreadable.is_empty() {
        let names = list_names(&records.unreadable, NAMES_MAX);
        notes.push(format!(
            "sessions that cannot be read are not counted: {names}"
        ));
    }
    let counts = || records.sessions.iter().map(|one| (one, one.count(window)));
    let without_record =
        |one: &RecordedSession| one.session.usage().is_none() && one.session.applied().is_some();
    let mut add = |text: &str, found: Vec<&RecordedSession>| {
        if !found.is_empty() {
            notes.push(format!("{text}: {}", names_of(&found)));
        }
    };
    add(
        "sessions that have not been started since runs are recorded are not counted",
        records
            .sessions
            .iter()
            .filter(|one| without_record(one))
            .collect(),
    );
    add(
        "Pods vanished at an unknown time, their runs count to the last time at which they were known to run",
        counts()
            .filter(|(_, count)| count.has_unknown_end)
            .map(|(one, _)| one)
            .collect(),
    );
    add(
        "runs with invalid times or amounts are not counted",
        counts()
            .filter(|(_, count)| count.has_unreadable_run)
            .map(|(one, _)| one)
            .collect(),
    );
    let divided = counts().filter_map(|(one, count)| Some((one, count.divided_sum?)));
    for (one, sum) in divided {
        notes.push(format!(
            "session {:?}: {} runs until {} are recorded as one sum and not counted; count them with --since {}",
            one.session.name(), sum.runs, sum.until, sum.since
        ));
    }
    let ended =
        |one: &&RecordedSession| one.usage.current.is_some() && matches!(one.end, RunEnd::At(_));
    add_ended(&mut notes, records.sessions.iter().filter(ended).collect());
    notes
}

fn add_ended(notes: &mut Vec<String>, ended: Vec<&RecordedSession>) {
    if !ended.is_empty() {
        notes.push(format!(
            "sessions that ended by themselves count to the end of their Pods: {}",
            names_of(&ended)
        ));
    }
}

fn names_of(sessions: &[&RecordedSession]) -> String {
    let names: Vec<&str> = sessions.iter().map(|one| one.session.name()).collect();
    list_names(&names, NAMES_MAX)
}
