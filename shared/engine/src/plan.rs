//! Plans: the requests that change a session, as data. `reconcile` makes a [`Plan`], `cluster` executes it and returns a
//! [`PlanOutcome`], a dry run prints it.

use std::time::Duration;

use serde_json::Value;

use session_model::objects::Untyped;
use session_model::objects::access::Access;
use session_model::objects::ownership::is_data;
pub use session_model::objects::propagation::PropagationPolicy;
use session_model::objects::{ObjectRef, ResourceType};

/// A list of stages. The steps of a stage may run concurrently; a stage begins when the one before it has succeeded. Every
/// step is idempotent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Stages in order; none is empty.
    pub stages: Vec<Vec<Step>>,
}

/// A single change of one object, or a wait for one.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// POST an object. If an object of that name exists, it is adopted if it belongs to this session, used unchanged if
    /// `existing` allows that, and an error otherwise.
    Create {
        /// Complete object.
        object: Value,
        /// True if an object of that name that does not belong to the session may be used unchanged.
        use_existing: bool,
    },
    /// Server-side apply of a whole object over the one that the session's last start created; fields that the new object
    /// lacks are removed. If the change hits an immutable field, the object is deleted by UID and POSTed again, which is
    /// safe because its workload is stopped. Data is never applied.
    Apply {
        /// Complete object.
        object: Value,
        /// Current object as the server returned it.
        current: Value,
    },
    /// Adopt the claim that a StatefulSet would use by its name: kept data of this session becomes its data again, a claim of
    /// anybody else is an error. Does nothing if the claim does not exist.
    Adopt {
        /// Claim as the StatefulSet would create it.
        claim: Value,
    },
    /// Leave an object unchanged, because it already belongs to this start.
    LeaveUnchanged {
        /// Object as the server returned it.
        object: Value,
    },
    /// Merge-patch an object with a UID precondition.
    Patch {
        /// Object.
        target: ObjectRef,
        /// Resource type of the object.
        resource: ResourceType,
        /// Merge patch without metadata.uid.
        patch: Value,
    },
    /// Set the replica count of an object by its scale subresource, with a UID precondition.
    Scale {
        /// Object.
        target: ObjectRef,
        /// Resource type of the object.
        resource: ResourceType,
        /// Replica count.
        replicas: i32,
    },
    /// Run the sync hook in a container. A non-zero exit code fails the plan.
    RunHook {
        /// Pod name.
        pod: String,
        /// Container name.
        container: String,
        /// Command and arguments.
        command: Vec<String>,
        /// Time limit.
        timeout: Duration,
    },
    /// DELETE an object with a UID precondition. An object that is already gone counts as deleted.
    Delete {
        /// Object.
        target: ObjectRef,
        /// Resource type of the object.
        resource: ResourceType,
        /// Propagation policy for its dependents.
        propagation: PropagationPolicy,
    },
    /// Wait until objects are deleted.
    WaitDeleted {
        /// Objects, all of one type.
        targets: Vec<ObjectRef>,
        /// Resource type of the objects.
        resource: ResourceType,
    },
}

impl Plan {
    /// Appends a stage; does nothing if `steps` is empty.
    pub fn push_stage(&mut self, steps: Vec<Step>) {
        if !steps.is_empty() {
            self.stages.push(steps);
        }
    }

    /// Iterates over all steps in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.stages.iter().flatten()
    }

    /// Returns true if the plan deletes an object.
    pub fn deletes(&self) -> bool {
        self.steps().any(|step| matches!(step, Step::Delete { .. }))
    }

    /// Returns the permissions that the steps need, so that they can be checked before the first request. Hooks are left out,
    /// because they run before anything is deleted; so are kinds without a known resource type.
    pub fn required_permissions(&self) -> Vec<Access> {
        self.steps().flat_map(Step::accesses).collect()
    }

    /// Returns true if there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Iterates over the objects to create, in order.
    pub fn objects_to_create(&self) -> impl Iterator<Item = &Value> {
        self.steps().filter_map(|step| match step {
            Step::Create { object, .. } => Some(object),
            _ => None,
        })
    }
}

