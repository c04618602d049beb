//! The NetworkPolicies of a template for which no document has any. Pure.

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use session_shared::failure::with_hint;
use session_shared::labels;

use crate::egress_mode::EgressMode;
use crate::policies::{callers, dns, public_addresses, router};
use crate::template_pods::{TemplatePods, WorkloadPods, policy_ports};

/// Returns name and spec of each policy: those that the template brings itself, and one for each workload that these do not select.
/// Without `sessions`, they are for all sessions of the template.
///
/// # Errors
/// A template without Pods, or whose Pods have no label in common, without sessions; one whose policies are not the same in all
/// sessions.
pub(crate) fn policies(
    pods: &TemplatePods,
    egress: EgressMode,
    sessions: &[String],
) -> Result<Vec<(String, Value)>> {
    let template = &pods.template;
    let own = pods.policies.iter().filter(|policy| policy.is_common);
    let mut policies: Vec<(String, Value)> = own
        .map(|policy| {
            let mut spec = policy.spec.clone();
            if let Some(Value::Array(rules)) = spec.get_mut("egress") {
                *rules = egress.limit(std::mem::take(rules));
            }
            select_sessions(&mut spec["podSelector"], sessions);
            (format!("{template}-{}", policy.name), spec)
        })
        .collect();
    for workload in &pods.workloads {
        if pods.has_policy_for(workload) {
            continue;
        }
        let name = match pods.workloads.as_slice() {
            [_] => template.clone(),
            _ => format!("{template}-{}", constant_name(&workload.name)),
        };
        policies.push((name, workload_policy(pods, workload, egress, sessions)?));
    }
    if policies.is_empty() {
        let reason = match pods.workloads.is_empty() {
            true => "it has no Pods",
            false => "each of its sessions brings its own policies",
        };
        return Err(anyhow!(
            "cannot isolate sessions of template {template:?}: {reason}"
        ));
    }
    Ok(policies)
}

/// Returns the name of a workload without its placeholders.
fn constant_name(name: &str) -> String {
    let pieces = name.split("${").enumerate();
    let constant = pieces.map(|(at, piece)| match piece.split_once('}') {
        Some((_, rest)) if at > 0 => rest,
        _ => piece,
    });
    let name = constant.collect::<String>();
    name.trim_matches(['-', '.']).to_owned()
}

fn select_sessions(selector: &mut Value, sessions: &[String]) {
    if !sessions.is_empty() {
        selector["matchExpressions"] =
            json!([{"key": labels::SESSION, "operator": "In", "values": sessions}]);
    }
}

fn selector_of(template: &str, workload: &WorkloadPods, sessions: &[String]) -> Result<Value> {
    let mut selector = match workload.labels.is_empty() {
        false => json!({"matchLabels": workload.labels}),
        true if !sessions.is_empty() => json!({}),
        true => {
            let error = anyhow!(
                "cannot select the Pods of template {template:?}: they have no label that is the same in all sessions"
            );
            return Err(with_hint(error, "name the sessions: --session NAME"));
        }
    };
    select_sessions(&mut selector, sessions);
    Ok(selector)
}

/// Returns the policy of a workload: callers and the other workloads reach its ports; it reaches them, DNS and public addresses.
fn workload_policy(
    pods: &TemplatePods,
    workload: &WorkloadPods,
    egress: EgressMode,
    sessions: &[String],
) -> Result<Value> {
    let (template, mut peers) = (&pods.template, Vec::new());
    for other in &pods.workloads {
        if other.name != workload.name || other.is_replicated {
            peers.push((selector_of(template, other, sessions)?, other));
        }
    }
    let mut from = vec![router(), callers()];
    from.extend(
        peers
            .iter()
            .map(|(selector, _)| json!({"podSelector": selector})),
    );
    let ingress = match workload.ports.is_empty() {
        // Without ports in a rule, all would be open.
        true => json!([]),
        false => json!([{"from": from, "ports": policy_ports(&workload.ports)}]),
    };
    let mut out = vec![dns(), public_addresses()];
    let reached = peers.iter().filter(|(_, other)| !other.ports.is_empty());
    out.extend(reached.map(|(selector, other)| {
        json!({"to": [{"podSelector": selector}], "ports": policy_ports(&other.ports)})
    }));
    Ok(json!({
        "podSelector": selector_of(template, workload, sessions)?,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
        "egress": egress.limit(out),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_its_placeholders() {
        for (name, constant) in [
            ("shell-${SESSION_ID}", "shell"),
            ("${SESSION_ID}-db", "db"),
            ("web", "web"),
            ("a-${X}-b", "a--b"),
        ] {
            assert_eq!(constant_name(name), constant);
        }
    }

    #[test]
    fn a_template_without_common_labels_needs_the_names_of_sessions() {
        let pod = json!({"kind": "Pod", "metadata": {"name": "${SESSION_ID}", "labels": {"app": "${SESSION_ID}"}},
            "spec": {"containers": [{"ports": [{"containerPort": 80}]}]}});
        let varies = |_: usize, _: &str| true;
        let pods = TemplatePods::of_objects("t", &[pod], &varies);
        let error = policies(&pods, EgressMode::Platform, &[]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot select the Pods of template \"t\"")
        );
        let policies = policies(&pods, EgressMode::Platform, &["a".to_owned()]).unwrap();
        assert_eq!(policies[0].0, "t");
        assert_eq!(
            policies[0].1["podSelector"],
            json!({"matchExpressions": [{"key": labels::SESSION, "operator": "In", "values": ["a"]}]})
        );
        let none = TemplatePods::of_objects("t", &[], &varies);
        let error = super::policies(&none, EgressMode::Platform, &[]).unwrap_err();
        assert!(error.to_string().ends_with("it has no Pods"));
    }
}
