//! The parameters of a template: the declared ones merged with the placeholders of the manifest.

use std::collections::BTreeMap;

use anyhow::Result;

use super::credentials;
use super::manifest::{Manifest, Placeholder};
use super::node::Scalar;
use super::parameter::{DEFAULT_SECRET_LENGTH, Parameter, ParameterType, RESERVED_PARAMETERS};
use super::placeholder::TextSegment;
use super::problem::{Problem, Problems};
use crate::ParameterRules as _;

/// All parameters of a template: the declared ones in their order, then the undeclared ones in the order of the manifest.
#[derive(Clone, Debug)]
pub struct Parameters {
    pub(super) entries: Vec<TemplateParameter>,
    index: BTreeMap<String, usize>,
    pub(super) source_name: String,
}

/// A parameter and its placeholder in the manifest, if it is used there.
#[derive(Clone, Debug)]
pub(super) struct TemplateParameter {
    pub(super) parameter: Parameter,
    pub(super) declared: bool,
    pub(super) placeholder: Option<Placeholder>,
}

impl Parameters {
    /// Merges declared parameters with the manifest's placeholders.
    ///
    /// An undeclared placeholder becomes a string parameter, required unless it has a default. If it occurs only in the data of
    /// Secrets, it becomes a secret parameter, generated unless it has a default.
    ///
    /// # Errors
    /// All problems of the declarations, and secret parameters outside the data of Secrets, with each location.
    pub fn merge(declared: &[Parameter], manifest: &Manifest) -> Result<Self> {
        let (parameters, problems) = Self::merge_lenient(declared, manifest);
        problems
            .into_result(parameters)
            .map_err(Problems::into_error)
    }

    pub(super) fn merge_lenient(declared: &[Parameter], manifest: &Manifest) -> (Self, Problems) {
        let mut problems = Problems::default();
        let mut placeholders = manifest.placeholders();
        placeholders
            .retain(|placeholder| !RESERVED_PARAMETERS.contains(&placeholder.name.as_str()));
        let mut known: Vec<TemplateParameter> = Vec::new();
        for parameter in declared {
            for fault in parameter.validate_declaration() {
                problems.push(Problem::without_location(fault));
            }
            if known
                .iter()
                .any(|known| known.parameter.name == parameter.name)
            {
                problems.push(Problem::without_location(format!(
                    "parameter {} is declared twice",
                    parameter.name
                )));
                continue;
            }
            let at = placeholders
                .iter()
                .position(|placeholder| placeholder.name == parameter.name);
            known.push(TemplateParameter {
                parameter: parameter.clone(),
                declared: true,
                placeholder: at.map(|at| placeholders.remove(at)),
            });
        }
        known.extend(
            placeholders
                .into_iter()
                .map(TemplateParameter::from_placeholder),
        );
        for known in &known {
            known.check_uses(manifest, &mut problems);
        }
        let names = known.iter().map(|known| known.parameter.name.clone());
        let index = names.enumerate().map(|(at, name)| (name, at)).collect();
        let owner = manifest.source_name().to_owned();
        (
            Self {
                entries: known,
                index,
                source_name: owner,
            },
            problems,
        )
    }