impl Step {
    fn accesses(&self) -> Vec<Access> {
        let of = |verb, object: &Value, name: &str| {
            let kind =
                ResourceType::find_known(Untyped(object).api_version(), Untyped(object).kind());
            kind.map(|kind| Access::new(verb, kind, name))
                .into_iter()
                .collect()
        };
        match self {
            Step::Create { object, .. } => of("create", object, ""),
            Step::Apply { object, .. } => of("patch", object, Untyped(object).name()),
            Step::Patch {
                target, resource, ..
            } => vec![Access::new("patch", resource, &target.name)],
            Step::Scale {
                target, resource, ..
            } => vec![Access::new("patch", resource, &target.name).on_subresource("scale")],
            Step::Delete {
                target, resource, ..
            } => vec![Access::new("delete", resource, &target.name)],
            Step::WaitDeleted { targets, resource } => {
                let watch = |target: &ObjectRef| Access::new("watch", resource, &target.name);
                targets.iter().map(watch).collect()
            }
            Step::Adopt { .. } | Step::LeaveUnchanged { .. } | Step::RunHook { .. } => Vec::new(),
        }
    }

    /// Describes the step as a verb and an object for error messages, such as `create Pod "x"`.
    pub fn describe(&self) -> String {
        match self {
            Step::Create { object, .. } => {
                format!(
                    "create {} {:?}",
                    Untyped(object).kind(),
                    Untyped(object).name()
                )
            }
            Step::Apply { object, .. } => format!("apply {}", ObjectRef::from_object(object)),
            Step::Adopt { claim } => format!("adopt {}", ObjectRef::from_object(claim)),
            Step::LeaveUnchanged { object } => format!("keep {}", ObjectRef::from_object(object)),
            Step::Patch { target, .. } => format!("patch {target}"),
            Step::Scale { target, .. } => format!("scale {target}"),
            Step::RunHook { pod, container, .. } => {
                format!("run the sync hook in container {container:?} of pod {pod:?}")
            }
            Step::Delete { target, .. } => format!("delete {target}"),
            Step::WaitDeleted { targets, .. } => {
                let names: Vec<String> = targets.iter().map(ToString::to_string).collect();
                format!("wait until {} is deleted", names.join(", "))
            }
        }
    }
}

/// The outcome of executing a plan. Contains only requests that were answered.
#[derive(Debug, Default)]
pub struct PlanOutcome {
    /// Results of the successful steps, in the order of the answers.
    pub results: Vec<StepResult>,
    /// Step that failed and its error. Later stages were not begun.
    pub failed: Option<(Step, anyhow::Error)>,
}

/// The result of one successful step.
#[derive(Clone, Debug, PartialEq)]
pub enum StepResult {
    /// Created by this run; the object as the server returned it.
    Created(Value),
    /// Existed and belonged to the session, or was its kept data; the object as the server returned it.
    Adopted(Value),
    /// Applied over an existing object; the object as the server returned it.
    Applied(Value),
    /// Does not belong to the session and is used unchanged.
    UsedExisting(Value),
    /// A StatefulSet's claim was adopted, or did not exist. It is not an object of the start itself.
    ClaimAdopted,
    /// Patched; the object as the server returned it.
    Patched(Value),
    /// The sync hook ended with exit code 0.
    HookRun,
    /// Deleted, or already absent.
    Deleted(ObjectRef),
    /// The objects that were waited for are deleted.
    WaitedDeleted,
}

impl PlanOutcome {
    /// Returns the session's objects after the plan, in the order of the answers.
    pub fn objects(&self) -> Vec<Value> {
        self.results
            .iter()
            .filter_map(|done| match done {
                StepResult::Created(object)
                | StepResult::Adopted(object)
                | StepResult::Applied(object)
                | StepResult::UsedExisting(object) => Some(object.clone()),
                // An expanded claim. A patched Session or scaled workload is not an object of the start.
                StepResult::Patched(object) if is_data(object) => Some(object.clone()),
                _ => None,
            })
            .collect()
    }

    /// Iterates over the objects that this run created: the only ones that a rollback may delete.
    pub fn created(&self) -> impl Iterator<Item = &Value> {
        self.results.iter().filter_map(|done| match done {
            StepResult::Created(object) => Some(object),
            _ => None,
        })
    }
}
