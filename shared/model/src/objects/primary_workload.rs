//! Choice of a session's primary workload: the one that `connect` enters.

use anyhow::{Result, bail};
use serde_json::Value;

use super::ownership::has_kind_and_name;
use super::pod_containers::names_in_spec;
use super::pods::{WORKLOAD_KINDS, default_container, pod_spec};
use super::untyped::Untyped;
use crate::api::PrimaryRef;
use crate::failure::{HintExt, with_hint};

/// Chooses the primary workload of rendered objects: the declared one, which must be among them, else the only one.
///
/// # Errors
/// No workload; several and none declared; the declared one or its container is missing.
pub fn choose_primary(objects: &[Value], declared: Option<&PrimaryRef>) -> Result<PrimaryRef> {
    let workloads: Vec<&Value> = objects
        .iter()
        .filter(|o| WORKLOAD_KINDS.contains(&Untyped(o).kind()))
        .collect();
    let all = || {
        workloads
            .iter()
            .map(|w| workload_label(w))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let chosen = match (declared, workloads.as_slice()) {
        (Some(primary), _) => {
            let found = workloads
                .iter()
                .find(|w| has_kind_and_name(w, &primary.kind, &primary.name));
            match found {
                Some(workload) => *workload,
                None if workloads.is_empty() => bail!(
                    "primary workload {}/{} is not among the objects",
                    primary.kind,
                    primary.name
                ),
                None => {
                    let error = anyhow::anyhow!(
                        "primary workload {}/{} is not among the objects",
                        primary.kind,
                        primary.name
                    );
                    return Err(with_hint(
                        error,
                        format!("choose one of the workloads: {}", all()),
                    ));
                }
            }
        }
        (None, []) => bail!("no workload: a Pod, StatefulSet or Deployment is required"),
        (None, [only]) => only,
        (None, _) => {
            let error = anyhow::anyhow!(
                "several workloads ({}), but no primary workload is set",
                all()
            );
            return Err(with_hint(
                error,
                "choose the workload that connect enters: --primary KIND/NAME",
            ));
        }
    };
    let container = declared.and_then(|p| p.container.clone());
    if let Some(name) = &container {
        check_container(chosen, name)?;
    }
    Ok(PrimaryRef {
        kind: Untyped(chosen).kind().to_owned(),
        name: Untyped(chosen).name().to_owned(),
        container: container.or_else(|| default_container(chosen)),
    })
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
/// Another form, or a kind that cannot be a primary workload.
pub fn parse_primary(value: &str) -> Result<PrimaryRef> {
    let Some((kind, name)) = value.split_once('/').filter(|(_, name)| !name.is_empty()) else {
        bail!("invalid primary {value:?}: must be KIND/NAME");
    };
    let Some(kind) = WORKLOAD_KINDS
        .iter()
        .find(|known| known.eq_ignore_ascii_case(kind))
    else {
        bail!(
            "invalid primary {value:?}: KIND must be one of {}",
            WORKLOAD_KINDS.join(", ")
        );
    };
    Ok(PrimaryRef {
        kind: (*kind).to_owned(),
        name: name.to_owned(),
        container: None,
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
        };
        let error = choose_primary(&[workload("Pod", "p")], Some(&wanted)).unwrap_err();
        assert_eq!(error.to_string(), "container \"x\" is not in Pod/p");
    }

    #[test]
    fn a_primary_is_kind_and_name() {
        for bad in ["pod", "pod/", "job/x", "/x"] {
            let error = parse_primary(bad).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("invalid primary {bad:?}: ")),
                "{error}"
            );
        }
    }
}
