//! The objects that setup applies or removes, in order. Pure.

use anyhow::Result;
use serde_json::Value;
use session_shared::api::{admission_objects, custom_resource_definitions};
use session_shared::labels;
use session_shared::template::{builtin_template_object, builtin_templates};

use crate::intent::SetupPart;
use crate::roles;

/// Returns the objects of a part, in the order in which they are applied.
///
/// # Errors
/// If a built-in template is invalid, which is a bug.
pub(crate) fn part_objects(part: SetupPart) -> Result<Vec<Value>> {
    match part {
        SetupPart::Crds => Ok(custom_resource_definitions()
            .into_iter()
            .map(label_managed)
            .collect()),
        SetupPart::Roles => Ok(std::iter::once(roles::system_namespace())
            .chain(roles::roles())
            .collect()),
        SetupPart::Admission => Ok(admission_objects().into_iter().map(label_managed).collect()),
        SetupPart::Templates => template_objects(),
    }
}

fn template_objects() -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for (name, _) in builtin_templates() {
        objects.extend(builtin_template_object(name)?.map(label_managed));
    }
    Ok(objects)
}

fn label_managed(mut object: Value) -> Value {
    object["metadata"]["labels"][labels::MANAGED_BY] = labels::MANAGER.into();
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_objects_with_names() {
        for (part, _) in SetupPart::ALL {
            for object in part_objects(part).unwrap() {
                assert!(object["metadata"]["name"].is_string(), "{object}");
            }
        }
    }
}
