//! Objects that another tool rendered or exported (kustomize, Helm, `kubectl get -o yaml`), made fit for a session.
//! Long because each rule of the adaptation has its words for notes and warnings beside it.
//!
//! ```text
//! RenderedManifest ─► without Namespaces, Helm tests, server-made fields ─► references to the session's namespace ─► Adaptation
//! ```
//!
//! `create` adapts what it has rendered, lint the objects as they stand in the file. Names stay as they are. What is left out or moved is a note; what may not work is a warning.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use session_model::objects::Untyped;

use crate::credentials::is_reminder;
use crate::manifest::Manifest;
use crate::problem::Problem;
use crate::render::{RenderedManifest, RenderedObject};
use crate::resolve::most_similar;

const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
const HELM_HOOK: &str = "helm.sh/hook";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Fields of metadata that only the server writes.
const SERVER_MADE: [&str; 7] = [
    "resourceVersion",
    "uid",
    "selfLink",
    "creationTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
];

/// Notes and warnings of an adaptation, with their places in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adaptation {
    /// Objects and fields that were left out, and references that were moved.
    pub notes: Vec<Problem>,
    /// Values and hooks that may not work unchanged.
    pub warnings: Vec<Problem>,
}

/// Where the objects of a session go.
#[derive(Clone, Copy)]
struct Destination<'n> {
    /// Namespace in objects.
    namespace: &'n str,
    /// Words for it in messages.
    words: &'n str,
}

impl Manifest {
    /// Makes rendered objects fit for a session in `namespace`.
    pub fn adapt(&self, rendered: &mut RenderedManifest, namespace: &str) -> Adaptation {
        let destination = Destination {
            namespace,
            words: &format!("namespace {namespace:?}"),
        };
        let mut adaptation = self.adapt_objects(rendered, destination);
        for one in &rendered.objects {
            let values = configured_values(&one.object).into_iter();
            let reminders = values.filter(|(_, value)| is_reminder(value));
            let texts = reminders
                .map(|(place, value)| format!("{place} still has the value {:?}", shorten(&value)));
            let texts = texts.map(|text| self.object_problem(one, &text));
            adaptation.warnings.extend(texts);
        }
        adaptation.warnings.sort_by_key(|problem| problem.line);
        adaptation
    }

    /// Removes the objects and fields that a session leaves out, and returns what [`Manifest::adapt`] would say of a session in a namespace
    /// that is not known yet, except of values left to be replaced.
    pub(crate) fn leave_out_foreign(&mut self) -> Adaptation {
        let mut objects = RenderedManifest {
            objects: Vec::new(),
            omitted_secrets: Vec::new(),
        };
        for document in &self.documents {
            objects.objects.push(RenderedObject {
                object: document.root.to_value(),
                location: document.root.location(),
            });
        }
        let destination = Destination {
            namespace: "${NAMESPACE}",
            words: "the session's namespace",
        };
        let adaptation = self.adapt_objects(&mut objects, destination);
        self.documents.retain(|document| {
            let object = document.root.to_value();
            left_out_reason(Untyped(&object), "").is_none()
        });
        for document in &mut self.documents {
            document.root.retain_keys(|key| key != "status");
            if let Some(metadata) = document.root.get_mut("metadata") {
                metadata.retain_keys(|key| !SERVER_MADE.contains(&key));
            }
        }
        adaptation
    }

    fn adapt_objects(
        &self,
        rendered: &mut RenderedManifest,
        destination: Destination<'_>,
    ) -> Adaptation {
        let mut adaptation = Adaptation::default();
        let mut replaced = BTreeSet::new();
        rendered.objects.retain(|one| {
            let object = Untyped(&one.object);
            let Some(reason) = left_out_reason(object, destination.words) else {
                return true;
            };
            if is_namespace(object) {
                replaced.insert(object.name().to_owned());
            }
            let left_out = format!(
                "{} {:?} is left out: {reason}",
                object.kind(),
                object.name()
            );
            adaptation
                .notes
                .push(self.problem_at(one.location, left_out));
            false
        });
        for one in &mut rendered.objects {
            let mut changes = Vec::new();
            let server_made = remove_server_made(&mut one.object);
            if !server_made.is_empty() {
                let fields = server_made.join(", ");
                changes.push(format!(
                    "fields that the server makes are left out: {fields}"
                ));
            }
            let moved = move_references(&mut one.object, &replaced, destination.namespace);
            if !moved.is_empty() {
                let fields = moved.join(", ");
                changes.push(format!("refers to {} now: {fields}", destination.words));
            }
            let changes = changes.iter().map(|text| self.object_problem(one, text));
            adaptation.notes.extend(changes);
        }
        self.add_warnings(rendered, &mut adaptation);
        adaptation
    }

