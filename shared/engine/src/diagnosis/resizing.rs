//! How the resize of a Pod that runs stands, and whether its node has room for it: the kubelet's words, and the node's figures.

use serde_json::{Map, Value};

use super::quota::{pod_resources, quantity};
use session_model::objects::resource::text;
use session_model::quantity::Quantity;

/// What can be resized.
pub const RESIZABLE: [&str; 2] = ["cpu", "memory"];

/// How far the kubelet has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resizing {
    /// The containers are as large as they are to be.
    Done,
    /// It is being worked on, or nobody has looked at it yet.
    Going,
    /// The kubelet tries, and it fails; it tries again. Its words.
    Failing(String),
    /// The node has no room now; the kubelet goes on when it has. Its words.
    Deferred(String),
    /// The node can never do it. The kubelet's words.
    Infeasible(String),
}

/// How the resize of a container stands, by what the kubelet has written into the Pod.
pub fn resizing(pod: &Value, container: &str) -> Resizing {
    if let Some(pending) = condition(pod, "PodResizePending") {
        let message = text(pending, "/message").to_owned();
        return match text(pending, "/reason") {
            "Infeasible" => Resizing::Infeasible(message),
            _ => Resizing::Deferred(message),
        };
    }
    if let Some(going) = condition(pod, "PodResizeInProgress") {
        return match text(going, "/message") {
            "" => Resizing::Going,
            message => Resizing::Failing(message.to_owned()),
        };
    }
    if is_actual(pod, container) {
        Resizing::Done
    } else {
        Resizing::Going
    }
}

/// A condition that holds, and that was written for the Pod as it is now.
fn condition<'a>(pod: &'a Value, r#type: &str) -> Option<&'a Value> {
    let all = pod.pointer("/status/conditions").and_then(Value::as_array);
    let mut all = all.into_iter().flatten();
    let found = all.find(|one| text(one, "/type") == r#type && text(one, "/status") == "True")?;
    let generation = |object: &Value, path| object.pointer(path).and_then(Value::as_i64);
    let seen = generation(found, "/observedGeneration");
    let is = generation(pod, "/metadata/generation");
    (seen.is_none() || is.is_none() || seen >= is).then_some(found)
}

/// True if the kubelet reports the limits that the spec wants, and has set aside what it requests.
fn is_actual(pod: &Value, container: &str) -> bool {
    let named = |list: &str| {
        let all = pod.pointer(list).and_then(Value::as_array);
        let mut all = all.into_iter().flatten();
        all.find(|one| text(one, "/name") == container)
    };
    let (Some(wanted), Some(actual)) = (
        named("/spec/containers"),
        named("/status/containerStatuses"),
    ) else {
        return false;
    };
    RESIZABLE.iter().all(|name| {
        let amount =
            |object: &Value, section: &str| quantity(object.pointer(&format!("{section}/{name}"))?);
        let same = |wanted: Option<Quantity>, actual: Option<Quantity>| {
            wanted.is_none() || wanted == actual
        };
        same(
            amount(wanted, "/resources/limits"),
            amount(actual, "/resources/limits"),
        ) && same(
            amount(wanted, "/resources/requests"),
            amount(actual, "/allocatedResources"),
        )
    })
}

/// Whether a node has room for a Pod that grows on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It has.
    Fits,
    /// Not now: other Pods have taken it. Figures, a line for each resource.
    Later(Vec<String>),
    /// It is too small. Figures, a line for each resource.
    Never(Vec<String>),
}

