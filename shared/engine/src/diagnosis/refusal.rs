//! Why the server refuses a Pod: read from its own words, which come back from a POST or stand in a controller's event.

use super::Cause;

/// A refusal that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A word for programs: PodSecurity, LimitRange, QuotaExceeded, WebhookDenied, WebhookUnreachable, …
    pub reason: &'static str,
    /// What refuses, one line; the server's text stands beside it.
    pub why: String,
    /// What to do about it.
    pub remedy: String,
    /// True if the same request may pass a little later by itself.
    pub may_pass: bool,
}

/// Reads the server's words; `None` where they are not known here.
pub fn refusal(message: &str) -> Option<Refusal> {
    security(message)
        .or_else(|| webhook(message))
        .or_else(|| quota(message))
        .or_else(|| limit_range(message))
        .or_else(|| account(message))
}

/// The refusal of what `subject` (`StatefulSet "web"`) has to make.
pub(super) fn cause(subject: &str, reason: &str, message: &str) -> (Cause, bool) {
    match refusal(message) {
        Some(found) => (
            Cause {
                reason: found.reason.to_owned(),
                message: format!("{subject} cannot make its Pod: {}", found.why),
                remedy: Some(found.remedy),
                ..Cause::default()
            },
            found.may_pass,
        ),
        None => (
            Cause {
                reason: reason.to_owned(),
                message: format!("{subject} cannot make its Pod, for a reason not known here"),
                ..Cause::default()
            },
            true,
        ),
    }
}

/// `violates PodSecurity "restricted:latest": …`.
fn security(message: &str) -> Option<Refusal> {
    let (_, rest) = message.split_once("violates PodSecurity \"")?;
    let level = rest.split([':', '"']).next()?;
    Some(Refusal {
        reason: "PodSecurity",
        why: format!(
            "the namespace enforces the {level} Pod Security level, which the Pod does not meet"
        ),
        remedy: format!(
            "set in the Pod's securityContext what the message names, or use a namespace without pod-security.kubernetes.io/enforce={level}"
        ),
        may_pass: false,
    })
}

/// `admission webhook "W" denied the request: …`, `failed calling webhook "W": …`.
fn webhook(message: &str) -> Option<Refusal> {
    if let Some((_, rest)) = message.split_once("admission webhook \"") {
        let (name, said) = rest.split_once('"')?;
        let said = said.trim_start().strip_prefix("denied the request")?;
        let said = said.trim_start_matches([':', ' ']);
        let said = if said.is_empty() {
            String::new()
        } else {
            format!(": {said}")
        };
        return Some(Refusal {
            reason: "WebhookDenied",
            why: format!("admission webhook {name:?} refuses it{said}"),
            remedy: format!("change what the webhook names, or ask whoever runs webhook {name:?}"),
            may_pass: false,
        });
    }
    let (_, rest) = message.split_once("failed calling webhook \"")?;
    let (name, _) = rest.split_once('"')?;
    Some(Refusal {
        reason: "WebhookUnreachable",
        why: format!("the server asks admission webhook {name:?} first, and gets no answer"),
        remedy: format!(
            "have the service behind webhook {name:?} repaired, or its configuration taken away"
        ),
        may_pass: true,
    })
}

/// `exceeded quota: Q, requested: …, used: …, limited: …`, `failed quota: Q: must specify …`.
fn quota(message: &str) -> Option<Refusal> {
    if let Some((_, rest)) = message.split_once("exceeded quota: ") {
        let (name, figures) = rest.split_once(", ").unwrap_or((rest, ""));
        let figures = if figures.is_empty() {
            String::new()
        } else {
            format!(": {figures}")
        };
        return Some(Refusal {
            reason: "QuotaExceeded",
            why: format!("quota {name:?} is exceeded{figures}"),
            remedy:
                "ask for less, delete sessions that are no longer needed, or have the quota raised"
                    .into(),
            may_pass: false,
        });
    }
    let (_, rest) = message.split_once("failed quota: ")?;
    let (name, must) = rest.split_once(": ")?;
    Some(Refusal {
        reason: "QuotaNeedsResources",
        why: format!("quota {name:?} counts what the Pod does not say: it {must}"),
        remedy: "set these requests and limits on every container, or have a LimitRange set them"
            .into(),
        may_pass: false,
    })
}

/// `maximum memory usage per Container is 64Mi, but limit is 1Gi`, `minimum …`, `… max limit to request ratio …`.
fn limit_range(message: &str) -> Option<Refusal> {
    let at = ["maximum ", "minimum "]
        .iter()
        .filter_map(|word| message.find(word))
        .min()?;
    let rule = message[at..].trim().trim_matches(['[', ']']);
    if !(rule.contains(" usage per ") || rule.contains(" ratio per ")) {
        return None;
    }
    Some(Refusal {
        reason: "LimitRange",
        why: format!("a LimitRange of the namespace forbids it: {rule}"),
        remedy: "keep the containers' requests and limits within it: kubectl describe limitranges"
            .into(),
        may_pass: false,
    })
}

/// `error looking up service account ns/sa: serviceaccount "sa" not found`.
fn account(message: &str) -> Option<Refusal> {
    let (_, rest) = message.split_once("serviceaccount \"")?;
    let (name, rest) = rest.split_once('"')?;
    rest.trim_start().starts_with("not found").then(|| Refusal {
        reason: "ServiceAccountNotFound",
        why: format!("ServiceAccount {name:?} does not exist"),
        remedy: format!(
            "make ServiceAccount {name:?} in the session's namespace, or correct its name"
        ),
        // A new namespace gets its account a moment later.
        may_pass: name == "default",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Kubernetes 1.36 really says.
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
                "Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: Post \"https://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused",
                "WebhookUnreachable",
            ),
            (
                "pods \"p\" is forbidden: error looking up service account ns/sa: serviceaccount \"sa\" not found",
                "ServiceAccountNotFound",
            ),
        ] {
            assert_eq!(
                refusal(message).map(|found| found.reason),
                Some(reason),
                "{message}"
            );
        }
        assert_eq!(refusal("the server is on fire"), None);
    }

    #[test]
    fn what_is_not_known_is_said_to_be() {
        let (cause, may_pass) = cause("Deployment \"w\"", "FailedCreate", "the server is on fire");
        assert_eq!(
            cause.message,
            "Deployment \"w\" cannot make its Pod, for a reason not known here"
        );
        assert!(may_pass && cause.remedy.is_none());
    }
}
