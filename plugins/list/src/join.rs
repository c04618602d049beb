//! Sessions joined with their Pods: what a Pod says goes before what a status says that nobody keeps.

use std::collections::HashMap;

use serde_json::Value;
use session_shared::api::Phase;
use session_shared::labels;
use session_shared::objects::resource::{label, text};
use session_shared::objects::table::{Row, Table};

/// What is known of a session after its Pods were asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    /// The phase.
    pub(crate) phase: Phase,
    /// The Pod's own word where it says more than the phase: CrashLoopBackOff, ImagePullBackOff, PodLost.
    pub(crate) word: Option<String>,
    /// Name of the Pod, when there is one.
    pub(crate) pod: Option<String>,
    /// Its node.
    pub(crate) node: Option<String>,
}

impl Joined {
    /// What stands under PHASE.
    pub(crate) fn shown(&self) -> &str {
        self.word.as_deref().unwrap_or(self.phase.word())
    }
}

/// One Pod of a primary workload, from the Table of Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    pod: String,
    node: Option<String>,
    phase: Option<Phase>,
    word: Option<String>,
}

/// The Pods of the primary workloads, by namespace and session.
#[derive(Debug, Default)]
pub(crate) struct Pods {
    told: HashMap<(String, String), Vec<Told>>,
    /// They may not be listed: that there is none of a session says nothing.
    pub(crate) unseen: bool,
}

impl Pods {
    /// Takes a page of the Table of Pods, with metadata.
    pub(crate) fn take(&mut self, page: &Table, columns: &Table) {
        let column = |name: &str| columns.column(name);
        let (ready, status, node) = (column("Ready"), column("Status"), column("Node"));
        for row in &page.rows {
            let Some(session) = label(&row.object, labels::SESSION) else {
                continue;
            };
            let cell = |at: Option<usize>| {
                at.and_then(|at| row.cells.get(at))
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let (phase, word) = read(cell(status), cell(ready));
            let told = Told {
                pod: text(&row.object, "/metadata/name").to_owned(),
                node: Some(cell(node).to_owned())
                    .filter(|node| !node.is_empty() && node != "<none>"),
                phase,
                word,
            };
            let key = (
                text(&row.object, "/metadata/namespace").to_owned(),
                session.to_owned(),
            );
            self.told.entry(key).or_default().push(told);
        }
    }

    /// Takes a change of Pods that were watched, and says whose sessions they are.
    pub(crate) fn change(
        &mut self,
        page: &Table,
        columns: &Table,
        gone: bool,
    ) -> Vec<(String, String)> {
        let mut keys = Vec::new();
        for row in &page.rows {
            let Some(session) = label(&row.object, labels::SESSION) else {
                continue;
            };
            let key = (
                text(&row.object, "/metadata/namespace").to_owned(),
                session.to_owned(),
            );
            if let Some(told) = self.told.get_mut(&key) {
                told.retain(|told| told.pod != text(&row.object, "/metadata/name"));
            }
            keys.push(key);
        }
        if !gone {
            self.take(page, columns);
        }
        keys
    }

    /// What is known of one session; `status_phase` is what its status says, `deleting` whether it is being deleted.
    pub(crate) fn join(
        &self,
        namespace: &str,
        name: &str,
        status_phase: &str,
        deleting: bool,
    ) -> Joined {
        let stored = Phase::ALL
            .into_iter()
            .find(|phase| phase.word() == status_phase);
        let pods = self
            .told
            .get(&(namespace.to_owned(), name.to_owned()))
            .map(Vec::as_slice)
            .unwrap_or_default();
        // The Pod that is worst off speaks for the session; the order is that of attention.
        let rank = |told: &&Told| match told.phase {
            Some(Phase::Failed) => 0,
            Some(Phase::Stopped) => 1,
            Some(Phase::Pending) => 2,
            None => 3,
            _ => 4,
        };
        let worst = pods.iter().min_by_key(rank);
        let (pod, node) = (
            worst.map(|told| told.pod.clone()),
            worst.and_then(|told| told.node.clone()),
        );
        let known = |phase: Phase, word: Option<String>| Joined {
            phase,
            word,
            pod: pod.clone(),
            node: node.clone(),
        };
        if deleting {
            return known(Phase::Terminating, None);
        }
        match (worst, stored) {
            (Some(told), _) => known(
                told.phase.or(stored).unwrap_or(Phase::Pending),
                told.word.clone(),
            ),
            (None, Some(Phase::Running)) if !self.unseen => {
                known(Phase::Failed, Some("PodLost".into()))
            }
            (None, Some(phase)) => known(phase, None),
            // Half made: the client was ended before it wrote a status.
            (None, None) => known(Phase::Pending, None),
        }
    }
}

/// kubectl's words for a Pod, as a phase, and as a word where the phase does not say it. No phase: the Pod says nothing
/// about the session.
fn read(status: &str, ready: &str) -> (Option<Phase>, Option<String>) {
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
        // Init:0/2 counts init containers that are done.
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

/// A row's name and namespace.
pub(crate) fn place(row: &Row) -> (&str, &str) {
    (
        text(&row.object, "/metadata/namespace"),
        text(&row.object, "/metadata/name"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pods(rows: &[(&str, &str)]) -> Pods {
        let table: Table = serde_json::from_value(json!({
            "columnDefinitions": [{ "name": "Name" }, { "name": "Ready" }, { "name": "Status" }, { "name": "Node" }],
            "rows": rows.iter().enumerate().map(|(i, (ready, status))| json!({
                "cells": [format!("p-{i}"), ready, status, "node-1"],
                "object": { "metadata": { "name": format!("p-{i}"), "namespace": "ns", "labels": { labels::SESSION: "a" } } },
            })).collect::<Vec<_>>(),
        }))
        .unwrap();
        let mut pods = Pods::default();
        pods.take(&table, &table);
        pods
    }

    fn shown(rows: &[(&str, &str)], status: &str) -> String {
        pods(rows).join("ns", "a", status, false).shown().to_owned()
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
                .join("ns", "a", "", false)
                .phase,
            Phase::Pending
        );
        assert_eq!(
            pods(&[("0/1", "CrashLoopBackOff")])
                .join("ns", "a", "", false)
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
    fn without_pods_a_running_session_has_lost_its_own() {
        assert_eq!(shown(&[], "running"), "PodLost");
        assert_eq!(shown(&[], "stopped"), "stopped");
        assert_eq!(shown(&[], ""), "pending");
    }

    #[test]
    fn pods_that_may_not_be_seen_are_not_taken_for_lost() {
        let unseen = Pods {
            unseen: true,
            ..Pods::default()
        };
        assert_eq!(unseen.join("ns", "a", "running", false).shown(), "running");
    }

    #[test]
    fn a_session_that_is_deleted_is_terminating_whatever_its_pods_say() {
        assert_eq!(
            pods(&[("1/1", "Running")])
                .join("ns", "a", "running", true)
                .shown(),
            "terminating"
        );
    }
}
