//! What is to be done, as data: pure code makes plans, `cluster/` carries them out, a dry run prints them.

use std::time::Duration;

use serde_json::Value;

use session_model::objects::access::Access;
use session_model::objects::belonging::is_data;
pub use session_model::objects::propagation::Propagation;
use session_model::objects::resource::text;
use session_model::objects::{ObjectRef, ResourceType};

/// Steps in order: all steps of one stage may be carried out at the same time, a stage begins when the one before it is
/// done. Every step may be carried out twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The stages; none is empty.
    pub stages: Vec<Vec<Step>>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// POST an object that must not exist yet: one of that name is taken up if it is this session's, used if the object or
    /// the user allows that, and an error otherwise.
    Create {
        /// The object, complete.
        object: Value,
        /// Whether somebody else's object of that name may be used in its place, unchanged.
        existing: bool,
    },
    /// Apply the whole object in place of what this session's last start made, fields that it no longer has go. What cannot
    /// be changed that way is taken away by UID and POSTed anew: nothing of it runs, and data is never applied.
    Apply {
        /// The object, complete.
        object: Value,
        /// What is there, as the server has it.
        found: Value,
    },
    /// Take a claim up that a StatefulSet would use because of its name alone: kept data becomes this session's, anybody else's is
    /// an error, and where there is none nothing is done.
    Adopt {
        /// The claim as it would be made.
        claim: Value,
    },
    /// Leave an object as it is: it belongs to this start already.
    Keep {
        /// The object as the server has it.
        object: Value,
    },
    /// Merge-patch an object, with its UID as precondition.
    Patch {
        /// The object.
        target: ObjectRef,
        /// Its type.
        resource: ResourceType,
        /// The patch, without metadata.uid.
        patch: Value,
    },
    /// Run a command in a container; not 0 is a failure, and nothing after it is done.
    Sync {
        /// The Pod.
        pod: String,
        /// The container.
        container: String,
        /// The command and its arguments.
        command: Vec<String>,
        /// How long it may take.
        limit: Duration,
    },
    /// DELETE with UID precondition; gone already is done.
    Delete {
        /// The object.
        target: ObjectRef,
        /// Its type.
        resource: ResourceType,
        /// What happens to what it owns.
        propagation: Propagation,
    },
    /// Wait until these objects are gone.
    AwaitGone {
        /// The objects, all of one type.
        targets: Vec<ObjectRef>,
        /// Their type.
        resource: ResourceType,
    },
}

impl Plan {
    /// Adds a stage, unless it is empty.
    pub fn stage(&mut self, steps: Vec<Step>) {
        if !steps.is_empty() {
            self.stages.push(steps);
        }
    }

    /// All steps in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.stages.iter().flatten()
    }

    /// True if something that is there is taken away.
    pub fn deletes(&self) -> bool {
        self.steps().any(|step| matches!(step, Step::Delete { .. }))
    }

    /// The rights that its steps need, but for hooks, whose refusal comes before anything is taken away, and for kinds that
    /// nobody here knows.
    pub fn accesses(&self) -> Vec<Access> {
        self.steps().flat_map(Step::accesses).collect()
    }

    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// The objects it creates, in order.
    pub fn creations(&self) -> impl Iterator<Item = &Value> {
        self.steps().filter_map(|step| match step {
            Step::Create { object, .. } => Some(object),
            _ => None,
        })
    }
}

impl Step {
    fn accesses(&self) -> Vec<Access> {
        let of = |verb, object: &Value, name: &str| {
            let kind = ResourceType::of_kind(text(object, "/apiVersion"), text(object, "/kind"));
            kind.map(|kind| Access::to(verb, kind, name))
                .into_iter()
                .collect()
        };
        match self {
            Step::Create { object, .. } => of("create", object, ""),
            Step::Apply { object, .. } => of("patch", object, text(object, "/metadata/name")),
            Step::Patch {
                target, resource, ..
            } => vec![Access::to("patch", resource, &target.name)],
            Step::Delete {
                target, resource, ..
            } => vec![Access::to("delete", resource, &target.name)],
            Step::AwaitGone { targets, resource } => {
                let watch = |target: &ObjectRef| Access::to("watch", resource, &target.name);
                targets.iter().map(watch).collect()
            }
            Step::Adopt { .. } | Step::Keep { .. } | Step::Sync { .. } => Vec::new(),
        }
    }

    /// The step as a verb and an object, for errors: `create Pod "x"`.
    pub fn describe(&self) -> String {
        match self {
            Step::Create { object, .. } => {
                format!(
                    "create {} {:?}",
                    text(object, "/kind"),
                    text(object, "/metadata/name")
                )
            }
            Step::Apply { object, .. } => format!("apply {}", ObjectRef::of(object)),
            Step::Adopt { claim } => format!("take up {}", ObjectRef::of(claim)),
            Step::Keep { object } => format!("keep {}", ObjectRef::of(object)),
            Step::Patch { target, .. } => format!("patch {target}"),
            Step::Sync { pod, container, .. } => {
                format!("synchronise data in container {container:?} of pod {pod:?}")
            }
            Step::Delete { target, .. } => format!("delete {target}"),
            Step::AwaitGone { targets, .. } => {
                let names: Vec<String> = targets.iter().map(ToString::to_string).collect();
                format!("wait until {} is gone", names.join(", "))
            }
        }
    }
}

/// What became of a plan: a report can only speak of what was sent and answered.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was done, in the order in which it was answered.
    pub done: Vec<Done>,
    /// The step that failed, and why; the stages after it were not begun.
    pub failed: Option<(Step, anyhow::Error)>,
}

/// One step that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// Made by this run: the object as the server returned it.
    Created(Value),
    /// It was this session's already, or kept data of it: as the server has it.
    TakenUp(Value),
    /// Applied in place of what was there.
    Applied(Value),
    /// Somebody else's, used unchanged.
    Used(Value),
    /// Kept data was taken up that is no object of the start itself, or there was none.
    Adopted,
    /// Changed.
    Patched(Value),
    /// The hook ended with exit code 0.
    Synced,
    /// Deleted, or gone already.
    Deleted(ObjectRef),
    /// Gone.
    Gone,
}

impl Outcome {
    /// The objects that are there now for this session, in the order in which they were answered.
    pub fn objects(&self) -> Vec<Value> {
        self.done
            .iter()
            .filter_map(|done| match done {
                Done::Created(object)
                | Done::TakenUp(object)
                | Done::Applied(object)
                | Done::Used(object) => Some(object.clone()),
                // A claim that has grown; the Session and what was scaled are no objects of the start.
                Done::Patched(object) if is_data(object) => Some(object.clone()),
                _ => None,
            })
            .collect()
    }

    /// What this run made, and nothing else: all that a rollback may take away.
    pub fn created(&self) -> impl Iterator<Item = &Value> {
        self.done.iter().filter_map(|done| match done {
            Done::Created(object) => Some(object),
            _ => None,
        })
    }
}
