//! Checks of a SessionTemplate's fields other than the manifest.

use super::super::manifest::{MANIFEST_MAX, Manifest};
use super::super::node::{Node, Scalar};
use super::super::parameter::ParameterType;
use super::super::parameters::Parameters;
use super::super::problem::{Problem, problem_at};
use super::super::resolve::most_similar;
use super::super::source::{Source, SourceLocation};
use super::super::template_file::TemplateFile;
use super::connect;
use super::finding::{Findings, Severity};
use crate::ParameterRules as _;
use serde::Deserialize;
use session_model::api::PrimaryRef;
use session_model::duration::Lifetime;
use session_model::foreign_error::decode_error_text;
use session_model::objects::pods::WORKLOAD_KINDS;
use session_model::objects::primary_workload::{can_be_primary, choose_primary};

const SPEC: [&str; 10] = [
    "description",
    "parameters",
    "presets",
    "primary",
    "connect",
    "hooks",
    "lifetime",
    "dataPolicy",
    "namespaceSelector",
    "manifest",
];
const PARAMETER: [&str; 10] = [
    "name",
    "type",
    "default",
    "options",
    "pattern",
    "minimum",
    "maximum",
    "required",
    "generate",
    "description",
];

pub(super) fn lint_spec(
    source: &Source,
    file: &TemplateFile,
    manifest: &Manifest,
    parameters: &Parameters,
    findings: &mut Findings,
) {
    let mut spec = SpecLinter {
        source,
        file,
        findings,
    };
    spec.fields();
    spec.primary(manifest);
    spec.connect(parameters);
    for (place, message) in connect::find_unknown_workloads(file, &manifest.workloads()) {
        spec.say(Severity::Error, place, message);
    }
    spec.presets(parameters);
    spec.parameters(parameters);
    spec.lifetime();
    spec.absent();
    spec.size();
}

struct SpecLinter<'s> {
    source: &'s Source,
    file: &'s TemplateFile,
    findings: &'s mut Findings,
}

