//! Objects as the server prints them: `as=Table`.

use serde_json::{Value, json};
use session_model::objects::conditions::has_condition;

use crate::kinds::Kind;
use crate::request::Recorded;

pub(crate) fn wanted(request: &Recorded) -> bool {
    request
        .header("accept")
        .starts_with("application/json;as=Table")
}

/// The metadata of an object alone.
pub(crate) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// Columns as `Name pointer type priority`.
fn columns(kind: &Kind) -> Vec<(&'static str, &'static str, &'static str, u8)> {
    match kind.plural.as_str() {
        "sessions" => vec![
            ("Name", "/metadata/name", "string", 0),
            ("User", "/spec/userId", "string", 0),
            ("Template", "/status/template", "string", 0),
            ("Phase", "/status/phase", "string", 0),
            ("Expires", "/status/expiresAt", "string", 0),
            ("Age", "", "date", 0),
            ("Pod", "/status/podName", "string", 1),
            ("Node", "/status/nodeName", "string", 1),
            ("Endpoint", "/status/endpoint", "string", 1),
        ],
        "pods" => vec![
            ("Name", "/metadata/name", "string", 0),
            ("Ready", "ready", "string", 0),
            ("Status", "status", "string", 0),
            ("Restarts", "restarts", "string", 0),
            ("Age", "", "string", 0),
            ("IP", "/status/podIP", "string", 1),
            ("Node", "/spec/nodeName", "string", 1),
        ],
        "deployments" | "statefulsets" => vec![
            ("Name", "/metadata/name", "string", 0),
            ("Ready", "replicas", "string", 0),
            ("Age", "", "date", 0),
        ],
        _ => vec![
            ("Name", "/metadata/name", "string", 0),
            ("Age", "", "date", 0),
        ],
    }
}

/// A page of a Table, with what `includeObject` asks for in each row.
pub(crate) fn table(kind: &Kind, objects: &[Value], metadata: Value, request: &Recorded) -> Value {
    let columns = columns(kind);
    let include = request
        .query("includeObject")
        .unwrap_or_else(|| "Metadata".into());
    let definitions: Vec<Value> = columns
        .iter()
        .map(|(name, _, kind, priority)| {
            let format = if *name == "Name" { "name" } else { "" };
            json!({"name": name, "type": kind, "format": format, "description": "", "priority": priority})
        })
        .collect();
    let row = |object: &Value| {
        let cells: Vec<Value> = columns
            .iter()
            .map(|(_, pointer, _, _)| cell(object, pointer))
            .collect();
        match include.as_str() {
            "None" => json!({"cells": cells}),
            "Object" => json!({"cells": cells, "object": object}),
            _ => json!({"cells": cells, "object": partial(object)}),
        }
    };
    let rows: Vec<Value> = objects.iter().map(row).collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": definitions, "rows": rows})
}

fn cell(object: &Value, pointer: &str) -> Value {
    let statuses = object
        .pointer("/status/containerStatuses")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    match pointer {
        "" => age(object).into(),
        "ready" => {
            let ready = statuses
                .iter()
                .filter(|status| status["ready"] == true)
                .count();
            let all = object
                .pointer("/spec/containers")
                .and_then(Value::as_array)
                .map_or(statuses.len(), Vec::len);
            // Fixtures may leave out the containers of a Pod that is ready.
            let ready = match statuses.is_empty() && has_condition(object, "Ready", "True") {
                true => all,
                false => ready,
            };
            format!("{ready}/{all}").into()
        }
        "restarts" => statuses
            .iter()
            .filter_map(|status| status["restartCount"].as_u64())
            .sum::<u64>()
            .to_string()
            .into(),
        "replicas" => {
            let count = |pointer: &str, default| {
                let found = object.pointer(pointer).and_then(Value::as_u64);
                found.unwrap_or(default)
            };
            let (ready, wanted) = (
                count("/status/readyReplicas", 0),
                count("/spec/replicas", 1),
            );
            format!("{ready}/{wanted}").into()
        }
        "status" => pod_status(object, &statuses).into(),
        _ => object.pointer(pointer).cloned().unwrap_or(Value::Null),
    }
}

/// The word of `kubectl get pods`.
fn pod_status(object: &Value, statuses: &[Value]) -> String {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    if text("/metadata/deletionTimestamp").is_some() {
        return "Terminating".into();
    }
    for status in statuses {
        for state in ["waiting", "terminated"] {
            if let Some(reason) = status["state"][state]["reason"].as_str() {
                return reason.to_owned();
            }
        }
    }
    text("/status/reason")
        .or_else(|| text("/status/phase"))
        .unwrap_or_else(|| "Pending".into())
}

fn age(object: &Value) -> String {
    let created = object
        .pointer("/metadata/creationTimestamp")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let created: jiff::Timestamp = created.parse().unwrap_or_default();
    format!(
        "{}s",
        (jiff::Timestamp::now().as_second() - created.as_second()).max(0)
    )
}
