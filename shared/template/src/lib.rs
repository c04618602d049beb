//! Rendering of templates: manifest text and parameter values in, Kubernetes objects out. Pure: nothing here uses files, the
//! clock or a cluster; only [`Values::generate_missing_secrets`] reads random bytes from the operating system.
//!
//! ```text
//! Source ─► TemplateFile ─► Manifest ─► Parameters ─► Values ─► Rendered
//!  text      one Session-    parsed      declared and  resolved   checked
//!            Template of     documents   undeclared    values     objects
//!            a file                      parameters
//! ```
//!
//! The text is parsed first and placeholders are replaced in the parsed tree, so that no value can create YAML structure. All
//! problems are reported together, with file, line and column.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod annotation;
mod api_rules;
mod assigned;
mod builtin_templates;
mod comments;
mod convert;
mod credentials;
mod extract;
mod fill;
mod foreign_placeholder;
mod lint;
mod loader;
mod manifest;
mod node;
mod parameter;
mod parameters;
mod parameters_secret;
mod path_step;
mod placeholder;
mod problem;
mod removed_apis;
mod render;
mod resolve;
mod scalar;
mod scalar_context;
mod scope;
mod sensitive_fields;
mod source;
mod template_file;
#[cfg(test)]
mod tests;
mod unrendered_form;
mod values;

pub use annotation::parse_plain_value;
pub use assigned::AssignedValues;
pub use builtin_templates::{builtin_template_object, builtin_templates};
pub use convert::{
    Adaptation, Conversion, InputForm, MICROS, PriceRange, Prices, SecretOrigin, SecretReader,
    unknown_session_fields,
};
pub use credentials::is_reminder;
pub use extract::{ExtractedSecrets, extract_secret_literals};
pub use fill::{RENDERED_BYTES_MAX, RENDERED_TEXT_MAX, RenderBudget};
pub use lint::{Finding, Severity, lint_source, lint_template_source};
pub use manifest::{
    ImageParameters, MANIFEST_MAX, Manifest, Placeholder, PlaceholderUse, parse_plain_objects,
};
pub use parameter::{
    DEFAULT_SECRET_LENGTH, PARAMETER_VALUE_MAX, Parameter, ParameterRules, ParameterType, Presets,
    RESERVED_PARAMETERS, SecretGeneration,
};
pub use parameters::Parameters;
pub use parameters_secret::{decode_parameters_secret, merge_string_data};
pub use problem::{Problem, Problems};
pub use render::{OmittedSecret, RenderedManifest, RenderedObject};
pub use resolve::ValueLayers;
pub use scope::{is_cluster_scoped, is_controller_kind};
pub use source::{INPUT_MAX, Source, SourceLocation};
pub use template_file::TemplateFile;
pub use values::{SessionIdentity, Values};
