//! Reasons why the API server refuses a Pod, read from its message: the answer to a POST, or a controller's FailedCreate event.

use serde_json::Value;
use session_model::objects::Untyped;

use super::limit_violation::limit_range_remedy;
use super::quota::{QuotaShortfall, unset_resources_cause};
use super::{Cause, EventNote};

/// A refusal of the API server that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Reason for programs: PodSecurity, LimitRange, QuotaExceeded, WebhookDenied, WebhookUnreachable, …
    pub reason: &'static str,
    /// One line that names what refuses the Pod; shown beside the server's message.
    pub message: String,
    /// Hint for the user.
    pub remedy: String,
    /// True if the same request may succeed later without any change.
    pub is_transient: bool,
}

/// Reads the server's message about an object of `namespace`; `None` where it is not recognised.
pub fn parse_refusal(message: &str, namespace: &str) -> Option<Refusal> {
    parse_pod_security(message)
        .or_else(|| parse_webhook(message))
        .or_else(|| parse_admission_policy(message))
        .or_else(|| parse_quota(message))
        .or_else(|| parse_limit_range(message, namespace))
        .or_else(|| parse_service_account(message))
}

/// Returns the cause of a workload (`StatefulSet/web`) whose Pod is refused by `event`, and true if it may pass later without any change.
pub(super) fn refusal_cause(workload: &Value, event: &EventNote) -> (Cause, bool) {
    let workload = Untyped(workload);
    let subject = format!("{} {:?}", workload.kind(), workload.name());
    match parse_refusal(&event.message, workload.home_namespace()) {
        Some(found) => (
            Cause {
                reason: found.reason.to_owned(),
                message: format!("{subject} cannot create its Pod: {}", found.message),
                remedy: Some(found.remedy),
                ..Cause::default()
            },
            found.is_transient,
        ),
        None => (
            Cause {
                reason: event.reason.clone(),
                message: format!("{subject} cannot create its Pod, for an unknown reason"),
                ..Cause::default()
            },
            true,
        ),
    }
}

/// Reads `violates PodSecurity "restricted:latest": …`.
fn parse_pod_security(message: &str) -> Option<Refusal> {
    let (_, rest) = message.split_once("violates PodSecurity \"")?;
    let level = rest.split([':', '"']).next()?;
    Some(Refusal {
        reason: "PodSecurity",
        message: format!(
            "the Pod violates Pod Security level {level:?}, which the namespace enforces"
        ),
        remedy: format!(
            "set the securityContext fields that the message names, or use a namespace without label pod-security.kubernetes.io/enforce={level}"
        ),
        is_transient: false,
    })
}

/// Reads `admission webhook "W" denied the request: …` and `failed calling webhook "W": …`.
fn parse_webhook(message: &str) -> Option<Refusal> {
    if let Some((_, rest)) = message.split_once("admission webhook \"") {
        let (name, said) = rest.split_once('"')?;
        let said = said.trim_start().strip_prefix("denied the request")?;
        if let Some(refusal) = parse_policy_engine(name, said) {
            return Some(refusal);
        }
        let said = quoted_answer(said);
        return Some(Refusal {
            reason: "WebhookDenied",
            message: format!("admission webhook {name:?} denied the request{said}"),
            remedy: format!(
                "change the fields that the message names, or ask the owner of webhook {name:?}"
            ),
            is_transient: false,
        });
    }
    let (_, rest) = message.split_once("failed calling webhook \"")?;
    let (name, _) = rest.split_once('"')?;
    Some(Refusal {
        reason: "WebhookUnreachable",
        message: format!("admission webhook {name:?} does not answer the API server"),
        remedy: format!(
            "repair the service behind webhook {name:?}, or delete its webhook configuration"
        ),
        is_transient: true,
    })
}

