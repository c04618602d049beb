//! Whether the nodes have room for all sessions of a roster, as the scheduler counts.
//!
//! Rows whose Pods request the same and may go to the same nodes are one group, of whatever namespace: the LimitRanges are those of the first.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::capacity::demand::sum_quota_demand;
use session_shared::capacity::fit::{FitInput, NodeRoom, compute_fit};
use session_shared::capacity::node_shortage::NodeDemand;
use session_shared::failure::with_hint;
use session_shared::objects::pods::pod_spec;
use session_shared::ops::Cluster;
use session_shared::ops::fit_facts::FitFacts;
use session_shared::ops::room_nodes::may_add_nodes;

/// Most sessions of different groups that are placed together; of more, each group is checked alone.
const PLACED_TOGETHER: u64 = 300;
const HINT: &str = "stop sessions that are not needed now, or add --skip-checks to create all: those without room stay pending";

/// Groups of new sessions with Pods that are alike.
#[derive(Debug, Default)]
pub(super) struct NodeDemands {
    groups: BTreeMap<String, Group>,
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
    /// Adds a session by its objects.
    pub(super) fn add(&mut self, namespace: &str, template: &str, objects: &[Value]) {
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

    /// Checks that there is room for all. Returns notes: what was not checked, and what an autoscaler has to add.
    ///
    /// # Errors
    /// Too little room, with how many fit; refusals of the server.
    pub(super) async fn check(&self, cluster: &Cluster) -> Result<Vec<String>> {
        let Some(first) = self.groups.values().next() else {
            return Ok(Vec::new());
        };
        let groups = self.groups.values();
        let all: Vec<Value> = groups.flat_map(|group| &group.objects).cloned().collect();
        let mut facts = FitFacts::read(cluster, &first.namespace, &all).await?;
        let (Some(nodes), Some(_)) = (&mut facts.nodes, &facts.pods) else {
            let note = "free resources of nodes not checked: no permission to list nodes and Pods of all namespaces";
            return Ok(vec![note.to_owned()]);
        };
        // A node whose kubelet has not reported yet has no figures; a cluster whose pools are at 0 has no nodes.
        nodes.retain(|node| node.pointer("/status/allocatable/pods").is_some());
        if nodes.is_empty() {
            return Ok(Vec::new());
        }
        let Some(shortage) = self.find_shortage(&facts) else {
            return Ok(Vec::new());
        };
        match may_add_nodes(cluster).await? {
            true => Ok(vec![format!(
                "{shortage}; those without room stay pending until the cluster has another node"
            )]),
            false => Err(with_hint(anyhow!(shortage), HINT)),
        }
    }

    /// Returns what there is too little room for.
    fn find_shortage(&self, facts: &FitFacts) -> Option<String> {
        let groups = || self.groups.values();
        if let Some(alone) = groups().find_map(|group| group.find_shortage(facts)) {
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
            let lacking = lacking(&room);
            format!(
                "{sessions} new sessions do not fit on the nodes together: too little {lacking}"
            )
        })
    }
}

impl Group {
    fn find_shortage(&self, facts: &FitFacts) -> Option<String> {
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
                "{sessions} new session{s} of template {template:?} {fit} on no node: {message}"
            ));
        }
        let other = other.as_ref().unwrap_or(objects);
        let room = place(facts, namespace, objects, other, *sessions)?;
        let is_short = room.most < *sessions && room.proven;
        is_short.then(|| {
            let (most, lacking) = (room.most, lacking(&room));
            format!("only {most} of {sessions} new session{s} of template {template:?} fit on the nodes: too little {lacking}")
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
        let mut demands = NodeDemands::default();
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
            Some("only 4 of 5 new sessions of template \"t0\" fit on the nodes: too little cpu")
        );
        // 3 and 1 leave no room for another 3.
        assert_eq!(shortage(&[("3", 2), ("1", 2)]), None);
        assert_eq!(
            shortage(&[("3", 2), ("1", 2), ("500m", 1)]).as_deref(),
            Some("5 new sessions do not fit on the nodes together: too little cpu")
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
