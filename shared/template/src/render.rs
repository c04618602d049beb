//! Rendering: replaces placeholders in the parsed tree by values. No value can create structure, because the result is not
//! parsed again.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::{Map, Value};

use super::api_rules;
use super::fill::{FillError, RENDERED_BYTES_MAX, RENDERED_TEXT_MAX, RenderBudget};
use super::manifest::{Manifest, ManifestDocument};
use super::node::{Node, Scalar};
use super::path_step::PathStep;
use super::problem::Problems;
use super::scalar::parse_plain_scalar;
use super::scalar_context::ScalarContext;
use super::source::SourceLocation;
use super::values::Values;
use session_model::names::DNS_LABEL_MAX;
use session_model::objects::Untyped;

/// The rendered objects of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedManifest {
    /// Objects in the order of the manifest.
    pub objects: Vec<RenderedObject>,
    /// Secrets that were left out because they contain secret parameters.
    pub omitted_secrets: Vec<OmittedSecret>,
}

/// A rendered object.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedObject {
    /// Object.
    pub object: Value,
    /// Location of its document in the manifest.
    pub location: SourceLocation,
}

/// A Secret that was left out of a public rendering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmittedSecret {
    /// Name of the Secret.
    pub name: String,
    /// Names of the secret parameters that it contains.
    pub parameters: Vec<String>,
}

impl RenderedManifest {
    /// Returns the objects without their locations.
    pub fn into_objects(self) -> Vec<Value> {
        self.objects
            .into_iter()
            .map(|rendered| rendered.object)
            .collect()
    }
}

impl Manifest {
    /// Renders all objects.
    ///
    /// # Errors
    /// All problems, with file, line and column: parameters without value; names, labels, annotation keys, quantities and
    /// Secret data that the API server would refuse; duplicate objects; a text of more than [`RENDERED_TEXT_MAX`] bytes, or more than
    /// [`RENDERED_BYTES_MAX`] in all.
    pub fn render(&self, values: &Values) -> Result<RenderedManifest> {
        self.render_with(values, false)
    }

    /// Renders the objects for display. Secrets that contain a secret parameter are left out and listed in `withheld`.
    ///
    /// # Errors
    /// As [`Manifest::render`].
    pub fn render_public(&self, values: &Values) -> Result<RenderedManifest> {
        self.render_with(values, true)
    }

    fn render_with(&self, values: &Values, public: bool) -> Result<RenderedManifest> {
        let mut problems = Problems::default();
        let mut rendered = RenderedManifest {
            objects: Vec::new(),
            omitted_secrets: Vec::new(),
        };
        let (mut budget, name_limit) = (RenderBudget::default(), OnceCell::new());
        for document in &self.documents {
            let mut renderer = Renderer {
                manifest: self,
                document,
                values,
                public,
                budget,
                name_limit: &name_limit,
                budget_exhausted: false,
                secrets: BTreeSet::new(),
                problems: Problems::default(),
            };
            let object = renderer.render_node(&document.root, &mut Vec::new());
            budget = renderer.budget;
            let (spent, secrets, found) = (
                renderer.budget_exhausted,
                renderer.secrets,
                renderer.problems,
            );
            problems.extend(found);
            if spent {
                let message = format!("manifest renders to more than {RENDERED_BYTES_MAX} bytes");
                problems.push(self.problem_at(SourceLocation::default(), message));
                break;
            }
            if public && !secrets.is_empty() {
                rendered.omitted_secrets.push(OmittedSecret {
                    name: Untyped(&object).name().to_owned(),
                    parameters: secrets.into_iter().collect(),
                });
            } else {
                let place = document.root.location();
                rendered.objects.push(RenderedObject {
                    object,
                    location: place,
                });
            }
        }
        self.check_duplicates(&rendered, &mut problems);
        problems.into_result(rendered).map_err(Problems::into_error)
    }

    fn check_duplicates(&self, rendered: &RenderedManifest, problems: &mut Problems) {
        let mut seen = BTreeMap::new();
        for RenderedObject {
            object,
            location: place,
        } in &rendered.objects
        {
            let kind = Untyped(object).kind();
            let key = (Untyped(object).api_version(), kind, Untyped(object).name());
            if let Some(first) = seen.insert(key, *place) {
                let message = format!("duplicate {kind} {:?}, first defined at {first}", key.2);
                problems.push(self.problem_at(*place, message));
            }
        }
    }

    /// Returns the longest session name, at most 63 characters, for which every object name and label that contains it stays
    /// within its limit.
    pub fn session_name_limit(&self, values: &Values) -> usize {
        let mut limit = DNS_LABEL_MAX;
        let session = values.identity().session.as_str().len();
        let mut budget = RenderBudget::default();
        for document in &self.documents {
            document.visit_scalars(&mut |_, position, scalar| {
                let allowed = match position {
                    ScalarContext::OwnName => api_rules::name_limit(&document.object_type),
                    ScalarContext::Label => DNS_LABEL_MAX,
                    _ => return,
                };
                let holes = scalar
                    .placeholders()
                    .filter(|var| var.name == "SESSION_ID")
                    .count();
                if holes == 0 {
                    return;
                }
                if let Ok(full) = values.fill_segments(&scalar.segments, position, &mut budget) {
                    let rest = full.len().saturating_sub(holes * session);
                    limit = limit.min(allowed.saturating_sub(rest) / holes);
                }
            });
        }
        limit
    }
}

