//! Choice of a session's primary workload: the one that `connect` enters.

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

use super::custom_workload::{has_containers, is_custom_workload, validate_primary};
use super::pod_containers::names_in_spec;
use super::pods::{WORKLOAD_KINDS, default_container, pod_spec};
use super::untyped::Untyped;
use crate::api::PrimaryRef;
use crate::failure::{HintExt, with_hint};

/// Chooses the primary workload of rendered objects: the declared one, which must be among them, else the only one.
///
/// Without a declaration, Jobs count only where no other workload is, and objects of custom kinds only where no built-in workload is
/// and they hold containers: beside another workload, both prepare or serve it.
///
/// # Errors
/// No workload; several and none declared; the declared one or its container is missing; a DaemonSet; fields of the declaration
/// that its kind does not have.
pub fn choose_primary(objects: &[Value], declared: Option<&PrimaryRef>) -> Result<PrimaryRef> {
    let workload = match declared {
        Some(primary) => find_declared(objects, primary)?,
        None => find_only_workload(objects)?,
    };
    let container = declared.and_then(|primary| primary.container.clone());
    if let Some(name) = container.as_ref().filter(|_| pod_spec(workload).is_some()) {
        check_container(workload, name)?;
    }
    let primary = PrimaryRef {
        kind: Untyped(workload).kind().to_owned(),
        name: Untyped(workload).name().to_owned(),
        container: container.or_else(|| default_container(workload)),
        ..declared.cloned().unwrap_or_default()
    };
    validate_primary(&primary)?;
    Ok(primary)
}

fn find_declared<'o>(objects: &'o [Value], primary: &PrimaryRef) -> Result<&'o Value> {
    let named = objects.iter().find(|object| {
        Untyped(object).kind().eq_ignore_ascii_case(&primary.kind)
            && Untyped(object).name() == primary.name
    });
    if let Some(workload) = named.filter(|object| can_be_primary(object)) {
        return Ok(workload);
    }
    let (kind, name) = (&primary.kind, &primary.name);
    if named.is_some() {
        bail!(
            "{kind}/{name} cannot be the primary workload{}",
            why_not(kind)
        );
    }
    let error = anyhow!("primary workload {kind}/{name} is not among the objects");
    let labels = workload_labels(objects.iter().filter(|object| can_be_primary(object)));
    if labels.is_empty() {
        return Err(error);
    }
    Err(with_hint(
        error,
        format!("choose one of the workloads: {labels}"),
    ))
}

fn find_only_workload(objects: &[Value]) -> Result<&Value> {
    match primary_candidates(objects).as_slice() {
        [only] => Ok(only),
        [] => Err(no_workload_error(objects)),
        several => {
            let labels = workload_labels(several.iter().copied());
            let error = anyhow!("several workloads ({labels}), but no primary workload is set");
            Err(with_hint(
                error,
                "choose the workload that connect enters: --primary KIND/NAME",
            ))
        }
    }
}

/// Returns the workloads that are chosen from where none is declared.
pub fn primary_candidates(objects: &[Value]) -> Vec<&Value> {
    let of_kind = |is_one: &dyn Fn(&Value) -> bool| -> Vec<&Value> {
        objects.iter().filter(|object| is_one(object)).collect()
    };
    let is_built_in = |object: &Value| WORKLOAD_KINDS.contains(&Untyped(object).kind());
    let is_job = |object: &Value| Untyped(object).kind() == "Job";
    let groups = [
        of_kind(&|object| is_built_in(object) && !is_job(object)),
        of_kind(&is_job),
        of_kind(&|object| is_custom_workload(object) && has_containers(object)),
    ];
    let mut groups = groups.into_iter();
    groups.find(|group| !group.is_empty()).unwrap_or_default()
}

fn no_workload_error(objects: &[Value]) -> anyhow::Error {
    let error = anyhow!("no workload: a {} is required", built_in_kinds());
    let daemon = objects
        .iter()
        .find(|object| !why_not(Untyped(object).kind()).is_empty());
    if let Some(daemon) = daemon {
        let reason = why_not(Untyped(daemon).kind());
        return anyhow!(
            "no workload: {} cannot be one{reason}",
            workload_label(daemon)
        );
    }
    let custom = workload_labels(objects.iter().filter(|object| is_custom_workload(object)));
    match custom.is_empty() {
        true => error,
        false => with_hint(
            error,
            format!("if one of {custom} owns the session's Pods, name it: --primary KIND/NAME"),
        ),
    }
}

/// Returns true for an object that may be chosen as primary workload.
pub fn can_be_primary(object: &Value) -> bool {
    WORKLOAD_KINDS.contains(&Untyped(object).kind()) || is_custom_workload(object)
}

/// Returns why a kind with Pods cannot be a session's workload, as the end of a sentence; empty for any other kind.
fn why_not(kind: &str) -> &'static str {
    match kind {
        "DaemonSet" => ": it runs a Pod on every node, and a session is one user's workload",
        "CronJob" => ": it runs Pods by the clock, not while the session runs",
        _ => "",
    }
}

fn workload_labels<'o>(workloads: impl Iterator<Item = &'o Value>) -> String {
    workloads.map(workload_label).collect::<Vec<_>>().join(", ")
}

