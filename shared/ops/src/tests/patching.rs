//! Patches of a Session: what they carry, and which Sessions they refuse.

use serde_json::{Value, json};
use session_client::WriteOptions;
use session_model::api::Session;
use session_model::failure::{self, FailureKind};
use session_model::labels::MANAGER;
use session_support::FakeApi;

use super::{cluster, session};

fn typed(object: &Value) -> Session {
    serde_json::from_value(object.clone()).unwrap()
}

#[tokio::test]
async fn patches_of_a_session_carry_its_uid_and_the_field_manager() {
    let api = FakeApi::stateful();
    let stored = typed(&api.put(session("a")));
    let (cluster, write) = (cluster(&api), WriteOptions::by(MANAGER));
    let patch =
        json!({ "metadata": { "annotations": { "x": "y" } }, "spec": { "state": "stopped" } });
    cluster.patch_session(&stored, patch, &write).await.unwrap();
    let patch = json!({ "status": { "phase": "stopped" } });
    let after = cluster.patch_status(&stored, patch, &write).await.unwrap();
    assert_eq!(typed(&after).phase().unwrap().as_str(), "stopped");
    let sent = api.writes();
    assert_eq!(
        sent[0].json(),
        json!({ "metadata": { "annotations": { "x": "y" }, "uid": stored.uid() }, "spec": { "state": "stopped" } })
    );
    assert_eq!(
        sent[1].json(),
        json!({ "metadata": { "uid": stored.uid() }, "status": { "phase": "stopped" } })
    );
    assert!(sent[1].line().contains("/sessions/a/status?"));
    let manager = |one: &session_support::Recorded| one.query("fieldManager");
    assert!(
        sent.iter()
            .all(|one| manager(one).as_deref() == Some(MANAGER))
    );
}

#[tokio::test]
async fn a_session_that_was_created_again_or_never_is_not_patched() {
    let api = FakeApi::stateful();
    let mut earlier = typed(&api.put(session("a")));
    earlier.metadata.uid = Some("earlier".into());
    let (cluster, write) = (cluster(&api), WriteOptions::by(MANAGER));
    let patch = json!({ "spec": { "state": "stopped" } });
    let refused = cluster.patch_session(&earlier, patch.clone(), &write).await;
    assert!(failure::has_kind(
        &refused.unwrap_err(),
        FailureKind::Conflict
    ));
    api.forget_requests();
    let rebuilt = typed(&session("a"));
    for refused in [
        cluster.patch_session(&rebuilt, patch.clone(), &write).await,
        cluster.patch_status(&rebuilt, patch, &write).await,
    ] {
        assert_eq!(
            refused.unwrap_err().to_string(),
            "cannot patch session \"a\": metadata.uid is missing"
        );
    }
    assert!(api.requests().is_empty());
}
