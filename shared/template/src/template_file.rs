//! SessionTemplates in YAML files: the object, and its manifest with the line and column numbers of the file.

use anyhow::Result;
use granit_parser::ScalarStyle;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::loader::{PlaceholderMode, load_documents};
use super::node::{Node, Scalar};
use super::parameter::{Parameter, ParameterType, Presets};
use super::problem::{Problems, problem_at};
use super::source::{Source, SourceLocation};
use session_model::foreign_error::decode_error_text;

/// A SessionTemplate read from a file.
#[derive(Clone, Debug)]
pub struct TemplateFile {
    /// Name of the template.
    pub name: String,
    /// Whole object as it is sent to the API server. `$` has no special meaning in it.
    pub object: Value,
    /// Location of the document in the file.
    pub location: SourceLocation,
    /// `spec.manifest`. If it is a literal block (`manifest: |`), its locations are those of the file.
    pub manifest: Source,
    /// `spec.parameters`.
    pub parameters: Vec<Parameter>,
    /// Names of the parameters whose declaration could not be read. They are in `parameters` as strings without rules, so that
    /// their use is not a second problem.
    pub(super) unreadable_parameters: Vec<String>,
    /// `spec.presets`.
    pub presets: Presets,
    pub(super) root: Node,
}

impl TemplateFile {
    /// Reads every SessionTemplate of a file. Documents of other kinds are skipped.
    ///
    /// # Errors
    /// All problems of the file: invalid YAML, a SessionTemplate without name or manifest, or malformed parameters or presets.
    /// Problems in the manifest itself are found by [`super::Manifest::parse`].
    pub fn parse(source: &Source) -> Result<Vec<Self>> {
        let (files, problems) = Self::parse_lenient(source);
        problems.into_result(files).map_err(Problems::into_error)
    }

    pub(super) fn parse_lenient(source: &Source) -> (Vec<Self>, Problems) {
        let (roots, mut problems) = load_documents(source, PlaceholderMode::Plain);
        let mut files = Vec::new();
        for root in roots {
            let kind = root
                .get("kind")
                .and_then(Node::scalar)
                .map(|kind| kind.text.as_str());
            if kind == Some("SessionTemplate") {
                files.extend(Self::from_node(source, root, &mut problems));
            }
        }
        (files, problems)
    }

    fn from_node(source: &Source, root: Node, problems: &mut Problems) -> Option<Self> {
        let place = root.location();
        let name = root
            .get_path(&["metadata", "name"])
            .and_then(Node::scalar)
            .map(|name| name.text.clone());
        if name.is_none() {
            problems.push(problem_at(
                source,
                place,
                "SessionTemplate has no metadata.name",
            ));
        }
        let (parameters, unreadable_parameters) = read_parameters(source, &root, problems);
        let presets = deserialize_part(
            source,
            root.get_path(&["spec", "presets"]),
            "spec.presets",
            problems,
        )
        .unwrap_or_default();
        let Some(manifest) = root.get_path(&["spec", "manifest"]).and_then(Node::scalar) else {
            let message = "SessionTemplate has no spec.manifest text";
            problems.push(
                problem_at(source, place, message)
                    .with_hint("write the manifest as a block: manifest: |"),
            );
            return None;
        };
        let manifest = match manifest_source(source, manifest) {
            Ok(manifest) => manifest,
            Err(error) => {
                problems.push(problem_at(source, manifest.location, error.to_string()));
                return None;
            }
        };
        Some(Self {
            name: name?,
            object: root.to_value(),
            location: place,
            manifest,
            parameters,
            unreadable_parameters,
            presets,
            root,
        })
    }
}

