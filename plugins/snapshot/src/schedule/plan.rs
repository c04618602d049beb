//! Plans the changes from the observed objects of a schedule to the wanted ones. Pure.

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::api::ObjectRef;
use session_shared::encode::shell;
use session_shared::failure::with_hint;
use session_shared::labels;
use session_shared::objects::ResourceType;
use session_shared::objects::Untyped;
use session_shared::objects::ownership::Ownership;
use session_shared::plan::{Plan, PropagationPolicy, Step};

use super::intent::ScheduleOptions;
use super::objects::SCHEDULE_RESOURCES;

/// Observed state of one object of a schedule.
#[derive(Clone, Debug)]
pub(crate) enum Observed {
    Missing,
    Found(Box<Value>),
    /// The caller lacks permission to read the object.
    Forbidden,
}

/// Plan that creates or changes a schedule.
#[derive(Clone, Debug, Default)]
pub(crate) struct SchedulePlan {
    /// Steps for the ServiceAccount; carried out before `rights`, and those before `job`.
    pub(crate) account: Plan,
    pub(crate) rights: Plan,
    pub(crate) job: Plan,
    /// Role and RoleBinding as objects for an admin to apply.
    pub(crate) rbac_objects: Vec<Value>,
    /// True if the caller lacks permission to read the Role or RoleBinding; `rights` is then empty.
    pub(crate) is_rbac_forbidden: bool,
    /// The image of the CronJob, if the existing schedule has another one or there is none.
    pub(crate) new_image: Option<String>,
}

/// Path of the image in a CronJob.
const IMAGE_PATH: &str = "/spec/jobTemplate/spec/template/spec/containers/0/image";

/// Returns the options with the time zone and the image of the existing schedule where none is given.
pub(crate) fn complete_options(options: &ScheduleOptions, there: &[Observed]) -> ScheduleOptions {
    let existing = |path| {
        let text = found_cron_job(there).and_then(|found| found.str_at(path));
        text.map(str::to_owned)
    };
    ScheduleOptions {
        time_zone: options
            .time_zone
            .clone()
            .or_else(|| existing("/spec/timeZone")),
        image: options.image.clone().or_else(|| existing(IMAGE_PATH)),
        ..options.clone()
    }
}

fn found_cron_job(there: &[Observed]) -> Option<Untyped<'_>> {
    match there.last() {
        Some(Observed::Found(found)) => Some(Untyped(found)),
        _ => None,
    }
}

/// Returns the image of the wanted CronJob, unless the existing one has it.
fn new_image(wanted: &[Value], there: &[Observed]) -> Option<String> {
    let image = Untyped(wanted.last()?).str_at(IMAGE_PATH)?;
    let existing = found_cron_job(there).and_then(|found| found.str_at(IMAGE_PATH));
    (existing != Some(image)).then(|| image.to_owned())
}

/// Returns true if `pods` or the `nodes` show that the image can be had: a container ran with it, or nodes store it. An image that
/// no registry has must be on every node.
pub(crate) fn is_proven(image: &str, pods: &[Value], nodes: &[Value]) -> bool {
    let full = full_name(image);
    let ran = |pod: &Value| {
        ["/status/containerStatuses", "/status/initContainerStatuses"]
            .into_iter()
            .flat_map(|path| Untyped(pod).items_at(path))
            .any(|status| {
                let is_same = status
                    .str_at("/image")
                    .is_some_and(|it| full_name(it) == full);
                is_same && status.str_at("/imageID").is_some_and(|id| !id.is_empty())
            })
    };
    let stores = |node: &Value| {
        let images = Untyped(node).items_at("/status/images");
        let mut names = images.flat_map(|image| {
            let names = image.at("/names").and_then(Value::as_array);
            names.into_iter().flatten().filter_map(Value::as_str)
        });
        names.any(|name| full_name(name) == full)
    };
    let is_local = full.starts_with("localhost/");
    pods.iter().any(ran)
        || if is_local {
            !nodes.is_empty() && nodes.iter().all(stores)
        } else {
            nodes.iter().any(stores)
        }
}

/// Returns an image name with registry and tag, as nodes report it.
fn full_name(image: &str) -> String {
    let (host, rest) = image.split_once('/').unwrap_or(("", image));
    let is_registry = host.contains(['.', ':']) || host == "localhost";
    let path = match (is_registry, host) {
        (true, _) => image.to_owned(),
        (false, "") => format!("docker.io/library/{rest}"),
        (false, _) => format!("docker.io/{image}"),
    };
    let last = path.rsplit('/').next().unwrap_or_default();
    match last.contains([':', '@']) {
        true => path,
        false => format!("{path}:latest"),
    }
}

/// Plans the changes from `there` to `wanted`, both in the order of `SCHEDULE_RESOURCES`.
///
/// # Errors
/// An existing object of the same name that the session does not own.
pub(crate) fn plan_changes(
    wanted: Vec<Value>,
    there: &[Observed],
    ownership: &Ownership,
) -> Result<SchedulePlan> {
    let mut planned = SchedulePlan {
        new_image: new_image(&wanted, there),
        ..SchedulePlan::default()
    };
    for ((mut object, there), resource) in wanted.into_iter().zip(there).zip(SCHEDULE_RESOURCES) {
        let step = match there {
            Observed::Found(found) => {
                ensure_owned(found, resource, ownership)?;
                Some(update_step(&mut object, found))
            }
            Observed::Missing => Some(create_step(&mut object)),
            Observed::Forbidden => None,
        };
        let is_right = resource.group == "rbac.authorization.k8s.io";
        if is_right {
            planned
                .rbac_objects
                .push(without_run_annotation(object.clone()));
        }
        match (step, is_right) {
            (Some(step), true) => planned.rights.push_stage(vec![step]),
            (None, true) => planned.is_rbac_forbidden = true,
            (step, false) => {
                let step = step.unwrap_or_else(|| create_step(&mut object));
                let part = match resource.kind.as_ref() {
                    "CronJob" => &mut planned.job,
                    _ => &mut planned.account,
                };
                part.push_stage(vec![step]);
            }
        }
    }
    if planned.is_rbac_forbidden {
        planned.rights = Plan::default();
    }
    Ok(planned)
}

