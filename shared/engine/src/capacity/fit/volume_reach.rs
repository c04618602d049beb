//! Nodes that cannot reach the volumes of a Pod: by the node affinity of a volume that exists, or the topologies of a StorageClass.

use k8s_openapi::api::core::v1::{Node, PersistentVolume};
use k8s_openapi::api::storage::v1::StorageClass;
use serde_json::Value;
use session_model::objects::Untyped;

use super::admitted_pods::AdmittedPod;
use super::selector::matches_node_term;

/// Annotation of the StorageClass of claims that name none.
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// Objects that decide which nodes reach a volume.
#[derive(Clone, Copy, Debug, Default)]
pub struct VolumeFacts<'a> {
    /// StorageClasses; empty if they are not known.
    pub storage_classes: &'a [Value],
    /// Claims of the namespace that exist; `None` if they are not known.
    pub claims: Option<&'a [Value]>,
    /// PersistentVolumes of these claims.
    pub volumes: &'a [Value],
}

impl VolumeFacts<'_> {
    /// Returns the class of claims that name none.
    pub fn default_class(&self) -> Option<&str> {
        let is_default = |class: &&Value| Untyped(class).annotation(DEFAULT_CLASS) == Some("true");
        let class = self.storage_classes.iter().find(is_default)?;
        Some(Untyped(class).name())
    }

    /// Returns why the node cannot reach the volumes of the Pod; `None` if it can, as far as is known.
    pub(super) fn find_unreachable(&self, pod: &AdmittedPod, node: &Node) -> Option<String> {
        let classes = pod.claim_classes.iter().map(Option::as_deref);
        let new =
            classes.filter_map(|class| self.beyond_class(class.or(self.default_class())?, node));
        let existing = pod.mounted_claims.iter();
        let mounted = existing.filter_map(|name| self.beyond_claim(name, node));
        new.chain(mounted).next()
    }

    fn beyond_class(&self, class: &str, node: &Node) -> Option<String> {
        let mut classes = self.storage_classes.iter();
        let found = classes.find(|found| Untyped(found).name() == class)?;
        let found: StorageClass = Untyped(found).read()?;
        let terms = found.allowed_topologies.filter(|terms| !terms.is_empty())?;
        let labels = node.metadata.labels.clone().unwrap_or_default();
        let reaches = terms.iter().any(|term| {
            let mut wanted = term.match_label_expressions.iter().flatten();
            wanted.all(|one| {
                labels
                    .get(&one.key)
                    .is_some_and(|value| one.values.contains(value))
            })
        });
        (!reaches).then(|| format!("StorageClass {class:?} has no volumes for it"))
    }

    fn beyond_claim(&self, name: &str, node: &Node) -> Option<String> {
        let mut claims = self.claims?.iter();
        let Some(claim) = claims.find(|claim| Untyped(claim).name() == name) else {
            return Some(format!("claim {name:?} does not exist"));
        };
        let claim = Untyped(claim);
        let Some(volume) = claim.str_at("/spec/volumeName") else {
            let class = claim.str_at("/spec/storageClassName");
            return self.beyond_class(class.or(self.default_class())?, node);
        };
        let mut volumes = self.volumes.iter();
        let volume = volumes.find(|found| Untyped(found).name() == volume)?;
        let volume: PersistentVolume = Untyped(volume).read()?;
        let required = volume.spec?.node_affinity?.required?;
        let mut terms = required.node_selector_terms.iter();
        let reaches = terms.any(|term| matches_node_term(term, node));
        (!reaches).then(|| format!("the volume of claim {name:?} is not reachable"))
    }
}