/// Judges whether a Pod fits on its node when its spec is `after` and no longer `before`; `others` are the Pods there, itself
/// among them, by UID. What it does not ask more of is not looked at.
pub fn fit(
    node: &Value,
    others: &[Value],
    uid: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Fit {
    let (had, asks) = (pod_resources(before), pod_resources(after));
    let (mut lines, mut never) = (Vec::new(), false);
    for name in RESIZABLE {
        let key = format!("requests.{name}");
        let of = |all: &std::collections::BTreeMap<String, Quantity>| {
            all.get(&key).copied().unwrap_or(Quantity::ZERO)
        };
        let (had, asked) = (of(&had), of(&asks));
        let all = node.pointer(&format!("/status/allocatable/{name}"));
        let Some(all) = all.and_then(quantity).filter(|_| asked > had) else {
            continue;
        };
        let strangers = others
            .iter()
            .filter(|pod| text(pod, "/metadata/uid") != uid)
            .filter_map(|pod| pod.get("spec")?.as_object());
        let taken = strangers
            .map(|spec| of(&pod_resources(spec)))
            .fold(Quantity::ZERO, |sum, amount| sum.plus(&amount));
        if taken.plus(&asked) <= all {
            continue;
        }
        never |= asked > all;
        lines.push(format!(
            "node {:?}: {all} {name} in all, {taken} taken by other Pods, {had} by this one, which asks for {asked}",
            text(node, "/metadata/name")
        ));
    }
    match (lines.is_empty(), never) {
        (true, _) => Fit::Fits,
        (false, true) => Fit::Never(lines),
        (false, false) => Fit::Later(lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(limit: &str, actual: &str, conditions: Value) -> Value {
        json!({"metadata": {"name": "p", "generation": 3}, "spec": {"containers": [
                {"name": "main", "resources": {"limits": {"cpu": limit}, "requests": {"cpu": limit}}}]},
            "status": {"conditions": conditions, "containerStatuses": [
                {"name": "main", "resources": {"limits": {"cpu": actual}}, "allocatedResources": {"cpu": actual}}]}})
    }

    #[test]
    fn the_kubelets_words_are_read() {
        let said = |r#type: &str, reason: &str, generation: i64| json!([{"type": r#type, "status": "True", "reason": reason, "message": "m", "observedGeneration": generation}]);
        for (pod, wanted) in [
            (pod("1", "1000m", json!([])), Resizing::Done),
            (pod("2", "1", json!([])), Resizing::Going),
            (
                pod("2", "1", said("PodResizePending", "Deferred", 3)),
                Resizing::Deferred("m".into()),
            ),
            (
                pod("2", "1", said("PodResizePending", "Infeasible", 3)),
                Resizing::Infeasible("m".into()),
            ),
            // Said of an earlier resize.
            (
                pod("2", "1", said("PodResizePending", "Infeasible", 2)),
                Resizing::Going,
            ),
            (
                pod("2", "2", said("PodResizeInProgress", "Error", 3)),
                Resizing::Failing("m".into()),
            ),
        ] {
            assert_eq!(resizing(&pod, "main"), wanted, "{pod}");
        }
        assert_eq!(
            resizing(&pod("1", "1", json!([])), "other"),
            Resizing::Going
        );
    }

    #[test]
    fn a_node_is_too_small_or_too_full() {
        let node = json!({"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}});
        let spec = |cpu: &str| {
            let spec =
                json!({"containers": [{"resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}]});
            spec.as_object().unwrap().clone()
        };
        let others = [
            json!({"metadata": {"uid": "self"}, "spec": spec("1")}),
            json!({"metadata": {"uid": "other"}, "spec": spec("2500m")}),
        ];
        let judged = |cpu: &str| fit(&node, &others, "self", &spec("1"), &spec(cpu));
        assert_eq!(judged("1500m"), Fit::Fits);
        let line = |asked: &str| {
            vec![format!(
                "node \"n\": 4 cpu in all, 2500m taken by other Pods, 1 by this one, which asks for {asked}"
            )]
        };
        assert_eq!(judged("2"), Fit::Later(line("2")));
        assert_eq!(judged("8"), Fit::Never(line("8")));
        // Less never fails.
        assert_eq!(judged("500m"), Fit::Fits);
    }
}