/// Plans the removal of a schedule. The CronJob is deleted first, so that no run starts in between.
///
/// # Errors
/// An existing object of the same name that the session does not own.
pub(crate) fn plan_removal(there: &[Observed], ownership: &Ownership) -> Result<Plan> {
    let mut plan = Plan::default();
    for (there, resource) in there.iter().zip(SCHEDULE_RESOURCES).rev() {
        if let Observed::Found(found) = there {
            ensure_owned(found, resource, ownership)?;
            plan.push_stage(vec![Step::Delete {
                target: ObjectRef::from_object(found),
                resource: resource.clone(),
                propagation: PropagationPolicy::Background,
            }]);
        }
    }
    Ok(plan)
}

fn ensure_owned(found: &Value, resource: &ResourceType, ownership: &Ownership) -> Result<()> {
    if Untyped(found).is_owned_by(ownership.session_uid.as_deref()) {
        return Ok(());
    }
    let (kind, name) = (&resource.kind, Untyped(found).name());
    let (session, namespace) = (&ownership.session, &ownership.namespace);
    let error = anyhow!(
        "{kind} {name:?} already exists and is not part of session {:?}",
        session.as_str()
    );
    let look = format!(
        "inspect its owner: kubectl get {} {} -n {namespace} -o yaml",
        shell::quote_word(&resource.plural),
        shell::quote_word(name)
    );
    Err(with_hint(error, look))
}

/// Returns an object for an admin to apply, without the annotation of this run.
fn without_run_annotation(mut object: Value) -> Value {
    object["metadata"]["annotations"][labels::RUN] = Value::Null;
    remove_nulls(&mut object);
    object
}

fn create_step(object: &mut Value) -> Step {
    remove_nulls(object);
    Step::Create {
        object: object.clone(),
        use_existing: false,
    }
}

/// Returns the step that brings `found` to `object`: none if it already holds every wanted value.
fn update_step(object: &mut Value, found: &Value) -> Step {
    // The run annotation differs between runs and is absent after an admin's apply: not a change.
    object["metadata"]["annotations"][labels::RUN] = Untyped(found).annotation(labels::RUN).into();
    if contains_values(found, object) {
        return Step::LeaveUnchanged {
            object: found.clone(),
        };
    }
    remove_nulls(object);
    Step::Apply {
        object: object.clone(),
        current: found.clone(),
    }
}

/// Returns true if `found` has every value of `wanted`, and nothing where `wanted` is null. Fields the server adds are
/// ignored.
fn contains_values(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| {
            found
                .get(key)
                .map_or(wanted.is_null(), |found| contains_values(found, wanted))
        }),
        (Value::Array(found), Value::Array(wanted)) => {
            let mut pairs = found.iter().zip(wanted);
            found.len() == wanted.len()
                && pairs.all(|(found, wanted)| contains_values(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

fn remove_nulls(object: &mut Value) {
    match object {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_image_is_proven_by_a_container_that_ran_or_by_nodes_that_store_it() {
        let pod = |image: &str, id: &str| json!({"status": {"containerStatuses": [{"image": image, "imageID": id}]}});
        let node = |names: &[&str]| json!({"status": {"images": [{"names": names}]}});
        let proven = |image: &str, pods: &[Value], nodes: &[Value]| is_proven(image, pods, nodes);
        assert!(proven(
            "reg.example/own:1",
            &[pod("reg.example/own:1", "sha256:1")],
            &[]
        ));
        assert!(
            !proven("reg.example/own:1", &[pod("reg.example/own:1", "")], &[]),
            "never pulled"
        );
        assert!(!proven(
            "reg.example/own:1",
            &[pod("reg.example/own:2", "sha256:1")],
            &[]
        ));
        let hub = [node(&[
            "docker.io/library/own@sha256:1",
            "docker.io/library/own:latest",
        ])];
        assert!(proven("own", &[], &hub) && proven("library/own", &[], &hub));
        assert!(!proven("reg.example/own", &[], &hub));
        let local = "localhost/kubectl-session:1";
        assert!(proven(local, &[], &[node(&[local])]));
        assert!(
            !proven(local, &[], &[node(&[local]), node(&[])]),
            "not on every node"
        );
        assert!(!proven(local, &[], &[]));
    }

    #[test]
    fn what_the_server_adds_is_no_difference_and_what_must_go_is_one() {
        let wanted = json!({ "a": 1, "zone": null, "list": [{ "b": "x" }] });
        let found = json!({ "a": 1, "list": [{ "b": "x", "default": true }], "status": {} });
        assert!(contains_values(&found, &wanted));
        for other in [
            json!({ "a": 1, "zone": "UTC", "list": [{ "b": "x" }] }),
            json!({ "a": 1, "list": [{ "b": "x" }, { "b": "y" }] }),
            json!({ "a": 1 }),
            json!({ "a": 2, "list": [{ "b": "x" }] }),
        ] {
            assert!(!contains_values(&other, &wanted), "{other}");
        }
        let mut sent = wanted;
        remove_nulls(&mut sent);
        assert_eq!(sent, json!({ "a": 1, "list": [{ "b": "x" }] }));
    }
}
