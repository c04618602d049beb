//! Pods of the sessions' primary workloads, as the server prints them in a Table: a tenth of the bytes of the objects, and kubectl's
//! own words. What they say without doubt is a [`WorkloadState`]; for everything else the session is read.

use std::collections::HashMap;

use serde_json::Value;

use super::last_write::is_status_by_control_plane;
use session_engine::reconcile::WorkloadState;
use session_model::api::Phase;
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::table::{Row, Table};

/// Kinds whose controllers create Pods.
const POD_CONTROLLERS: [&str; 4] = ["ReplicaSet", "StatefulSet", "DaemonSet", "Job"];

/// Namespace and name of a session.
pub type NamespacedName = (String, String);

/// Returns namespace and name of an object.
pub fn namespaced_name(object: &Value) -> NamespacedName {
    let object = Untyped(object);
    (object.home_namespace().to_owned(), object.name().to_owned())
}

/// Kind and name of a workload that wants a number of Pods.
type Workload = (&'static str, String);

/// Returns the StatefulSet or Deployment that wants a Pod. A Deployment's Pods are owned by a ReplicaSet `DEPLOYMENT-HASH`.
fn workload_of(pod: Untyped<'_>) -> Option<Workload> {
    pod.owners().find_map(|owner| match owner.kind {
        "StatefulSet" => Some(("StatefulSet", owner.name.to_owned())),
        "ReplicaSet" => {
            let hash = pod.label("pod-template-hash")?;
            let name = owner.name.strip_suffix(hash)?.strip_suffix('-')?;
            Some(("Deployment", name.to_owned()))
        }
        _ => None,
    })
}

/// One Pod of a primary workload, from the Table of Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PodRow {
    /// UID.
    pub(super) uid: Option<String>,
    /// UIDs of the owners.
    owners: Vec<String>,
    /// True if the ownerReferences name a workload controller.
    controlled: bool,
    /// The StatefulSet or Deployment that wants the Pod.
    workload: Option<Workload>,
    /// Name.
    pub(super) name: String,
    /// Name of its node.
    pub(super) node: Option<String>,
    /// kubectl's word for the Pod: Running, ImagePullBackOff, Terminating.
    pub(super) word: String,
    /// True if all containers are ready and nothing says that the Pod is not.
    pub(super) is_ready: bool,
}

impl PodRow {
    fn from_row(row: &Row, columns: &Table) -> Self {
        let cell = |name: &str| {
            let at = columns.column_index(name);
            let cell = at.and_then(|at| row.cells.get(at)?.as_str());
            cell.unwrap_or_default()
        };
        let (ready, word) = (cell("Ready"), cell("Status"));
        let all_ready = |text: &str| {
            text.split_once('/')
                .is_some_and(|(ready, all)| ready == all && ready != "0")
        };
        let gates = cell("Readiness Gates");
        let gates_open = matches!(gates, "" | "<none>") || all_ready(gates);
        let pod = Untyped(&row.object);
        Self {
            uid: pod.uid().map(str::to_owned),
            owners: pod.owners().map(|owner| owner.uid.to_owned()).collect(),
            controlled: pod
                .owners()
                .any(|owner| POD_CONTROLLERS.contains(&owner.kind)),
            workload: workload_of(pod),
            name: pod.name().to_owned(),
            node: Some(cell("Node").to_owned()).filter(|node| !node.is_empty() && node != "<none>"),
            is_ready: word == "Running"
                && all_ready(ready)
                && gates_open
                && !is_status_by_control_plane(&row.object),
            word: word.to_owned(),
        }
    }

    /// True for a Pod that is being deleted.
    pub(super) fn is_terminating(&self) -> bool {
        self.word == "Terminating"
    }
}

/// The Pods of the primary workloads, by session.
#[derive(Debug, Default)]
pub struct SessionPods {
    rows: HashMap<NamespacedName, Vec<PodRow>>,
    /// Number of Pods that workloads want, by namespace and workload.
    wanted: HashMap<(String, Workload), usize>,
    /// True without permission to list Pods: a session without Pods then means nothing.
    pub is_unlistable: bool,
    /// The resourceVersion from which a watch of the Pods continues.
    pub resource_version: Option<String>,
}

