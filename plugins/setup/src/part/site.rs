//! A part and where its objects go.

use std::borrow::Cow;
use std::fmt::Debug;

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::labels;
use session_shared::objects::ResourceType;
use session_shared::ops::planned_object::PlannedObject;

use crate::template_pods::TemplatePods;

/// A part with its validated options.
pub(crate) trait Part: Debug + Send + Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;

    /// Kinds of its objects, with any options.
    fn kinds(&self) -> &'static [PartKind];

    /// The objects to apply, in order; checked by [`Part::check`].
    fn objects(&self, site: &Site) -> Vec<PlannedObject>;

    /// Checks that there are objects for the template.
    ///
    /// # Errors
    /// The reason why there are none.
    fn check(&self, _site: &Site) -> Result<()> {
        Ok(())
    }

    /// Name of the template whose Pods the objects are for, if they depend on it.
    fn template(&self) -> Option<&str> {
        None
    }

    /// Objects and servers without which the part has no effect. Their absence is told, and hinders nothing.
    fn requirements(&self, _site: &Site) -> Vec<Requirement> {
        Vec::new()
    }

    /// An object that must not be there unless one of this part writes it.
    fn rival(&self) -> Option<(&'static ResourceType, &str)> {
        None
    }

    /// Remedy for an apply that the server refused, if the part has one.
    fn refusal_hint(&self, _error: &anyhow::Error, _site: &Site) -> Option<String> {
        None
    }

    /// Name of its only object, if the user has chosen it. Otherwise a removal deletes all objects of the part and the template.
    fn object_name(&self) -> Option<&str> {
        None
    }
}

/// A kind of object that a part writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartKind {
    /// The type in its newest version.
    pub(crate) resource: &'static ResourceType,
    /// Older versions of the same form, which an older server may serve instead.
    pub(crate) older: &'static [&'static str],
    /// Software that brings the kind; `None` for a kind that every server has.
    pub(crate) provider: Option<&'static str>,
}

impl PartKind {
    /// Returns a kind that every server has.
    pub(crate) const fn built_in(resource: &'static ResourceType) -> Self {
        Self {
            resource,
            older: &[],
            provider: None,
        }
    }

    /// Returns a kind that is there once its provider is installed.
    pub(crate) const fn of_provider(
        resource: &'static ResourceType,
        older: &'static [&'static str],
        provider: &'static str,
    ) -> Self {
        Self {
            resource,
            older,
            provider: Some(provider),
        }
    }
}

/// An object or a server without which a part has no effect.
#[derive(Debug)]
pub(crate) struct Requirement {
    pub(crate) resource: ResourceType,
    /// Name of the object; `None` if any server of the type will do.
    pub(crate) name: Option<String>,
    /// Consequence of its absence.
    pub(crate) effect: &'static str,
}

/// Namespace, template and API versions of a part's objects.
#[derive(Debug)]
pub(crate) struct Site {
    /// Name of the part.
    pub(crate) part: &'static str,
    /// Value of the label template; `None` where a part does without.
    pub(crate) template: Option<String>,
    /// The Pods of [`Part::template`].
    pub(crate) pods: Option<TemplatePods>,
    pub(crate) namespace: String,
    /// The kinds of the part in the version that the server serves; in the newest version if it serves none.
    pub(crate) types: Vec<ResourceType>,
    /// Those that the server does not serve.
    pub(crate) missing: Vec<PartKind>,
}

impl Site {
    /// Returns a type in the version that the server serves.
    pub(crate) fn served(&self, resource: &ResourceType) -> ResourceType {
        let is_same = |served: &&ResourceType| {
            (&served.group, &served.kind) == (&resource.group, &resource.kind)
        };
        let served = self.types.iter().find(is_same);
        served.unwrap_or(resource).clone()
    }

    /// Returns an object with the labels of the part and the fields of `content`, to be compared with what is there.
    pub(crate) fn object(
        &self,
        resource: &ResourceType,
        name: &str,
        content: Value,
    ) -> PlannedObject {
        let served = self.served(resource);
        let mut object = json!({
            "apiVersion": served.api_version(),
            "kind": served.kind,
            "metadata": {"name": name},
        });
        if served.namespaced {
            object["metadata"]["namespace"] = self.namespace.as_str().into();
        }
        object["metadata"]["labels"] =
            json!({labels::MANAGED_BY: labels::MANAGER, labels::PART: self.part});
        if let Some(template) = &self.template {
            object["metadata"]["labels"][labels::TEMPLATE] = template.as_str().into();
        }
        if let (Some(object), Value::Object(content)) = (object.as_object_mut(), content) {
            object.extend(content);
        }
        PlannedObject {
            resource: Cow::Owned(served),
            object,
            before: None,
        }
    }
}