    fn add_warnings(&self, rendered: &RenderedManifest, adaptation: &mut Adaptation) {
        let objects = rendered.objects.iter();
        let services = objects.filter(|one| Untyped(&one.object).kind() == "Service");
        let services: Vec<&str> = services.map(|one| Untyped(&one.object).name()).collect();
        for one in &rendered.objects {
            let object = Untyped(&one.object);
            let mut texts = Vec::new();
            if let Some(hook) = object.annotation(HELM_HOOK) {
                texts.push(format!(
                    "is a Helm hook ({hook}), which is created with the other objects"
                ));
            }
            texts.extend(drain_blocker(&one.object, &rendered.objects));
            for (place, value) in configured_values(&one.object) {
                let hosts = hosts_of(&value);
                let unknown = hosts.into_iter().filter(|host| !services.contains(host));
                texts.extend(unknown.map(|host| {
                    let near = near_service(host, &services);
                    let near = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
                    format!("{place} names host {host:?}, but no Service of the session has that name{near}")
                }));
            }
            let texts = texts.iter().map(|text| self.object_problem(one, text));
            adaptation.warnings.extend(texts);
        }
    }

    fn object_problem(&self, one: &RenderedObject, text: &str) -> Problem {
        let object = Untyped(&one.object);
        let text = format!("{} {:?}: {text}", object.kind(), object.name());
        self.problem_at(one.location, text)
    }
}

/// Returns why an object is no part of a session whose objects go to `destination`; `None` for one that is.
fn left_out_reason(object: Untyped<'_>, destination: &str) -> Option<String> {
    if is_namespace(object) {
        return Some(format!("its objects are created in {destination}"));
    }
    is_helm_test(object).then(|| "it is a Helm test".to_owned())
}

fn is_namespace(object: Untyped<'_>) -> bool {
    (object.api_version(), object.kind()) == ("v1", "Namespace")
}

/// Returns the warning about a PodDisruptionBudget that never allows an eviction, because it wants as many Pods available as its
/// workload has.
fn drain_blocker(budget: &Value, objects: &[RenderedObject]) -> Option<String> {
    if Untyped(budget).kind() != "PodDisruptionBudget" {
        return None;
    }
    let least = budget.pointer("/spec/minAvailable")?.as_i64()?;
    let selector = budget.pointer("/spec/selector/matchLabels")?.as_object()?;
    let mut objects = objects.iter().map(|one| &one.object);
    let workload = objects.find(|object| {
        let labels = session_model::objects::pods::pod_labels(object);
        labels.is_some_and(|labels| {
            selector
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
        })
    })?;
    let count = workload
        .pointer("/spec/replicas")
        .and_then(Value::as_i64)
        .unwrap_or(1);
    let (kind, name) = (Untyped(workload).kind(), Untyped(workload).name());
    (count <= least).then(|| {
        format!("minAvailable {least} blocks every drain of a node, because {kind} {name:?} has replicas: {count}; use maxUnavailable: 1")
    })
}

fn is_helm_test(object: Untyped<'_>) -> bool {
    let hooks = object.annotation(HELM_HOOK).into_iter();
    let mut hooks = hooks.flat_map(|hooks| hooks.split(',')).map(str::trim);
    hooks.any(|hook| matches!(hook, "test" | "test-success" | "test-failure"))
}

