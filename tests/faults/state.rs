//! What is in a namespace, raw and in a form that two runs have in common.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use session_support::Real;

/// The kinds that sessions are made of.
const KINDS: [(&str, &str, &str); 15] = [
    ("streaming.platform/v1", "Session", "sessions"),
    ("v1", "Pod", "pods"),
    ("v1", "Service", "services"),
    ("v1", "ConfigMap", "configmaps"),
    ("v1", "Secret", "secrets"),
    ("v1", "ServiceAccount", "serviceaccounts"),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("apps/v1", "Deployment", "deployments"),
    ("apps/v1", "ReplicaSet", "replicasets"),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    ("batch/v1", "CronJob", "cronjobs"),
    ("rbac.authorization.k8s.io/v1", "Role", "roles"),
    (
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "rolebindings",
    ),
    (
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshot",
        "volumesnapshots",
    ),
];

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const SESSION: &str = "streaming.platform/session";

/// All objects of these kinds, by `Kind/name`.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<String, Value>,
}

impl State {
    /// Reads all of them.
    pub(crate) fn read(real: &Real, namespace: &str) -> Self {
        let mut state = Self::of(real, namespace, |_| true);
        // What `template apply` is tried with has the name of its namespace.
        let path = format!("/apis/streaming.platform/v1/sessiontemplates/{namespace}");
        if let Some(template) = real.get(&path) {
            state.objects.insert(key(&template), template);
        }
        state
    }

    /// Reads those of some kinds.
    pub(crate) fn of(real: &Real, namespace: &str, wanted: impl Fn(&str) -> bool) -> Self {
        let mut objects = BTreeMap::new();
        for (version, kind, plural) in KINDS.into_iter().filter(|(_, kind, _)| wanted(kind)) {
            let root = if version == "v1" { "api" } else { "apis" };
            let path = format!("/{root}/{version}/namespaces/{namespace}/{plural}");
            let list = real.get(&path).unwrap_or_default();
            for mut object in list["items"].as_array().into_iter().flatten().cloned() {
                object["kind"] = kind.into();
                object["apiVersion"] = version.into();
                objects.insert(key(&object), object);
            }
        }
        Self { objects }
    }

    /// An object, by `Kind/name`.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.objects.get(key)
    }

    /// What may hold somebody's work: Kind/name and UID. A claim that never had a volume holds nothing.
    pub(crate) fn data(&self) -> BTreeMap<String, String> {
        let data = self.objects.values().filter(|object| holds_data(object));
        data.map(|object| (key(object), text(object, "/metadata/uid").to_owned()))
            .collect()
    }

    /// Objects that nobody could find and take away: neither owned by something that is there, nor data, or without the labels
    /// that tell whose they are. What is going already is not counted.
    pub(crate) fn stray(&self) -> Vec<String> {
        let uids: BTreeSet<&str> = self
            .objects
            .values()
            .map(|object| text(object, "/metadata/uid"))
            .collect();
        let mut stray = Vec::new();
        for object in self.objects.values().filter(|object| !is_going(object)) {
            let mut owners = object
                .pointer("/metadata/ownerReferences")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let owned = owners.any(|owner| uids.contains(text(owner, "/uid")));
            let labels = &object["metadata"]["labels"];
            let labelled = labels[MANAGED_BY] == "kubectl-session" && labels[SESSION].is_string();
            match object["kind"].as_str() {
                Some("Session" | "SessionTemplate") => {}
                _ if !labelled => stray.push(format!("{} has no labels", key(object))),
                _ if !owned && !is_data(object) => {
                    stray.push(format!("{} has no owner", key(object)))
                }
                _ => {}
            }
        }
        stray
    }

    /// What two runs that came to the same have in common: no times, UIDs, versions, nor what the server fills in.
    pub(crate) fn essence(&self) -> BTreeMap<String, Value> {
        let names: BTreeMap<&str, &str> = self
            .objects
            .iter()
            .map(|(key, object)| (text(object, "/metadata/uid"), key.as_str()))
            .collect();
        let essence = self.objects.iter().map(|(key, object)| {
            // A template has the name of the namespace that it is tried in.
            let places = ["/metadata/namespace", "/metadata/name"].map(|at| text(object, at));
            let namespace = if places[0].is_empty() {
                places[1]
            } else {
                places[0]
            };
            let mut object = pruned(object);
            blur(&mut object, &names, namespace);
            (blurred(key, &names, namespace), object)
        });
        essence.collect()
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        let lines = self
            .essence()
            .into_iter()
            .map(|(key, object)| format!("  {key}: {object}\n"));
        lines.collect()
    }
}

