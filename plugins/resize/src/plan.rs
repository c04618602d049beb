//! How large a session is to be, complete and legal; what that changes, and whether it can be done in place. Pure.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::{Map, Value, json};
use session_shared::Pod;
use session_shared::api::{IntOrString, ObjectRef, Resources};
use session_shared::client::DryRun;
use session_shared::diagnosis::resizing::RESIZABLE;
use session_shared::failure::{hinted, usage};
use session_shared::flags::selection::session_name;
use session_shared::objects::overrides::set_limits;
use session_shared::objects::pods::{default_container, pod_spec};
use session_shared::objects::qos;
use session_shared::objects::resource::text;
use session_shared::ops::chosen::Which;
use session_shared::ops::manner::Manner;
use session_shared::ops::stopping::Present;
use session_shared::quantity::Quantity;
use session_shared::reconcile::is_primary;

use crate::args::Args;

/// How long `resize` waits for the kubelet, or for a restart, when it is not told.
const USUAL_WAIT: Duration = Duration::from_secs(300);

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) which: Which,
    pub(crate) size: Resources,
    /// Of its claims.
    pub(crate) storage: Option<Quantity>,
    pub(crate) restart: bool,
    /// How a restart stops.
    pub(crate) manner: Manner,
    pub(crate) yes: bool,
    pub(crate) dry_run: DryRun,
    /// How long to wait; `None` does not.
    pub(crate) wait: Option<Duration>,
}

/// Reads the command line.
///
/// # Errors
/// Every mistake that can be seen from here.
pub(crate) fn read(args: &Args) -> Result<Intent> {
    let name = session_name(&args.name)?;
    if args.cpu.is_none() && args.memory.is_none() && args.storage.is_none() {
        return Err(usage(
            "at least one of --cpu, --memory and --storage is required",
        ));
    }
    Ok(Intent {
        which: Which::Named(vec![name]),
        size: Resources {
            cpu: written("cpu", args.cpu.as_deref())?,
            memory: written("memory", args.memory.as_deref())?,
            gpu: None,
        },
        storage: amount("storage", args.storage.as_deref())?,
        restart: args.restart,
        manner: Manner::before_start(args.waiting.given(), args.skip_sync),
        yes: args.yes,
        dry_run: args.writing.dry_run()?,
        wait: args.waiting.wait.then(|| args.waiting.limit(USUAL_WAIT)),
    })
}

/// As Kubernetes writes it.
fn written(flag: &str, text: Option<&str>) -> Result<Option<IntOrString>> {
    let amount = amount(flag, text)?;
    Ok(amount.map(|amount| IntOrString::from(amount.to_string().as_str())))
}

/// A size that something can have.
fn amount(flag: &str, text: Option<&str>) -> Result<Option<Quantity>> {
    let Some(text) = text else { return Ok(None) };
    let amount: Quantity = text
        .parse()
        .with_context(|| format!("invalid value of --{flag}"))?;
    if amount.is_zero() || amount.is_negative() {
        return Err(usage(format!(
            "invalid value of --{flag} {text:?}: it must be more than 0"
        )));
    }
    Ok(Some(amount))
}

/// A container whose size is another, in a Pod or in a template of Pods.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// The Pod, or the workload that has the template.
    pub(crate) object: Value,
    pub(crate) container: String,
    /// Its `resources`.
    pub(crate) before: Value,
    pub(crate) after: Value,
}

impl Change {
    /// What `size` makes of a container of `object`; `None` where there is no such container.
    fn of(object: Value, container: Option<&str>, size: &Resources) -> Result<Option<Self>> {
        let container = container.map(str::to_owned);
        let Some(container) = container.or_else(|| default_container(&object)) else {
            return Ok(None);
        };
        let Some(found) = find(&object, &container) else {
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

    pub(crate) fn identity(&self) -> ObjectRef {
        ObjectRef::of(&self.object)
    }

    /// True if there is something to write.
    pub(crate) fn changes(&self) -> bool {
        let amounts = |resources: &Value| {
            let all = ["limits", "requests"].into_iter();
            let all = all.flat_map(|part| RESIZABLE.map(|name| (part, name)));
            all.map(|(part, name)| amount_of(resources, part, name))
                .collect::<Vec<_>>()
        };
        amounts(&self.before) != amounts(&self.after)
    }

    /// The strategic merge patch that makes `resources` those of the container, of a Pod or of a template.
    pub(crate) fn patch(&self, resources: &Value) -> Value {
        let spec = json!({ "containers": [{ "name": self.container, "resources": resources }] });
        let spec = match text(&self.object, "/kind") {
            "Pod" => spec,
            _ => json!({ "template": { "spec": spec } }),
        };
        json!({ "metadata": { "uid": self.identity().uid }, "spec": spec })
    }

    /// The Pod's spec, as it is and as it is to be.
    pub(crate) fn specs(&self) -> (Map<String, Value>, Map<String, Value>) {
        let before = pod_spec(&self.object).cloned().unwrap_or_default();
        let mut after = before.clone();
        let containers = after.get_mut("containers").and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if text(container, "/name") == self.container {
                container["resources"] = self.after.clone();
            }
        }
        (before, after)
    }

    /// True if it asks for more than it has.
    pub(crate) fn grows(&self) -> bool {
        RESIZABLE.iter().any(|name| {
            amount_of(&self.after, "requests", name) > amount_of(&self.before, "requests", name)
        })
    }

    /// The limits, before and after: `cpu 1, now 2; memory 1Gi, now 2Gi`.
    pub(crate) fn told(&self) -> String {
        let told = RESIZABLE.iter().filter_map(|name| {
            let before = amount_of(&self.before, "limits", name);
            let after = amount_of(&self.after, "limits", name);
            let after = after.filter(|_| before != after)?;
            Some(match before {
                Some(before) => format!("{name} {before}, now {after}"),
                None => format!("{name} without a limit, now {after}"),
            })
        });
        told.collect::<Vec<_>>().join("; ")
    }

    /// Why the Pod cannot be resized in place, as far as that can be told from here.
    fn hurdle(&self) -> Option<String> {
        let (before, after) = self.specs();
        let (was, is) = (qos::class(&before), qos::class(&after));
        if was != is {
            return Some(format!(
                "its quality-of-service class would change from {was} to {is}"
            ));
        }
        let policies = find(&self.object, &self.container)?
            .get("resizePolicy")?
            .as_array()?;
        let restarts = |policy: &&Value| text(policy, "/restartPolicy") == "RestartContainer";
        let mut names = policies
            .iter()
            .filter(restarts)
            .map(|p| text(p, "/resourceName"));
        let name = names.find(|name| {
            let of = |resources| {
                let part = |part| amount_of(resources, part, name);
                (part("limits"), part("requests"))
            };
            of(&self.before) != of(&self.after)
        })?;
        let container = &self.container;
        Some(format!(
            "container {container:?} restarts when its {name} changes (resizePolicy)"
        ))
    }
}

fn find<'a>(object: &'a Value, container: &str) -> Option<&'a Value> {
    let containers = pod_spec(object)?.get("containers")?.as_array()?;
    containers
        .iter()
        .find(|one| text(one, "/name") == container)
}

