//! Checks of what one part of a manifest says of another: selectors and labels, mounts and volumes, port names and container ports.
//! A name with a placeholder is compared by its text, and let through where that decides nothing.

use std::collections::BTreeSet;

use session_model::objects::pods::pod_spec_path;

use super::super::manifest::{Manifest, ManifestDocument};
use super::super::node::{Node, Scalar};
use super::super::parameter::shorten_value;
use super::finding::{Findings, Severity};

pub(super) fn lint_references(manifest: &Manifest, findings: &mut Findings) {
    let mut report = |severity, place: &Scalar, message: String| {
        findings.push(severity, manifest.problem_at(place.location, message));
    };
    let mut port_names = Names::default();
    for document in &manifest.documents {
        document.root.visit_nodes(&mut Vec::new(), &mut |_, node| {
            if node.get("containerPort").is_some() {
                port_names.add(node.get("name"));
            }
        });
    }
    for document in &manifest.documents {
        lint_selector(document, &mut report);
        lint_target_ports(document, &port_names, &mut report);
        if let Some(spec) = pod_spec(document) {
            lint_pod_spec(document, spec, &mut report);
        }
    }
}

/// Names that are defined, and whether there may be others, such as that of a placeholder.
#[derive(Default)]
struct Names<'d> {
    known: BTreeSet<&'d str>,
    may_be_more: bool,
}

impl<'d> Names<'d> {
    fn of(nodes: impl Iterator<Item = Option<&'d Node>>) -> Self {
        let mut names = Self::default();
        nodes.for_each(|name| names.add(name));
        names
    }

    fn add(&mut self, name: Option<&'d Node>) {
        if let Some(name) = name.and_then(Node::scalar) {
            self.known.insert(&name.text);
            self.may_be_more |= name.literal().is_none();
        }
    }

    /// Returns true if the name is none of them whatever the parameters are.
    fn lack(&self, name: &Scalar) -> bool {
        !self.may_be_more && name.literal().is_some() && !self.known.contains(name.text.as_str())
    }
}

/// Returns the Pod spec of a built-in workload.
fn pod_spec(document: &ManifestDocument) -> Option<&Node> {
    let pointer = pod_spec_path(&document.object_type.kind)?;
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    document.root.get_path(&steps)
}

/// The server refuses a selector that does not match the labels of its own Pod template.
fn lint_selector(document: &ManifestDocument, report: &mut impl FnMut(Severity, &Scalar, String)) {
    let kind = document.object_type.kind.as_str();
    let is_checked = document.object_type.api_version == "apps/v1"
        && matches!(
            kind,
            "Deployment" | "StatefulSet" | "ReplicaSet" | "DaemonSet"
        );
    let selector = document.root.get_path(&["spec", "selector", "matchLabels"]);
    let template = document.root.get_path(&["spec", "template"]);
    let (true, Some(Node::Mapping(entries, _)), Some(template)) = (is_checked, selector, template)
    else {
        return;
    };
    let labels = template.get_path(&["metadata", "labels"]);
    for entry in entries {
        let Some(wanted) = entry.value.scalar() else {
            continue;
        };
        let label = labels.and_then(|labels| labels.get(&entry.key));
        let label = label.and_then(Node::scalar);
        let may_match = label.is_some_and(|label| {
            label.text == wanted.text || label.literal().is_none() || wanted.literal().is_none()
        });
        if !may_match {
            let message = format!(
                "selector {}={} of {kind} {:?} does not match the labels of its Pod template",
                shorten_value(&entry.key),
                shorten_value(&wanted.text),
                document.name()
            );
            report(Severity::Error, wanted, message);
        }
    }
}

/// The server refuses a mount whose volume is not defined.
fn lint_pod_spec(
    document: &ManifestDocument,
    spec: &Node,
    report: &mut impl FnMut(Severity, &Scalar, String),
) {
    let volumes = list(spec, "volumes").iter().map(|one| one.get("name"));
    let claims = document.root.get_path(&["spec", "volumeClaimTemplates"]);
    let claims = claims.map(Node::items).unwrap_or_default().iter();
    let claims = claims.map(|claim| claim.get_path(&["metadata", "name"]));
    let mut volumes = Names::of(volumes.chain(claims));
    // A volume whose name was forgotten may be the one that is meant.
    let mut unnamed = list(spec, "volumes").iter();
    volumes.may_be_more |= unnamed.any(|volume| volume.get("name").is_none());
    let containers = ["initContainers", "containers"].map(|key| list(spec, key));
    for container in containers.into_iter().flatten() {
        let name = container.get("name").and_then(Node::scalar);
        let name = shorten_value(name.map_or("", |name| &name.text));
        for mount in ["volumeMounts", "volumeDevices"]
            .into_iter()
            .flat_map(|key| list(container, key))
        {
            if let Some(volume) = mount.get("name").and_then(Node::scalar)
                && volumes.lack(volume)
            {
                let volume_name = shorten_value(&volume.text);
                let message = format!(
                    "container {name:?} mounts volume {volume_name:?}, which is not defined"
                );
                report(Severity::Error, volume, message);
            }
        }
        lint_probes(container, &name, report);
    }
}

/// The kubelet cannot probe a port name that the container does not have.
fn lint_probes(container: &Node, name: &str, report: &mut impl FnMut(Severity, &Scalar, String)) {
    let ports = Names::of(list(container, "ports").iter().map(|port| port.get("name")));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        for action in ["httpGet", "tcpSocket"] {
            let port = container.get_path(&[probe, action, "port"]);
            if let Some(port) = port.and_then(Node::scalar).filter(|port| is_name(port))
                && ports.lack(port)
            {
                let port_name = shorten_value(&port.text);
                let message = format!(
                    "{probe} of container {name:?} has port {port_name:?}, which is none of its ports"
                );
                report(Severity::Warning, port, message);
            }
        }
    }
}

/// A Service with a port name that no container has leads nowhere.
fn lint_target_ports(
    document: &ManifestDocument,
    port_names: &Names<'_>,
    report: &mut impl FnMut(Severity, &Scalar, String),
) {
    let is_service = document.object_type.is("v1", "Service");
    let Some(spec) = document.root.get("spec").filter(|_| is_service) else {
        return;
    };
    if spec.get("selector").is_none() {
        return;
    }
    for port in list(spec, "ports") {
        let target = port.get("targetPort").and_then(Node::scalar);
        if let Some(target) = target.filter(|target| is_name(target))
            && port_names.lack(target)
        {
            let message = format!(
                "Service {:?} has targetPort {:?}, which no container port has for its name",
                document.name(),
                shorten_value(&target.text)
            );
            report(Severity::Warning, target, message);
        }
    }
}

fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    node.get(key).map(Node::items).unwrap_or_default()
}

/// Returns true for the name of a port rather than its number.
fn is_name(port: &Scalar) -> bool {
    port.text.contains(|c: char| c.is_ascii_alphabetic())
}
