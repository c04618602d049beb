//! Plans the changes from the observed objects of a schedule to the wanted ones.

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_model::api::ObjectRef;
use session_model::encode::shell;
use session_model::failure::with_hint;
use session_model::labels;
use session_model::objects::resource::{CRON_JOB, ROLE};
use session_model::objects::{ResourceType, Untyped};

use super::image::existing_image;
use super::objects::{IMAGE_PATH, ScheduleOwner};
use super::parts::{ObservedPart, ObservedState};
use crate::plan::{Plan, PropagationPolicy, Step};

/// Plan that creates or changes a schedule.
#[derive(Clone, Debug, Default)]
pub struct SchedulePlan {
    /// Steps for the ServiceAccount; carried out before `rights`, and those before `jobs`.
    pub account: Plan,
    /// Steps for Role and RoleBinding.
    pub rights: Plan,
    /// Steps for the CronJobs.
    pub jobs: Plan,
    /// Role and RoleBinding as objects for an admin to apply.
    pub rbac_objects: Vec<Value>,
    /// True if the caller lacks permission to read the Role or RoleBinding; `rights` is then empty.
    pub is_rbac_forbidden: bool,
    /// The image of the CronJobs, if the existing schedule has another one or there is none.
    pub new_image: Option<String>,
}

impl SchedulePlan {
    /// Returns Role and RoleBinding if an admin has to apply them.
    pub fn objects_for_admin(&self) -> Vec<Value> {
        match self.is_rbac_forbidden {
            true => self.rbac_objects.clone(),
            false => Vec::new(),
        }
    }
}

/// Plans the changes from what was observed to the wanted objects. A CronJob that is no longer wanted is deleted.
///
/// # Errors
/// An existing object of the same name that is not of this schedule.
pub fn plan_changes(
    wanted: Vec<Value>,
    observed: &[ObservedPart],
    owner: &ScheduleOwner<'_>,
) -> Result<SchedulePlan> {
    let mut planned = SchedulePlan {
        new_image: new_image(&wanted, observed),
        ..SchedulePlan::default()
    };
    for one in observed {
        if let Some(found) = one.found() {
            ensure_owned(found, one.part.resource, owner)?;
        }
        let is_right = one.part.resource.group == ROLE.group;
        let Some(object) = wanted.iter().find(|object| one.part.is_of(object)) else {
            planned.jobs.push_stage(
                one.found()
                    .map(|found| delete_step(found, one))
                    .into_iter()
                    .collect(),
            );
            continue;
        };
        let mut object = object.clone();
        let step = match &one.state {
            ObservedState::Found(found) => Some(update_step(&mut object, found)),
            ObservedState::Missing => Some(create_step(&mut object)),
            ObservedState::Forbidden => None,
        };
        if is_right {
            planned
                .rbac_objects
                .push(without_run_annotation(object.clone()));
        }
        match (step, is_right) {
            (Some(step), true) => planned.rights.push_stage(vec![step]),
            (None, true) => planned.is_rbac_forbidden = true,
            (step, false) => {
                let step = step.unwrap_or_else(|| create_step(&mut object));
                let part = match one.part.resource == &CRON_JOB {
                    true => &mut planned.jobs,
                    false => &mut planned.account,
                };
                part.push_stage(vec![step]);
            }
        }
    }
    if planned.is_rbac_forbidden {
        planned.rights = Plan::default();
    }
    Ok(planned)
}

/// Returns the image of the wanted CronJobs, unless the existing ones have it.
fn new_image(wanted: &[Value], observed: &[ObservedPart]) -> Option<String> {
    let image = Untyped(wanted.last()?).str_at(IMAGE_PATH)?;
    (existing_image(observed) != Some(image)).then(|| image.to_owned())
}

/// Plans the removal of a schedule. The CronJobs are deleted first, so that no run starts in between.
///
/// # Errors
/// An existing object of the same name that is not of this schedule.
pub fn plan_removal(observed: &[ObservedPart], owner: &ScheduleOwner<'_>) -> Result<Plan> {
    let mut plan = Plan::default();
    for one in observed.iter().rev() {
        if let Some(found) = one.found() {
            ensure_owned(found, one.part.resource, owner)?;
            plan.push_stage(vec![delete_step(found, one)]);
        }
    }
    Ok(plan)
}

fn delete_step(found: &Value, one: &ObservedPart) -> Step {
    Step::Delete {
        target: ObjectRef::from_object(found),
        resource: one.part.resource.clone(),
        propagation: PropagationPolicy::Background,
    }
}

fn ensure_owned(found: &Value, resource: &ResourceType, owner: &ScheduleOwner<'_>) -> Result<()> {
    if owner.owns(found) {
        return Ok(());
    }
    let (kind, name) = (&resource.kind, Untyped(found).name());
    let namespace = &owner.ownership.namespace;
    let error = anyhow!("{kind} {name:?} already exists and is not part of {owner}");
    let look = format!(
        "inspect its owner: kubectl get {} {} -n {namespace} -o yaml",
        shell::quote_word(&resource.plural),
        shell::quote_word(name)
    );
    Err(with_hint(error, look))
}

/// Returns an object for an admin to apply, without the annotation of this run.
fn without_run_annotation(mut object: Value) -> Value {
    object["metadata"]["annotations"][labels::RUN] = Value::Null;
    remove_nulls(&mut object);
    object
}

fn create_step(object: &mut Value) -> Step {
    remove_nulls(object);
    Step::Create {
        object: object.clone(),
        use_existing: false,
    }
}

/// Returns the step that brings `found` to `object`: none if it already holds every wanted value.
fn update_step(object: &mut Value, found: &Value) -> Step {
    // The run annotation differs between runs and is absent after an admin's apply: not a change.
    object["metadata"]["annotations"][labels::RUN] = Untyped(found).annotation(labels::RUN).into();
    if contains_values(found, object) {
        return Step::LeaveUnchanged {
            object: found.clone(),
        };
    }
    remove_nulls(object);
    Step::Apply {
        object: object.clone(),
        current: found.clone(),
    }
}

/// Returns true if `found` has every value of `wanted`, and nothing where `wanted` is null. Fields the server adds are
/// ignored.
fn contains_values(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            found
                .get(key)
                .map_or(wanted.is_null(), |found| contains_values(found, wanted))
        }),
        (Value::Array(found), Value::Array(wanted)) => {
            let mut pairs = found.iter().zip(wanted);
            found.len() == wanted.len()
                && pairs.all(|(found, wanted)| contains_values(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

fn remove_nulls(object: &mut Value) {
    match object {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_server_adds_is_no_difference_and_what_must_go_is_one() {
        let wanted = json!({ "a": 1, "zone": null, "list": [{ "b": "x" }] });
        let found = json!({ "a": 1, "list": [{ "b": "x", "default": true }], "status": {} });
        assert!(contains_values(&found, &wanted));
        for other in [
            json!({ "a": 1, "zone": "UTC", "list": [{ "b": "x" }] }),
            json!({ "a": 1, "list": [{ "b": "x" }, { "b": "y" }] }),
            json!({ "a": 1 }),
            json!({ "a": 2, "list": [{ "b": "x" }] }),
        ] {
            assert!(!contains_values(&other, &wanted), "{other}");
        }
        let mut sent = wanted;
        remove_nulls(&mut sent);
        assert_eq!(sent, json!({ "a": 1, "list": [{ "b": "x" }] }));
    }
}
