//! Objects of a built-in template, for a form that changes them.

use anyhow::{Context, Result};
use serde_json::Value;

use super::super::builtin_templates::builtin_templates;
use super::super::manifest::Manifest;
use super::super::node::Scalar;
use super::super::placeholder::TextSegment;
use super::super::source::Source;
use super::super::template_file::TemplateFile;

/// Reads a built-in template.
///
/// # Errors
/// There is none of that name, or it cannot be read: a programming error.
pub(super) fn builtin_template(name: &str) -> Result<TemplateFile> {
    let template = builtin_templates().iter().find(|(found, _)| *found == name);
    let (_, text) = template.with_context(|| format!("no built-in template {name}"))?;
    let file = TemplateFile::parse(&Source::new(name, *text)?)?.pop();
    file.with_context(|| format!("the built-in template {name} is empty"))
}

/// Returns the template's objects with `${NAME:-value}` for each of its parameters, so that a flag still overrides a value.
///
/// # Errors
/// The manifest cannot be read: a programming error.
pub(super) fn template_objects(
    file: &TemplateFile,
    value_of: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Value>> {
    let with_value = |segment: &TextSegment| match segment {
        TextSegment::Text(text) => text.clone(),
        TextSegment::Placeholder(placeholder) => {
            let name = placeholder.name.as_str();
            let declared = file.parameters.iter().find(|one| one.name == name);
            let default = declared.and_then(|parameter| parameter.default.clone());
            match value_of(name).or(default) {
                Some(value) => format!("${{{name}:-{value}}}"),
                None => format!("${{{name}}}"),
            }
        }
    };
    let text = |scalar: &Scalar| scalar.segments.iter().map(with_value).collect();
    let manifest = Manifest::parse(&file.manifest)?;
    let documents = manifest.documents.iter();
    Ok(documents
        .map(|document| document.root.to_value_with(&text))
        .collect())
}
