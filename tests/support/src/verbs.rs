//! What each request does to the store, and what a server answers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::fields;
use crate::kinds::{Kind, Place};
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
        let (page, metadata) = self.page(request, &all);
        if table::wanted(request) {
            return Answer::ok(table::table(kind, page, metadata, request));
        }
        let alone = "application/json;as=PartialObjectMetadataList";
        if request.header("accept").starts_with(alone) {
            let items: Vec<Value> = page.iter().map(table::partial).collect();
            return Answer::ok(
                json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items}),
            );
        }
        let items: Vec<Value> = page.iter().map(|object| untyped(object, kind)).collect();
        Answer::ok(
            json!({"kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(), "metadata": metadata, "items": items}),
        )
    }

    /// The part of a list that `limit` and `continue` ask for, and the metadata that goes with it.
    fn page<'a>(&self, request: &Recorded, all: &'a [Value]) -> (&'a [Value], Value) {
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
        (&all[start.min(end)..end], metadata)
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
    pub(crate) fn keep(&mut self, request: &Recorded, mut object: Value) -> Value {
        encode_string_data(&mut object);
        if request.query("dryRun").is_none() {
            return self.put(object);
        }
        if object["metadata"]["uid"].is_null() {
            object["metadata"]["uid"] = "00000000-0000-4000-8000-ffffffffffff".into();
        }
        object
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

/// As a real server: the items of a list do not name their type, custom resources excepted.
fn untyped(object: &Value, kind: &Kind) -> Value {
    let mut object = object.clone();
    if !kind.group.contains("platform") {
        let map = object.as_object_mut().unwrap();
        map.retain(|key, _| key != "kind" && key != "apiVersion");
    }
    object
}

/// As a real server: what a Secret is given as text is only ever read as base64.
fn encode_string_data(object: &mut Value) {
    if object["kind"] != "Secret" {
        return;
    }
    let plain = object.as_object_mut().unwrap().shift_remove("stringData");
    for (key, value) in plain.iter().filter_map(Value::as_object).flatten() {
        object["data"][key] = STANDARD.encode(value.as_str().unwrap_or_default()).into();
    }
}
