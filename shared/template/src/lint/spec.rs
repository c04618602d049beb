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
use session_model::duration::Lifetime;

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

    fn primary(&mut self, manifest: &Manifest) {
        let workloads = manifest.workloads();
        let text = |key: &str| {
            let scalar = self.at(&["primary", key]).and_then(Node::scalar);
            scalar.map(|scalar| scalar.text.clone())
        };
        if self.at(&["primary"]).is_none() {
            return self.no_primary(manifest, &workloads);
        }
        let (kind, name) = (
            text("kind").unwrap_or_default(),
            text("name").unwrap_or_default(),
        );
        let (wanted, container) = (format!("{kind}/{name}"), text("container"));
        if !workloads.contains(&wanted) {
            let message = format!(
                "spec.primary {wanted} is not a workload of the manifest (available: {})",
                list_or_none(&workloads)
            );
            return self.say(Severity::Error, self.place(&["primary"]), message);
        }
        let containers = container_names(manifest, &wanted);
        if let Some(container) = container.filter(|container| !containers.contains(container)) {
            let message = format!(
                "{wanted} has no container {container:?} (available: {})",
                list_or_none(&containers)
            );
            self.say(
                Severity::Error,
                self.place(&["primary", "container"]),
                message,
            );
        }
    }

    fn no_primary(&mut self, manifest: &Manifest, workloads: &[String]) {
        if workloads.is_empty() {
            let message = "manifest has no workload: a Pod, StatefulSet or Deployment is required";
            self.say(Severity::Error, manifest.source.location(1, 1), message);
        } else if workloads.len() > 1 {
            let message = format!(
                "spec.primary is required, because the manifest has several workloads: {}",
                workloads.join(", ")
            );
            self.say(Severity::Error, self.file.location, message);
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
            let ways = ["exec", "http", "ssh"].into_iter();
            if ways.filter(|way| method.get(way).is_some()).count() != 1 {
                said.push((
                    method.location(),
                    format!(
                        "connection method {name:?} must have exactly one of exec, http and ssh"
                    ),
                ));
            }
        }
        for (place, message) in said {
            self.say(Severity::Error, place, message);
        }
        let methods = self.at(&["connect"]).map(Node::items).unwrap_or_default();
        let users = methods
            .iter()
            .filter_map(|method| method.get_path(&["ssh", "user"]));
        let presets = &self.file.presets;
        let wrong: Vec<Problem> = users
            .filter_map(|user| connect::check_ssh_user(self.source, user, parameters, presets))
            .collect();
        self.findings.extend(Severity::Error, wrong);
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

/// Joins names, or returns `none`.
fn list_or_none(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

/// Returns the names of the containers of a workload given as `Kind/name`.
fn container_names(manifest: &Manifest, workload: &str) -> Vec<String> {
    let (kind, name) = workload.split_once('/').unwrap_or_default();
    let mut documents = manifest.documents.iter();
    let document = documents.find(|document| {
        document.object_type.kind == kind && document.own_name().is_some_and(|own| own.text == name)
    });
    let Some(document) = document else {
        return Vec::new();
    };
    let spec = document
        .root
        .get_path(&["spec", "template", "spec"])
        .or_else(|| document.root.get("spec"));
    let list = |key| {
        spec.and_then(|spec| spec.get(key))
            .map(Node::items)
            .unwrap_or_default()
    };
    let is_sidecar = |init: &&Node| {
        let policy = init.get("restartPolicy").and_then(Node::scalar);
        policy.is_some_and(|policy| policy.text == "Always")
    };
    let sidecars = list("initContainers").iter().filter(is_sidecar);
    list("containers")
        .iter()
        .chain(sidecars)
        .filter_map(|container| container.get("name").and_then(Node::scalar))
        .map(|name| name.text.clone())
        .collect()
}
