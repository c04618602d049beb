//! Progress of a claim's expansion, as the volume resizers report it in the claim's status.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;

use session_model::quantity::Quantity;

/// Name of a claim's only resource.
const STORAGE: &str = "storage";

/// State of a claim's expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expansion {
    /// Complete: the claim has the requested capacity.
    Done,
    /// In progress, with the latest condition; may be empty.
    InProgress(String),
    /// Refused by the storage driver and not retried for this size; with its message.
    Infeasible(String),
}

/// Reads the state of a claim's expansion.
pub fn claim_expansion(claim: &PersistentVolumeClaim) -> Expansion {
    let said = resize_condition(claim);
    let status = claim.status.as_ref();
    let resizing = status
        .and_then(|status| status.allocated_resource_statuses.as_ref()?.get(STORAGE))
        .map_or("", String::as_str);
    let requests = claim
        .spec
        .as_ref()
        .and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
    let amount = |all: Option<&BTreeMap<String, Amount>>| -> Option<Quantity> {
        all?.get(STORAGE)?.0.parse().ok()
    };
    let tried = amount(status.and_then(|status| status.allocated_resources.as_ref()));
    let asked = amount(requests);
    // A status that was written for another size does not count.
    if resizing.ends_with("Infeasible") && (tried.is_none() || tried == asked) {
        return Expansion::Infeasible(if said.is_empty() {
            resizing.to_owned()
        } else {
            said
        });
    }
    let capacity = status.and_then(|status| status.capacity.as_ref());
    match (amount(capacity), asked) {
        (Some(has), Some(asked)) if has >= asked => Expansion::Done,
        _ => Expansion::InProgress(said),
    }
}

/// Returns the most specific condition as `TYPE: MESSAGE`, errors first; empty where there is none.
fn resize_condition(claim: &PersistentVolumeClaim) -> String {
    let status = claim.status.as_ref();
    let all = status.and_then(|status| status.conditions.as_ref());
    let known = |r#type: &str| {
        let mut all = all.into_iter().flatten();
        all.find(|one| one.type_ == r#type && one.status == "True")
    };
    let found = [
        "ControllerResizeError",
        "NodeResizeError",
        "FileSystemResizePending",
        "Resizing",
    ];
    let found = found.into_iter().find_map(known);
    found.map_or_else(String::new, |one| {
        match (&one.type_, one.message.as_deref()) {
            (r#type, None | Some("")) => r#type.clone(),
            (r#type, Some(message)) => format!("{type}: {message}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn growing(claim: &Value) -> Expansion {
        super::claim_expansion(&serde_json::from_value(claim.clone()).unwrap())
    }

    #[test]
    fn the_resizers_words_are_read() {
        let claim = |capacity: &str, status: Value, conditions: Value| {
            json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}, "status": {"capacity": {"storage": capacity},
                "allocatedResourceStatuses": status, "conditions": conditions}})
        };
        let said = |r#type: &str, message: &str| json!([{"type": "Resizing", "status": "True"}, {"type": r#type, "status": "True", "message": message}]);
        let infeasible = json!({"storage": "ControllerResizeInfeasible"});
        for (claim, wanted) in [
            (claim("2048Mi", json!({}), json!([])), Expansion::Done),
            (
                claim("1Gi", json!({}), said("FileSystemResizePending", "waits")),
                Expansion::InProgress("FileSystemResizePending: waits".into()),
            ),
            (
                claim("1Gi", json!({}), json!([])),
                Expansion::InProgress(String::new()),
            ),
            (
                claim(
                    "1Gi",
                    infeasible.clone(),
                    said("ControllerResizeError", "no room"),
                ),
                Expansion::Infeasible("ControllerResizeError: no room".into()),
            ),
            (
                claim("1Gi", infeasible, json!([])),
                Expansion::Infeasible("ControllerResizeInfeasible".into()),
            ),
        ] {
            assert_eq!(growing(&claim), wanted, "{claim}");
        }
        let mut earlier = claim("1Gi", json!({"storage": "NodeResizeInfeasible"}), json!([]));
        earlier["status"]["allocatedResources"] = json!({"storage": "8Gi"});
        assert_eq!(growing(&earlier), Expansion::InProgress(String::new()));
        earlier["status"]["allocatedResources"] = json!({"storage": "2Gi"});
        let refused = Expansion::Infeasible("NodeResizeInfeasible".into());
        assert_eq!(growing(&earlier), refused);
    }
}
