//! What each request does to the store, and what a server answers.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::fields;
use crate::kinds::{Kind, Place};
use crate::patch;
use crate::request::Recorded;
use crate::selector::Selector;
use crate::store::{Key, Store};
use crate::table;

impl Store {
    /// Answers a request for a served type; `None` for any other.
    pub(crate) fn answer(&mut self, request: &Recorded, place: &Place) -> Option<Answer> {
        if place.plural.is_empty() {
            return Some(self.discovery(&place.api_version));
        }
        let fits =
            |kind: &&Kind| kind.plural == place.plural && kind.api_version() == place.api_version;
        let Some(kind) = self.kinds.iter().find(fits).cloned() else {
            return Some(Answer::no_such_path());
        };
        let key: Key = (
            kind.qualified(),
            place.namespace.clone(),
            place.name.clone(),
        );
        match (
            request.method.as_str(),
            place.name.is_empty(),
            place.subresource.as_str(),
        ) {
            ("GET", true, "") => Some(self.list(request, &kind, place)),
            ("POST", true, "") => Some(self.create(request, &kind, place)),
            ("GET", false, "" | "status") => Some(self.get(request, &kind, &key)),
            ("PATCH", false, "" | "status" | "resize" | "scale") => {
                Some(self.patch(request, &kind, &key, &place.subresource))
            }
            ("DELETE", false, "") => Some(self.delete_one(request, &kind, &key)),
            _ => None,
        }
    }

    fn discovery(&self, api_version: &str) -> Answer {
        let of_version: Vec<&Kind> = self
            .kinds
            .iter()
            .filter(|kind| kind.api_version() == api_version)
            .collect();
        if of_version.is_empty() {
            return Answer::no_such_path();
        }
        let all = [
            "create", "delete", "get", "list", "patch", "update", "watch",
        ];
        let resources: Vec<Value> = of_version
            .iter()
            .map(|kind| json!({"name": kind.plural, "singularName": kind.kind.to_lowercase(), "namespaced": kind.namespaced, "kind": kind.kind, "verbs": all}))
            .collect();
        Answer::ok(
            json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": resources}),
        )
    }

    fn get(&self, request: &Recorded, kind: &Kind, key: &Key) -> Answer {
        match self.objects.get(key) {
            None => Answer::not_found(&kind.qualified(), &key.2),
            Some(object) if table::wanted(request) => Answer::ok(table::table(
                kind,
                std::slice::from_ref(object),
                json!({}),
                request,
            )),
            Some(object) => Answer::ok(object.clone()),
        }
    }

