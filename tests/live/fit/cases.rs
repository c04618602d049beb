//! Clusters and sessions of random shapes, all from one seed.

use serde_json::{Value, json};

/// Label of everything of a case, with its number.
pub(super) const CASE: &str = "fit.example.com/case";
/// Label of the Pods of a session.
pub(super) const SESSION: &str = "fit.example.com/session";

/// A generator of numbers: the same ones for a seed.
pub(super) struct Dice(u64);

impl Dice {
    /// The generator of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    /// A number from `from` to `to`.
    fn number(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    /// True in so many of a hundred cases.
    fn percent(&mut self, share: u64) -> bool {
        self.number(1, 100) <= share
    }

    fn one_of<'t>(&mut self, words: &[&'t str]) -> &'t str {
        let last = u64::try_from(words.len() - 1).unwrap_or(0);
        words[usize::try_from(self.number(0, last)).unwrap_or(0)]
    }
}

/// Nodes that no other case uses, Pods on them, and the Pods of a session.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Name, which begins the names of its objects.
    pub(super) name: String,
    /// Nodes.
    pub(super) nodes: Vec<Value>,
    /// Pods that are on them.
    pub(super) existing: Vec<Value>,
    /// Pods of a session, without what names the session.
    pods: Vec<Value>,
}

impl Case {
    /// The case of a number.
    pub(super) fn new(seed: u64, number: u64, namespace: &str) -> Self {
        let mut dice = Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let name = format!("fit-{number}");
        let count = [1, 2, 2, 3, 3, 4][usize::try_from(dice.number(0, 5)).unwrap_or(0)];
        let mut nodes: Vec<Value> = Vec::new();
        for at in 0..count {
            let mut made = node(&mut dice, &name, at);
            // Nodes that are alike, between which the scheduler chooses at random.
            if let Some(last) = nodes.last().filter(|_| dice.percent(30)) {
                made["status"].clone_from(&last["status"]);
                made["spec"].clone_from(&last["spec"]);
            }
            nodes.push(made);
        }
        let existing = nodes
            .iter()
            .filter_map(|node| existing_pod(&mut dice, &name, node, namespace))
            .collect();
        let pods = [1, 1, 1, 2, 2, 3][usize::try_from(dice.number(0, 5)).unwrap_or(0)];
        let pods = (0..pods).map(|at| session_pod(&mut dice, &name, at));
        Self {
            pods: pods.collect(),
            name,
            nodes,
            existing,
        }
    }

    /// The Pods of a session, as they are created.
    pub(super) fn session(&self, session: &str) -> Vec<Value> {
        let named = |pod: &Value| {
            let mut pod = pod.clone();
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            pod["metadata"]["name"] = format!("{name}-{session}").into();
            pod["metadata"]["labels"][SESSION] = format!("{}-{session}", self.name).into();
            pod
        };
        self.pods.iter().map(named).collect()
    }

    /// Whether a session has several Pods.
    pub(super) fn has_several_pods(&self) -> bool {
        self.pods.len() > 1
    }

    /// What is in a message about the case.
    pub(super) fn describe(&self) -> String {
        let specs: Vec<&Value> = self.pods.iter().map(|pod| &pod["spec"]).collect();
        let nodes = self.nodes.iter().map(|node| {
            json!([
                node["metadata"]["labels"],
                node["spec"],
                node["status"]["allocatable"]
            ])
        });
        let existing: Vec<&Value> = self.existing.iter().map(|pod| &pod["spec"]).collect();
        json!({ "session": specs, "nodes": nodes.collect::<Vec<_>>(), "existing": existing })
            .to_string()
    }
}

fn node(dice: &mut Dice, case: &str, at: u64) -> Value {
    let name = format!("{case}-node-{at}");
    let mut amounts = json!({
        "cpu": format!("{}m", dice.number(8, 40) * 100),
        "memory": format!("{}Mi", dice.number(8, 64) * 128),
        "pods": dice.number(3, 9).to_string(),
        "ephemeral-storage": format!("{}Gi", dice.number(4, 40)),
    });
    if dice.percent(35) {
        amounts["example.com/gpu"] = dice.number(1, 4).to_string().into();
    }
    let mut taints = Vec::new();
    if dice.percent(15) {
        taints.push(json!({ "key": "example.com/team", "value": "a", "effect": dice.one_of(&["NoSchedule", "NoExecute"]) }));
    }
    if dice.percent(15) {
        taints.push(json!({ "key": "example.com/spot", "effect": "PreferNoSchedule" }));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": name, "labels": {
            CASE: case,
            "kubernetes.io/hostname": name,
            "topology.kubernetes.io/zone": dice.one_of(&["east", "west"]),
            "disk": dice.one_of(&["ssd", "ssd", "hdd"]),
            "generation": dice.number(1, 9).to_string(),
        } },
        "spec": { "taints": taints, "unschedulable": dice.percent(5) },
        "status": { "allocatable": amounts, "capacity": amounts },
    })
}

fn requests(dice: &mut Dice) -> Value {
    let mut requests = json!({});
    if !dice.percent(10) {
        requests["cpu"] = format!("{}m", dice.number(1, 10) * 50).into();
    }
    if !dice.percent(10) {
        requests["memory"] = format!("{}Mi", dice.number(1, 16) * 64).into();
    }
    if dice.percent(10) {
        requests["ephemeral-storage"] = format!("{}Gi", dice.number(1, 4)).into();
    }
    requests
}

