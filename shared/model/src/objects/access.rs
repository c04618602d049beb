//! What a caller needs the right to: a verb on objects of a type.

use std::fmt;

use super::ResourceType;

/// One right, as an authorizer is asked about it: a verb on one object, or on all objects of a type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Access {
    /// The API's verb: `delete`, `patch`, `create`, `watch`.
    pub verb: &'static str,
    /// The type.
    pub resource: ResourceType,
    /// `status`, …; empty for the objects themselves.
    pub subresource: &'static str,
    /// Name of the object; empty for all of them, as it is for a create.
    pub name: String,
}

impl Access {
    /// `verb` on the object `name`; an empty name stands for all objects.
    pub fn to(verb: &'static str, resource: &ResourceType, name: &str) -> Self {
        Self {
            verb,
            resource: resource.clone(),
            subresource: "",
            name: name.to_owned(),
        }
    }

    /// The same on a subresource.
    pub fn part(self, subresource: &'static str) -> Self {
        Self {
            subresource,
            ..self
        }
    }

    /// The same on all objects of the type.
    pub fn to_all(&self) -> Self {
        Self {
            name: String::new(),
            ..self.clone()
        }
    }

    /// Plural with the subresource, as the server's messages have it: `sessions/status`.
    pub fn plural(&self) -> String {
        match self.subresource {
            "" => self.resource.plural.to_string(),
            part => format!("{}/{part}", self.resource.plural),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.plural())?;
        match self.name.as_str() {
            "" => Ok(()),
            name => write!(f, " {name:?}"),
        }
    }
}
