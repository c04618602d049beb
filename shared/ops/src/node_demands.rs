//! Demand of several sessions on the nodes together, counted as the scheduler counts.
//!
//! Sessions whose Pods request the same and may go to the same nodes are one group, of whatever namespace: the LimitRanges are those of the first.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use crate::fit_facts::FitFacts;
use crate::room_nodes::may_add_nodes;
use session_engine::capacity::demand::sum_quota_demand;
use session_engine::capacity::fit::{FitInput, NodeRoom, compute_fit};
use session_engine::capacity::node_shortage::NodeDemand;
use session_model::objects::pods::pod_spec;

/// Most sessions of different groups that are placed together; of more, each group is checked alone.
const PLACED_TOGETHER: u64 = 300;

/// Groups of sessions with Pods that are alike.
#[derive(Debug)]
pub struct NodeDemands {
    /// True for sessions that are created, false for those that are started again.
    are_new: bool,
    groups: BTreeMap<String, Group>,
}

/// Room on the nodes for all sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodesForAll {
    /// There may be.
    Enough,
    /// The caller may not list nodes and Pods of all namespaces.
    Unknown,
    /// There is not.
    Short {
        /// Number of sessions that fit and the resources that are short, in a sentence.
        message: String,
        /// True if something may add nodes.
        has_autoscaler: bool,
    },
}

#[derive(Debug)]
struct Group {
    namespace: String,
    template: String,
    sessions: u64,
    /// Objects of the first session, and of the second.
    objects: Vec<Value>,
    other: Option<Vec<Value>>,
}

impl NodeDemands {
    /// Creates the demands of sessions that are created, none yet.
    pub fn of_new_sessions() -> Self {
        Self {
            are_new: true,
            groups: BTreeMap::new(),
        }
    }

    /// Creates the demands of sessions that are started again, none yet. Each has volumes of its own, and a group is judged by its first
    /// two sessions: nodes that cannot reach a volume are counted.
    pub fn of_existing_sessions() -> Self {
        Self {
            are_new: false,
            groups: BTreeMap::new(),
        }
    }

    fn noun(&self) -> &'static str {
        match self.are_new {
            true => "new session",
            false => "session",
        }
    }

    /// Adds a session by its objects.
    pub fn add(&mut self, namespace: &str, template: &str, objects: &[Value]) {
        if !objects.iter().any(|object| pod_spec(object).is_some()) {
            return;
        }
        let mut demand = sum_quota_demand(objects);
        demand.retain(|name, _| name == "pods" || name.starts_with("requests."));
        demand.remove("requests.storage");
        let mut key = format!("{template} {demand:?}");
        for spec in objects.iter().filter_map(pod_spec) {
            for field in ["nodeSelector", "affinity", "tolerations", "nodeName"] {
                // A String takes all that is written.
                let _ = write!(key, " {:?}", spec.get(field));
            }
        }
        let group = self.groups.entry(key).or_insert_with(|| Group {
            namespace: namespace.to_owned(),
            template: template.to_owned(),
            sessions: 0,
            objects: objects.to_vec(),
            other: None,
        });
        group.sessions += 1;
        if group.sessions == 2 {
            group.other = Some(objects.to_vec());
        }
    }

    /// Checks by all nodes and Pods of the cluster whether there is room for all.
    ///
    /// # Errors
    /// Refusals of the server.
    pub async fn check(&self, cluster: &Cluster) -> Result<NodesForAll> {
        let Some(first) = self.groups.values().next() else {
            return Ok(NodesForAll::Enough);
        };
        let groups = self.groups.values();
        let all: Vec<Value> = groups.flat_map(|group| &group.objects).cloned().collect();
        let mut facts = match self.are_new {
            true => FitFacts::read(cluster, &first.namespace, &all).await?,
            false => FitFacts::read_without_volumes(cluster, &first.namespace, &all).await?,
        };
        let (Some(nodes), Some(_)) = (&mut facts.nodes, &facts.pods) else {
            return Ok(NodesForAll::Unknown);
        };
        // A node whose kubelet has not reported yet has no figures; a cluster whose pools are at 0 has no nodes.
        nodes.retain(|node| node.pointer("/status/allocatable/pods").is_some());
        if nodes.is_empty() {
            return Ok(NodesForAll::Enough);
        }
        let Some(message) = self.find_shortage(&facts) else {
            return Ok(NodesForAll::Enough);
        };
        Ok(NodesForAll::Short {
            message,
            has_autoscaler: may_add_nodes(cluster).await?,
        })
    }

    /// Returns what there is too little room for.
    fn find_shortage(&self, facts: &FitFacts) -> Option<String> {
        let groups = || self.groups.values();
        if let Some(alone) = groups().find_map(|group| group.find_shortage(self.noun(), facts)) {
            return Some(alone);
        }
        let sessions: u64 = groups().map(|group| group.sessions).sum();
        if self.groups.len() == 1 || sessions > PLACED_TOGETHER {
            return None;
        }
        let repeated = groups().flat_map(|group| (0..group.sessions).flat_map(|_| &group.objects));
        let objects: Vec<Value> = repeated.cloned().collect();
        let room = place(facts, &groups().next()?.namespace, &objects, &objects, 1)?;
        let is_short = room.most == 0 && room.proven;
        is_short.then(|| {
            let (noun, lacking) = (self.noun(), lacking(&room));
            format!("{sessions} {noun}s do not fit on the nodes together: not enough {lacking}")
        })
    }
}

