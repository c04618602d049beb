//! Progress of a claim's expansion, as the volume resizers report it in the claim's status.

use serde_json::Value;

use super::quota::parse_quantity;
use session_model::objects::resource::string_at;

/// JSON pointer to the requested size.
const ASKED: &str = "/spec/resources/requests/storage";

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
pub fn claim_expansion(claim: &Value) -> Expansion {
    let said = condition(claim);
    let resizing = string_at(claim, "/status/allocatedResourceStatuses/storage");
    let amount = |path: &str| claim.pointer(path).and_then(parse_quantity);
    let (tried, asked) = (amount("/status/allocatedResources/storage"), amount(ASKED));
    // A status that was written for another size does not count.
    if resizing.ends_with("Infeasible") && (tried.is_none() || tried == asked) {
        return Expansion::Infeasible(if said.is_empty() {
            resizing.to_owned()
        } else {
            said
        });
    }
    match (amount("/status/capacity/storage"), asked) {
        (Some(has), Some(asked)) if has >= asked => Expansion::Done,
        _ => Expansion::InProgress(said),
    }
}

/// Returns the most specific condition as `TYPE: MESSAGE`, errors first; empty where there is none.
fn condition(claim: &Value) -> String {
    let all = claim
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let known = |r#type: &str| {
        let mut all = all.into_iter().flatten();
        all.find(|one| string_at(one, "/type") == r#type && string_at(one, "/status") == "True")
    };
    let found = [
        "ControllerResizeError",
        "NodeResizeError",
        "FileSystemResizePending",
        "Resizing",
    ];
    let found = found.into_iter().find_map(known);
    found.map_or_else(String::new, |one| {
        match (string_at(one, "/type"), string_at(one, "/message")) {
            (r#type, "") => r#type.to_owned(),
            (r#type, message) => format!("{type}: {message}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            assert_eq!(claim_expansion(&claim), wanted, "{claim}");
        }
        let mut earlier = claim("1Gi", json!({"storage": "NodeResizeInfeasible"}), json!([]));
        earlier["status"]["allocatedResources"] = json!({"storage": "8Gi"});
        assert_eq!(claim_expansion(&earlier), Expansion::InProgress(String::new()));
        earlier["status"]["allocatedResources"] = json!({"storage": "2Gi"});
        let refused = Expansion::Infeasible("NodeResizeInfeasible".into());
        assert_eq!(claim_expansion(&earlier), refused);
    }
}
