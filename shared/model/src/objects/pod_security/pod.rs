//! A Pod template inside an object, and what is found in it.

use serde_json::Value;

/// The three lists of containers.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
/// Longest text of a value that is shown.
const SHOWN: usize = 60;

/// The Pod of an object, or the template of one.
pub(super) struct PodTemplate<'o> {
    /// JSON pointer of the template in its object, empty for a Pod.
    pointer: String,
    metadata: Option<&'o Value>,
    spec: &'o Value,
}

/// A part of a Pod that has fields of its own: the Pod, a container, a volume.
pub(super) struct Part<'o> {
    /// The name, where it is a container.
    container: Option<&'o str>,
    pointer: String,
    value: &'o Value,
}

/// A field that asks for too much.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) container: Option<String>,
    pub(super) pointer: String,
    pub(super) what: String,
}

/// The fields that ask for too much.
#[derive(Debug, Default)]
pub(super) struct Found(pub(super) Vec<Field>);

impl<'o> PodTemplate<'o> {
    /// Every Pod template of an object: whatever has a `spec` with containers.
    pub(super) fn all(object: &'o Value) -> Vec<Self> {
        let mut all = Vec::new();
        collect(object, &mut String::new(), &mut all);
        all
    }

    /// The Pod itself, with `spec` as its fields.
    pub(super) fn pod(&self) -> Part<'o> {
        Part {
            container: None,
            pointer: format!("{}/spec", self.pointer),
            value: self.spec,
        }
    }

    /// The containers of all three lists.
    pub(super) fn containers(&self) -> impl Iterator<Item = Part<'o>> {
        LISTS.iter().flat_map(|list| {
            self.items(list).map(|part| Part {
                container: Some(text(part.value, "name")),
                ..part
            })
        })
    }

    /// The Pod and all containers: what may have a `securityContext`.
    pub(super) fn contexts(&self) -> impl Iterator<Item = Part<'o>> {
        std::iter::once(self.pod()).chain(self.containers())
    }

    /// The volumes.
    pub(super) fn volumes(&self) -> impl Iterator<Item = Part<'o>> {
        self.items("volumes")
    }

    /// The annotations whose key begins so, each as a part whose value is the annotation's.
    pub(super) fn annotations(
        &self,
        prefix: &'static str,
    ) -> impl Iterator<Item = (&'o str, Part<'o>)> {
        let annotations = self
            .metadata
            .and_then(|metadata| metadata.get("annotations"));
        let annotations = annotations.and_then(Value::as_object).into_iter().flatten();
        annotations
            .filter(move |(key, _)| key.starts_with(prefix))
            .map(|(key, value)| {
                let pointer = format!("{}/metadata/annotations/{}", self.pointer, escaped(key));
                let part = Part {
                    container: None,
                    pointer,
                    value,
                };
                (key.as_str(), part)
            })
    }

    /// True for a Pod of Windows, which has no Linux security context.
    pub(super) fn is_windows(&self) -> bool {
        self.spec.pointer("/os/name") == Some(&Value::from("windows"))
    }

    /// True for a Pod with a user namespace of its own, whose root is nobody on the node.
    pub(super) fn has_user_namespace(&self) -> bool {
        self.spec.get("hostUsers") == Some(&Value::Bool(false))
    }

    fn items(&self, list: &str) -> impl Iterator<Item = Part<'o>> {
        self.pod().items(list).collect::<Vec<_>>().into_iter()
    }
}

/// Goes on below what has been found: a list of containers where none belongs must not hide a template.
fn collect<'o>(value: &'o Value, pointer: &mut String, all: &mut Vec<PodTemplate<'o>>) {
    let mut step = |key: &str, value: &'o Value| {
        let end = pointer.len();
        pointer.push('/');
        pointer.push_str(&escaped(key));
        collect(value, pointer, all);
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
        let mut lists = LISTS.iter();
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

/// A key as a step of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl<'o> Part<'o> {
    /// Its name.
    pub(super) fn name(&self) -> &'o str {
        text(self.value, "name")
    }

    /// Its value.
    pub(super) fn value(&self) -> &'o Value {
        self.value
    }

    /// The value of a field, given as `securityContext.privileged`; `None` where it is absent or null.
    pub(super) fn field(&self, path: &str) -> Option<&'o Value> {
        let found = path
            .split('.')
            .try_fold(self.value, |value, key| value.get(key));
        found.filter(|value| !value.is_null())
    }

    /// The items of a list.
    pub(super) fn items(&self, path: &str) -> impl Iterator<Item = Part<'o>> + use<'o> {
        let items = self.field(path).and_then(Value::as_array);
        let (container, pointer) = (self.container, self.pointer_of(path));
        let part = move |(index, value)| Part {
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

impl Found {
    /// Takes a field down unless it is absent or has a value that is allowed.
    pub(super) fn unless(&mut self, part: &Part<'_>, path: &str, allowed: impl Fn(&Value) -> bool) {
        if part.field(path).is_some_and(|value| !allowed(value)) {
            self.field(part, path);
        }
    }

    /// Takes a field down with the value it has.
    pub(super) fn field(&mut self, part: &Part<'_>, path: &str) {
        let what = match part.field(path) {
            Some(value) => format!("{path} is {}", shown(value)),
            None => format!("{path} is not set"),
        };
        self.0.push(Field {
            container: part.container.map(str::to_owned),
            pointer: part.pointer_of(path),
            what,
        });
    }

    /// Takes a part down as a whole.
    pub(super) fn part(&mut self, part: &Part<'_>, what: String) {
        self.0.push(Field {
            container: part.container.map(str::to_owned),
            pointer: part.pointer.clone(),
            what,
        });
    }
}

/// A value as it stands in a message.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
