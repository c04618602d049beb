//! Join of sessions with their Pods: without a controller nobody updates a session's status, so the status of its Pods takes
//! precedence.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use session_shared::api::Phase;
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::table::Table;

/// Kinds whose controllers create Pods.
const POD_CONTROLLERS: [&str; 4] = ["ReplicaSet", "StatefulSet", "DaemonSet", "Job"];

/// Phase and Pod of a session after the join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinedSession {
    /// Phase of the session.
    pub(crate) phase: Phase,
    /// Status of the Pod where it is more specific than the phase: CrashLoopBackOff, ImagePullBackOff, PodLost.
    pub(crate) status: Option<String>,
    /// Name of the Pod; `None` without one.
    pub(crate) pod: Option<String>,
    /// Name of the Pod's node.
    pub(crate) node: Option<String>,
}

impl JoinedSession {
    /// Returns the cell of column PHASE.
    pub(crate) fn phase_cell(&self) -> &str {
        self.status.as_deref().unwrap_or(self.phase.as_str())
    }
}

/// One Pod of a primary workload, from the Table of Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PodFacts {
    uid: String,
    /// UIDs of the owners.
    owners: Vec<String>,
    /// True if the ownerReferences name a workload controller.
    controlled: bool,
    pod: String,
    node: Option<String>,
    phase: Option<Phase>,
    status: Option<String>,
}

/// The Pods of the primary workloads, by namespace and session.
#[derive(Debug, Default)]
pub(crate) struct SessionPods {
    facts: HashMap<(String, String), Vec<PodFacts>>,
    /// UIDs of Pods that falsely claim to be a session's.
    strangers: HashSet<String>,
    /// True without permission to list Pods: a session without Pods then means nothing.
    pub(crate) is_unlistable: bool,
}

