//! PATCH: what each kind of patch does to an object, and what a server does not let it do.

use serde_json::Value;

use crate::answer::Answer;
use crate::fields;
use crate::kinds::Kind;
use crate::patch;
use crate::request::Recorded;
use crate::store::{Key, Store};

impl Store {
    pub(crate) fn patch(
        &mut self,
        request: &Recorded,
        kind: &Kind,
        key: &Key,
        subresource: &str,
    ) -> Answer {
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
        if let Some(refused) = refused(&sent, &before, kind, key, subresource) {
            return refused;
        }
        let mut after = before.clone();
        if let Err(why) = change(&mut after, request, kind, subresource, &sent) {
            let message =
                format!("the server rejected our request due to an error in our request: {why}");
            return Answer::status(422, "Invalid", &message, Value::Null);
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
}

/// What a server says against a patch because of its metadata.
fn refused(
    sent: &Value,
    before: &Value,
    kind: &Kind,
    key: &Key,
    subresource: &str,
) -> Option<Answer> {
    let differs = |field: &str| {
        let wanted = &sent["metadata"][field];
        !sent.is_array() && !wanted.is_null() && *wanted != before["metadata"][field]
    };
    if differs("resourceVersion") {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        return Some(Answer::conflict(&kind.qualified(), &key.2, why));
    }
    // As a real server: a field nobody may change, and one that nobody looks at in a status.
    if differs("uid") && subresource.is_empty() {
        let why = format!(
            "Invalid value: {}: field is immutable",
            sent["metadata"]["uid"]
        );
        return Some(Answer::invalid(
            &kind.group,
            &kind.kind,
            &key.2,
            &[("metadata.uid", &why)],
        ));
    }
    None
}

/// Changes `after` as the patch says.
fn change(
    after: &mut Value,
    request: &Recorded,
    kind: &Kind,
    subresource: &str,
    sent: &Value,
) -> Result<(), String> {
    let manager = request
        .query("fieldManager")
        .unwrap_or_else(|| "unknown".into());
    match request
        .header("content-type")
        .split(';')
        .next()
        .unwrap_or_default()
    {
        "application/json-patch+json" => return patch::json_patch(after, sent),
        "application/apply-patch+yaml" => {
            fields::drop_unapplied(after, &manager, sent);
            patch::merge(after, sent);
            fields::note(after, kind, &manager, "Apply", subresource, sent);
        }
        "application/strategic-merge-patch+json" => {
            patch::strategic(after, sent);
            fields::note(after, kind, &manager, "Update", subresource, sent);
        }
        _ => {
            patch::merge(after, sent);
            fields::note(after, kind, &manager, "Update", subresource, sent);
        }
    }
    Ok(())
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