/// How two essences differ, a line each; empty if they do not.
pub(crate) fn differences(
    wanted: &BTreeMap<String, Value>,
    found: &BTreeMap<String, Value>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let keys: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    for key in keys {
        match (wanted.get(key), found.get(key)) {
            (Some(_), None) => lines.push(format!("{key} is missing")),
            (None, Some(_)) => lines.push(format!("{key} is too much")),
            (Some(wanted), Some(found)) => differ(key, wanted, found, &mut lines),
            (None, None) => {}
        }
    }
    lines
}

fn differ(path: &str, wanted: &Value, found: &Value, lines: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let (one, other) = (one.get(key), other.get(key));
                let path = format!("{path} {key}");
                differ(
                    &path,
                    one.unwrap_or(&Value::Null),
                    other.unwrap_or(&Value::Null),
                    lines,
                );
            }
        }
        _ if wanted == found => {}
        _ => lines.push(format!("{path}: wanted {wanted}, found {found}")),
    }
}

/// `Kind/name`.
pub(crate) fn key(object: &Value) -> String {
    format!(
        "{}/{}",
        text(object, "/kind"),
        text(object, "/metadata/name")
    )
}

pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn is_going(object: &Value) -> bool {
    !text(object, "/metadata/deletionTimestamp").is_empty()
}

fn is_data(object: &Value) -> bool {
    match text(object, "/kind") {
        "PersistentVolumeClaim" | "VolumeSnapshot" => true,
        "Secret" => object["metadata"]["labels"]["streaming.platform/parameters"] == "true",
        _ => false,
    }
}

fn holds_data(object: &Value) -> bool {
    let unbound = text(object, "/kind") == "PersistentVolumeClaim"
        && text(object, "/status/phase") == "Pending";
    is_data(object) && !unbound && !is_going(object)
}

fn pruned(object: &Value) -> Value {
    let mut object = object.clone();
    for field in [
        "managedFields",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "uid",
        "finalizers",
        "selfLink",
    ] {
        remove(&mut object["metadata"], field);
    }
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations
            .retain(|key, _| key != "streaming.platform/run" && !key.contains("kubernetes.io/"));
        if let Some(resized) = annotations.get_mut("streaming.platform/resized") {
            *resized = resized_amounts(resized);
        }
    }
    for field in ["clusterIP", "clusterIPs", "nodeName", "volumeName"] {
        remove(&mut object["spec"], field);
    }
    let status = object["status"].take();
    let told = |pointer: &str| status.pointer(pointer).cloned().unwrap_or_default();
    object["status"] = match text(&object, "/kind") {
        "Session" => session_status(status),
        "Pod" => json!({ "phase": told("/phase"), "ready": told("/containerStatuses/0/ready") }),
        "PersistentVolumeClaim" => {
            json!({ "phase": told("/phase"), "capacity": told("/capacity") })
        }
        "VolumeSnapshot" => json!({ "readyToUse": told("/readyToUse") }),
        "StatefulSet" => {
            json!({ "replicas": told("/replicas"), "readyReplicas": told("/readyReplicas") })
        }
        _ => Value::Null,
    };
    let secret = object["kind"] == "Secret";
    if let Some(Value::Object(data)) = object.get_mut("data").filter(|_| secret) {
        data.values_mut()
            .for_each(|value| *value = "<secret>".into());
    }
    object
}