impl SessionPods {
    /// Adds a page of the Table of Pods, with metadata.
    pub(crate) fn add_page(&mut self, page: &Table, columns: &Table) {
        let column = |name: &str| columns.column_index(name);
        let (ready, status, node) = (column("Ready"), column("Status"), column("Node"));
        for row in &page.rows {
            let Some(session) = Untyped(&row.object).label(labels::SESSION) else {
                continue;
            };
            let cell = |at: Option<usize>| {
                at.and_then(|at| row.cells.get(at))
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let (phase, word) = parse_pod_status(cell(status), cell(ready));
            let mut owners = Untyped(&row.object).owners();
            let facts = PodFacts {
                uid: Untyped(&row.object).uid().unwrap_or_default().to_owned(),
                owners: Untyped(&row.object)
                    .owners()
                    .map(|owner| owner.uid.to_owned())
                    .collect(),
                controlled: owners.any(|owner| POD_CONTROLLERS.contains(&owner.kind)),
                pod: Untyped(&row.object).name().to_owned(),
                node: Some(cell(node).to_owned())
                    .filter(|node| !node.is_empty() && node != "<none>"),
                phase,
                status: word,
            };
            let key = (
                Untyped(&row.object)
                    .namespace()
                    .unwrap_or_default()
                    .to_owned(),
                session.to_owned(),
            );
            self.facts.entry(key).or_default().push(facts);
        }
    }

    /// Applies a change of watched Pods, and returns the sessions concerned.
    pub(crate) fn apply_change(
        &mut self,
        page: &Table,
        columns: &Table,
        gone: bool,
    ) -> Vec<(String, String)> {
        let mut keys = Vec::new();
        for row in &page.rows {
            let Some(session) = Untyped(&row.object).label(labels::SESSION) else {
                continue;
            };
            let key = (
                Untyped(&row.object)
                    .namespace()
                    .unwrap_or_default()
                    .to_owned(),
                session.to_owned(),
            );
            if let Some(facts) = self.facts.get_mut(&key) {
                facts.retain(|facts| facts.pod != Untyped(&row.object).name());
            }
            keys.push(key);
        }
        if !gone {
            self.add_page(page, columns);
        }
        keys
    }

    /// Returns the Pods of a session whose ownerReferences name the session or a controller. Labels alone prove nothing, because
    /// anybody can write them.
    fn claiming_pods(&self, session: &SessionKey<'_>) -> Vec<&PodFacts> {
        let key = (session.namespace.to_owned(), session.name.to_owned());
        let all = self.facts.get(&key).into_iter().flatten();
        let claims = |facts: &&PodFacts| {
            facts.controlled || facts.owners.iter().any(|uid| uid == session.uid)
        };
        all.filter(claims)
            .filter(|facts| !self.strangers.contains(&facts.uid))
            .collect()
    }

    /// Returns true if one of the Pods may be forged: the session has more Pods than one start creates, or is stopped and has Pods.
    /// Only the complete session can tell, so it is read in these cases.
    pub(crate) fn may_be_forged(&self, session: &SessionKey<'_>, status_phase: &str) -> bool {
        let pods = self.claiming_pods(session);
        let direct = pods.iter().filter(|facts| !facts.controlled).count();
        let stopped = status_phase == Phase::Stopped.as_str();
        let runs = |facts: &&PodFacts| !matches!(facts.phase, None | Some(Phase::Stopped));
        direct > 1 || (direct == 1 && pods.len() > 1) || (stopped && pods.iter().any(runs))
    }

    /// Drops the Pods of a session that are not among `own`, the UIDs of its own Pods.
    pub(crate) fn drop_forged(&mut self, session: &SessionKey<'_>, own: &[String]) {
        let claiming = self.claiming_pods(session).into_iter();
        let others = claiming.filter(|facts| !own.contains(&facts.uid));
        let others: Vec<String> = others.map(|facts| facts.uid.clone()).collect();
        self.strangers.extend(others);
    }

    /// Joins one session with its Pods. `status_phase` is the phase in its status; `deleting` is true if it is being deleted.
    pub(crate) fn join_session(
        &self,
        session: &SessionKey<'_>,
        status_phase: &str,
        deleting: bool,
    ) -> JoinedSession {
        let stored = Phase::ALL
            .into_iter()
            .find(|phase| phase.as_str() == status_phase);
        let pods = self.claiming_pods(session);
        // The Pod that most needs attention decides.
        let rank = |facts: &&&PodFacts| match facts.phase {
            Some(Phase::Failed) => 0,
            Some(Phase::Stopped) => 1,
            Some(Phase::Pending) => 2,
            None => 3,
            _ => 4,
        };
        let worst = pods.iter().min_by_key(rank);
        let (pod, node) = (
            worst.map(|facts| facts.pod.clone()),
            worst.and_then(|facts| facts.node.clone()),
        );
        let known = |phase: Phase, word: Option<String>| JoinedSession {
            phase,
            status: word,
            pod: pod.clone(),
            node: node.clone(),
        };
        if deleting {
            return known(Phase::Terminating, None);
        }
        match (worst, stored) {
            (Some(facts), _) => known(
                facts.phase.or(stored).unwrap_or(Phase::Pending),
                facts.status.clone(),
            ),
            (None, Some(Phase::Running)) if !self.is_unlistable => {
                known(Phase::Failed, Some("PodLost".into()))
            }
            (None, Some(phase)) => known(phase, None),
            // Half created: the client ended before it wrote a status.
            (None, None) => known(Phase::Pending, None),
        }
    }
}

/// Reads the cells STATUS and READY of a Pod as a phase of the session, with the status where it is more specific than the phase. No
/// phase means that the Pod says nothing about the session.
fn parse_pod_status(status: &str, ready: &str) -> (Option<Phase>, Option<String>) {
    let all_ready = ready
        .split_once('/')
        .is_some_and(|(ready, all)| ready == all && ready != "0");
    let said = || Some(status.to_owned());
    match status {
        "Running" if all_ready => (Some(Phase::Running), None),
        "Running" | "Pending" | "ContainerCreating" | "PodInitializing" | "NotReady" => {
            (Some(Phase::Pending), None)
        }
        "Completed" | "Succeeded" => (Some(Phase::Stopped), None),
        "Terminating" => (None, None),
        "ImagePullBackOff" | "ErrImagePull" | "SchedulingGated" | "Unknown" => {
            (Some(Phase::Pending), said())
        }
        "" => (None, None),
        // Init:0/2 is the number of completed init containers.
        progress
            if progress
                .strip_prefix("Init:")
                .is_some_and(|rest| rest.contains('/')) =>
        {
            (Some(Phase::Pending), None)
        }
        _ => (Some(Phase::Failed), said()),
    }
}

/// Identity of a session: namespace, name and UID.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionKey<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) uid: &'a str,
}

