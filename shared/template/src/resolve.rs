//! Resolution of parameter values from flags, files, the Session, presets and defaults.

use std::collections::BTreeMap;

use anyhow::Result;

use super::parameter::{Presets, RESERVED_PARAMETERS, shorten_value};
use super::parameters::{Parameters, TemplateParameter};
use super::problem::{Problem, Problems};
use super::values::{SessionIdentity, Values};
use crate::ParameterRules as _;

/// Sources of parameter values, in order of precedence: flags, files, Session, preset. The template's defaults come last.
#[derive(Clone, Copy)]
pub struct ValueLayers<'g> {
    /// Values from `--set`. Secrets are refused, because other users can see process arguments.
    pub flags: &'g BTreeMap<String, String>,
    /// Values from `--set-file`, `--env-file` and standard input.
    pub files: &'g BTreeMap<String, String>,
    /// Values from `spec.parameters` of the Session. Secrets are refused, because everybody who can read the Session could read
    /// them.
    pub session: &'g BTreeMap<String, String>,
    /// Name of the chosen preset.
    pub preset: Option<&'g str>,
    /// Presets of the template.
    pub presets: &'g Presets,
    /// Secret values stored in the session's parameters Secret.
    pub stored: &'g BTreeMap<String, String>,
}

static NOTHING: BTreeMap<String, String> = BTreeMap::new();
static NO_PRESETS: Presets = BTreeMap::new();

impl Default for ValueLayers<'_> {
    fn default() -> Self {
        Self {
            flags: &NOTHING,
            files: &NOTHING,
            session: &NOTHING,
            preset: None,
            presets: &NO_PRESETS,
            stored: &NOTHING,
        }
    }
}

impl Parameters {
    /// Resolves the values of all parameters. Secrets without a value are left to [`Values::generate_missing_secrets`].
    ///
    /// # Errors
    /// All problems together: missing parameters, invalid values, unknown names with the most similar known one, an unknown
    /// preset, secrets given where others can read them.
    pub fn resolve(&self, identity: SessionIdentity, given: &ValueLayers<'_>) -> Result<Values> {
        let mut problems = Problems::default();
        let preset = self.preset_values(given, &mut problems);
        let layers = [
            ValueLayer("--set", given.flags),
            ValueLayer("a file", given.files),
            ValueLayer("spec.parameters", given.session),
            ValueLayer("the preset", preset),
        ];
        for layer in &layers {
            self.check_names(layer, &mut problems);
        }
        let mut values = Values::new(identity);
        let mut missing = Vec::new();
        for known in &self.entries {
            let name = &known.parameter.name;
            let value = layers.iter().find_map(|layer| layer.1.get(name));
            let stored = given.stored.get(name).filter(|_| known.is_secret());
            let value = value.or(stored).map(String::as_str);
            if let Some(value) = value {
                known.check_given_value(value, &self.source_name, &mut problems);
            }
            if known.store_value(value, &mut values) {
                continue;
            }
            match known.shell_variable_problem() {
                Some(problem) => problems.push(problem),
                None => missing.push(name.as_str()),
            }
        }
        if let Some(problem) = self.missing(&missing) {
            problems.push(problem);
        }
        problems.into_result(values).map_err(Problems::into_error)
    }

