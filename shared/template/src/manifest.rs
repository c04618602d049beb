//! Manifests: the documents of a template, checked as far as possible without values.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::api_rules::RuleViolation;
use super::foreign_placeholder;
use super::loader::{PlaceholderMode, load_documents};
use super::node::{Node, Scalar};
use super::parameter::RESERVED_PARAMETERS;
use super::path_step::{PathStep, json_pointer};
use super::placeholder::variables_set_by;
use super::problem::{Problem, Problems, problem_at};
use super::scalar_context::{ObjectType, ScalarContext};
use super::source::{Source, SourceLocation};
use super::unrendered_form::unrendered_problem;
use session_model::names::DNS_SUBDOMAIN_MAX;
use session_model::objects::Untyped;

/// Longest manifest of a Session or SessionTemplate, in characters.
pub const MANIFEST_MAX: usize = 200_000;

/// A parsed manifest with placeholders. Every document is an object with apiVersion, kind and metadata.name; `List` documents
/// have been expanded, empty documents removed.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub(super) source: Source,
    pub(super) documents: Vec<ManifestDocument>,
}

/// An object of a manifest.
#[derive(Clone, Debug)]
pub(super) struct ManifestDocument {
    pub(super) object_type: ObjectType,
    pub(super) root: Node,
}

/// An occurrence of a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceholderUse {
    /// Location of its `$`.
    pub location: SourceLocation,
    /// Index of the document.
    pub document: usize,
    /// Kind of the document.
    pub kind: String,
    /// JSON pointer of the field in the document.
    pub pointer: String,
    /// Default of this occurrence.
    pub default: Option<String>,
    /// True in data or stringData of a Secret.
    pub in_secret: bool,
    /// True if the value is always a string (names, labels, annotations, env, data, args, quoted text).
    pub string_only: bool,
    /// True if the text around it is a script that sets a variable of that name itself.
    pub is_set_by_script: bool,
    /// True in env, args and ConfigMap data: free text that is visible to everybody who may read the object.
    pub is_visible_text: bool,
}

/// A placeholder name with all its occurrences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// Name of the parameter.
    pub name: String,
    /// Occurrences in the order of the file; never empty.
    pub uses: Vec<PlaceholderUse>,
}

impl Placeholder {
    /// Returns the first default of its occurrences.
    pub fn default(&self) -> Option<&str> {
        self.uses.iter().find_map(|place| place.default.as_deref())
    }

    /// Returns true if all occurrences are in the data of Secrets.
    pub fn is_only_in_secrets(&self) -> bool {
        self.uses.iter().all(|place| place.in_secret)
    }
}

/// Parameters in the image of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageParameters {
    /// Their names, in the order of the image.
    pub names: Vec<String>,
    /// True if one parameter is the whole image.
    pub is_whole: bool,
}

impl Manifest {
    /// Parses a manifest.
    ///
    /// # Errors
    /// All problems, each with file, line and column: invalid YAML, YAML features that the loader refuses, malformed
    /// placeholders, placeholders of other tools, documents that are not objects, no documents at all.
    pub fn parse(source: &Source) -> Result<Self> {
        let (manifest, problems) = Self::parse_lenient(source);
        problems.into_result(manifest).map_err(Problems::into_error)
    }

    /// Parses a manifest as far as possible, and returns it with all problems.
    pub(super) fn parse_lenient(source: &Source) -> (Self, Problems) {
        let (roots, mut problems) = load_documents(source, PlaceholderMode::Template);
        let mut documents = Vec::new();
        let none = roots.is_empty() && problems.is_empty();
        if none {
            problems.push(problem_at(
                source,
                source.location(0, 0),
                "manifest contains no objects",
            ));
        }
        for root in roots {
            expand_lists(source, root, 0, &mut documents, &mut problems);
        }
        for document in &documents {
            document.report_foreign_placeholders(source, &mut problems);
        }
        let manifest = Self {
            source: source.clone(),
            documents,
        };
        (manifest, problems)
    }

    /// Returns the name of the source, as used in messages.
    pub fn source_name(&self) -> &str {
        self.source.name()
    }

