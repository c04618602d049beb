//! The changes that a resize makes, and whether they are possible in place. Pure.

use anyhow::{Result, anyhow, bail};
use serde_json::{Map, Value, json};
use session_shared::Pod;
use session_shared::api::{IntOrString, ObjectRef, ResourceLimits};
use session_shared::capacity::run_record::RunAmounts;
use session_shared::diagnosis::pod_resize::RESIZABLE_RESOURCES;
use session_shared::failure::with_hint;
use session_shared::objects::Untyped;
use session_shared::objects::overrides::set_limits;
use session_shared::objects::pod_containers::lasting_in_spec;
use session_shared::objects::pods::{default_container, pod_spec};
use session_shared::objects::qos;
use session_shared::ops::ObservedSession;
use session_shared::quantity::Quantity;
use session_shared::reconcile::{is_primary_pod, run_amounts};

/// The change of the `resources` of one container, in a Pod or in a workload's Pod template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ResourceChange {
    /// The Pod, or the workload with the Pod template.
    pub(crate) object: Value,
    /// Name of the container.
    pub(crate) container: String,
    /// Its present `resources`.
    pub(crate) before: Value,
    /// Its new `resources`.
    pub(crate) after: Value,
}

impl ResourceChange {
    /// Computes the change that `size` makes to a container of `object`, by default its first one. Returns `None` if there is no
    /// such container.
    fn compute(
        object: Value,
        container: Option<&str>,
        size: &ResourceLimits,
    ) -> Result<Option<Self>> {
        let container = container.map(str::to_owned);
        let Some(container) = container.or_else(|| default_container(&object)) else {
            return Ok(None);
        };
        let Some((_, found)) = find_container(&object, &container) else {
            return Ok(None);
        };
        let none = || json!({});
        let before = found.get("resources").cloned().unwrap_or_else(none);
        let mut after = before.clone();
        set_limits(&mut after, size)?;
        Ok(Some(Self {
            object,
            container,
            before,
            after,
        }))
    }

    pub(crate) fn object_ref(&self) -> ObjectRef {
        ObjectRef::from_object(&self.object)
    }

    /// Returns true if a limit or request of CPU or memory differs.
    pub(crate) fn is_needed(&self) -> bool {
        let amounts = |resources: &Value| {
            let all = ["limits", "requests"].into_iter();
            let all = all.flat_map(|part| RESIZABLE_RESOURCES.map(|name| (part, name)));
            all.map(|(part, name)| resource_amount(resources, part, name))
                .collect::<Vec<_>>()
        };
        amounts(&self.before) != amounts(&self.after)
    }

    /// Returns the object with the new `resources`.
    fn applied(&self) -> Value {
        let mut object = self.object.clone();
        let list = object.pointer_mut(&format!("/spec/{}", self.list()));
        let containers = list.and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if Untyped(container).str_at("/name") == Some(&self.container) {
                container["resources"] = self.after.clone();
            }
        }
        object
    }

    /// Returns the list of the Pod spec that has the container: `initContainers` for a sidecar.
    fn list(&self) -> &'static str {
        find_container(&self.object, &self.container).map_or("containers", |(list, _)| list)
    }

    /// Returns the strategic merge patch that sets the container's `resources`.
    pub(crate) fn patch(&self, resources: &Value) -> Value {
        let spec = json!({ self.list(): [{ "name": self.container, "resources": resources }] });
        let spec = match Untyped(&self.object).kind() {
            "Pod" => spec,
            _ => json!({ "template": { "spec": spec } }),
        };
        json!({ "metadata": { "uid": self.object_ref().uid }, "spec": spec })
    }

    /// Returns the Pod spec before and after the change.
    pub(crate) fn pod_specs(&self) -> (Map<String, Value>, Map<String, Value>) {
        let before = pod_spec(&self.object).cloned().unwrap_or_default();
        let mut after = before.clone();
        let containers = after.get_mut(self.list()).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if Untyped(container).str_at("/name") == Some(self.container.as_str()) {
                container["resources"] = self.after.clone();
            }
        }
        (before, after)
    }

    /// Returns true if a request of CPU or memory becomes larger.
    pub(crate) fn raises_requests(&self) -> bool {
        RESIZABLE_RESOURCES.iter().any(|name| {
            resource_amount(&self.after, "requests", name)
                > resource_amount(&self.before, "requests", name)
        })
    }

    /// Returns the changed limits for people: `cpu limit 1, now 2; memory limit 1Gi, now 2Gi`.
    pub(crate) fn describe(&self) -> String {
        let changes = RESIZABLE_RESOURCES.iter().filter_map(|name| {
            let before = resource_amount(&self.before, "limits", name);
            let after = resource_amount(&self.after, "limits", name);
            let after = after.filter(|_| before != after)?;
            Some(match before {
                Some(before) => format!("{name} limit {before}, now {after}"),
                None => format!("{name} limit none, now {after}"),
            })
        });
        changes.collect::<Vec<_>>().join("; ")
    }

    /// Returns the reason why the Pod cannot be resized in place, as far as the Pod itself shows one.
    fn in_place_obstacle(&self) -> Option<String> {
        let (before, after) = self.pod_specs();
        let (was, is) = (qos::qos_class(&before), qos::qos_class(&after));
        if was != is {
            return Some(format!("QoS class would change from {was} to {is}"));
        }
        let (_, container) = find_container(&self.object, &self.container)?;
        let policies = container.get("resizePolicy")?.as_array()?;
        let restarts =
            |policy: &&Value| Untyped(policy).str_at("/restartPolicy") == Some("RestartContainer");
        let mut names = policies
            .iter()
            .filter(restarts)
            .filter_map(|p| Untyped(p).str_at("/resourceName"));
        let name = names.find(|name| {
            let of = |resources| {
                let part = |part| resource_amount(resources, part, name);
                (part("limits"), part("requests"))
            };
            of(&self.before) != of(&self.after)
        })?;
        let container = &self.container;
        Some(format!(
            "resizePolicy of container {container:?} restarts it when {name} changes"
        ))
    }
}