    /// Iterates over the parameters.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.entries.iter().map(|known| &known.parameter)
    }

    /// Returns the parameter called `name`.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.find(name).map(|known| &known.parameter)
    }

    /// Returns true if the parameter must be given.
    pub fn is_required(&self, name: &str) -> bool {
        self.find(name).is_some_and(TemplateParameter::is_required)
    }

    /// Returns the default of a parameter, from its declaration or else from the manifest. `None` for secrets.
    pub fn default(&self, name: &str) -> Option<&str> {
        let known = self.find(name)?;
        let written = || known.placeholder.as_ref().and_then(Placeholder::default);
        match known.parameter.kind {
            ParameterType::Secret => None,
            _ => known.parameter.default.as_deref().or_else(written),
        }
    }

    /// Returns the objects of a manifest with placeholders replaced by their defaults; placeholders without a default remain. For
    /// display only, because the objects are not valid.
    pub fn render_defaults(&self, manifest: &Manifest) -> Vec<serde_json::Value> {
        let of_piece = |piece: &TextSegment| match piece {
            TextSegment::Text(text) => text.clone(),
            TextSegment::Placeholder(var) => {
                let declared = self.get(&var.name);
                let declared = declared.and_then(|parameter| parameter.default.clone());
                let default = declared.or_else(|| var.default.clone());
                default.unwrap_or_else(|| format!("${{{}}}", var.name))
            }
        };
        let text = |scalar: &Scalar| scalar.segments.iter().map(of_piece).collect();
        let documents = manifest.documents.iter();
        documents
            .map(|document| document.root.to_value_with(&text))
            .collect()
    }

    /// Returns warnings about passwords that are visible in rendered objects.
    pub fn find_visible_passwords(&self) -> Vec<Problem> {
        self.entries
            .iter()
            .filter_map(|known| known.visible_password(&self.source_name))
            .collect()
    }

    pub(super) fn find(&self, name: &str) -> Option<&TemplateParameter> {
        self.entries.get(*self.index.get(name)?)
    }
}

impl TemplateParameter {
    fn from_placeholder(placeholder: Placeholder) -> Self {
        let kind = match placeholder.is_only_in_secrets() {
            true => ParameterType::Secret,
            false => ParameterType::String,
        };
        Self {
            parameter: Parameter::new(&placeholder.name, kind),
            declared: false,
            placeholder: Some(placeholder),
        }
    }

    pub(super) fn is_secret(&self) -> bool {
        self.parameter.kind == ParameterType::Secret
    }

    /// Returns true if every occurrence has a default of its own.
    pub(super) fn has_default_everywhere(&self) -> bool {
        self.placeholder
            .as_ref()
            .is_none_or(|placeholder| placeholder.uses.iter().all(|place| place.default.is_some()))
    }

    pub(super) fn is_required(&self) -> bool {
        let derived =
            !self.is_secret() && self.parameter.default.is_none() && !self.has_default_everywhere();
        self.parameter.required.unwrap_or(derived)
    }

    /// Returns the number of characters to generate if no value is given, `None` if the parameter is not generated.
    pub(super) fn generated_length(&self) -> Option<u32> {
        let generated = self.is_secret()
            && !self.is_required()
            && !(self.has_default_everywhere() && self.parameter.generate.is_none());
        let length = self
            .parameter
            .generate
            .as_ref()
            .and_then(|generate| generate.length);
        generated.then_some(length.unwrap_or(DEFAULT_SECRET_LENGTH))
    }

    fn check_uses(&self, manifest: &Manifest, problems: &mut Problems) {
        let name = &self.parameter.name;
        for place in self
            .placeholder
            .iter()
            .flat_map(|placeholder| &placeholder.uses)
        {
            if self.is_secret() && !place.in_secret {
                let message = format!(
                    "secret parameter {name} is used in {} of a {}: secrets are allowed only in data and stringData of a Secret",
                    place.pointer, place.kind
                );
                let problem = manifest.problem_at(place.location, message);
                problems.push(problem.with_hint(
                    "use the parameter in a Secret and refer to the Secret, for example with env valueFrom.secretKeyRef",
                ));
            }
            let default = place
                .default
                .as_deref()
                .filter(|default| !default.is_empty());
            if let Some(Err(reason)) = default.map(|default| self.parameter.check_value(default)) {
                problems.push(manifest.problem_at(
                    place.location,
                    format!("default of parameter {name}: {reason}"),
                ));
            }
        }
    }

    /// Returns a warning for a parameter that is named like a password and is visible to everybody who may read the session's
    /// Pods.
    fn visible_password(&self, owner: &str) -> Option<Problem> {
        let name = &self.parameter.name;
        if self.is_secret() || !credentials::is_password_name(name) {
            return None;
        }
        let mut places = self.placeholder.as_ref()?.uses.iter();
        let place = places.find(|place| place.is_visible_text)?;
        let problem = credentials::plain_text_message(name, &place.pointer, &place.kind);
        Some(Problem::at(owner, place.location, problem).with_hint(credentials::SECRET_HINT))
    }
}
