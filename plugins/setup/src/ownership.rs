//! Whose an object is that has the name of one to be applied. Pure.

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::encode::shell;
use session_shared::failure::with_hint;
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::ops::planned_object::PlannedObject;

/// Returns true for an object that this program made.
pub(crate) fn is_ours(object: &Value) -> bool {
    Untyped(object).label(labels::MANAGED_BY) == Some(labels::MANAGER)
}

/// Returns true for an object that a part of setup made for a template, as opposed to `setup namespace` or a session.
pub(crate) fn is_of_part(object: &Value) -> bool {
    is_ours(object) && Untyped(object).label(labels::PART).is_some()
}

/// Checks that no object is there under the name of a planned one that this program did not make.
///
/// # Errors
/// Such an object, with the command that deletes it.
pub(crate) fn check_objects(objects: &[PlannedObject]) -> Result<()> {
    for planned in objects {
        let Some(before) = planned.before.as_ref().filter(|before| !is_ours(before)) else {
            continue;
        };
        let (kind, name) = (&planned.resource.kind, Untyped(before).name());
        let resource = planned.resource.qualified();
        let mut delete = vec!["kubectl", "delete", &resource, name];
        if planned.resource.namespaced {
            delete.extend(["-n", Untyped(before).home_namespace()]);
        }
        let error = anyhow!("{kind} {name:?} already exists and was not made by kubectl session");
        let hint = format!("delete it first: {}", shell::quote_command(&delete));
        return Err(with_hint(error, hint));
    }
    Ok(())
}