/// Reads the answer of a policy engine's webhook: Gatekeeper's lines `[CONSTRAINT] TEXT`, and Kyverno's `following policies` with its
/// policies, rules and texts as YAML. `None` for any other answer.
fn parse_policy_engine(webhook: &str, said: &str) -> Option<Refusal> {
    let (engine, rules) = if webhook.contains("gatekeeper") {
        ("Gatekeeper", gatekeeper_rules(said))
    } else {
        let (_, rules) = said.split_once("following policies")?;
        ("Kyverno", kyverno_rules(rules))
    };
    let (first, _) = rules.first()?;
    let owner = first.clone();
    let told = rules.iter().map(|(rule, text)| format!("{rule}: {text}"));
    let told: Vec<String> = told.collect();
    Some(Refusal {
        reason: "PolicyViolation",
        message: format!("{engine} denied the request by {}", told.join("; ")),
        remedy: format!(
            "change the fields that the policy names, or ask the owner of {engine}'s {owner}"
        ),
        is_transient: false,
    })
}

fn gatekeeper_rules(said: &str) -> Vec<(String, String)> {
    let mut rules: Vec<(String, String)> = Vec::new();
    for line in said.trim_start_matches([':', ' ']).lines() {
        let constraint = line
            .trim()
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] "));
        match (constraint, rules.last_mut()) {
            (Some((name, text)), _) => {
                rules.push((format!("constraint {name:?}"), text.to_owned()))
            }
            (None, Some((_, text))) if !line.trim().is_empty() => {
                *text += &format!(" {}", line.trim())
            }
            (None, _) => {}
        }
    }
    rules
}

fn kyverno_rules(said: &str) -> Vec<(String, String)> {
    let mut rules: Vec<(String, String)> = Vec::new();
    let mut policy = "";
    for line in said.lines().filter(|line| !line.trim().is_empty()) {
        let (key, text) = line.trim().split_once(':').unwrap_or((line.trim(), ""));
        if !line.starts_with([' ', '\t']) && text.is_empty() {
            policy = key;
        } else if policy.is_empty() {
            continue;
        } else if line.starts_with("  ") && !line.starts_with("   ") {
            let text = text.trim().trim_start_matches(['|', '>', '-']);
            rules.push((
                format!("policy {policy:?}, rule {key:?}"),
                text.trim().to_owned(),
            ));
        } else if let Some((_, before)) = rules.last_mut() {
            // A text of several lines.
            *before = format!("{before} {}", line.trim()).trim_start().to_owned();
        }
    }
    for (_, text) in &mut rules {
        *text = text.trim_matches('\'').to_owned();
    }
    rules
}

/// Reads `ValidatingAdmissionPolicy 'P' with binding 'B' denied request: …`, and the same of a MutatingAdmissionPolicy, whose
/// message begins with `policy` and has double quotes where it names no binding.
fn parse_admission_policy(message: &str) -> Option<Refusal> {
    let (before, said) = message.split_once(" denied request")?;
    let name = ['\'', '"'].into_iter().find_map(|quote| {
        let (_, rest) = before.split_once(&format!("olicy {quote}"))?;
        Some(rest.split_once(quote)?.0)
    })?;
    let said = quoted_answer(said);
    Some(Refusal {
        reason: "AdmissionPolicyDenied",
        message: format!("admission policy {name:?} denied the request{said}"),
        remedy: format!(
            "change the fields that the message names, or ask the owner of admission policy {name:?}"
        ),
        is_transient: false,
    })
}

/// Returns what a policy or webhook answered as `: TEXT` on one line; empty where it gave no reason. Policy engines answer on
/// several lines.
fn quoted_answer(said: &str) -> String {
    let said = said.trim_start_matches([':', ' ', '\n']);
    let words: Vec<&str> = said.split_whitespace().collect();
    match words.as_slice() {
        [] | ["without", "explanation"] => String::new(),
        words => format!(": {}", words.join(" ")),
    }
}