    /// Iterates over (apiVersion, kind) of the objects, in order.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.documents.iter().map(|document| {
            (
                document.object_type.api_version.as_str(),
                document.object_type.kind.as_str(),
            )
        })
    }

    /// Returns all placeholders, in the order of the file.
    pub fn placeholders(&self) -> Vec<Placeholder> {
        let mut found: Vec<Placeholder> = Vec::new();
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, document) in self.documents.iter().enumerate() {
            document.visit_scalars(&mut |path, position, scalar| {
                let mut set_by_script = None;
                for var in scalar.placeholders() {
                    let set_by_script =
                        set_by_script.get_or_insert_with(|| variables_set_by(&scalar.text));
                    let place = PlaceholderUse {
                        location: scalar.location_of(var),
                        document: index,
                        kind: document.object_type.kind.clone(),
                        pointer: json_pointer(path),
                        default: var.default.clone(),
                        in_secret: position.is_secret(),
                        string_only: position.is_string_only()
                            || !scalar.is_plain() && position != ScalarContext::NumberOrBoolean
                            || scalar.whole_placeholder().is_none(),
                        is_set_by_script: set_by_script.contains(var.name.as_str()),
                        is_visible_text: position.is_visible_text(),
                    };
                    let at = *known.entry(&var.name).or_insert_with(|| {
                        found.push(Placeholder {
                            name: var.name.clone(),
                            uses: Vec::new(),
                        });
                        found.len() - 1
                    });
                    if let Some(placeholder) = found.get_mut(at) {
                        placeholder.uses.push(place);
                    }
                }
            });
        }
        found
    }

    /// Returns the parameters that stand in the image of the containers of a name; reserved ones, which cannot be set, are left out.
    pub fn image_parameters(&self, container: &str) -> ImageParameters {
        let mut found = ImageParameters::default();
        let mut look = |_: &[PathStep<'_>], node: &Node| {
            let text = |key| node.get(key).and_then(Node::scalar);
            let (Some(name), Some(image)) = (text("name"), text("image")) else {
                return;
            };
            if name.text != container {
                return;
            }
            for placeholder in image.placeholders() {
                let name = &placeholder.name;
                if !RESERVED_PARAMETERS.contains(&name.as_str()) && !found.names.contains(name) {
                    found.names.push(name.clone());
                    found.is_whole = image.whole_placeholder().is_some();
                }
            }
        };
        for document in &self.documents {
            document.root.visit_nodes(&mut Vec::new(), &mut look);
        }
        found
    }

    /// Returns the names of all placeholders.
    pub(super) fn placeholder_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for document in &self.documents {
            document.visit_scalars(&mut |_, _, scalar| {
                names.extend(scalar.placeholders().map(|var| var.name.clone()))
            });
        }
        names
    }

    pub(super) fn problem_at(&self, place: SourceLocation, message: impl Into<String>) -> Problem {
        problem_at(&self.source, place, message)
    }

    /// Creates the problem of a value that violates a rule of the API server.
    pub(super) fn violation_at(&self, place: SourceLocation, violation: RuleViolation) -> Problem {
        Problem {
            hint: violation.hint.map(str::to_owned),
            ..self.problem_at(place, violation.message)
        }
    }
}

impl ManifestDocument {
    /// Visits every scalar with its path and context.
    pub(super) fn visit_scalars<'d>(
        &'d self,
        visitor: &mut impl FnMut(&[PathStep<'d>], ScalarContext, &'d Scalar),
    ) {
        self.root.visit_scalars(&mut |path, scalar| {
            visitor(
                path,
                ScalarContext::at_path(&self.object_type, path),
                scalar,
            )
        });
    }

    /// Returns the name for messages; [`Untyped::NONE`] without one.
    pub(super) fn name(&self) -> &str {
        let name = self.own_name().map(|name| name.text.as_str());
        name.unwrap_or(Untyped::NONE)
    }

    /// Returns the scalar at `metadata.name`.
    pub(super) fn own_name(&self) -> Option<&Scalar> {
        self.root
            .get_path(&["metadata", "name"])
            .and_then(Node::scalar)
    }