impl SessionPods {
    /// The Pods of a caller without permission to list them.
    pub fn unlistable() -> Self {
        Self {
            is_unlistable: true,
            ..Self::default()
        }
    }

    /// Adds a page of the Table of Pods, with metadata.
    pub(super) fn add_page(&mut self, page: &Table, columns: &Table) {
        for row in &page.rows {
            if let Some(key) = session_of(&row.object) {
                let pod = PodRow::from_row(row, columns);
                self.rows.entry(key).or_default().push(pod);
            }
        }
    }

    /// Returns true if a workload of that kind wants some of the Pods.
    pub(super) fn has_pods_of(&self, kind: &str) -> bool {
        let mut pods = self.rows.values().flatten();
        pods.any(|pod| pod.workload.as_ref().is_some_and(|(is, _)| *is == kind))
    }

    /// Adds the numbers of Pods that workloads want, from the Table of a kind: its column Ready has `READY/WANTED`.
    pub(super) fn add_workloads(&mut self, kind: &'static str, table: &Table) {
        let Some(ready) = table.column_index("Ready") else {
            return;
        };
        for row in &table.rows {
            let cell = row.cells.get(ready).and_then(Value::as_str);
            let wanted = cell.and_then(|cell| cell.split_once('/')?.1.parse().ok());
            let (namespace, name) = namespaced_name(&row.object);
            let key = (namespace, (kind, name));
            self.wanted.extend(wanted.map(|wanted| (key, wanted)));
        }
    }

    /// Returns true if no workload of these Pods wants more of them, as far as is known.
    fn are_enough(&self, namespace: &str, pods: &[&PodRow]) -> bool {
        pods.iter().all(|pod| {
            let key = pod.workload.clone().map(|it| (namespace.to_owned(), it));
            let wanted = key.and_then(|key| self.wanted.get(&key));
            let same = pods.iter().filter(|other| other.workload == pod.workload);
            wanted.is_none_or(|wanted| same.count() >= *wanted)
        })
    }

