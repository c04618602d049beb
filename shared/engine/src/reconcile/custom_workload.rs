//! The primary workload of a session whose kind is not built in: how it rests, runs again and is found ready.
//!
//! ```text
//! PrimaryRef (stop, start, ready), from status.applied or the rendering ─┐
//! CustomWorkload: type, object, count of its scale subresource ──────────┴► rest_step, merge_start_patch, start_step, start_accesses, readiness
//! ```

use serde_json::Value;

use crate::plan::{PropagationPolicy, Step};
use session_model::api::PrimaryRef;
use session_model::objects::access::Access;
use session_model::objects::custom_workload::unmet_check;
use session_model::objects::json_merge;
use session_model::objects::{ObjectRef, ResourceType, Untyped};

/// A primary workload of a kind that is not built in, as the server has it; the Session owns it. Its type comes from discovery. The
/// object itself is also one of the owners of [`LiveObjects`](super::LiveObjects).
#[derive(Clone, Debug)]
pub struct CustomWorkload {
    /// Resource type.
    pub resource: ResourceType,
    /// The object.
    pub object: Value,
    /// Replica count that its scale subresource wants; `None` where the kind has no scale subresource.
    pub replicas: Option<i32>,
}

impl CustomWorkload {
    /// Returns a reference to the object.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef::from_object(&self.object)
    }

    /// Returns true if `workload` refers to this object.
    pub fn is(&self, workload: &ObjectRef) -> bool {
        workload.is_same_object(&self.reference())
    }

    /// Returns true if the workload wants no Pods.
    pub fn is_at_rest(&self, primary: Option<&PrimaryRef>) -> bool {
        match primary.and_then(|primary| primary.stop.as_ref()) {
            Some(patch) => json_merge::is_merged(&self.object, patch),
            None => self.replicas == Some(0),
        }
    }

    /// Returns the step that brings the workload to rest; `None` where it rests already. A kind that the session's author says
    /// nothing about and that cannot be scaled is deleted.
    pub(super) fn rest_step(&self, primary: Option<&PrimaryRef>) -> Option<Step> {
        if self.is_at_rest(primary) {
            return None;
        }
        Some(match primary.and_then(|primary| primary.stop.clone()) {
            Some(patch) => Step::Patch {
                target: self.reference(),
                resource: self.resource.clone(),
                patch,
            },
            None if self.replicas.is_some() => self.scale_step(0),
            None => self.delete_step(),
        })
    }

    /// Returns the step that scales a workload that rests at 0 back to `recorded` Pods, 1 without a record; `None` for one that runs
    /// or is started by a patch.
    pub(super) fn start_step(&self, primary: &PrimaryRef, recorded: Option<i32>) -> Option<Step> {
        let scaled = primary.stop.is_none() && self.replicas == Some(0);
        scaled.then(|| self.scale_step(recorded.unwrap_or(1).max(1)))
    }

    /// Returns the rights with which a start makes this workload run again: it applies the object, and scales one that a stop scales.
    pub fn start_accesses(&self, primary: Option<&PrimaryRef>) -> Vec<Access> {
        let name = Untyped(&self.object).name();
        let apply = Access::new("patch", &self.resource, name);
        let is_patched = primary.is_some_and(|primary| primary.stop.is_some());
        let scales = self.replicas.is_some() && !is_patched;
        let scale = scales.then(|| apply.clone().on_subresource("scale"));
        std::iter::once(apply).chain(scale).collect()
    }

    fn scale_step(&self, replicas: i32) -> Step {
        Step::Scale {
            target: self.reference(),
            resource: self.resource.clone(),
            replicas,
        }
    }

    pub(super) fn delete_step(&self) -> Step {
        Step::Delete {
            target: self.reference(),
            resource: self.resource.clone(),
            propagation: PropagationPolicy::Background,
        }
    }

    /// Returns what the author's check of readiness says of the workload.
    pub(super) fn readiness(&self, primary: &PrimaryRef) -> Readiness {
        match &primary.ready {
            None => Readiness::OfPods,
            Some(check) => match unmet_check(&self.object, check) {
                None => Readiness::Ready,
                Some(missing) => Readiness::Missing(missing),
            },
        }
    }
}

/// The result of the author's check of readiness.
pub(super) enum Readiness {
    /// No check: the workload is ready when its Pods are.
    OfPods,
    /// The check is met.
    Ready,
    /// The check is not met; a line for the user tells what is missing.
    Missing(String),
}

/// Merges the patch that starts a workload into its rendered object, so that an object that is made or applied anew runs.
pub(super) fn merge_start_patch(object: &mut Value, primary: &PrimaryRef) {
    if let Some(patch) = &primary.start {
        json_merge::merge(object, patch);
    }
}