    /// Reports placeholders of other tools. Free text is skipped, because braces are legitimate there.
    fn report_foreign_placeholders(&self, source: &Source, problems: &mut Problems) {
        self.visit_scalars(&mut |_, position, scalar| {
            if position.is_text() {
                return;
            }
            if let Some(form) = ["{{", "{%"]
                .into_iter()
                .find(|form| scalar.text.contains(form))
            {
                problems.push(foreign_placeholder::render_first_problem(
                    source,
                    scalar.location,
                    form,
                ));
            } else if let Some(form) = foreign_placeholder::find_braced_word(&scalar.text)
                .or_else(|| foreign_placeholder::find_capital_word(&scalar.text, position))
            {
                problems.push(foreign_placeholder::foreign_placeholder_problem(
                    source,
                    scalar.location,
                    form,
                ));
            }
        });
    }
}

/// Maximum nesting of `List` objects.
const LIST_DEPTH_MAX: usize = 3;

/// Expands `List` documents and checks that every document is an object with apiVersion, kind and name.
fn expand_lists(
    source: &Source,
    root: Node,
    depth: usize,
    documents: &mut Vec<ManifestDocument>,
    problems: &mut Problems,
) {
    let place = root.location();
    if !matches!(root, Node::Mapping(..)) {
        problems.push(problem_at(
            source,
            place,
            "a document must be an object with apiVersion, kind and metadata",
        ));
        return;
    }
    if let Some(problem) = unrendered_problem(source, &root) {
        problems.push(problem);
        return;
    }
    let (Some(api_version), Some(kind)) = (
        read_type_field(source, &root, "apiVersion", problems),
        read_type_field(source, &root, "kind", problems),
    ) else {
        return;
    };
    if kind.ends_with("List")
        && depth < LIST_DEPTH_MAX
        && let Some(items @ Node::Sequence(..)) = root.get("items")
    {
        for item in items.items() {
            expand_lists(source, item.clone(), depth + 1, documents, problems);
        }
        return;
    }
    if let Some(problem) = missing_name_problem(source, &root, &kind) {
        problems.push(problem);
        return;
    }
    documents.push(ManifestDocument {
        object_type: ObjectType { api_version, kind },
        root,
    });
}

/// Returns the problem of an object without metadata.name.
fn missing_name_problem(source: &Source, root: &Node, kind: &str) -> Option<Problem> {
    if let Some(Node::Scalar(name)) = root.get_path(&["metadata", "name"])
        && !name.text.is_empty()
    {
        return None;
    }
    if root.get_path(&["metadata", "generateName"]).is_none() {
        return Some(problem_at(
            source,
            root.location(),
            format!("{kind} has no metadata.name"),
        ));
    }
    let message =
        format!("{kind} has generateName, but objects of a session must have metadata.name");
    Some(problem_at(source, root.location(), message).with_hint("use name: ${SESSION_ID}-SUFFIX"))
}

/// Returns the text of `apiVersion` or `kind`, which must be literal, because the roles of all fields depend on them.
fn read_type_field(
    source: &Source,
    root: &Node,
    key: &str,
    problems: &mut Problems,
) -> Option<String> {
    let complaint = match root.get(key) {
        Some(Node::Scalar(scalar)) => match scalar.literal() {
            Some("") => problem_at(source, scalar.location, format!("{key} must not be empty")),
            Some(text) if text.len() <= DNS_SUBDOMAIN_MAX => return Some(text.to_owned()),
            Some(_) => problem_at(
                source,
                scalar.location,
                format!("{key} must have at most {DNS_SUBDOMAIN_MAX} characters"),
            ),
            None => problem_at(
                source,
                scalar.location,
                format!("{key} must not contain a placeholder"),
            ),
        },
        Some(other) => problem_at(source, other.location(), format!("{key} must be a string")),
        None => problem_at(source, root.location(), format!("object has no {key}")),
    };
    problems.push(complaint);
    None
}

/// Reads the objects of a file without placeholders (Sessions, SessionTemplates), each with its location. `$` has no special
/// meaning.
///
/// # Errors
/// As [`Manifest::parse`], except for placeholders.
pub fn parse_plain_objects(source: &Source) -> Result<Vec<(SourceLocation, serde_json::Value)>> {
    let (roots, mut problems) = load_documents(source, PlaceholderMode::Plain);
    let mut documents = Vec::new();
    for root in roots {
        expand_lists(source, root, 0, &mut documents, &mut problems);
    }
    let objects = documents
        .iter()
        .map(|document| (document.root.location(), document.root.to_value()))
        .collect();
    problems.into_result(objects).map_err(Problems::into_error)
}