    /// Applies a change of watched Pods, and returns the sessions concerned.
    pub fn apply_change(
        &mut self,
        page: &Table,
        columns: &Table,
        gone: bool,
    ) -> Vec<NamespacedName> {
        let mut keys = Vec::new();
        for row in &page.rows {
            let Some(key) = session_of(&row.object) else {
                continue;
            };
            if let Some(pods) = self.rows.get_mut(&key) {
                pods.retain(|pod| pod.name != Untyped(&row.object).name());
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
    pub(super) fn claiming_pods(&self, session: &Value) -> Vec<&PodRow> {
        let uid = Untyped(session).uid();
        let all = self.rows.get(&namespaced_name(session));
        all.into_iter()
            .flatten()
            .filter(|pod| {
                pod.controlled || pod.owners.iter().any(|owner| Some(owner.as_str()) == uid)
            })
            .collect()
    }

    /// Returns the state of a session's workload where its Pods leave no doubt. `recorded` is the phase in its status.
    ///
    /// `None` for Pods that wait, end, fail or are being deleted: no row tells whether an ended container is started again; for fewer Pods than their workload wants; for more than one start makes, of which some may be forged; for Pods
    /// of a stopped session, and for a session that is not stopped and has none.
    pub(super) fn certain_state(
        &self,
        session: &Value,
        recorded: Option<Phase>,
    ) -> Option<WorkloadState> {
        let pods = self.claiming_pods(session);
        let stopped = recorded == Some(Phase::Stopped);
        match pods.as_slice() {
            [] => stopped.then_some(WorkloadState::NoWorkload),
            [first, rest @ ..] => {
                let ready = pods.iter().all(|pod| pod.is_ready);
                let expected = rest.is_empty() || pods.iter().all(|pod| pod.controlled);
                let namespace = Untyped(session).home_namespace();
                let enough = self.are_enough(namespace, &pods);
                (ready && expected && enough && !stopped).then(|| WorkloadState::Ready {
                    pod: first.name.clone(),
                })
            }
        }
    }
}

/// Returns the session whose label an object has.
fn session_of(object: &Value) -> Option<NamespacedName> {
    let session = Untyped(object).label(labels::SESSION)?;
    let namespace = Untyped(object).home_namespace();
    Some((namespace.to_owned(), session.to_owned()))
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

    fn session(uid: &str) -> Value {
        json!({ "metadata": { "name": "a", "namespace": "ns", "uid": uid } })
    }

    fn certain(rows: &[(&str, &str)], recorded: Phase) -> Option<WorkloadState> {
        pods(rows).certain_state(&session("S"), Some(recorded))
    }

    #[test]
    fn ready_pods_and_none_of_a_stopped_session_leave_no_doubt() {
        let ready = certain(&[("1/1", "Running")], Phase::Pending);
        assert!(matches!(ready, Some(WorkloadState::Ready { pod }) if pod == "p-0"));
        assert_eq!(
            certain(&[], Phase::Stopped),
            Some(WorkloadState::NoWorkload)
        );
    }

    #[test]
    fn everything_else_is_doubted() {
        let ready = ("1/1", "Running");
        for (rows, recorded) in [
            (&[("0/1", "Running")][..], Phase::Running),
            (&[("0/1", "ImagePullBackOff")], Phase::Pending),
            (&[("1/1", "Terminating")], Phase::Running),
            (&[("0/1", "Completed")], Phase::Running),
            (&[("0/2", "Completed")], Phase::Running),
            (&[ready, ready], Phase::Running),
            (&[ready], Phase::Stopped),
            (&[], Phase::Running),
            (&[], Phase::Failed),
        ] {
            assert_eq!(certain(rows, recorded), None, "{rows:?} {recorded:?}");
        }
    }

    #[test]
    fn ready_pods_that_are_too_few_leave_doubt() {
        let pod = |at: usize, owner: &Value, hash: &str| {
            json!({"cells": [format!("p-{at}"), "1/1", "Running"], "object": {"metadata": {
                "name": format!("p-{at}"), "namespace": "ns", "uid": format!("P{at}"), "ownerReferences": [owner],
                "labels": {labels::SESSION: "a", "pod-template-hash": hash}}}})
        };
        let read = |kind, pods: Vec<Value>, wanted: &str| {
            let columns = json!([{"name": "Name"}, {"name": "Ready"}, {"name": "Status"}]);
            let table = |rows: Value| -> Table {
                serde_json::from_value(json!({"columnDefinitions": columns, "rows": rows})).unwrap()
            };
            let mut found = SessionPods::default();
            let page = table(pods.into());
            found.add_page(&page, &page);
            let row = json!({"cells": ["web-a", wanted], "object": {"metadata": {"name": "web-a", "namespace": "ns"}}});
            assert!(found.has_pods_of(kind));
            found.add_workloads(kind, &table(json!([row])));
            found
                .certain_state(&session("S"), Some(Phase::Running))
                .is_some()
        };
        let owner = |kind: &str, name: &str| json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "W"});
        let set = owner("StatefulSet", "web-a");
        let replicas = owner("ReplicaSet", "web-a-5d8");
        for (kind, owner, hash) in [("StatefulSet", &set, ""), ("Deployment", &replicas, "5d8")] {
            let two = || vec![pod(0, owner, hash), pod(1, owner, hash)];
            assert!(read(kind, two(), "2/2"));
            assert!(!read(kind, two(), "2/3"), "{kind}");
            assert!(!read(kind, vec![pod(0, owner, hash)], "1/2"), "{kind}");
        }
    }

    #[test]
    fn a_pod_of_another_owner_says_nothing() {
        let found = pods(&[("1/1", "Running")]);
        let state = found.certain_state(&session("T"), Some(Phase::Stopped));
        assert_eq!(state, Some(WorkloadState::NoWorkload));
    }
}