    fn list(&self, request: &Recorded, kind: &Kind, place: &Place) -> Answer {
        let selector = Selector {
            namespace: place.namespace.clone(),
            labels: request.query("labelSelector").unwrap_or_default(),
            fields: request.query("fieldSelector").unwrap_or_default(),
        };
        if request.query("watch").is_some() {
            return self.watch(request, kind, selector);
        }
        let mine =
            |(key, object): &(&Key, &Value)| key.0 == kind.qualified() && selector.matches(object);
        let all: Vec<Value> = self
            .objects
            .iter()
            .filter(mine)
            .map(|(_, object)| object.clone())
            .collect();
        let start: usize = request.query("continue").map_or(0, |token| {
            token.parse().expect("a continue token of the fake")
        });
        let limit = request
            .query("limit")
            .map_or(0, |limit| limit.parse().expect("limit is a number"));
        let end = if limit == 0 {
            all.len()
        } else {
            all.len().min(start + limit)
        };
        let mut metadata = json!({"resourceVersion": self.version.to_string()});
        if end < all.len() {
            metadata["continue"] = end.to_string().into();
            metadata["remainingItemCount"] = (all.len() - end).into();
        }
        let page = &all[start.min(end)..end];
        if table::wanted(request) {
            return Answer::ok(table::table(kind, page, metadata, request));
        }
        if request
            .header("accept")
            .starts_with("application/json;as=PartialObjectMetadataList")
        {
            let items: Vec<Value> = page.iter().map(table::partial).collect();
            return Answer::ok(
                json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items}),
            );
        }
        // As a real server: the items of a list do not name their type, custom resources excepted.
        let strip = |object: &Value| {
            let mut object = object.clone();
            if !kind.group.contains("platform") {
                object
                    .as_object_mut()
                    .unwrap()
                    .retain(|key, _| key != "kind" && key != "apiVersion");
            }
            object
        };
        let items: Vec<Value> = page.iter().map(strip).collect();
        Answer::ok(
            json!({"kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(), "metadata": metadata, "items": items}),
        )
    }

    fn create(&mut self, request: &Recorded, kind: &Kind, place: &Place) -> Answer {
        let mut object = request.json();
        if object["kind"] != kind.kind || object["apiVersion"] != kind.api_version() {
            return Answer::status(
                400,
                "BadRequest",
                &format!("the body is no {}", kind.kind),
                Value::Null,
            );
        }
        if let Some(prefix) = object["metadata"]["generateName"]
            .as_str()
            .map(str::to_owned)
            && object["metadata"]["name"].is_null()
        {
            object["metadata"]["name"] = format!("{prefix}{:05}", self.version).into();
        }
        if kind.namespaced {
            let namespace = object["metadata"]["namespace"]
                .as_str()
                .unwrap_or(&place.namespace)
                .to_owned();
            if namespace != place.namespace {
                let message = format!(
                    "the namespace of the provided object does not match the namespace sent on the request: {namespace}"
                );
                return Answer::status(400, "BadRequest", &message, Value::Null);
            }
            object["metadata"]["namespace"] = namespace.into();
        }
        let key = Self::key(kind, &object);
        if self.objects.contains_key(&key) {
            return Answer::already_exists(&kind.qualified(), &key.2);
        }
        object.as_object_mut().unwrap().shift_remove("status");
        let manager = request
            .query("fieldManager")
            .unwrap_or_else(|| "unknown".into());
        let sent = object.clone();
        fields::note(&mut object, kind, &manager, "Update", "", &sent);
        Answer::json(201, self.keep(request, object))
    }

    /// Writes, or with `dryRun` only says what would be written.
    fn keep(&mut self, request: &Recorded, mut object: Value) -> Value {
        if request.query("dryRun").is_none() {
            return self.put(object);
        }
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = "00000000-0000-4000-8000-ffffffffffff".into();
        }
        object
    }

    fn patch(&mut self, request: &Recorded, kind: &Kind, key: &Key, subresource: &str) -> Answer {
        let sent = request.json();
        let apply = request
            .header("content-type")
            .starts_with("application/apply-patch");
        let Some(before) = self.objects.get(key).cloned() else {
            if apply && subresource.is_empty() {
                return self.apply_new(request, kind, key, sent);
            }
            return Answer::not_found(&kind.qualified(), &key.2);
        };
        let differs = |field: &str| {
            let wanted = &sent["metadata"][field];
            !sent.is_array() && !wanted.is_null() && *wanted != before["metadata"][field]
        };
        if differs("resourceVersion") {
            let why = "the object has been modified; please apply your changes to the latest version and try again";
            return Answer::conflict(&kind.qualified(), &key.2, why);
        }
        // As a real server: a field nobody may change, and one that nobody looks at in a status.
        if differs("uid") && subresource.is_empty() {
            let why = format!(
                "Invalid value: {}: field is immutable",
                sent["metadata"]["uid"]
            );
            return Answer::invalid(&kind.group, &kind.kind, &key.2, &[("metadata.uid", &why)]);
        }
        let mut after = before.clone();
        let manager = request
            .query("fieldManager")
            .unwrap_or_else(|| "unknown".into());
        match request
            .header("content-type")
            .split(';')
            .next()
            .unwrap_or_default()
        {
            "application/json-patch+json" => {
                if let Err(why) = patch::json_patch(&mut after, &sent) {
                    return Answer::status(
                        422,
                        "Invalid",
                        &format!(
                            "the server rejected our request due to an error in our request: {why}"
                        ),
                        Value::Null,
                    );
                }
            }
            "application/apply-patch+yaml" => {
                fields::drop_unapplied(&mut after, &manager, &sent);
                patch::merge(&mut after, &sent);
                fields::note(&mut after, kind, &manager, "Apply", subresource, &sent);
            }
            _ => {
                patch::merge(&mut after, &sent);
                fields::note(&mut after, kind, &manager, "Update", subresource, &sent);
            }
        }
        only_part(&mut after, &before, subresource);
        for field in ["uid", "resourceVersion", "creationTimestamp"] {
            after["metadata"][field] = before["metadata"][field].clone();
        }
        let gone = !after["metadata"]["deletionTimestamp"].is_null()
            && after["metadata"]["finalizers"]
                .as_array()
                .is_none_or(Vec::is_empty);
        let kept = self.keep(request, after);
        if gone && request.query("dryRun").is_none() {
            self.remove(key);
        }
        Answer::ok(kept)
    }

    fn apply_new(
        &mut self,
        request: &Recorded,
        kind: &Kind,
        key: &Key,
        mut object: Value,
    ) -> Answer {
        if kind.namespaced {
            object["metadata"]["namespace"] = key.1.clone().into();
        }
        object["metadata"]["name"] = key.2.clone().into();
        let manager = request.query("fieldManager").unwrap_or_default();
        let sent = object.clone();
        fields::note(&mut object, kind, &manager, "Apply", "", &sent);
        Answer::json(201, self.keep(request, object))
    }

    fn delete_one(&mut self, request: &Recorded, kind: &Kind, key: &Key) -> Answer {
        let Some(object) = self.objects.get(key).cloned() else {
            return Answer::not_found(&kind.qualified(), &key.2);
        };
        let options = request.json();
        for field in ["uid", "resourceVersion"] {
            let wanted = &options["preconditions"][field];
            if !wanted.is_null() && *wanted != object["metadata"][field] {
                let why = format!(
                    "Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {}",
                    object["metadata"][field]
                );
                return Answer::conflict(&kind.qualified(), &key.2, &why);
            }
        }
        let dry = request.query("dryRun").is_some() || !options["dryRun"].is_null();
        let stays = if dry { None } else { self.delete(key) };
        if let Some(object) = stays {
            return Answer::ok(object);
        }
        let details = json!({"name": key.2, "group": kind.group, "kind": kind.plural, "uid": object["metadata"]["uid"]});
        Answer::ok(
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
        )
    }
}

/// A subresource changes its own part of an object, the object everything but its status.
fn only_part(after: &mut Value, before: &Value, subresource: &str) {
    let parts: &[&str] = match subresource {
        "" => &["status"],
        "status" => &["spec", "data"],
        _ => &["status", "data"],
    };
    for part in parts {
        match before.get(part) {
            Some(value) => after[part] = value.clone(),
            None => drop(after.as_object_mut().unwrap().shift_remove(*part)),
        }
    }
    if subresource == "status" {
        let managed = after["metadata"]["managedFields"].clone();
        after["metadata"] = before["metadata"].clone();
        after["metadata"]["managedFields"] = managed;
    }
}