impl Group {
    fn find_shortage(&self, noun: &str, facts: &FitFacts) -> Option<String> {
        let Self {
            namespace,
            template,
            sessions,
            objects,
            other,
        } = self;
        let (s, fit) = match sessions {
            1 => ("", "fits"),
            _ => ("s", "fit"),
        };
        let demand = NodeDemand {
            namespace,
            objects,
            limit_ranges: &facts.limit_ranges,
            nodes: facts.nodes.as_deref().unwrap_or_default(),
        };
        if let Some(shortage) = demand.find_shortage(facts.pods.as_deref()) {
            let message = shortage.message;
            return Some(format!(
                "{sessions} {noun}{s} of template {template:?} {fit} on no node: {message}"
            ));
        }
        let other = other.as_ref().unwrap_or(objects);
        let room = place(facts, namespace, objects, other, *sessions)?;
        let is_short = room.most < *sessions && room.proven;
        is_short.then(|| {
            let (most, lacking) = (room.most, lacking(&room));
            format!("only {most} of {sessions} {noun}{s} of template {template:?} fit on the nodes: not enough {lacking}")
        })
    }
}

/// Places sessions on the nodes, `limit` at most.
fn place(
    facts: &FitFacts,
    namespace: &str,
    objects: &[Value],
    other: &[Value],
    limit: u64,
) -> Option<NodeRoom> {
    let input = FitInput {
        quotas: None,
        ..facts.input(namespace, objects, other, Some(limit))
    };
    compute_fit(&input).nodes
}

fn lacking(room: &NodeRoom) -> String {
    let names: Vec<&str> = room.shortages.keys().map(String::as_str).collect();
    match names.is_empty() {
        true => "room".to_owned(),
        false => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn session(cpu: &str) -> Vec<Value> {
        let resources = json!({"requests": {"cpu": cpu}});
        let spec = json!({"containers": [{"name": "main", "resources": resources}]});
        let claim =
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}});
        vec![
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}),
            claim,
        ]
    }

    /// Returns the shortage of sessions that request these CPUs, on two nodes with 4.
    fn shortage(classes: &[(&str, usize)]) -> Option<String> {
        let node = |name: &str| json!({"metadata": {"name": name}, "status": {"allocatable": {"cpu": "4", "pods": "110"}}});
        let mut facts = FitFacts::default();
        facts.nodes = Some(vec![node("a"), node("b")]);
        facts.pods = Some(Vec::new());
        let mut demands = NodeDemands::of_new_sessions();
        for (number, (cpu, sessions)) in classes.iter().enumerate() {
            for _ in 0..*sessions {
                demands.add("ns", &format!("t{number}"), &session(cpu));
            }
        }
        demands.find_shortage(&facts)
    }

    #[test]
    fn a_class_fits_as_the_scheduler_places_it() {
        assert_eq!(shortage(&[("2", 4)]), None);
        assert_eq!(
            shortage(&[("2", 5)]).as_deref(),
            Some("only 4 of 5 new sessions of template \"t0\" fit on the nodes: not enough cpu")
        );
        // 3 and 1 leave no room for another 3.
        assert_eq!(shortage(&[("3", 2), ("1", 2)]), None);
        assert_eq!(
            shortage(&[("3", 2), ("1", 2), ("500m", 1)]).as_deref(),
            Some("5 new sessions do not fit on the nodes together: not enough cpu")
        );
        assert_eq!(
            shortage(&[("1", 1), ("5", 1)]).as_deref(),
            Some(
                "1 new session of template \"t1\" fits on no node: no node has 5 cpu: the largest has 4, 4 of them free"
            )
        );
    }

    #[test]
    fn more_groups_than_can_be_placed_together_are_checked_alone() {
        assert_eq!(shortage(&[("20m", 200), ("10m", 101)]), None);
    }
}
