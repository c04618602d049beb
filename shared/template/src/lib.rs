//! From template to objects: text and values in, objects out. Pure: nothing here touches a file, a clock or a cluster;
//! only [`Values::generate_missing`] asks the operating system for random bytes.
//!
//! ```text
//! Source ─► TemplateFile ─► Manifest ─► Parameters ─► Values ─► Rendered
//!  text      a file's        parsed,     what it       what it    objects,
//!            template        checked     asks for      gets       checked
//! ```
//!
//! A text is parsed first and placeholders are filled in the parsed tree, so that no value can create structure. Everything
//! that is wrong is said at once, with file, line and column.

mod annotation;
mod assigned;
mod builtin;
mod check;
mod comments;
mod credentials;
mod exposed;
mod extract;
mod file;
mod fill;
mod foreign;
mod lint;
mod loader;
mod manifest;
mod node;
mod parameter;
mod parameters;
mod placeholder;
mod position;
mod problem;
#[doc(hidden)]
pub mod property;
mod render;
mod resolve;
mod scalar;
mod scope;
mod secret;
mod source;
#[cfg(test)]
mod tests;
mod values;

pub use annotation::plain_value;
pub use assigned::Assigned;
pub use builtin::builtin;
pub use extract::{Extracted, extract_secret_literals};
pub use file::TemplateFile;
pub use fill::{Budget, OUTPUT_MAX, TEXT_MAX};
pub use lint::{Finding, Severity, lint};
pub use manifest::{MANIFEST_MAX, Manifest, Placeholder, PlaceholderPlace, plain_objects};
pub use parameter::{
    ALWAYS_SET, GENERATED_LENGTH, Generate, Parameter, ParameterRules, ParameterType, Presets,
    VALUE_MAX,
};
pub use parameters::Parameters;
pub use problem::{Problem, Problems};
pub use render::{Rendered, RenderedObject, Withheld};
pub use resolve::Given;
pub use scope::{is_cluster_scoped, is_controller_kind};
pub use secret::{encode_string_data, stored_secrets};
pub use source::{INPUT_MAX, Place, Source};
pub use values::{Identity, Values};
