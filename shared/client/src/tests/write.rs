//! Tests of writes.

use serde_json::{Value, json};
use session_model::labels::MANAGER;
use session_support::{Answer, FakeApi};

use super::super::{DeleteOptions, DeleteOutcome, WriteOptions};
use super::{cluster, pod, session};
use session_model::failure::{self, FailureKind};
use session_model::objects::propagation::PropagationPolicy;
use session_model::objects::resource::{NAMESPACE, POD, SESSION};

const PATH: &str = "/apis/streaming.platform/v1/namespaces/default/sessions";
const NAMED: &str = "fieldManager=kubectl-session&fieldValidation=Strict";

fn dry() -> WriteOptions {
    WriteOptions {
        dry_run: true,
        ..WriteOptions::by(MANAGER)
    }
}

#[tokio::test]
async fn a_create_is_one_post() {
    let api = FakeApi::stateful();
    let cluster = cluster(&api);
    let made = cluster
        .create(
            &SESSION,
            "default",
            &session("a"),
            &WriteOptions::by(MANAGER),
        )
        .await
        .unwrap();
    assert!(made["metadata"]["uid"].is_string() && made["metadata"]["resourceVersion"].is_string());
    let error = cluster
        .create(
            &SESSION,
            "default",
            &session("a"),
            &WriteOptions::by(MANAGER),
        )
        .await
        .unwrap_err();
    assert!(failure::has_kind(&error, FailureKind::AlreadyExists));
    assert_eq!(
        error.to_string(),
        r#"sessions.streaming.platform "a" already exists"#
    );
    cluster
        .create(&SESSION, "default", &session("b"), &dry())
        .await
        .unwrap();
    assert!(
        api.object("sessions.streaming.platform", "default", "b")
            .is_none()
    );
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    cluster
        .create(&NAMESPACE, "", &namespace, &WriteOptions::by(MANAGER))
        .await
        .unwrap();
    let post = format!("POST {PATH}?{NAMED}");
    assert_eq!(
        api.lines(),
        [
            post.clone(),
            post.clone(),
            format!("{post}&dryRun=All"),
            format!("POST /api/v1/namespaces?{NAMED}")
        ]
    );
    assert_eq!(api.requests()[0].header("content-type"), "application/json");
    assert_eq!(api.requests()[0].json(), session("a"));
    assert_eq!(api.writes().len(), 3);
}

#[tokio::test]
async fn a_merge_patch_changes_single_fields() {
    let api = FakeApi::stateful();
    let uid = api.put(session("a"))["metadata"]["uid"].clone();
    let cluster = cluster(&api);
    let patch = json!({"metadata": {"uid": uid}, "spec": {"timeout": "2h", "userId": null}});
    let after = cluster
        .merge_patch(
            &SESSION,
            "default",
            "a",
            None,
            &patch,
            &WriteOptions::by(MANAGER),
        )
        .await
        .unwrap();
    assert_eq!(after["spec"], json!({"timeout": "2h"}));
    let status = json!({"status": {"phase": "running"}});
    let after = cluster
        .merge_patch(
            &SESSION,
            "default",
            "a",
            Some("status"),
            &status,
            &WriteOptions::by(MANAGER),
        )
        .await
        .unwrap();
    assert_eq!(after["status"]["phase"], "running");
    let foreign = json!({"metadata": {"uid": "another"}, "spec": {"timeout": "1h"}});
    let error = cluster
        .merge_patch(
            &SESSION,
            "default",
            "a",
            None,
            &foreign,
            &WriteOptions::by(MANAGER),
        )
        .await
        .unwrap_err();
    assert!(failure::has_kind(&error, FailureKind::Conflict), "{error}");
    assert!(error.to_string().contains("created again"), "{error}");
    let foreign = json!({"metadata": {"uid": "another"}, "status": {"phase": "failed"}});
    let error = cluster
        .merge_patch(
            &SESSION,
            "default",
            "a",
            Some("status"),
            &foreign,
            &WriteOptions::by(MANAGER),
        )
        .await
        .unwrap_err();
    assert!(failure::has_kind(&error, FailureKind::Conflict), "{error}");
    let stale = json!({"metadata": {"resourceVersion": "1"}, "spec": {"timeout": "1h"}});
    let error = cluster
        .merge_patch(
            &SESSION,
            "default",
            "a",
            None,
            &stale,
            &WriteOptions::by(MANAGER),
        )
        .await
        .unwrap_err();
    assert!(failure::has_kind(&error, FailureKind::Conflict), "{error}");
    assert_eq!(api.lines()[1], format!("PATCH {PATH}/a/status?{NAMED}"));
    assert_eq!(
        api.requests()[0].header("content-type"),
        "application/merge-patch+json"
    );
}

