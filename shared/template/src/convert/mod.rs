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

mod conversion;
mod fields;
mod foreign_objects;
mod sindri;

use anyhow::Result;

use super::loader::{PlaceholderMode, load_documents};
use super::source::Source;
pub use conversion::{Conversion, SecretOrigin, SecretReader};
pub use foreign_objects::Adaptation;

/// Form of an input file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputForm {
    /// Kubernetes objects, with or without placeholders: nothing to convert.
    Objects,
    /// Sindri's configuration (sindri.yaml).
    Sindri,
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