impl<'a> SessionKey<'a> {
    pub(crate) fn from_session(session: &'a Value) -> Self {
        Self {
            namespace: Untyped(session).namespace().unwrap_or_default(),
            name: Untyped(session).name(),
            uid: Untyped(session).uid().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pods(rows: &[(&str, &str)]) -> SessionPods {
        let table: Table = serde_json::from_value(json!({
            "columnDefinitions": [{ "name": "Name" }, { "name": "Ready" }, { "name": "Status" }, { "name": "Node" }],
            "rows": rows.iter().enumerate().map(|(i, (ready, status))| json!({
                "cells": [format!("p-{i}"), ready, status, "node-1"],
                "object": { "metadata": { "name": format!("p-{i}"), "namespace": "ns", "uid": format!("P{i}"),
                    "labels": { labels::SESSION: "a" }, "ownerReferences": [{ "apiVersion": "streaming.platform/v1", "kind": "Session", "name": "a", "uid": "S" }] } },
            })).collect::<Vec<_>>(),
        }))
        .unwrap();
        let mut pods = SessionPods::default();
        pods.add_page(&table, &table);
        pods
    }

    const SESSION: SessionKey<'_> = SessionKey {
        namespace: "ns",
        name: "a",
        uid: "S",
    };

    fn shown(rows: &[(&str, &str)], status: &str) -> String {
        pods(rows)
            .join_session(&SESSION, status, false)
            .phase_cell()
            .to_owned()
    }

    #[test]
    fn pods_go_before_the_stored_phase() {
        assert_eq!(shown(&[("1/1", "Running")], "pending"), "running");
        assert_eq!(shown(&[("0/1", "Running")], "running"), "pending");
        assert_eq!(shown(&[("0/1", "Completed")], "running"), "stopped");
        assert_eq!(shown(&[("0/1", "Init:0/2")], "running"), "pending");
    }

    #[test]
    fn trouble_is_shown_in_the_pods_own_words() {
        for word in [
            "CrashLoopBackOff",
            "ImagePullBackOff",
            "OOMKilled",
            "Init:Error",
            "Evicted",
        ] {
            assert_eq!(shown(&[("0/1", word)], "pending"), word);
        }
        assert_eq!(
            pods(&[("0/1", "ImagePullBackOff")])
                .join_session(&SESSION, "", false)
                .phase,
            Phase::Pending
        );
        assert_eq!(
            pods(&[("0/1", "CrashLoopBackOff")])
                .join_session(&SESSION, "", false)
                .phase,
            Phase::Failed
        );
    }

    #[test]
    fn the_pod_that_is_worst_off_speaks() {
        assert_eq!(
            shown(&[("1/1", "Running"), ("0/1", "Error")], "running"),
            "Error"
        );
        assert_eq!(
            shown(&[("1/1", "Running"), ("0/1", "Pending")], "running"),
            "pending"
        );
    }

    #[test]
    fn a_pod_of_another_owner_says_nothing() {
        let other = SessionKey {
            uid: "T",
            ..SESSION
        };
        let joined = pods(&[("1/1", "Running")]).join_session(&other, "stopped", false);
        assert_eq!(joined.phase_cell(), "stopped");
    }

    #[test]
    fn pods_that_one_start_does_not_make_are_asked_about() {
        let is_doubtful = |rows: &[_], status| pods(rows).may_be_forged(&SESSION, status);
        let running = ("1/1", "Running");
        assert!(!is_doubtful(&[running], "running"));
        assert!(is_doubtful(&[running, running], "running"));
        assert!(is_doubtful(&[running], "stopped"));
        assert!(!is_doubtful(&[("0/1", "Completed")], "stopped"));
        let mut two = pods(&[("0/1", "Error"), running]);
        two.drop_forged(&SESSION, &["P1".to_owned()]);
        assert_eq!(
            two.join_session(&SESSION, "running", false).phase_cell(),
            "running"
        );
        assert!(!two.may_be_forged(&SESSION, "running"));
    }

    #[test]
    fn without_pods_a_running_session_has_lost_its_own() {
        assert_eq!(shown(&[], "running"), "PodLost");
        assert_eq!(shown(&[], "stopped"), "stopped");
        assert_eq!(shown(&[], ""), "pending");
    }

    #[test]
    fn pods_that_may_not_be_seen_are_not_taken_for_lost() {
        let unseen = SessionPods {
            is_unlistable: true,
            ..SessionPods::default()
        };
        assert_eq!(
            unseen.join_session(&SESSION, "running", false).phase_cell(),
            "running"
        );
    }

    #[test]
    fn a_session_that_is_deleted_is_terminating_whatever_its_pods_say() {
        assert_eq!(
            pods(&[("1/1", "Running")])
                .join_session(&SESSION, "running", true)
                .phase_cell(),
            "terminating"
        );
    }
}