/// Returns the kinds as a text: `Pod, StatefulSet, … or Job`.
fn built_in_kinds() -> String {
    let [first @ .., last] = &WORKLOAD_KINDS;
    format!("{} or {last}", first.join(", "))
}

fn check_container(workload: &Value, name: &str) -> Result<()> {
    let names = pod_spec(workload).map(names_in_spec).unwrap_or_default();
    if names.contains(&name) {
        return Ok(());
    }
    let error = anyhow::anyhow!("container {name:?} is not in {}", workload_label(workload));
    if names.is_empty() {
        return Err(error);
    }
    Err(error).with_hint(format!(
        "choose one of the containers: {}",
        names.join(", ")
    ))
}

fn workload_label(workload: &Value) -> String {
    format!("{}/{}", Untyped(workload).kind(), Untyped(workload).name())
}

/// Parses the value of --primary, `KIND/NAME`; the case of the kind is ignored.
///
/// # Errors
/// Another form.
pub fn parse_primary(value: &str) -> Result<PrimaryRef> {
    let Some((kind, name)) = value
        .split_once('/')
        .filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
    else {
        bail!("invalid primary {value:?}: must be KIND/NAME");
    };
    // Of a kind that is not built in, the manifest has the case.
    let known = WORKLOAD_KINDS
        .iter()
        .find(|known| known.eq_ignore_ascii_case(kind));
    Ok(PrimaryRef {
        kind: known.map_or(kind, |known| known).to_owned(),
        name: name.to_owned(),
        ..PrimaryRef::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn workload(kind: &str, name: &str) -> Value {
        let spec = json!({ "containers": [{ "name": "main" }] });
        let spec = if kind == "Pod" {
            spec
        } else {
            json!({ "template": { "spec": spec } })
        };
        json!({ "kind": kind, "metadata": { "name": name }, "spec": spec })
    }

    #[test]
    fn the_only_workload_is_primary() {
        let objects = [
            json!({ "kind": "Service", "metadata": { "name": "s" } }),
            workload("Pod", "p"),
        ];
        let primary = choose_primary(&objects, None).unwrap();
        assert_eq!(
            (
                primary.kind.as_str(),
                primary.name.as_str(),
                primary.container.as_deref()
            ),
            ("Pod", "p", Some("main"))
        );
    }

    #[test]
    fn several_need_a_word() {
        let objects = [workload("Deployment", "a"), workload("StatefulSet", "b")];
        let error = choose_primary(&objects, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "several workloads (Deployment/a, StatefulSet/b), but no primary workload is set"
        );
        assert_eq!(
            choose_primary(&objects, Some(&parse_primary("statefulset/b").unwrap()))
                .unwrap()
                .name,
            "b"
        );
        assert!(choose_primary(&objects, Some(&parse_primary("Pod/b").unwrap())).is_err());
    }

    #[test]
    fn no_workload_and_no_container_are_said() {
        assert!(
            choose_primary(&[], None)
                .unwrap_err()
                .to_string()
                .starts_with("no workload")
        );
        let wanted = PrimaryRef {
            kind: "Pod".into(),
            name: "p".into(),
            container: Some("x".into()),
            ..PrimaryRef::default()
        };
        let error = choose_primary(&[workload("Pod", "p")], Some(&wanted)).unwrap_err();
        assert_eq!(error.to_string(), "container \"x\" is not in Pod/p");
    }

    #[test]
    fn jobs_and_custom_kinds_count_where_nothing_else_runs() {
        let sandbox = json!({ "apiVersion": "agents.x-k8s.io/v1", "kind": "Sandbox", "metadata": { "name": "s" },
            "spec": { "podTemplate": { "spec": { "containers": [{ "name": "agent" }] } } } });
        let certificate = json!({ "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": { "name": "c" } });
        let kind = |objects: &[Value]| choose_primary(objects, None).map(|primary| primary.kind);
        let job = || workload("Job", "migrate");
        assert_eq!(
            kind(&[job(), workload("Deployment", "d"), sandbox.clone()]).unwrap(),
            "Deployment"
        );
        assert_eq!(kind(&[job(), sandbox.clone()]).unwrap(), "Job");
        assert_eq!(
            kind(&[certificate.clone(), sandbox.clone()]).unwrap(),
            "Sandbox"
        );
        let error = kind(&[certificate]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no workload: a Pod, StatefulSet, Deployment, ReplicaSet or Job is required"
        );
        let error = kind(&[workload("DaemonSet", "d")]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("no workload: DaemonSet/d cannot be one: it runs a Pod on every node")
        );
        let declared = parse_primary("sandbox/s").unwrap();
        let chosen = choose_primary(&[job(), sandbox], Some(&declared)).unwrap();
        assert_eq!(
            (chosen.kind.as_str(), chosen.name.as_str()),
            ("Sandbox", "s")
        );
        let declared = parse_primary("DaemonSet/d").unwrap();
        let error = choose_primary(&[workload("DaemonSet", "d")], Some(&declared)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("DaemonSet/d cannot be the primary workload: it runs"),
            "{error}"
        );
    }

    #[test]
    fn a_primary_is_kind_and_name() {
        for bad in ["pod", "pod/", "/x"] {
            let error = parse_primary(bad).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("invalid primary {bad:?}: ")),
                "{error}"
            );
        }
    }
}