    fn preset_values<'g>(
        &self,
        given: &ValueLayers<'g>,
        problems: &mut Problems,
    ) -> &'g BTreeMap<String, String> {
        let Some(name) = given.preset else {
            return &NOTHING;
        };
        if let Some(preset) = given.presets.get(name) {
            return preset;
        }
        let known: Vec<&str> = given.presets.keys().map(String::as_str).collect();
        problems.push(match known.as_slice() {
            [] => Problem::without_location(format!(
                "unknown preset {name:?}: the template has no presets"
            )),
            known => Problem::without_location(format!(
                "unknown preset {name:?} (available: {})",
                join_names(known)
            )),
        });
        &NOTHING
    }

    fn check_names(&self, layer: &ValueLayer<'_>, problems: &mut Problems) {
        for name in layer.1.keys() {
            if RESERVED_PARAMETERS.contains(&name.as_str()) {
                problems.push(Problem::without_location(format!(
                    "parameter {name} cannot be set: the name is reserved"
                )));
                continue;
            }
            match self.find(name) {
                Some(known) if known.is_secret() && layer.0 != "a file" => {
                    let message = format!("secret parameter {name} must not be set in {}", layer.0);
                    let hint =
                        format!("use --set-file {name}=FILE, --env-file FILE or standard input");
                    problems.push(Problem::without_location(message).with_hint(hint));
                }
                Some(_) => {}
                None => problems.push(self.unknown(name)),
            }
        }
    }

    fn unknown(&self, name: &str) -> Problem {
        let names = self
            .entries
            .iter()
            .map(|known| known.parameter.name.as_str());
        match most_similar(name, names) {
            Some(near) => {
                Problem::without_location(format!("unknown parameter {name}: did you mean {near}?"))
            }
            None if self.entries.is_empty() => Problem::without_location(format!(
                "unknown parameter {name}: {} has no parameters",
                self.source_name
            )),
            None => {
                let names: Vec<&str> = self
                    .iter()
                    .map(|parameter| parameter.name.as_str())
                    .collect();
                Problem::without_location(format!(
                    "unknown parameter {name} (available: {})",
                    join_names(&names)
                ))
            }
        }
    }

    fn missing(&self, names: &[&str]) -> Option<Problem> {
        let message = match names {
            [] => return None,
            [name] => format!("parameter {name} is required"),
            names => format!("parameters {} are required", join_names(names)),
        };
        let secret = |name: &&&str| self.find(name).is_some_and(TemplateParameter::is_secret);
        let plain = names.iter().find(|name| !secret(name));
        Some(
            Problem::without_location(message).with_hint(match (plain, names.first()) {
                (Some(name), _) => format!("use --set {name}=VALUE"),
                (None, Some(name)) => format!("use --set-file {name}=FILE"),
                (None, None) => String::new(),
            }),
        )
    }
}

/// The name of a source of values, and its values.
struct ValueLayer<'g>(&'static str, &'g BTreeMap<String, String>);

impl TemplateParameter {
    /// Stores the given value or the default in `values`. Returns false if the parameter is required and has neither.
    fn store_value(&self, value: Option<&str>, values: &mut Values) -> bool {
        let parameter = &self.parameter;
        if self.is_secret() {
            values.declare_secret(&parameter.name);
            match (value, self.generated_length()) {
                (Some(value), _) => values.set_secret(&parameter.name, value),
                (None, Some(length)) => values.set_generated(&parameter.name, length),
                (None, None) => return !self.is_required(),
            }
            return true;
        }
        match value.or(parameter.default.as_deref()) {
            Some(value) => values.set(&parameter.name, value),
            None if self.is_required() => return false,
            None if parameter.required == Some(false) => values.set(&parameter.name, ""),
            None => {}
        }
        true
    }

    /// Returns the problem of a placeholder that is a variable of the script around it, and no parameter.
    fn shell_variable_problem(&self) -> Option<Problem> {
        let placeholder = self.placeholder.as_ref().filter(|_| !self.declared)?;
        let first = placeholder.uses.first()?;
        if !placeholder.uses.iter().all(|place| place.is_set_by_script) {
            return None;
        }
        let (name, place) = (&placeholder.name, first.location);
        let message = format!("${{{name}}} at {place} is a variable that the script sets itself");
        let hint = format!(
            "write $${{{name}}} to leave it to the shell, or use --set {name}=VALUE if it is a parameter"
        );
        Some(Problem::without_location(message).with_hint(hint))
    }

