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
use super::node::Node;
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
    /// nvim-web's configuration (TOML).
    NvimConfig,
    /// TOML of no known program.
    Toml,
}

impl InputForm {
    /// Recognizes the form of a text; `None` for one that is neither YAML nor TOML, whose loader tells what is wrong.
    pub fn recognize(source: &Source) -> Option<Self> {
        let (roots, problems) = load_documents(source, PlaceholderMode::Plain);
        match roots.first() {
            Some(root) if sindri::is_config(root) => Some(Self::Sindri),
            Some(root) if lab_session::is_lab_session(root) => Some(Self::LabSession),
            Some(root) if root.get("kind").is_some() => Some(Self::Objects),
            // Before YAML, which some TOML is by accident: title = "a: b".
            root => recognize_toml(source).or_else(|| {
                let is_object = matches!(root, Some(Node::Mapping(..))) && problems.is_empty();
                is_object.then_some(Self::Objects)
            }),
        }
    }

    /// Returns the words for it in messages.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Objects => "a YAML file",
            Self::Sindri => "a Sindri configuration",
            Self::LabSession => "a LabSession",
            Self::NvimConfig => "an nvim-web configuration",
            Self::Toml => "a TOML file",
        }
    }

    /// Returns the flag of `create` that takes this form.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Objects | Self::Sindri | Self::LabSession => "-f",
            Self::NvimConfig | Self::Toml => "--config",
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
            Self::NvimConfig | Self::Toml => nvim_config::convert(source).map(Some),
        }
    }
}

/// Recognizes TOML with at least one key; of a file that is named so, with mistakes, too.
fn recognize_toml(source: &Source) -> Option<InputForm> {
    let (root, problems) = toml_loader::load_toml(source);
    let has_keys = matches!(&root, Node::Mapping(entries, _) if !entries.is_empty());
    let is_toml = has_keys && problems.is_empty() || source.name().ends_with(".toml");
    is_toml.then(|| match root.get("kubernetes") {
        Some(_) => InputForm::NvimConfig,
        None => InputForm::Toml,
    })
}