/// What the run requests in the end. A resize that was begun twice may have been recorded in two steps.
fn resized_amounts(resized: &Value) -> Value {
    let steps: Value =
        serde_json::from_str(resized.as_str().unwrap_or_default()).unwrap_or_default();
    let fields = steps
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object);
    fields
        .flatten()
        .map(|(name, amount)| (name.clone(), amount.clone()))
        .collect::<Map<_, _>>()
        .into()
}

fn session_status(mut status: Value) -> Value {
    remove(&mut status, "observedGeneration");
    if let Some(Value::Array(conditions)) = status.get_mut("conditions") {
        conditions
            .iter_mut()
            .for_each(|condition| remove(condition, "observedGeneration"));
        conditions.sort_by_key(|condition| condition["type"].to_string());
    }
    status
}

fn remove(object: &mut Value, field: &str) {
    if let Value::Object(fields) = object {
        fields.remove(field);
    }
}

/// Tokens of a run, names made from them, and which Session of this name data was made for: it belongs to the one that is there
/// when the other is gone.
const OF_ONE_RUN: [&str; 3] = [
    "streaming.platform/run",
    "streaming.platform/session-uid",
    "controller-revision-hash",
];

/// Replaces what differs from run to run by what it stands for.
fn blur(value: &mut Value, names: &BTreeMap<&str, &str>, namespace: &str) {
    match value {
        Value::String(text) => *text = blurred(text, names, namespace),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| blur(item, names, namespace)),
        Value::Object(fields) => {
            let old = std::mem::take(fields);
            let kept = old
                .into_iter()
                .filter(|(key, value)| !value.is_null() && !OF_ONE_RUN.contains(&key.as_str()));
            *fields = kept
                .map(|(key, mut value)| {
                    blur(&mut value, names, namespace);
                    (key, value)
                })
                .collect::<Map<_, _>>();
        }
        _ => {}
    }
}

fn blurred(text: &str, names: &BTreeMap<&str, &str>, namespace: &str) -> String {
    let bytes = text.as_bytes();
    if bytes.len() == 20 && bytes[4] == b'-' && bytes[10] == b'T' && bytes[19] == b'Z' {
        return "<time>".into();
    }
    let (mut rest, mut blurred) = (text, String::new());
    while let Some(first) = rest.chars().next() {
        let uid = rest.get(..UID).filter(|part| is_uid(part));
        let length = uid.map_or(first.len_utf8(), str::len);
        match uid {
            Some(uid) => {
                let name = names.get(uid).copied().unwrap_or("what is not here");
                blurred.push_str(&format!("<uid of {name}>"));
            }
            None => blurred.push(first),
        }
        rest = &rest[length..];
    }
    without_moment(&blurred.replace(namespace, "<namespace>"))
}

/// Names of snapshots that nobody named hold the moment when they were taken, and a number where two are of one second: two of
/// them come to the same.
fn without_moment(text: &str) -> String {
    let is_moment = |part: &str| {
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        matches!(part.split_once('-'), Some((day, time)) if day.len() == 8 && time.len() == 6 && digits(day) && digits(time))
    };
    let mut places = text.char_indices().map(|(at, _)| at);
    match places.find(|at| text.get(*at..*at + MOMENT).is_some_and(is_moment)) {
        Some(at) => {
            let rest = &text[at + MOMENT..];
            let unnumbered = rest
                .strip_prefix('-')
                .map(|rest| rest.trim_start_matches(|letter: char| letter.is_ascii_digit()))
                .filter(|rest| rest.is_empty() || rest.starts_with('-'));
            let rest = unnumbered.unwrap_or(rest);
            format!("{}<moment>{}", &text[..at], without_moment(rest))
        }
        None => text.to_owned(),
    }
}

/// Characters of `20260301-120000`.
const MOMENT: usize = 15;

/// Characters of a UID.
const UID: usize = 36;

fn is_uid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    let digits = text
        .bytes()
        .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    digits && lengths.eq([8, 4, 4, 4, 12])
}
