//! Pods that their node's kubelet rejected: no container of them has run.

/// Words with which the kubelet begins the message of a Pod that it rejects (pkg/kubelet/kubelet.go, rejectPod).
const REJECTED: &str = "Pod was rejected";

/// Reasons of rejections, for kubelets that begin the message otherwise.
const REJECTION_REASONS: [&str; 8] = [
    "SysctlForbidden",
    "NodeAffinity",
    "NodePorts",
    "UnexpectedAdmissionError",
    "AppArmor",
    "TopologyAffinityError",
    "PodOSNotSupported",
    "PodOSSelectorNodeLabelDoesNotMatch",
];

/// A Pod that its node rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rejection<'a> {
    reason: &'a str,
    /// The kubelet's words, without those that every rejection has.
    pub(super) why: &'a str,
}

impl<'a> Rejection<'a> {
    /// Reads reason and message of a failed Pod's status; `None` for one that was terminated.
    pub(super) fn parse(reason: &'a str, message: &'a str) -> Option<Self> {
        let rest = message.strip_prefix(REJECTED);
        let is_rejected = REJECTION_REASONS.contains(&reason) || reason.starts_with("OutOf");
        if rest.is_none() && !is_rejected {
            return None;
        }
        let why = rest.unwrap_or(message).trim_start_matches(": ");
        let why = why.strip_prefix(" as ").unwrap_or(why);
        let why = why.trim().trim_end_matches('.');
        let why = if why.is_empty() { reason } else { why };
        Some(Self { reason, why })
    }

    /// Returns the remedy.
    pub(super) fn remedy(&self) -> String {
        if let Some(resource) = self.reason.strip_prefix("OutOf") {
            return format!(
                "start the session again, so that a node with room is chosen, or request less {resource}; a nodeName in the Pod prevents the choice"
            );
        }
        let remedy = match self.reason {
            "SysctlForbidden" => {
                "remove the sysctl from the Pod's securityContext, or let its node allow it (--allowed-unsafe-sysctls of the kubelet): until then each start fails"
            }
            "NodeAffinity" | "PodOSNotSupported" | "PodOSSelectorNodeLabelDoesNotMatch" => {
                "correct the Pod's nodeSelector, affinity or os, remove its nodeName, or label the node; then start the session again"
            }
            "AppArmor" => {
                "load the AppArmor profile on the node, or name another one in securityContext.appArmorProfile; then start the session again"
            }
            "NodePorts" => "remove the hostPort, or use another one; then start the session again",
            "UnexpectedAdmissionError" => {
                "check the device plugins of the node and the resources that the message names, then start the session again"
            }
            "TopologyAffinityError" => {
                "request resources that one NUMA node has, or use another node: the node's topology policy aligns them"
            }
            "NodeShutdown" => "start the session again, so that another node is chosen",
            _ => "correct what the message names, then start the session again",
        };
        remedy.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::Rejection;
    use crate::diagnosis::tests::fixtures::down;

    #[test]
    fn every_rejection_is_told_from_a_termination() {
        for (reason, message, why, remedy) in [
            (
                "SysctlForbidden",
                "Pod was rejected: forbidden sysctl: \"net.core.somaxconn\" not allowlisted",
                "forbidden sysctl: \"net.core.somaxconn\" not allowlisted",
                "remove the sysctl",
            ),
            (
                "OutOfcpu",
                "Pod was rejected: Node didn't have enough resource: cpu, requested: 4000",
                "Node didn't have enough resource: cpu, requested: 4000",
                "request less cpu",
            ),
            (
                "NodeShutdown",
                "Pod was rejected as the node is shutting down.",
                "the node is shutting down",
                "another node",
            ),
            ("NodeAffinity", "", "NodeAffinity", "nodeSelector"),
            ("NodePorts", "", "NodePorts", "hostPort"),
            (
                "SomethingNew",
                "Pod was rejected: no",
                "no",
                "the message names",
            ),
        ] {
            let found = down(reason, message);
            let cause = found.cause().unwrap();
            let expected = format!("pod \"p\" was rejected by its node \"n\": {why}");
            assert_eq!((cause.reason.as_str(), &cause.message), (reason, &expected));
            assert!(
                cause.remedy.as_deref().unwrap().contains(remedy),
                "{cause:?}"
            );
        }
        assert_eq!(
            Rejection::parse("Evicted", "The node was low on memory"),
            None
        );
        assert_eq!(
            Rejection::parse(
                "NodeShutdown",
                "Pod was terminated in response to imminent node shutdown."
            ),
            None
        );
    }
}