/// Reads `exceeded quota: Q, requested: …, used: …, limited: …` and `failed quota: Q: must specify …`.
fn parse_quota(message: &str) -> Option<Refusal> {
    if let Some(exceeded) = QuotaShortfall::parse(message) {
        return Some(Refusal {
            reason: "QuotaExceeded",
            message: exceeded.to_string(),
            remedy: exceeded.remedy().into(),
            is_transient: false,
        });
    }
    let (_, rest) = message.split_once("failed quota: ")?;
    let (name, must) = rest.split_once(": ")?;
    let cause = unset_resources_cause(name, must);
    Some(Refusal {
        reason: "QuotaNeedsResources",
        message: cause.message,
        remedy: cause.remedy?,
        is_transient: false,
    })
}

/// Reads `maximum memory usage per Container is 64Mi, but limit is 1Gi`, `minimum …` and
/// `memory max limit to request ratio per Container is 2, but provided ratio is 4.000000`.
fn parse_limit_range(message: &str, namespace: &str) -> Option<Refusal> {
    let bounds = ["maximum ", "minimum "].into_iter();
    let bound = bounds.filter_map(|word| message.find(word)).min();
    // The ratio's message begins with the resource.
    let ratio = message.find(" max limit to request ratio per ");
    let resource = ratio.map(|at| message[..at].rfind([' ', '[']).map_or(0, |at| at + 1));
    let at = bound.into_iter().chain(resource).min()?;
    let rule = message[at..].trim().trim_matches(['[', ']']);
    if ratio.is_none() && !rule.contains(" usage per ") {
        return None;
    }
    Some(Refusal {
        reason: "LimitRange",
        message: format!("a LimitRange of the namespace is violated: {rule}"),
        remedy: limit_range_remedy("limitranges", namespace),
        is_transient: false,
    })
}