/// Reads the parameters one by one, so that a malformed one is reported with its own location. Returns also the names of those
/// that could not be read.
fn read_parameters(
    source: &Source,
    root: &Node,
    problems: &mut Problems,
) -> (Vec<Parameter>, Vec<String>) {
    let items = match root.get_path(&["spec", "parameters"]) {
        Some(Node::Sequence(items, _)) => items,
        other => {
            let all = deserialize_part(source, other, "spec.parameters", problems);
            return (all.unwrap_or_default(), Vec::new());
        }
    };
    let (mut parameters, mut unreadable) = (Vec::new(), Vec::new());
    for item in items {
        let name = item.get("name").and_then(Node::scalar);
        match (
            deserialize_part(source, Some(item), "parameter", problems),
            name,
        ) {
            (Some(parameter), _) => parameters.push(parameter),
            (None, Some(name)) => {
                parameters.push(Parameter::new(&name.text, ParameterType::String));
                unreadable.push(name.text.clone());
            }
            (None, None) => {}
        }
    }
    (parameters, unreadable)
}

/// Deserializes a part of the spec. Returns `None` if it is absent, or malformed, which is added to `problems`.
fn deserialize_part<T: DeserializeOwned>(
    source: &Source,
    node: Option<&Node>,
    what: &str,
    problems: &mut Problems,
) -> Option<T> {
    let node = node.filter(|node| !node.is_null())?;
    match serde_json::from_value(node.to_value()) {
        Ok(part) => Some(part),
        Err(error) => {
            let message = format!("{what}: {}", decode_error_text(&error));
            let problem = problem_at(source, node.location(), message);
            problems.push(match error.to_string().contains("expected a string") {
                true => problem.with_hint("quote the value: unquoted N, on and 1 are not strings"),
                false => problem,
            });
            None
        }
    }
}

/// Returns the text of a scalar as a source. Only for a literal block do its lines correspond to lines of the file.
pub(super) fn manifest_source(source: &Source, scalar: &Scalar) -> Result<Source> {
    if scalar.style != ScalarStyle::Literal {
        return Source::new(
            format!("{} (spec.manifest)", source.name()),
            scalar.text.clone(),
        );
    }
    // The location of a block is that of its first line with text.
    let blank = scalar.text.len() - scalar.text.trim_start_matches('\n').len();
    let line = scalar.location.line.saturating_sub(blank + 1);
    Source::embedded(
        source.name(),
        scalar.text.clone(),
        line,
        scalar.location.column.saturating_sub(1),
    )
}

#[cfg(test)]
mod tests {
    use super::super::manifest::Manifest;
    use super::*;

    const HEAD: &str =
        "apiVersion: streaming.platform/v1\nkind: SessionTemplate\nmetadata: {name: a}\nspec:\n";

    fn read(spec: &str) -> Result<Vec<TemplateFile>> {
        TemplateFile::parse(&Source::new("t.yaml", format!("{HEAD}{spec}")).unwrap())
    }

    #[test]
    fn errors_of_the_manifest_carry_the_places_of_the_file() {
        let files = read("  manifest: |\n\n    kind: Pod\n    name: ${a-b}\n").unwrap();
        let error = Manifest::parse(&files[0].manifest).unwrap_err().to_string();
        assert!(
            error.contains("t.yaml:8:11: invalid placeholder"),
            "{error}"
        );
        let files = read("  manifest: \"kind: Pod\\nname: ${a-b}\\n\"\n").unwrap();
        let error = Manifest::parse(&files[0].manifest).unwrap_err().to_string();
        assert!(
            error.contains("t.yaml (spec.manifest):2:7: invalid placeholder"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_template_is_told() {
        for (spec, reason) in [
            (
                "  description: x\n",
                "t.yaml:1:1: SessionTemplate has no spec.manifest text",
            ),
            (
                "  parameters: x\n  manifest: x\n",
                "t.yaml:5:15: spec.parameters: must be a list, but is string \"x\"",
            ),
            (
                "  parameters: [{type: text, name: A}]\n  manifest: x\n",
                "t.yaml:5:16: parameter: \"text\" is not one of string, ",
            ),
        ] {
            let error = read(spec).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_dollar_in_the_template_itself_is_no_placeholder() {
        let files = read("  description: ${a-b}\n  manifest: x\n").unwrap();
        assert_eq!(files[0].object["spec"]["description"], "${a-b}");
    }
}
