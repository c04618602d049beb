//! Permissions that a stop, deletion or restart of a session will need, estimated from the Session alone. They are checked while
//! its objects are read, so that the check costs no extra time. The exact permissions are checked later, from the plan's steps.

use super::teardown::{Teardown, effective_data_policy};
use session_model::api::{DataPolicy, ObjectRef, Session};
use session_model::objects::ResourceType;
use session_model::objects::access::Access;
use session_model::objects::pods::pod_metadata_paths;
use session_model::objects::resource::{PERSISTENT_VOLUME_CLAIM, POD, SECRET, SESSION};
use session_model::objects::rest_method::RestMethod;

/// Returns the permissions that a stop or deletion needs; `wait` adds those to watch for its completion.
pub fn teardown_accesses(session: &Session, what: Teardown, wait: bool) -> Vec<Access> {
    let rests = |workload: &ObjectRef| {
        matches!(what, Teardown::Stop { .. }) && RestMethod::of_kind(&workload.kind).is_some()
    };
    let workloads =
        recorded_objects(session).filter(|one| !pod_metadata_paths(&one.kind).is_empty());
    let mut needs: Vec<Access> = workloads
        .filter_map(|workload| {
            let verb = if rests(workload) { "patch" } else { "delete" };
            let resource = ResourceType::find_known(&workload.api_version, &workload.kind)?;
            Some(Access::new(verb, resource, ""))
        })
        .collect();
    if needs.is_empty() {
        needs.push(Access::new("delete", &POD, ""));
    }
    let watched = |needs: &mut Vec<Access>, resource: &ResourceType| {
        needs.extend(wait.then(|| Access::new("watch", resource, "")));
    };
    watched(&mut needs, &POD);
    match what {
        Teardown::Stop { .. } => needs.extend([
            Access::new("patch", &SESSION, ""),
            Access::new("patch", &SESSION, "").on_subresource("status"),
        ]),
        Teardown::Delete { .. } => {
            let (claims, secret) = match effective_data_policy(session) {
                DataPolicy::Keep => ("patch", "patch"),
                DataPolicy::Snapshot => ("delete", "patch"),
                DataPolicy::Delete => ("delete", "delete"),
            };
            needs.extend([
                Access::new(claims, &PERSISTENT_VOLUME_CLAIM, ""),
                Access::new(secret, &SECRET, ""),
                Access::new("delete", &SESSION, ""),
            ]);
            watched(&mut needs, &SESSION);
            if claims == "delete" {
                watched(&mut needs, &PERSISTENT_VOLUME_CLAIM);
            }
        }
    }
    needs.dedup();
    needs
}

/// Returns the permissions that a stop and the following start need, if the start creates the same objects as the last one.
pub fn restart_accesses(session: &Session) -> Vec<Access> {
    let skip_sync = false;
    let mut needs = teardown_accesses(session, Teardown::Stop { skip_sync }, true);
    let made = recorded_objects(session).filter(|one| one.kind != PERSISTENT_VOLUME_CLAIM.kind);
    needs.extend(made.filter_map(|object| {
        let pods = !pod_metadata_paths(&object.kind).is_empty();
        let verb = match pods && RestMethod::of_kind(&object.kind).is_none() {
            true => "create",
            false => "patch",
        };
        let resource = ResourceType::find_known(&object.api_version, &object.kind)?;
        Some(Access::new(verb, resource, ""))
    }));
    needs
}

fn recorded_objects(session: &Session) -> impl Iterator<Item = &ObjectRef> {
    let applied = session.applied();
    applied.into_iter().flat_map(|applied| &applied.objects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(needs: &[Access]) -> Vec<String> {
        needs.iter().map(ToString::to_string).collect()
    }

    fn session(kinds: &[(&str, &str)], policy: &str) -> Session {
        let objects: Vec<_> = kinds
            .iter()
            .map(|(api_version, kind)| json!({"apiVersion": api_version, "kind": kind, "name": "x", "uid": "x"}))
            .collect();
        serde_json::from_value(json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "a"},
            "spec": {"userId": "u", "dataPolicy": policy}, "status": {"applied": {"objects": objects}},
        }))
        .unwrap()
    }

    #[test]
    fn an_ending_needs_what_its_workloads_and_its_policy_say() {
        let stop = Teardown::Stop { skip_sync: false };
        let mixed = session(
            &[("v1", "Pod"), ("apps/v1", "Deployment"), ("v1", "Service")],
            "keep",
        );
        assert_eq!(
            told(&teardown_accesses(&mixed, stop, true)),
            [
                "delete pods",
                "patch deployments",
                "watch pods",
                "patch sessions",
                "patch sessions/status"
            ]
        );
        let gone = Teardown::Delete { skip_sync: false };
        let delete = session(&[], "delete");
        assert_eq!(
            told(&teardown_accesses(&delete, gone, false)),
            [
                "delete pods",
                "delete persistentvolumeclaims",
                "delete secrets",
                "delete sessions"
            ]
        );
        let keep = told(&teardown_accesses(&mixed, gone, true));
        assert!(
            keep.contains(&"patch persistentvolumeclaims".to_owned()),
            "{keep:?}"
        );
        assert!(keep.contains(&"delete deployments".to_owned()), "{keep:?}");
    }

    #[test]
    fn a_restart_makes_pods_anew_and_changes_the_rest() {
        let needs = told(&restart_accesses(&session(
            &[("v1", "Pod"), ("apps/v1", "StatefulSet"), ("v1", "Service")],
            "keep",
        )));
        for need in [
            "delete pods",
            "create pods",
            "patch statefulsets",
            "patch services",
        ] {
            assert!(needs.contains(&need.to_owned()), "{need}: {needs:?}");
        }
    }
}