/// Reads `error looking up service account ns/sa: serviceaccount "sa" not found`.
fn parse_service_account(message: &str) -> Option<Refusal> {
    let (_, rest) = message.split_once("serviceaccount \"")?;
    let (name, rest) = rest.split_once('"')?;
    rest.trim_start().starts_with("not found").then(|| Refusal {
        reason: "ServiceAccountNotFound",
        message: format!("ServiceAccount {name:?} does not exist"),
        remedy: format!(
            "create ServiceAccount {name:?} in the session's namespace, or correct the name"
        ),
        // Kubernetes creates the default account of a new namespace a moment after the namespace.
        is_transient: name == "default",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Messages of Kubernetes 1.36.
    #[test]
    fn refusals_are_told_apart() {
        for (message, reason) in [
            (
                "pods \"ps\" is forbidden: violates PodSecurity \"restricted:latest\": privileged (container \"ps\" must not set …)",
                "PodSecurity",
            ),
            (
                "pods \"lim\" is forbidden: maximum memory usage per Container is 64Mi, but limit is 1Gi",
                "LimitRange",
            ),
            (
                "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0",
                "QuotaExceeded",
            ),
            (
                "pods \"p\" is forbidden: failed quota: q: must specify limits.cpu for: main",
                "QuotaNeedsResources",
            ),
            (
                "admission webhook \"w.example.com\" denied the request: no",
                "WebhookDenied",
            ),
            (
                "admission webhook \"w.example.com\" denied the request without explanation",
                "WebhookDenied",
            ),
            (
                "pods \"web-5d4-\" is forbidden: ValidatingAdmissionPolicy 'no-root.example.com' with binding 'no-root' denied request: failed expression: object.spec.securityContext.runAsNonRoot",
                "AdmissionPolicyDenied",
            ),
            (
                "create Pod web-0 in StatefulSet web failed error: pods \"web-0\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
                "AdmissionPolicyDenied",
            ),
            (
                "pods \"web-0\" is forbidden: policy 'p' with binding 'b' denied request: no",
                "AdmissionPolicyDenied",
            ),
            (
                "pods \"web-0\" is forbidden: policy \"p\" denied request: no",
                "AdmissionPolicyDenied",
            ),
            (
                "pods \"lim\" is forbidden: memory max limit to request ratio per Container is 2, but provided ratio is 4.000000",
                "LimitRange",
            ),
            (
                "pods \"lim\" is forbidden: [minimum cpu usage per Container is 100m, but request is 10m, cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0]",
                "LimitRange",
            ),
            (
                "Internal error occurred: failed calling webhook \"w.example.com\"; no further details available",
                "WebhookUnreachable",
            ),
            (
                "Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: Post \"https://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused",
                "WebhookUnreachable",
            ),
            (
                "pods \"p\" is forbidden: error looking up service account ns/sa: serviceaccount \"sa\" not found",
                "ServiceAccountNotFound",
            ),
        ] {
            assert_eq!(
                parse_refusal(message, "ns").map(|found| found.reason),
                Some(reason),
                "{message}"
            );
        }
        assert_eq!(parse_refusal("the server is on fire", "ns"), None);
    }

    #[test]
    fn a_violated_ratio_is_quoted_with_its_resource() {
        let message = "pods \"lim\" is forbidden: memory max limit to request ratio per Container is 2, but provided ratio is 4.000000";
        assert_eq!(
            parse_refusal(message, "ns").unwrap().message,
            "a LimitRange of the namespace is violated: memory max limit to request ratio per Container is 2, but provided ratio is 4.000000"
        );
    }

    #[test]
    fn an_answer_of_several_lines_becomes_one() {
        let kyverno = "admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\nresource Pod/ns/web-0 was blocked due to the following policies \n\nrequire-labels:\n  check-team: 'validation error: label team is required'";
        let message = parse_refusal(kyverno, "ns")
            .map(|found| found.message)
            .unwrap();
        assert_eq!(
            message,
            "Kyverno denied the request by policy \"require-labels\", rule \"check-team\": validation error: label team is required"
        );
        let several = "admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\nresource Pod/ns/web-0 was blocked due to the following policies \n\na:\n  one: |-\n    validation error: no.\n    rule one failed\n  two: 'no two'\nb:\n  three: no three";
        let found = parse_refusal(several, "ns").unwrap();
        assert_eq!(
            found.message,
            "Kyverno denied the request by policy \"a\", rule \"one\": validation error: no. rule one failed; policy \"a\", rule \"two\": no two; policy \"b\", rule \"three\": no three"
        );
        assert!(
            found
                .remedy
                .ends_with("Kyverno's policy \"a\", rule \"one\"")
        );
        let gatekeeper = "admission webhook \"validation.gatekeeper.sh\" denied the request: [ns-must-have-team] you must provide labels: {\"team\"}\n[no-latest] container <main> uses\n:latest";
        assert_eq!(
            parse_refusal(gatekeeper, "ns").unwrap().message,
            "Gatekeeper denied the request by constraint \"ns-must-have-team\": you must provide labels: {\"team\"}; constraint \"no-latest\": container <main> uses :latest"
        );
        let other = "admission webhook \"validation.gatekeeper.sh\" denied the request: timeout";
        assert_eq!(parse_refusal(other, "ns").unwrap().reason, "WebhookDenied");
        let silent = "admission webhook \"w\" denied the request without explanation";
        assert_eq!(
            parse_refusal(silent, "ns").unwrap().message,
            "admission webhook \"w\" denied the request"
        );
    }

    #[test]
    fn what_is_not_known_is_said_to_be() {
        let workload = json!({"kind": "Deployment", "metadata": {"name": "w"}});
        let event = EventNote {
            reason: "FailedCreate".into(),
            message: "the server is on fire".into(),
            ..EventNote::default()
        };
        let (cause, may_pass) = refusal_cause(&workload, &event);
        assert_eq!(cause.reason, "FailedCreate");
        assert_eq!(
            cause.message,
            "Deployment \"w\" cannot create its Pod, for an unknown reason"
        );
        assert!(may_pass && cause.remedy.is_none());
    }
}