/// Removes fields that only the server writes, and returns those that had a value: generators write empty ones, too.
fn remove_server_made(object: &mut Value) -> Vec<String> {
    let mut removed = Vec::new();
    let mut remove = |parent: Option<&mut Value>, field: &str, path: &str| {
        let fields = parent.and_then(Value::as_object_mut);
        let value = fields.and_then(|fields| fields.shift_remove(field));
        if value.is_some_and(|value| !is_empty(&value)) {
            removed.push(format!("{path}{field}"));
        }
    };
    for field in SERVER_MADE {
        remove(object.get_mut("metadata"), field, "metadata.");
    }
    let annotations = object.pointer_mut("/metadata/annotations");
    remove(annotations, LAST_APPLIED, "annotation ");
    remove(Some(object), "status", "");
    let is_service = Untyped(object).kind() == "Service";
    if is_service && Untyped(object).str_at("/spec/clusterIP") != Some("None") {
        for field in ["clusterIP", "clusterIPs"] {
            remove(object.get_mut("spec"), field, "spec.");
        }
    }
    removed
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Replaces the names of Namespaces that were left out, where an object refers to them, and returns the fields.
fn move_references(
    object: &mut Value,
    replaced: &BTreeSet<String>,
    namespace: &str,
) -> Vec<&'static str> {
    let is_replaced = |value: &Value| {
        let name = value.as_str();
        name.is_some_and(|name| replaced.contains(name) && name != namespace)
    };
    // The note about the Namespace says so of all objects.
    if let Some(own) = object
        .pointer_mut("/metadata/namespace")
        .filter(|own| is_replaced(own))
    {
        *own = namespace.into();
    }
    let mut moved = Vec::new();
    let mut replace = |value: Option<&mut Value>, field: &'static str| {
        if let Some(value) = value.filter(|value| is_replaced(value)) {
            *value = namespace.into();
            if !moved.contains(&field) {
                moved.push(field);
            }
        }
    };
    for subject in items_mut(object.pointer_mut("/subjects")) {
        replace(subject.get_mut("namespace"), "subjects");
    }
    let names = object.pointer_mut("/spec/namespaceSelector/matchNames");
    for name in items_mut(names) {
        replace(Some(name), "spec.namespaceSelector.matchNames");
    }
    for (rules, peers, field) in [
        ("/spec/ingress", "from", "spec.ingress"),
        ("/spec/egress", "to", "spec.egress"),
    ] {
        for rule in items_mut(object.pointer_mut(rules)) {
            for peer in items_mut(rule.get_mut(peers)) {
                let labels = peer.pointer_mut("/namespaceSelector/matchLabels");
                replace(
                    labels.and_then(|labels| labels.get_mut(NAMESPACE_NAME)),
                    field,
                );
            }
        }
    }
    moved
}

fn items_mut(list: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Returns the texts by which an object configures programs, each with its place: environment variables, data of ConfigMaps and
/// Secrets.
fn configured_values(object: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let kind = Untyped(object).kind();
    let no_fields = Map::new();
    let fields = |name: &str| object.get(name).and_then(Value::as_object);
    if matches!(kind, "ConfigMap" | "Secret") {
        for field in ["data", "stringData"] {
            for (key, value) in fields(field).unwrap_or(&no_fields) {
                let Some(text) = value.as_str() else {
                    continue;
                };
                let decoded = (kind == "Secret" && field == "data").then(|| {
                    STANDARD
                        .decode(text)
                        .ok()
                        .and_then(|b| String::from_utf8(b).ok())
                });
                let text = decoded.unwrap_or_else(|| Some(text.to_owned()));
                found.extend(text.map(|text| (key.clone(), text)));
            }
        }
    }
    let Some(spec) = session_model::objects::pods::pod_spec(object) else {
        return found;
    };
    for list in ["initContainers", "containers"] {
        for container in spec
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            for variable in Untyped(container).items_at("/env") {
                if let (Some(name), Some(value)) =
                    (variable.str_at("/name"), variable.str_at("/value"))
                {
                    found.push((name.to_owned(), value.to_owned()));
                }
            }
        }
    }
    found
}

/// Returns the hosts of URLs in a text that can only be Services: one label, after `://` or the `@` of a URL.
fn hosts_of(text: &str) -> Vec<&str> {
    let mut hosts: Vec<&str> = Vec::new();
    for (start, _) in text.match_indices("://") {
        let authority = text.get(start + 3..).unwrap_or_default();
        let end = authority.find(|c: char| "/?#\"', \n".contains(c));
        let authority = authority
            .get(..end.unwrap_or(authority.len()))
            .unwrap_or_default();
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let host = host.split(':').next().unwrap_or_default();
        let is_label = host.starts_with(|c: char| c.is_ascii_lowercase())
            && host
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if is_label && host != "localhost" && !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

/// Returns the Service whose name is nearest to a host: with a prefix before it or after a suffix, else a misspelt one.
fn near_service<'s>(host: &str, services: &[&'s str]) -> Option<&'s str> {
    let is_extended = |name: &&&str| {
        name.strip_suffix(host)
            .is_some_and(|prefix| prefix.ends_with('-'))
            || name
                .strip_prefix(host)
                .is_some_and(|suffix| suffix.starts_with('-'))
    };
    let extended = services.iter().find(is_extended).copied();
    extended.or_else(|| most_similar(host, services.iter().copied()))
}

fn shorten(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    match start.len() < text.len() {
        true => format!("{start}..."),
        false => start,
    }
}