fn container(dice: &mut Dice) -> Value {
    let requests = requests(dice);
    let mut resources = json!({ "requests": requests });
    if dice.percent(15) {
        resources["limits"] = json!({ "example.com/gpu": dice.number(1, 2) });
    }
    json!({ "name": "main", "image": "example.com/none", "resources": resources })
}

fn existing_pod(dice: &mut Dice, case: &str, node: &Value, namespace: &str) -> Option<Value> {
    if dice.percent(45) {
        return None;
    }
    let name = node["metadata"]["name"].as_str()?;
    let mut container = container(dice);
    container["resources"]["limits"] = Value::Null;
    let mut spec = json!({ "nodeName": name, "terminationGracePeriodSeconds": 0, "tolerations": [{ "operator": "Exists" }], "containers": [container] });
    if dice.percent(10) {
        let term = json!({ "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { CASE: case, "app": "pod-0" } } });
        spec["affinity"] = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [term] } });
    }
    if dice.percent(10) {
        spec["containers"][0]["ports"] = json!([{ "containerPort": 80, "hostPort": 8080 }]);
    }
    let labels = json!({ CASE: case, "app": dice.one_of(&["pod-0", "old"]) });
    Some(
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": namespace, "labels": labels }, "spec": spec }),
    )
}

fn session_pod(dice: &mut Dice, case: &str, at: u64) -> Value {
    let app = format!("pod-{at}");
    // Without a kubelet, the nodes never become ready.
    let mut tolerations = vec![
        json!({ "key": "node.kubernetes.io/not-ready", "operator": "Exists" }),
        json!({ "key": "node.kubernetes.io/unreachable", "operator": "Exists" }),
    ];
    if dice.percent(30) {
        tolerations.push(json!({ "key": "example.com/team", "value": dice.one_of(&["a", "b"]) }));
    }
    let mut spec = json!({ "nodeSelector": { CASE: case }, "tolerations": tolerations, "terminationGracePeriodSeconds": 0, "containers": [container(dice)] });
    if dice.percent(15) {
        let mut init = container(dice);
        init["name"] = "init".into();
        init["resources"]["limits"] = Value::Null;
        if dice.percent(50) {
            init["restartPolicy"] = "Always".into();
        }
        spec["initContainers"] = json!([init]);
    }
    if dice.percent(10) {
        spec["containers"]
            .as_array_mut()
            .into_iter()
            .for_each(|all| {
                let mut second = all[0].clone();
                second["name"] = "second".into();
                second["resources"] = json!({ "limits": { "cpu": "100m", "memory": "64Mi" } });
                all.push(second);
            });
    }
    if dice.percent(10) {
        spec["containers"][0]["ports"] = json!([{ "containerPort": 80, "hostPort": 8080 }]);
    }
    add_node_affinity(dice, &mut spec);
    add_pod_rules(dice, case, &app, &mut spec);
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": format!("{case}-{app}"), "labels": { CASE: case, "app": app } }, "spec": spec })
}

fn add_node_affinity(dice: &mut Dice, spec: &mut Value) {
    if dice.percent(15) {
        let expression = match dice.number(0, 4) {
            0 => json!({ "key": "disk", "operator": "In", "values": ["ssd"] }),
            1 => json!({ "key": "disk", "operator": "NotIn", "values": ["hdd"] }),
            2 => json!({ "key": "generation", "operator": "Gt", "values": ["2"] }),
            3 => json!({ "key": "generation", "operator": "Lt", "values": ["8"] }),
            _ => json!({ "key": "disk", "operator": "Exists" }),
        };
        spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
            json!({ "nodeSelectorTerms": [{ "matchExpressions": [expression] }] });
    }
    if dice.percent(10) {
        let preference =
            json!({ "matchExpressions": [{ "key": "disk", "operator": "In", "values": ["hdd"] }] });
        spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
            json!([{ "weight": dice.number(1, 100), "preference": preference }]);
    }
}

fn add_pod_rules(dice: &mut Dice, case: &str, app: &str, spec: &mut Value) {
    let own = json!({ "matchLabels": { CASE: case, "app": app } });
    let key = dice.one_of(&["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
    let term = json!({ "topologyKey": key, "labelSelector": own });
    match dice.number(0, 29) {
        0 | 1 => {
            spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
                json!([{ "topologyKey": "kubernetes.io/hostname", "labelSelector": own }])
        }
        2 => {
            spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
                json!([term])
        }
        // Near the first Pod of the same session.
        3 => {
            spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = json!([
            { "topologyKey": key, "labelSelector": { "matchLabels": { CASE: case } }, "matchLabelKeys": [SESSION] }])
        }
        4 => {
            spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
                json!([{ "weight": dice.number(1, 100), "podAffinityTerm": term }])
        }
        5 => {
            spec["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
                json!([{ "weight": dice.number(1, 100), "podAffinityTerm": term }])
        }
        6..=8 => {
            let action = dice.one_of(&["DoNotSchedule", "DoNotSchedule", "ScheduleAnyway"]);
            let mut constraint = json!({ "maxSkew": dice.number(1, 3), "topologyKey": key, "whenUnsatisfiable": action, "labelSelector": own });
            if dice.percent(30) {
                constraint["nodeTaintsPolicy"] = "Honor".into();
            }
            if action == "DoNotSchedule" && dice.percent(20) {
                constraint["minDomains"] = 2.into();
            }
            spec["topologySpreadConstraints"] = json!([constraint]);
        }
        _ => {}
    }
}
