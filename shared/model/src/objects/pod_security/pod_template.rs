//! Pod templates inside an object, access to their parts, and the list of violations.

use serde_json::Value;

use crate::objects::Untyped;

/// Fields of a Pod spec that list containers.
const CONTAINER_LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
/// Longest value in a message, in characters.
const MAX_SHOWN_CHARACTERS: usize = 60;

/// A Pod, or a Pod template inside an object.
pub(super) struct PodTemplate<'o> {
    /// JSON pointer of the template in its object; empty for a Pod.
    pointer: String,
    metadata: Option<&'o Value>,
    spec: &'o Value,
}

/// A part of a Pod with fields of its own: the Pod spec, a container, a volume, a list item.
pub(super) struct PodPart<'o> {
    /// Name of the container, if the part is in one.
    container: Option<&'o str>,
    pointer: String,
    value: &'o Value,
}

/// A field that violates a check.
#[derive(Debug)]
pub(super) struct FieldViolation {
    pub(super) container: Option<String>,
    pub(super) pointer: String,
    pub(super) description: String,
}

/// The violations that a check has found.
#[derive(Debug, Default)]
pub(super) struct FieldViolations(pub(super) Vec<FieldViolation>);

impl<'o> PodTemplate<'o> {
    /// Returns every Pod template of an object: every value with a `spec` that lists containers.
    pub(super) fn find_all(object: &'o Value) -> Vec<Self> {
        let mut all = Vec::new();
        collect_templates(object, &mut String::new(), &mut all);
        all
    }

    /// Returns the Pod spec as a part.
    pub(super) fn spec_part(&self) -> PodPart<'o> {
        PodPart {
            container: None,
            pointer: format!("{}/spec", self.pointer),
            value: self.spec,
        }
    }

    /// Returns the containers of all lists.
    pub(super) fn containers(&self) -> impl Iterator<Item = PodPart<'o>> {
        CONTAINER_LISTS.iter().flat_map(|list| {
            self.items(list).map(|part| PodPart {
                container: Some(name_of(part.value)),
                ..part
            })
        })
    }

    /// Returns the Pod spec and all containers: the parts that may have a `securityContext`.
    pub(super) fn security_context_parts(&self) -> impl Iterator<Item = PodPart<'o>> {
        std::iter::once(self.spec_part()).chain(self.containers())
    }

    /// Returns the volumes.
    pub(super) fn volumes(&self) -> impl Iterator<Item = PodPart<'o>> {
        self.items("volumes")
    }

    /// Returns the annotations whose key has that prefix, each as a part.
    pub(super) fn annotations(
        &self,
        prefix: &'static str,
    ) -> impl Iterator<Item = (&'o str, PodPart<'o>)> {
        let annotations = self
            .metadata
            .and_then(|metadata| metadata.get("annotations"));
        let annotations = annotations.and_then(Value::as_object).into_iter().flatten();
        annotations
            .filter(move |(key, _)| key.starts_with(prefix))
            .map(|(key, value)| {
                let pointer = format!(
                    "{}/metadata/annotations/{}",
                    self.pointer,
                    escape_pointer_key(key)
                );
                let part = PodPart {
                    container: None,
                    pointer,
                    value,
                };
                (key.as_str(), part)
            })
    }

    /// Returns true for a Windows Pod, which has no Linux security context.
    pub(super) fn is_windows(&self) -> bool {
        self.spec.pointer("/os/name") == Some(&Value::from("windows"))
    }

    /// Returns true for a Pod with its own user namespace, whose root user is unprivileged on the node.
    pub(super) fn has_user_namespace(&self) -> bool {
        self.spec.get("hostUsers") == Some(&Value::Bool(false))
    }

    fn items(&self, list: &str) -> impl Iterator<Item = PodPart<'o>> {
        self.spec_part().items(list).collect::<Vec<_>>().into_iter()
    }
}

/// Collects Pod templates at any depth, also below other ones: a misplaced list of containers must not hide a template.
fn collect_templates<'o>(value: &'o Value, pointer: &mut String, all: &mut Vec<PodTemplate<'o>>) {
    let mut step = |key: &str, value: &'o Value| {
        let end = pointer.len();
        pointer.push('/');
        pointer.push_str(&escape_pointer_key(key));
        collect_templates(value, pointer, all);
        pointer.truncate(end);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| step(key, value)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, item)| step(&index.to_string(), item));
        }
        _ => {}
    }
    let spec = value.get("spec");
    let has = |spec: &&Value| {
        let mut lists = CONTAINER_LISTS.iter();
        lists.any(|list| spec.get(list).is_some_and(Value::is_array))
    };
    if let Some(spec) = spec.filter(has) {
        all.push(PodTemplate {
            pointer: pointer.clone(),
            metadata: value.get("metadata"),
            spec,
        });
    }
}

/// Escapes a key for a JSON pointer.
fn escape_pointer_key(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl<'o> PodPart<'o> {
    /// Returns the value of field `name`.
    pub(super) fn name(&self) -> &'o str {
        name_of(self.value)
    }

    /// Returns the part itself.
    pub(super) fn value(&self) -> &'o Value {
        self.value
    }

    /// Returns the value of a field given as `securityContext.privileged`; `None` if it is absent or null.
    pub(super) fn field(&self, path: &str) -> Option<&'o Value> {
        let found = path
            .split('.')
            .try_fold(self.value, |value, key| value.get(key));
        found.filter(|value| !value.is_null())
    }

    /// Returns the items of a list.
    pub(super) fn items(&self, path: &str) -> impl Iterator<Item = PodPart<'o>> + use<'o> {
        let items = self.field(path).and_then(Value::as_array);
        let (container, pointer) = (self.container, self.pointer_of(path));
        let part = move |(index, value)| PodPart {
            container,
            pointer: format!("{pointer}/{index}"),
            value,
        };
        items.into_iter().flatten().enumerate().map(part)
    }

    fn pointer_of(&self, path: &str) -> String {
        format!("{}/{}", self.pointer, path.replace('.', "/"))
    }
}

impl FieldViolations {
    /// Reports a field unless it is absent or has an allowed value.
    pub(super) fn report_unless(
        &mut self,
        part: &PodPart<'_>,
        path: &str,
        allowed: impl Fn(&Value) -> bool,
    ) {
        if part.field(path).is_some_and(|value| !allowed(value)) {
            self.field(part, path);
        }
    }

    /// Reports a field with its value.
    pub(super) fn field(&mut self, part: &PodPart<'_>, path: &str) {
        let what = match part.field(path) {
            Some(value) => format!("{path} is {}", display_value(value)),
            None => format!("{path} is not set"),
        };
        self.0.push(FieldViolation {
            container: part.container.map(str::to_owned),
            pointer: part.pointer_of(path),
            description: what,
        });
    }

    /// Reports a part as a whole, described by `what`.
    pub(super) fn report_part(&mut self, part: &PodPart<'_>, what: String) {
        self.0.push(FieldViolation {
            container: part.container.map(str::to_owned),
            pointer: part.pointer.clone(),
            description: what,
        });
    }
}

/// Returns a value for a message, shortened.
pub(super) fn display_value(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Returns the name of a container or volume; [`Untyped::NONE`] without one.
fn name_of(part: &Value) -> &str {
    Untyped(part).str_at("/name").unwrap_or(Untyped::NONE)
}
