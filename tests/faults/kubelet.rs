//! Plays the part of a kubelet that kwok leaves out: containers take their new size, and file systems grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use session_support::Real;

use crate::place::Place;
use crate::state::{State, text};

/// Acts in one namespace until it is dropped.
pub(crate) struct Kubelet {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Kubelet {
    pub(crate) fn of(place: &Place) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (real, name, asked) = (place.real.clone(), place.name.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while !asked.load(Ordering::Relaxed) {
                let state = State::of(&real, &name, |kind| {
                    ["Pod", "PersistentVolumeClaim"].contains(&kind)
                });
                for object in state.objects.values() {
                    act(&real, &name, object);
                }
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn act(real: &Real, namespace: &str, object: &Value) {
    let (plural, status) = match text(object, "/kind") {
        "Pod" => ("pods", resized(object)),
        "PersistentVolumeClaim" => ("persistentvolumeclaims", grown(object)),
        _ => return,
    };
    let Some(status) = status else { return };
    let name = text(object, "/metadata/name");
    let path = format!("/api/v1/namespaces/{namespace}/{plural}/{name}/status");
    let patch = json!({ "metadata": { "uid": object["metadata"]["uid"] }, "status": status });
    // Gone meanwhile, or changed: the next look tells.
    let _ = real.ask(Method::PATCH, &path, "application/merge-patch+json", &patch);
}

/// What the kubelet writes when it has given the containers of a Pod what the Pod says.
fn resized(pod: &Value) -> Option<Value> {
    if text(pod, "/status/phase") != "Running" {
        return None;
    }
    let mut statuses = pod
        .pointer("/status/containerStatuses")?
        .as_array()?
        .clone();
    let mut changed = false;
    for container in pod.pointer("/spec/containers")?.as_array()? {
        let wanted = &container["resources"];
        let mut own = statuses
            .iter_mut()
            .filter(|status| status["name"] == container["name"]);
        let Some(status) = own.next() else { continue };
        if status["resources"] != *wanted {
            status["resources"] = wanted.clone();
            status["allocatedResources"] = wanted["requests"].clone();
            changed = true;
        }
    }
    let generation = &pod["metadata"]["generation"];
    changed.then(|| json!({ "containerStatuses": statuses, "observedGeneration": generation }))
}

/// What the kubelet writes when it has grown the file system of a claim.
fn grown(claim: &Value) -> Option<Value> {
    let mut conditions = claim.pointer("/status/conditions")?.as_array()?.iter();
    conditions.find(|condition| condition["type"] == "FileSystemResizePending")?;
    let size = claim.pointer("/spec/resources/requests/storage")?;
    Some(
        json!({ "capacity": { "storage": size }, "conditions": null, "allocatedResourceStatuses": null }),
    )
}
