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
//! A form is a module: it reads the text by `FieldReader`, which keeps the location of each problem. So do the prices of `quota cost`,
//! which are no session.

mod conversion;
mod fields;
mod foreign_objects;
mod lab_session;
mod nvim_config;
mod prices;
mod session_object;
mod sindri;
mod template_objects;
mod toml_loader;

pub use session_object::unknown_session_fields;

use anyhow::Result;

use super::loader::{PlaceholderMode, load_documents};
use super::source::Source;
pub use conversion::{Conversion, SecretOrigin, SecretReader};
pub use foreign_objects::Adaptation;
pub use prices::{MICROS, PriceRange, Prices};

/// Form of an input file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputForm {
    /// Kubernetes objects, with or without placeholders: nothing to convert.
    Objects,
    /// Sindri's configuration (sindri.yaml).
    Sindri,
    /// Dozlab's LabSession.
    LabSession,
    /// nvim-web's configuration (TOML), which is never recognized in a file of objects.
    NvimConfig,
}

impl InputForm {
    /// Recognizes the form of a text. A text that is no YAML has the form of objects, whose loader tells what is wrong.
    pub fn recognize(source: &Source) -> Self {
        let (roots, _) = load_documents(source, PlaceholderMode::Plain);
        match roots.first() {
            Some(root) if sindri::is_config(root) => Self::Sindri,
            Some(root) if lab_session::is_lab_session(root) => Self::LabSession,
            _ => Self::Objects,
        }
    }

    /// Returns the words for it in messages.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Objects => "Kubernetes objects",
            Self::Sindri => "a Sindri configuration",
            Self::LabSession => "a LabSession",
            Self::NvimConfig => "an nvim-web configuration",
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
            Self::LabSession => lab_session::convert(source).map(Some),
            Self::NvimConfig => nvim_config::convert(source).map(Some),
        }
    }
}