fn amount_of(resources: &Value, part: &str, name: &str) -> Option<Quantity> {
    let amount = resources.get(part)?.get(name)?;
    serde_json::from_value(amount.clone()).ok()
}

/// What a new size changes.
#[derive(Clone, Debug)]
pub(crate) struct Changes {
    /// In each Pod of the session.
    pub(crate) pods: Vec<Change>,
    /// In the template of its StatefulSet.
    pub(crate) template: Option<Change>,
    /// In the Session, as a merge patch; nothing where it wants that size already.
    pub(crate) wish: Option<Value>,
    /// Why it cannot be done in place, as far as that can be told from here.
    pub(crate) hurdle: Option<String>,
}

/// What `size` changes in a session.
///
/// # Errors
/// When it has no Pod that runs.
pub(crate) fn changes(present: &Present, size: &Resources) -> Result<Changes> {
    let name = present.name();
    let applied = present.session.status.as_ref();
    let primary = applied.and_then(|status| status.applied.as_ref()?.primary.clone());
    let primary = primary.unwrap_or_default();
    let container = primary.container.as_deref();
    let own = present.live.own_pods(&present.belonging.session_uid);
    let mut pods = Vec::new();
    for pod in own.filter(|pod| is_primary(pod) && runs(pod)) {
        pods.extend(Change::of(serde_json::to_value(pod)?, container, size)?);
    }
    if pods.is_empty() {
        let namespace = present.namespace();
        let error = anyhow!("session {name:?} has no running pod to resize");
        let hint = if present.runs() {
            format!("look at it: kubectl session status {name} -n {namespace}")
        } else {
            format!("start it: kubectl session start {name} -n {namespace}")
        };
        return Err(hinted(error, hint));
    }
    let mut owners = present.live.owners.iter();
    let set = owners.find(|owner| {
        text(owner, "/kind") == "StatefulSet" && text(owner, "/metadata/name") == primary.name
    });
    let template = match set.filter(|_| primary.kind == "StatefulSet" && !present.controller) {
        Some(set) => Change::of(set.clone(), container, size)?,
        None => None,
    };
    let hurdle = match primary.kind.as_str() {
        "Deployment" => Some("its pods belong to a Deployment, which makes new ones".to_owned()),
        _ => pods.iter().find_map(Change::hurdle),
    };
    Ok(Changes {
        pods,
        template: template.filter(Change::changes),
        wish: wish(present, size),
        hurdle,
    })
}

fn runs(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

/// The merge patch that makes the Session want this size, unless it does.
fn wish(present: &Present, size: &Resources) -> Option<Value> {
    let has = present.session.spec.resources.clone().unwrap_or_default();
    let parsed = |amount: &Option<IntOrString>| -> Option<Quantity> {
        amount.as_ref()?.to_string().parse().ok()
    };
    let differs = |wanted: &Option<IntOrString>, has: &Option<IntOrString>| {
        wanted.is_some() && parsed(wanted) != parsed(has)
    };
    let changed = differs(&size.cpu, &has.cpu) || differs(&size.memory, &has.memory);
    changed.then(|| {
        let uid = &present.belonging.session_uid;
        json!({ "metadata": { "uid": uid }, "spec": { "resources": size } })
    })
}

impl Changes {
    /// True if there is anything to write.
    pub(crate) fn any(&self) -> bool {
        self.wish.is_some() || self.template.is_some() || self.pods.iter().any(Change::changes)
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
