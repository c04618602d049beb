//! The objects that a schedule may have, and their observed states.

use serde_json::Value;
use session_model::objects::cron_schedule::ScheduleName;
use session_model::objects::resource::{CONFIG_MAP, CRON_JOB, ROLE, ROLE_BINDING, SERVICE_ACCOUNT};
use session_model::objects::{ResourceType, Untyped};

/// Observed state of one object of a schedule.
#[derive(Clone, Debug)]
pub enum ObservedState {
    /// The object does not exist.
    Missing,
    /// The object as read.
    Found(Box<Value>),
    /// The caller lacks permission to read the object.
    Forbidden,
}

/// Type and name of an object that a schedule may have.
#[derive(Clone, Debug)]
pub struct SchedulePart {
    /// Type of the object.
    pub resource: &'static ResourceType,
    /// Name of the object.
    pub name: ScheduleName,
}

impl SchedulePart {
    /// Returns the parts of a schedule in order of creation: account, Role and RoleBinding, then its CronJobs.
    pub fn of_schedule(account: &ScheduleName, cron_jobs: &[ScheduleName]) -> Vec<Self> {
        let part = |resource, name: &ScheduleName| Self {
            resource,
            name: name.clone(),
        };
        let rights = [&SERVICE_ACCOUNT, &ROLE, &ROLE_BINDING];
        let rights = rights.into_iter().map(|resource| part(resource, account));
        let jobs = cron_jobs.iter().map(|name| part(&CRON_JOB, name));
        rights.chain(jobs).collect()
    }

    /// Returns the parts of a schedule with a file, all of which have the same name.
    pub fn of_schedule_with_file(name: &ScheduleName) -> Vec<Self> {
        let file = Self {
            resource: &CONFIG_MAP,
            name: name.clone(),
        };
        let rest = Self::of_schedule(name, std::slice::from_ref(name));
        std::iter::once(file).chain(rest).collect()
    }

    pub(super) fn is_of(&self, object: &Value) -> bool {
        Untyped(object).kind() == self.resource.kind && Untyped(object).name() == self.name.as_str()
    }
}

/// A part of a schedule with its state.
#[derive(Clone, Debug)]
pub struct ObservedPart {
    /// Type and name.
    pub part: SchedulePart,
    /// Observed state.
    pub state: ObservedState,
}

impl ObservedPart {
    /// Returns the object if it is there.
    pub fn found(&self) -> Option<&Value> {
        match &self.state {
            ObservedState::Found(found) => Some(found),
            _ => None,
        }
    }
}