impl SpecLinter<'_> {
    fn say(&mut self, severity: Severity, place: SourceLocation, message: impl Into<String>) {
        self.findings
            .push(severity, problem_at(self.source, place, message));
    }

    fn at(&self, path: &[&str]) -> Option<&Node> {
        self.file
            .root
            .get("spec")
            .and_then(|spec| spec.get_path(path))
    }

    fn place(&self, path: &[&str]) -> SourceLocation {
        self.at(path).map_or(self.file.location, Node::location)
    }

    /// Reports unknown fields, which the API server would drop silently.
    fn fields(&mut self) {
        let mut unknown = Vec::new();
        let mut look = |node: Option<&Node>, known: &[&'static str]| {
            if let Some(Node::Mapping(entries, _)) = node {
                for entry in entries
                    .iter()
                    .filter(|entry| !known.contains(&entry.key.as_str()))
                {
                    unknown.push((
                        entry.location,
                        entry.key.clone(),
                        most_similar(&entry.key, known.iter().copied()),
                    ));
                }
            }
        };
        look(self.at(&[]), &SPEC);
        for parameter in self
            .at(&["parameters"])
            .map(Node::items)
            .unwrap_or_default()
        {
            look(Some(parameter), &PARAMETER);
        }
        for (place, key, near) in unknown {
            self.say(
                Severity::Error,
                place,
                match near {
                    Some(near) => format!("unknown field {key:?}: did you mean {near:?}?"),
                    None => format!("unknown field {key:?}"),
                },
            );
        }
    }

    /// Reports a primary workload that no start could choose, and a kind whose stop the template leaves to the server.
    fn primary(&mut self, manifest: &Manifest) {
        let declared = self.file.object.pointer("/spec/primary");
        let place = match declared {
            Some(_) => self.place(&["primary"]),
            None => self.file.location,
        };
        let declared = match declared.map(PrimaryRef::deserialize).transpose() {
            Ok(declared) => declared,
            Err(error) => {
                let message = format!("invalid spec.primary: {}", decode_error_text(&error));
                return self.say(Severity::Error, place, message);
            }
        };
        let objects = manifest.plain_objects();
        let primary = match choose_primary(&objects, declared.as_ref()) {
            Ok(primary) => primary,
            Err(error) => {
                let mut problem = Problem::of_error(self.source.name(), place, &error);
                if declared.is_none() && objects.iter().any(can_be_primary) {
                    problem.message = format!("spec.primary is required: {}", problem.message);
                }
                return self.findings.push(Severity::Error, problem);
            }
        };
        super::objects::lint_unstopped(manifest, &primary, self.findings);
        if !WORKLOAD_KINDS.contains(&primary.kind.as_str()) && primary.stop.is_none() {
            let message = format!(
                "spec.primary has no stop and start: a stop needs the scale subresource of kind {}",
                primary.kind
            );
            let problem = problem_at(self.source, place, message);
            let hint =
                "without that subresource, set primary.stop and primary.start, a merge patch each";
            self.findings
                .push(Severity::Warning, problem.with_hint(hint));
        }
    }

    fn connect(&mut self, parameters: &Parameters) {
        let mut said = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for method in self.at(&["connect"]).map(Node::items).unwrap_or_default() {
            let name = method
                .get("name")
                .and_then(Node::scalar)
                .map(|name| name.text.as_str())
                .unwrap_or_default();
            if name.is_empty() {
                said.push((
                    method.location(),
                    "connection method has no name".to_owned(),
                ));
            } else if names.contains(&name) {
                said.push((
                    method.location(),
                    format!("duplicate connection method {name:?}"),
                ));
            }
            names.push(name);
        }
        for (place, message) in said {
            self.say(Severity::Error, place, message);
        }
        let methods = self.at(&["connect"]).map(Node::items).unwrap_or_default();
        let found: Vec<_> = methods
            .iter()
            .flat_map(|method| connect::check_method(self.source, method))
            .collect();
        let users = methods
            .iter()
            .filter_map(|method| method.get_path(&["ssh", "user"]));
        let presets = &self.file.presets;
        let wrong: Vec<Problem> = users
            .filter_map(|user| connect::check_ssh_user(self.source, user, parameters, presets))
            .collect();
        self.findings.extend(Severity::Error, wrong);
        for (severity, problem) in found {
            self.findings.push(severity, problem);
        }
    }

    fn presets(&mut self, parameters: &Parameters) {
        for (preset, values) in &self.file.presets {
            for (name, value) in values {
                let place = self.place(&["presets", preset, name]);
                let Some(known) = parameters.find(name) else {
                    self.say(
                        Severity::Error,
                        place,
                        format!("preset {preset:?} sets unknown parameter {name}"),
                    );
                    continue;
                };
                if known.parameter.kind == ParameterType::Secret {
                    self.say(
                        Severity::Error,
                        place,
                        format!("preset {preset:?} must not set secret parameter {name}"),
                    );
                } else if let Err(reason) = known.parameter.check_value(value) {
                    self.say(
                        Severity::Error,
                        place,
                        format!("preset {preset:?}: {name}: {reason}"),
                    );
                }
            }
        }
    }

    /// Reports parameters that are not used.
    fn parameters(&mut self, parameters: &Parameters) {
        let mut rest = self.file.object.get("spec").cloned().unwrap_or_default();
        if let Some(spec) = rest.as_object_mut() {
            spec.retain(|key, _| matches!(key.as_str(), "primary" | "connect" | "hooks"));
        }
        let rest = rest.to_string();
        for (index, parameter) in self.file.parameters.iter().enumerate() {
            let name = &parameter.name;
            let used = parameters
                .find(name)
                .is_some_and(|known| known.placeholder.is_some());
            if !used
                && !rest.contains(&format!("${{{name}}}"))
                && !rest.contains(&format!("${{{name}:-"))
            {
                let place = self
                    .at(&["parameters"])
                    .and_then(|all| all.items().get(index))
                    .map(Node::location);
                let message = format!("parameter {name} is not used");
                self.say(
                    Severity::Warning,
                    place.unwrap_or(self.file.location),
                    message,
                );
            }
        }
    }

    fn lifetime(&mut self) {
        let mut read = |key: &str| {
            let scalar = self
                .at(&["lifetime", key])
                .and_then(Node::scalar)
                .cloned()?;
            match scalar.text.parse::<Lifetime>() {
                Ok(lifetime) => Some(lifetime),
                Err(error) => {
                    self.say(Severity::Error, scalar.location, error.to_string());
                    None
                }
            }
        };
        let (timeout, maximum) = (read("timeout"), read("maximum"));
        if let (Some(timeout), Some(maximum)) = (timeout, maximum)
            && timeout.exceeds(&maximum)
        {
            let place = self.place(&["lifetime", "timeout"]);
            self.say(
                Severity::Error,
                place,
                format!("timeout {timeout} is longer than maximum {maximum}"),
            );
        }
        for (path, known) in [
            (
                ["lifetime", "onExpiry"].as_slice(),
                ["stop", "delete"].as_slice(),
            ),
            (&["dataPolicy"], &["keep", "snapshot", "delete"]),
        ] {
            let wrong = |scalar: &Scalar| !known.contains(&scalar.text.as_str());
            if let Some(scalar) = self.at(path).and_then(Node::scalar).cloned().filter(wrong) {
                let message = format!(
                    "{} {:?} is not one of {}",
                    path.join("."),
                    scalar.text,
                    known.join(", ")
                );
                self.say(Severity::Error, scalar.location, message);
            }
        }
    }

    fn size(&mut self) {
        let characters = self.file.manifest.text().chars().count();
        if characters > MANIFEST_MAX {
            let message = format!(
                "manifest must have at most {MANIFEST_MAX} characters, but has {characters}"
            );
            self.say(Severity::Error, self.place(&["manifest"]), message);
        }
    }

    /// Reports absent fields whose defaults may be unexpected.
    fn absent(&mut self) {
        for (path, message) in [
            (
                ["description"].as_slice(),
                "no description: template list shows only the name",
            ),
            (
                &["connect"],
                "no connection methods: connect opens a shell in the primary container",
            ),
            (
                &["lifetime", "timeout"],
                "no lifetime.timeout: sessions do not expire",
            ),
            (
                &["dataPolicy"],
                "no dataPolicy: data is kept when a session is deleted",
            ),
        ] {
            if self.at(path).is_none() {
                self.say(Severity::Info, self.file.location, message);
            }
        }
    }
}