#[tokio::test]
async fn after_upgrading_managed_fields_apply_removes_created_fields() {
    let api = FakeApi::stateful();
    let cluster = cluster(&api);
    let mut object = session("a");
    object["spec"]["template"] = "lab".into();
    let write = WriteOptions::by(MANAGER);
    let made = cluster
        .create(&SESSION, "default", &object, &write)
        .await
        .unwrap();
    assert!(
        !cluster
            .upgrade_managed_fields(&SESSION, "default", "a", &made, &dry())
            .await
            .unwrap()
    );
    assert!(
        cluster
            .upgrade_managed_fields(&SESSION, "default", "a", &made, &write)
            .await
            .unwrap()
    );
    let now = cluster
        .get(&SESSION, "default", "a")
        .await
        .unwrap()
        .unwrap();
    assert!(
        !cluster
            .upgrade_managed_fields(&SESSION, "default", "a", &now, &write)
            .await
            .unwrap()
    );
    let applied = cluster
        .apply(&SESSION, "default", "a", &session("a"), &write)
        .await
        .unwrap();
    assert_eq!(applied["spec"], json!({"userId": "alice"}));
    assert_eq!(applied["metadata"]["uid"], made["metadata"]["uid"]);
    let lines = api.lines();
    assert_eq!(lines[1], format!("PATCH {PATH}/a?{NAMED}"));
    assert_eq!(lines[3], format!("PATCH {PATH}/a?{NAMED}&force=true"));
    let requests = api.requests();
    let version = json!({"op": "replace", "path": "/metadata/resourceVersion", "value": made["metadata"]["resourceVersion"]});
    assert_eq!(
        (requests[1].header("content-type"), &requests[1].json()[1]),
        ("application/json-patch+json", &version)
    );
    assert_eq!(
        requests[3].header("content-type"),
        "application/apply-patch+yaml"
    );
}

#[tokio::test]
async fn a_delete_spares_a_new_object_of_the_same_name() {
    let api = FakeApi::stateful();
    let cluster = cluster(&api);
    let uid = api.put(session("a"))["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = DeleteOptions {
        uid: Some("another".into()),
        ..DeleteOptions::default()
    };
    let error = cluster
        .delete(&SESSION, "default", "a", &other)
        .await
        .unwrap_err();
    assert!(failure::has_kind(&error, FailureKind::Conflict));
    let right = DeleteOptions {
        uid: Some(uid.clone()),
        propagation: PropagationPolicy::Foreground,
        ..DeleteOptions::default()
    };
    let rehearsal = DeleteOptions {
        dry_run: true,
        ..right.clone()
    };
    assert_eq!(
        cluster
            .delete(&SESSION, "default", "a", &rehearsal)
            .await
            .unwrap(),
        DeleteOutcome::Gone
    );
    assert_eq!(
        cluster
            .delete(&SESSION, "default", "a", &right)
            .await
            .unwrap(),
        DeleteOutcome::Gone
    );
    assert_eq!(
        cluster
            .delete(&SESSION, "default", "a", &right)
            .await
            .unwrap(),
        DeleteOutcome::NotFound
    );
    let body = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground", "preconditions": {"uid": uid}});
    assert_eq!(api.requests()[2].json(), body);
    assert_eq!(api.requests()[1].json()["dryRun"], json!(["All"]));
    assert_eq!(api.lines()[2], format!("DELETE {PATH}/a"));
}

#[tokio::test]
async fn a_finalizer_delays_deletion_and_dependents_go_too() {
    let api = FakeApi::stateful();
    let cluster = cluster(&api);
    let mut object = session("a");
    object["metadata"]["finalizers"] = json!(["streaming.platform/sync"]);
    let uid = api.put(object)["metadata"]["uid"].clone();
    let mut owned = pod("p", json!({}));
    owned["metadata"]["ownerReferences"] = json!([{"uid": uid}]);
    api.put(owned);
    let DeleteOutcome::Terminating(going) = cluster
        .delete(&SESSION, "default", "a", &DeleteOptions::default())
        .await
        .unwrap()
    else {
        panic!("it was held")
    };
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    let release = json!({"metadata": {"finalizers": null}});
    cluster
        .merge_patch(
            &SESSION,
            "default",
            "a",
            None,
            &release,
            &WriteOptions::by(MANAGER),
        )
        .await
        .unwrap();
    assert_eq!(cluster.get(&SESSION, "default", "a").await.unwrap(), None);
    assert_eq!(cluster.get(&POD, "default", "p").await.unwrap(), None);
}

#[tokio::test]
async fn a_refused_write_returns_the_servers_reason() {
    let api = FakeApi::new();
    let quota = Answer::quota(
        "pods",
        "q",
        "limit",
        "requested: pods=1, used: pods=1, limited: pods=1",
    );
    api.on("POST", "/**", quota).on(
        "PATCH",
        "/**",
        Answer::invalid(
            "streaming.platform",
            "Session",
            "inv",
            &[
                ("spec.userId", "Required value"),
                ("spec.gpu", "must be whole"),
            ],
        ),
    );
    let error = cluster(&api)
        .create(
            &POD,
            "default",
            &pod("q", json!({})),
            &WriteOptions::by(MANAGER),
        )
        .await
        .unwrap_err();
    let quota = failure::find_failure(&error).unwrap();
    assert_eq!(
        (quota.kind, quota.code, quota.reason.as_str()),
        (FailureKind::QuotaExceeded, 403, "Forbidden")
    );
    let error = cluster(&api)
        .merge_patch(
            &SESSION,
            "default",
            "inv",
            None,
            &Value::Null,
            &WriteOptions::by(MANAGER),
        )
        .await
        .unwrap_err();
    let invalid = failure::find_failure(&error).unwrap();
    assert_eq!(
        (invalid.kind, invalid.object.clone()),
        (FailureKind::Invalid, Some(("Session".into(), "inv".into())))
    );
    assert_eq!(
        (
            invalid.causes.len(),
            invalid.causes[0].field.as_str(),
            invalid.causes[1].message.as_str()
        ),
        (2, "spec.userId", "must be whole")
    );
}