    /// Checks a given value. An empty value counts as not given if every occurrence has a default.
    fn check_given_value(&self, value: &str, source: &str, problems: &mut Problems) {
        let name = &self.parameter.name;
        if value.is_empty() {
            if self.placeholder.is_some() && self.has_default_everywhere() {
                return;
            }
            if self.is_required() {
                problems.push(Problem::without_location(format!(
                    "parameter {name} must not be empty"
                )));
                return;
            }
        }
        if let Err(reason) = self.parameter.check_value(value) {
            problems.push(self.refused_image(value, source).unwrap_or_else(|| {
                Problem::without_location(format!("parameter {name}: {reason}"))
            }));
        }
    }

    /// Returns the problem of an image that the pattern of its parameter refuses because of where it comes from: the pattern
    /// itself would tell nobody which registries are allowed.
    fn refused_image(&self, value: &str, source: &str) -> Option<Problem> {
        let mut uses = self.placeholder.as_ref()?.uses.iter();
        uses.find(|place| place.pointer.ends_with("/image"))?;
        let pattern = self.parameter.pattern.as_deref()?;
        let prefixes = match pattern_prefixes(pattern) {
            Some(prefixes) => prefixes,
            None => self.probed_prefixes(),
        };
        // One of the allowed registries: then it is the rest that does not match.
        let comes_from = |prefix: &String| match prefix.is_empty() {
            true => !value.contains('/'),
            false => value.starts_with(prefix.as_str()),
        };
        if prefixes.is_empty() || prefixes.iter().any(comes_from) {
            return None;
        }
        let name = &self.parameter.name;
        let shown = |prefix: &String| match prefix.is_empty() {
            true => "names without a registry".to_owned(),
            false => format!("{prefix}..."),
        };
        let message = format!(
            "parameter {name}: image {:?} is not allowed (allowed: {})",
            shorten_value(value),
            prefixes.iter().map(shown).collect::<Vec<_>>().join(", ")
        );
        let hint = match source.split_once('/') {
            Some(("sessiontemplate", template)) => format!(
                "ask an admin to extend the pattern of {name}: kubectl edit sessiontemplate {template}"
            ),
            _ => format!("extend the pattern of {name} in {source}"),
        };
        Some(Problem::without_location(message).with_hint(hint))
    }
}

impl TemplateParameter {
    /// Returns which of the usual registries a pattern allows that has no fixed beginning; empty text for images without one.
    fn probed_prefixes(&self) -> Vec<String> {
        const PROBES: [&str; 3] = ["", "docker.io/library/", "localhost/"];
        let allowed = |prefix: &&str| {
            self.parameter
                .check_value(&format!("{prefix}image"))
                .is_ok()
        };
        PROBES
            .into_iter()
            .filter(allowed)
            .map(str::to_owned)
            .collect()
    }
}

/// Returns the texts with which every match of a pattern begins, without those that only continue another; `None` if a match
/// may begin with anything.
fn pattern_prefixes(pattern: &str) -> Option<Vec<String>> {
    let pattern = regex_syntax::parse(pattern).ok()?;
    let found = regex_syntax::hir::literal::Extractor::new().extract(&pattern);
    let mut prefixes: Vec<String> = Vec::new();
    let texts = found.literals()?.iter();
    let mut texts: Vec<String> = texts
        .map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned())
        .collect();
    texts.sort();
    for text in texts {
        if !prefixes
            .last()
            .is_some_and(|shorter| text.starts_with(shorter.as_str()))
        {
            prefixes.push(text);
        }
    }
    (!prefixes.is_empty() && !prefixes.iter().any(String::is_empty)).then_some(prefixes)
}

/// Joins names as `A`, `A and B` or `A, B and C`.
pub(super) fn join_names(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Returns the most similar name, if its edit distance, ignoring case, is at most a third of its length.
pub(super) fn most_similar<'n>(
    wanted: &str,
    names: impl Iterator<Item = &'n str>,
) -> Option<&'n str> {
    let lower = wanted.to_lowercase();
    let (distance, name) = names
        .map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), name))
        .min()?;
    (distance * 3 <= name.chars().count().max(3)).then_some(name)
}
