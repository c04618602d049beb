//! [`estimate_objects`]: the objects of a session that does not exist yet, as the server would have them, so that
//! [`session_costs`](super::cost::session_costs) computes what it would cost.

use serde_json::{Value, json};
use session_model::labels;
use session_model::objects::Untyped;
use session_model::objects::custom_workload::is_custom_workload;
use session_model::objects::resource::SESSION;

use super::demand::pod_count;
use super::fit::{FitInput, expanded_claims, expanded_pods};
use super::session_pods::SessionObjects;

/// Name and UID of the session: no object of the cluster is compared with it.
const SESSION_NAME: &str = "new";

/// Returns the objects of one session as they would be read, and what of it is not known: a sentence each.
pub fn estimate_objects(input: &FitInput<'_>) -> (SessionObjects, Vec<String>) {
    let mark = |kind: &str, name: &str, fields: Value| {
        let mut object = fields;
        object["kind"] = kind.into();
        object["metadata"] = json!({"name": name, "namespace": input.namespace,
            "labels": {labels::SESSION: SESSION_NAME}, "annotations": {labels::SESSION_UID: SESSION_NAME}});
        object
    };
    let mut session = mark(&SESSION.kind, SESSION_NAME, json!({}));
    session["metadata"]["uid"] = SESSION_NAME.into();
    let pods = expanded_pods(input).into_iter();
    let pods = pods.map(|(workload, spec)| mark("Pod", &workload, json!({"spec": spec})));
    let claims = expanded_claims(input).into_iter();
    let claims = claims.map(|claim| {
        let name = Untyped(&claim).name().to_owned();
        mark("PersistentVolumeClaim", &name, claim)
    });
    let services = input
        .objects
        .iter()
        .filter(|object| kind_of(object) == "Service");
    let services =
        services.map(|service| mark("Service", Untyped(service).name(), service.clone()));
    let objects = SessionObjects {
        sessions: vec![session],
        pods: Some(pods.collect()),
        claims: Some(claims.collect()),
        services: Some(services.collect()),
        ..SessionObjects::default()
    };
    (objects, unknown_parts(input.objects))
}

fn kind_of(object: &Value) -> &str {
    Untyped(object).kind()
}

/// Returns what the objects may come to that cannot be told from them.
fn unknown_parts(objects: &[Value]) -> Vec<String> {
    let mut notes = vec!["snapshots are left out: how many will be taken is not known".to_owned()];
    let mut custom = Vec::new();
    let is_session = |object: &Value| kind_of(object) == SESSION.kind;
    for object in objects.iter().filter(|object| !is_session(object)) {
        let (kind, name) = (kind_of(object), Untyped(object).name());
        let note = match kind {
            "HorizontalPodAutoscaler" => {
                let Some(most) = object.pointer("/spec/maxReplicas").and_then(Value::as_i64) else {
                    continue;
                };
                let target = |field: &str| {
                    let target = object.pointer("/spec/scaleTargetRef")?;
                    target.get(field)?.as_str()
                };
                let (of_kind, of_name) = (target("kind"), target("name"));
                let is_target = |other: &&Value| {
                    Some(kind_of(other)) == of_kind && Some(Untyped(other).name()) == of_name
                };
                let Some(target) = objects.iter().find(is_target) else {
                    continue;
                };
                let (of_kind, of_name) = (kind_of(target), Untyped(target).name());
                let counted = pod_count(target);
                format!(
                    "{of_kind}/{of_name} counts with replicas: {counted}; {kind}/{name} may scale it to {most}"
                )
            }
            "CronJob" | "DaemonSet" => {
                format!("Pods of {kind}/{name} are left out: their number is not known")
            }
            _ if is_custom_workload(object) => {
                custom.push(format!("{kind}/{name}"));
                continue;
            }
            _ => continue,
        };
        notes.push(note);
    }
    if !custom.is_empty() {
        let custom = custom.join(", ");
        notes.push(format!(
            "what controllers make of these objects is left out: {custom}"
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::cost::session_costs;
    use session_template::Prices;

    fn workload(kind: &str, fields: Value) -> Value {
        let container =
            json!({"name": "main", "resources": {"limits": {"cpu": "2", "memory": "4Gi"}}});
        let mut object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "w"},
            "spec": {"template": {"spec": {"containers": [container]}}}});
        for (key, value) in fields.as_object().unwrap() {
            object["spec"][key] = value.clone();
        }
        object
    }

    #[test]
    fn a_session_costs_before_it_exists_what_it_costs_then() {
        let home = json!({"metadata": {"name": "home"}, "spec": {"resources": {"requests": {"storage": "15Gi"}}}});
        let own = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "own"},
            "spec": {"resources": {"requests": {"storage": "30Gi"}}}});
        let balancer = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"type": "LoadBalancer"}});
        let set = workload(
            "StatefulSet",
            json!({"replicas": 2, "volumeClaimTemplates": [home]}),
        );
        let objects = [set, own, balancer];
        let input = FitInput {
            namespace: "ns",
            objects: &objects,
            ..FitInput::default()
        };
        let (objects, notes) = estimate_objects(&input);
        let report = session_costs(&objects, &Prices::default());
        let [row] = &report.rows[..] else {
            panic!("{report:?}")
        };
        let parts = [
            row.costs.compute.low,
            row.costs.storage.low,
            row.costs.load_balancers.low,
        ];
        assert_eq!(parts, [10_000, 1000, 1500]);
        assert_eq!(
            (row.sessions, row.storage.to_string().as_str()),
            (1, "60Gi")
        );
        assert_eq!(
            notes,
            ["snapshots are left out: how many will be taken is not known"]
        );
    }

    #[test]
    fn what_cannot_be_told_from_the_objects_is_said() {
        let scaler = json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "w"},
            "spec": {"maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "w"}}});
        let sandbox = json!({"apiVersion": "agents.x-k8s.io/v1alpha1", "kind": "Sandbox", "metadata": {"name": "box"}});
        let objects = [
            workload("Deployment", json!({})),
            scaler,
            workload("CronJob", json!({})),
            sandbox,
        ];
        let input = FitInput {
            namespace: "ns",
            objects: &objects,
            ..FitInput::default()
        };
        let (objects, notes) = estimate_objects(&input);
        assert_eq!(objects.pods.unwrap().len(), 1);
        assert_eq!(
            notes[1..],
            [
                "Deployment/w counts with replicas: 1; HorizontalPodAutoscaler/w may scale it to 5",
                "Pods of CronJob/w are left out: their number is not known",
                "what controllers make of these objects is left out: Sandbox/box",
            ]
        );
    }
}
