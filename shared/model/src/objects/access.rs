//! Access rights that an operation needs.

use std::fmt;

use super::ResourceType;

/// One access right as access reviews describe it: a verb on one object, or on all objects of a type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Access {
    /// Verb of the API: `delete`, `patch`, `create`, `watch`.
    pub verb: &'static str,
    /// Type of the objects.
    pub resource: ResourceType,
    /// Subresource, `status`; empty for the object itself.
    pub subresource: &'static str,
    /// Name of the object; empty for all objects, and for a create.
    pub name: String,
}

impl Access {
    /// Returns the right to `verb` on the object `name`; an empty name stands for all objects.
    pub fn new(verb: &'static str, resource: &ResourceType, name: &str) -> Self {
        Self {
            verb,
            resource: resource.clone(),
            subresource: "",
            name: name.to_owned(),
        }
    }

    /// Returns the same right on a subresource.
    pub fn on_subresource(self, subresource: &'static str) -> Self {
        Self {
            subresource,
            ..self
        }
    }

    /// Returns the same right on all objects of the type.
    pub fn on_all_objects(&self) -> Self {
        Self {
            name: String::new(),
            ..self.clone()
        }
    }

    /// Returns plural and subresource, as in messages of the server: `sessions/status`.
    pub fn qualified_plural(&self) -> String {
        match self.subresource {
            "" => self.resource.plural.to_string(),
            part => format!("{}/{part}", self.resource.plural),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.qualified_plural())?;
        match self.name.as_str() {
            "" => Ok(()),
            name => write!(f, " {name:?}"),
        }
    }
}