struct Renderer<'r> {
    manifest: &'r Manifest,
    document: &'r ManifestDocument,
    values: &'r Values,
    /// True if documents with secret parameters are left out; their values are not needed then.
    public: bool,
    budget: RenderBudget,
    /// Result of [`Manifest::session_name_limit`], computed on first use.
    name_limit: &'r OnceCell<usize>,
    /// True if the budget is exhausted. Rendering stops then.
    budget_exhausted: bool,
    /// Secret parameters used in this document.
    secrets: BTreeSet<String>,
    problems: Problems,
}

impl<'r> Renderer<'r> {
    fn render_node(&mut self, node: &'r Node, path: &mut Vec<PathStep<'r>>) -> Value {
        match node {
            Node::Scalar(scalar) => self.render_scalar(scalar, path),
            Node::Sequence(items, _) => {
                let mut values = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    path.push(PathStep::Index(index));
                    values.push(self.render_node(item, path));
                    path.pop();
                }
                Value::Array(values)
            }
            Node::Mapping(entries, _) => {
                let mut map = Map::new();
                for entry in entries {
                    if let Err(reason) = api_rules::check_key(path, &entry.key) {
                        self.problems
                            .push(self.manifest.problem_at(entry.location, reason));
                    }
                    path.push(PathStep::Key(&entry.key));
                    map.insert(entry.key.clone(), self.render_node(&entry.value, path));
                    path.pop();
                }
                Value::Object(map)
            }
        }
    }

    fn render_scalar(&mut self, scalar: &'r Scalar, path: &[PathStep<'r>]) -> Value {
        let position = ScalarContext::at_path(&self.document.object_type, path);
        let secret = self.record_secrets(scalar);
        if self.budget_exhausted || secret && self.public {
            return Value::Null;
        }
        let text = match self
            .values
            .fill_segments(&scalar.segments, position, &mut self.budget)
        {
            Ok(text) => text,
            Err(error) => {
                self.report_fill_error(scalar, error);
                return Value::Null;
            }
        };
        let value = match renders_as_string(scalar, position, &text) {
            true => Value::String(text),
            false => parse_plain_scalar(&text),
        };
        let checked = api_rules::check_value(&self.document.object_type, path, position, &value);
        if let Err(mut violation) = checked {
            violation.message = self.add_name_limit(scalar, position, &value, violation.message);
            let problem = self.manifest.violation_at(scalar.location, violation);
            self.problems.push(problem);
        }
        value
    }

    fn report_fill_error(&mut self, scalar: &Scalar, error: FillError<'_>) {
        let (place, message) = match error {
            FillError::NoValue(var) => (
                scalar.location_of(var),
                format!("parameter {} has no value", var.name),
            ),
            FillError::TooLong => (
                scalar.location,
                format!(
                    "the value has more than {RENDERED_TEXT_MAX} bytes after replacing its parameters"
                ),
            ),
            FillError::BudgetExhausted => {
                self.budget_exhausted = true;
                return;
            }
        };
        self.problems.push(self.manifest.problem_at(place, message));
    }

    /// Records the secret parameters of a scalar. Returns true if there are any.
    fn record_secrets(&mut self, scalar: &Scalar) -> bool {
        let mut any = false;
        for var in scalar
            .placeholders()
            .filter(|var| self.values.is_secret(&var.name))
        {
            any = true;
            self.secrets.insert(var.name.clone());
        }
        any
    }

    /// Extends the message about a name or label that is too long because it contains the session's name by the longest
    /// possible session name.
    fn add_name_limit(
        &self,
        scalar: &Scalar,
        position: ScalarContext,
        value: &Value,
        reason: String,
    ) -> String {
        let limit = match position {
            ScalarContext::OwnName => api_rules::name_limit(&self.document.object_type),
            ScalarContext::Label => DNS_LABEL_MAX,
            _ => return reason,
        };
        let long = value.as_str().is_some_and(|name| name.len() > limit);
        if !long || !scalar.placeholders().any(|var| var.name == "SESSION_ID") {
            return reason;
        }
        let limit = || self.manifest.session_name_limit(self.values);
        let room = self.name_limit.get_or_init(limit);
        format!("{reason}; the session's name must have at most {room} characters")
    }
}

/// Returns true if the rendered scalar is a string: if it is quoted (see [`Scalar::is_quoted_number`]), a block, tagged or has
/// several segments, or if the field accepts only strings. A literal number in such a field keeps its spelling; a literal null remains null.
fn renders_as_string(scalar: &Scalar, position: ScalarContext, text: &str) -> bool {
    if !scalar.is_plain() {
        return !scalar.is_quoted_number(position, text);
    }
    match (scalar.whole_placeholder(), scalar.literal()) {
        (None, None) => true,
        (None, Some(literal)) => {
            position.is_string_only() && !parse_plain_scalar(literal).is_null()
                || text != scalar.text
        }
        (Some(_), _) => position.is_string_only(),
    }
}