/// Returns a container or sidecar with the name of its list in the Pod spec.
fn find_container<'a>(object: &'a Value, container: &str) -> Option<(&'static str, &'a Value)> {
    let mut containers = lasting_in_spec(pod_spec(object)?);
    containers.find(|(_, one)| Untyped(one).str_at("/name") == Some(container))
}

fn resource_amount(resources: &Value, part: &str, name: &str) -> Option<Quantity> {
    let amount = resources.get(part)?.get(name)?;
    serde_json::from_value(amount.clone()).ok()
}

/// All changes that a new size makes to a session.
#[derive(Clone, Debug)]
pub(crate) struct ResizePlan {
    /// Change of each running Pod of the primary workload.
    pub(crate) pods: Vec<ResourceChange>,
    /// Change of its StatefulSet's Pod template; `None` for other workloads and where a controller renders it.
    pub(crate) pod_template: Option<ResourceChange>,
    /// Merge patch of the Session's spec.resources; `None` if the spec has the size already.
    pub(crate) session_patch: Option<Value>,
    /// Reason why the change is impossible in place, as far as the objects show one.
    pub(crate) in_place_obstacle: Option<String>,
}

/// Computes the changes that `size` makes to a session.
///
/// # Errors
/// The session has no running Pod.
pub(crate) fn plan_resize(observed: &ObservedSession, size: &ResourceLimits) -> Result<ResizePlan> {
    let name = observed.name();
    let applied = observed.session.applied();
    let primary = applied.and_then(|applied| applied.primary.clone());
    let primary = primary.unwrap_or_default();
    let container = primary.container.as_deref();
    let own = observed.live.own_pods(observed.uid());
    let mut pods = Vec::new();
    let mut is_any_running = false;
    for pod in own.filter(|pod| is_primary_pod(pod) && is_running(pod)) {
        is_any_running = true;
        pods.extend(ResourceChange::compute(
            serde_json::to_value(pod)?,
            container,
            size,
        )?);
    }
    if pods.is_empty() && is_any_running {
        let container = container.unwrap_or_default();
        bail!("cannot resize session {name:?}: its Pod has no container {container:?}");
    }
    if pods.is_empty() {
        let namespace = observed.namespace();
        let error = anyhow!("cannot resize session {name:?}: session has no running Pod");
        let hint = if observed.has_live_workload() {
            format!("inspect the session: kubectl session status {name} -n {namespace}")
        } else {
            format!("start the session: kubectl session start {name} -n {namespace}")
        };
        return Err(with_hint(error, hint));
    }
    let mut owners = observed.live.owners.iter();
    let set = owners.find(|owner| {
        Untyped(owner).kind() == "StatefulSet" && Untyped(owner).name() == primary.name
    });
    let template =
        match set.filter(|_| primary.kind == "StatefulSet" && !observed.driver.is_controller()) {
            Some(set) => ResourceChange::compute(set.clone(), container, size)?,
            None => None,
        };
    let obstacle = match primary.kind.as_str() {
        "Deployment" => Some("Pods of a Deployment are replaced, not resized".to_owned()),
        _ => pods.iter().find_map(ResourceChange::in_place_obstacle),
    };
    Ok(ResizePlan {
        pods,
        pod_template: template.filter(ResourceChange::is_needed),
        session_patch: session_patch(observed, size),
        in_place_obstacle: obstacle,
    })
}

fn is_running(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

/// Returns the merge patch of the Session's spec.resources, without metadata.uid, or `None` if the spec has the
/// size already.
fn session_patch(observed: &ObservedSession, size: &ResourceLimits) -> Option<Value> {
    let has = observed.session.spec.resources.clone().unwrap_or_default();
    let parsed = |amount: &Option<IntOrString>| -> Option<Quantity> {
        amount.as_ref()?.to_string().parse().ok()
    };
    let differs = |wanted: &Option<IntOrString>, has: &Option<IntOrString>| {
        wanted.is_some() && parsed(wanted) != parsed(has)
    };
    let changed = differs(&size.cpu, &has.cpu) || differs(&size.memory, &has.memory);
    changed.then(|| json!({ "spec": { "resources": size } }))
}

impl ResizePlan {
    /// Returns what all Pods of the session request after the resize, also if an interrupted command has resized them. Empty without Pods.
    pub(crate) fn amounts_after(&self, observed: &ObservedSession) -> RunAmounts {
        let resized = |pod: &Pod| {
            let changes = &mut self.pods.iter();
            let change = changes.find(|change| {
                pod.metadata.name.as_deref() == Some(Untyped(&change.object).name())
            })?;
            serde_json::from_value(change.applied()).ok()
        };
        let own = observed
            .live
            .own_pods(observed.uid())
            .filter(|pod| is_running(pod));
        let pods: Vec<Pod> = own
            .map(|pod| resized(pod).unwrap_or_else(|| pod.clone()))
            .collect();
        run_amounts(pods.iter())
    }

    /// Returns true if there is anything to write.
    pub(crate) fn has_changes(&self) -> bool {
        self.session_patch.is_some() || self.changes_pods()
    }

    /// Returns true if a Pod or Pod template is to be changed.
    pub(crate) fn changes_pods(&self) -> bool {
        self.pod_template.is_some() || self.pods.iter().any(ResourceChange::is_needed)
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
