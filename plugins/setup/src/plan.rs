//! The objects that setup applies or removes, in order. Pure.

use anyhow::{Context, Result};
use serde_json::Value;
use session_shared::api::{admission_objects, custom_resource_definitions};
use session_shared::failure::usage_error;
use session_shared::labels;
use session_shared::template::{Source, builtin_templates, parse_plain_objects};

use crate::roles;

/// A part of the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SetupPart {
    /// The CustomResourceDefinitions.
    Crds,
    /// The Namespace session-system and the RBAC roles.
    Roles,
    /// The admission policy that protects sessions from other users.
    Admission,
    /// The built-in templates.
    Templates,
}

impl SetupPart {
    const ALL: [(SetupPart, &'static str); 4] = [
        (SetupPart::Crds, "crds"),
        (SetupPart::Roles, "roles"),
        (SetupPart::Admission, "admission"),
        (SetupPart::Templates, "templates"),
    ];
}

/// Parses part names and returns the parts in the order of installation, without duplicates. No names mean all parts.
///
/// # Errors
/// If a name is unknown.
pub(crate) fn parse_parts(words: &[String]) -> Result<Vec<SetupPart>> {
    let mut parts = Vec::new();
    for word in words {
        let Some((part, _)) = SetupPart::ALL.iter().find(|(_, name)| name == word) else {
            return Err(usage_error(format!(
                "unknown part {word:?}: must be one of crds, roles, admission, templates"
            )));
        };
        parts.push(*part);
    }
    if parts.is_empty() {
        parts = SetupPart::ALL.map(|(part, _)| part).to_vec();
    }
    parts.sort();
    parts.dedup();
    Ok(parts)
}

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
    for (name, yaml) in builtin_templates() {
        let place = || format!("built-in template {name:?}");
        let source = Source::new(format!("{name}.yaml"), *yaml).with_context(place)?;
        objects.extend(
            parse_plain_objects(&source)
                .with_context(place)?
                .into_iter()
                .map(|(_, object)| label_managed(object)),
        );
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
    fn parts_are_installed_in_their_order_whatever_was_typed() {
        let words = ["templates".to_owned(), "crds".to_owned(), "crds".to_owned()];
        assert_eq!(
            parse_parts(&words).unwrap(),
            [SetupPart::Crds, SetupPart::Templates]
        );
        assert_eq!(parse_parts(&[]).unwrap().len(), 4);
        assert!(
            parse_parts(&["x".to_owned()])
                .unwrap_err()
                .to_string()
                .contains("must be one of crds")
        );
    }

    #[test]
    fn every_part_has_objects_with_names() {
        for (part, _) in SetupPart::ALL {
            for object in part_objects(part).unwrap() {
                assert!(object["metadata"]["name"].is_string(), "{object}");
            }
        }
    }
}
