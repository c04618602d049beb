//! Configuration files of other programs as sessions: what form a text has, and its conversion. Pure: secret values are read
//! by the caller's function.
//!
//! ```text
//! Source ─► InputForm ─► convert ─► Conversion: name, namespace, Session spec, objects of its manifest,
//!  text     which form              secret values, warnings
//! ```
//!
//! Kubernetes objects are not converted; `foreign_objects` adapts those that another tool rendered or exported.
//!
//! A form is a module: it reads the text by `FieldReader`, which keeps the location of each problem.

mod fields;
mod foreign_objects;
mod sindri;

pub use foreign_objects::Adaptation;

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;
use session_model::api::SessionSpec;

use super::loader::{PlaceholderMode, load_documents};
use super::problem::Problem;
use super::source::Source;

/// Form of an input file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputForm {
    /// Kubernetes objects, with or without placeholders: nothing to convert.
    Objects,
    /// Sindri's configuration (sindri.yaml).
    Sindri,
}

/// Place from which a configuration file takes a secret value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// Environment variable.
    Variable(String),
    /// File.
    File(String),
}

/// Reads a secret value under its name; `None` if there is none.
pub type SecretReader<'r> = dyn FnMut(&str, &SecretOrigin) -> Result<Option<String>> + 'r;

/// A session made from a configuration file of another program.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// Name of the session.
    pub name: Option<String>,
    /// Namespace; a flag goes first.
    pub namespace: Option<String>,
    /// Kubeconfig context; a flag goes first.
    pub context: Option<String>,
    /// Spec of the Session, without its manifest.
    pub spec: SessionSpec,
    /// Objects of its manifest, with placeholders; empty if the spec names a template.
    pub objects: Vec<Value>,
    /// Values of secret parameters.
    pub secrets: BTreeMap<String, String>,
    /// `spec.hard` of the ResourceQuota that the file expects in the namespace.
    pub quota: BTreeMap<String, String>,
    /// What the file says that is ignored or means something else here.
    pub warnings: Vec<Problem>,
}

impl InputForm {
    /// Recognizes the form of a text. A text that is no YAML has the form of objects, whose loader tells what is wrong.
    pub fn recognize(source: &Source) -> Self {
        let (roots, _) = load_documents(source, PlaceholderMode::Plain);
        match roots.first() {
            Some(root) if sindri::is_config(root) => Self::Sindri,
            _ => Self::Objects,
        }
    }

    /// Returns the words for it in messages.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Objects => "Kubernetes objects",
            Self::Sindri => "a Sindri configuration",
        }
    }

    /// Converts a text of this form to a session; `None` for objects.
    ///
    /// # Errors
    /// All problems of the text, with line and column; a secret value that cannot be read.
    pub fn convert(
        self,
        source: &Source,
        read_secret: &mut SecretReader<'_>,
    ) -> Result<Option<Conversion>> {
        match self {
            Self::Objects => Ok(None),
            Self::Sindri => sindri::convert(source, read_secret).map(Some),
        }
    }
}

/// Returns a text in which nothing is a placeholder of a manifest.
fn escape_placeholders(text: &str) -> String {
    text.replace("${", "$${")
}
