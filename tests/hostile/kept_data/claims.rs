//! Claims and parameters that outlive their session.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use session_support::{FakeApi, Output};

use super::scene::{
    CLAIMS, PARAMETERS, SESSIONS, fails, kept_claim, leaves, metadata, says, server, sessions_of,
    succeeds,
};

fn secret(created: &str) -> Value {
    let mut metadata = metadata(PARAMETERS);
    metadata["labels"]["streaming.platform/parameters"] = "true".into();
    metadata["creationTimestamp"] = created.into();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"PASSWORD": "b3Blbi1zZXNhbWU="}})
}

const CREATE: &str = "create alice --user-id alice --template tool --wait=false";

/// Refused, and nothing of the session is left.
fn create_refuses(api: &FakeApi, words: &str, because: &str) -> Result<Output> {
    let output = fails(api, words, because)?;
    leaves(api, SESSIONS, &[])?;
    Ok(output)
}

pub(super) fn forged_parameters_secret_is_not_taken_up() -> Result<()> {
    let api = server();
    api.put(kept_claim("home-alice"));
    let forged = api.put(secret("2026-02-02T00:00:00Z"));
    let because = "cannot reuse Secret \"session-alice-parameters\": labelled as kept data of this session, but no kept claim or snapshot";
    let output = create_refuses(&api, CREATE, because)?;
    says(
        &output,
        "kubectl delete secret session-alice-parameters -n default",
    )?;
    ensure!(
        api.object("secrets", "default", PARAMETERS) == Some(forged),
        "it was changed"
    );
    leaves(&api, CLAIMS, &["home-alice"])
}

pub(super) fn forged_claim_vouches_for_no_forged_secret() -> Result<()> {
    let api = server();
    api.put(kept_claim("home-alice"));
    let mut claim = kept_claim("extra-alice");
    claim["metadata"]["creationTimestamp"] = "2026-02-03T00:00:00Z".into();
    let mut secret = secret("2026-02-02T00:00:00Z");
    for forged in [&mut claim, &mut secret] {
        forged["metadata"]["annotations"]["streaming.platform/session-uid"] = "F".into();
        api.put(forged.clone());
    }
    create_refuses(&api, CREATE, "but no kept claim or snapshot").map(drop)
}

pub(super) fn parameters_secret_without_a_session_is_not_taken_up() -> Result<()> {
    let api = server();
    api.put(secret("2026-01-01T00:00:00Z"));
    create_refuses(&api, CREATE, "but no kept claim or snapshot").map(drop)?;
    let mut nameless = secret("2026-01-01T00:00:00Z");
    nameless["metadata"]["annotations"]["streaming.platform/session-uid"] = Value::Null;
    api.put(nameless);
    create_refuses(
        &api,
        CREATE,
        "without the annotations of the run and the Session",
    )
    .map(drop)
}

pub(super) fn kept_parameters_secret_is_still_taken_up() -> Result<()> {
    let api = server();
    api.put(kept_claim("home-alice"));
    api.put(secret("2026-01-01T00:00:00Z"));
    succeeds(&api, CREATE)?;
    let rendered = api
        .object("secrets", "default", "tool-alice")
        .context("no Secret")?;
    ensure!(
        rendered["stringData"]["password"] == "open-sesame"
            || rendered["data"]["password"] == "b3Blbi1zZXNhbWU=",
        "{rendered}"
    );
    Ok(())
}

pub(super) fn claim_that_names_no_run_is_not_taken_up() -> Result<()> {
    let api = server();
    let mut forged = kept_claim("home-alice");
    for key in ["run", "session-uid"] {
        forged["metadata"]["annotations"][format!("streaming.platform/{key}")] = "".into();
    }
    let forged = api.put(forged);
    create_refuses(
        &api,
        CREATE,
        "without the annotations of the run and the Session that created it",
    )?;
    ensure!(
        api.object(CLAIMS, "default", "home-alice") == Some(forged),
        "it was changed"
    );
    Ok(())
}

pub(super) fn claim_without_a_volume_is_made_anew() -> Result<()> {
    let api = server();
    let mut claim = kept_claim("home-alice");
    claim["status"] = json!({"phase": "Pending"});
    claim["spec"]["volumeName"] = Value::Null;
    let before = api.put(claim);
    let listed = succeeds(&api, "list --kept")?;
    ensure!(
        !listed.stdout.contains("home-alice"),
        "it is listed as data"
    );
    succeeds(&api, &format!("{CREATE} --storage-class fast"))?;
    let after = api
        .object(CLAIMS, "default", "home-alice")
        .context("no claim")?;
    ensure!(
        after["metadata"]["uid"] != before["metadata"]["uid"],
        "it was taken up"
    );
    ensure!(after["spec"]["storageClassName"] == "fast", "{after}");
    let requests = api.writes();
    let delete = requests
        .iter()
        .find(|write| write.method == "DELETE")
        .context("no DELETE")?;
    let conditions = delete.json()["preconditions"].clone();
    for key in ["uid", "resourceVersion"] {
        ensure!(conditions[key] == before["metadata"][key], "{conditions}");
    }
    Ok(())
}

pub(super) fn class_that_contradicts_kept_data_is_refused() -> Result<()> {
    let api = server();
    api.put(kept_claim("home-alice"));
    let words = format!("{CREATE} --storage-class fast");
    let output = fails(
        &api,
        &words,
        "spec.storageClassName is \"slow\", not \"fast\"",
    )?;
    says(
        &output,
        "kubectl delete persistentvolumeclaim home-alice -n default",
    )?;
    let writes = api
        .writes()
        .into_iter()
        .filter(|write| !write.path.ends_with("reviews"));
    let writes: Vec<String> = writes.map(|write| write.path).collect();
    ensure!(writes.is_empty(), "{writes:?}");
    Ok(())
}

pub(super) fn kept_data_that_is_not_used_is_told() -> Result<()> {
    let api = server();
    api.put(kept_claim("home-alice"));
    let words = CREATE.replace("tool", "bare");
    let output = succeeds(&api, &words)?;
    says(
        &output,
        "note: persistentvolumeclaim \"home-alice\" (1Gi), kept from a session \"alice\"",
    )?;
    says(&output, "kubectl session list --kept -n default")?;
    says(
        &output,
        "kubectl delete persistentvolumeclaim home-alice -n default",
    )
}

/// A create that is refused because of a kept claim, which stays as it is.
fn is_not_taken_up(key: &str, kept_of: &str, words: &str, because: &str) -> Result<()> {
    let api = server();
    let mut claim = kept_claim("home-alice");
    claim["metadata"]["annotations"][format!("streaming.platform/{key}")] = kept_of.into();
    let claim = api.put(claim);
    create_refuses(&api, words, because)?;
    ensure!(
        api.object(CLAIMS, "default", "home-alice") == Some(claim),
        "it was changed"
    );
    Ok(())
}

pub(super) fn kept_data_of_another_user_is_not_taken_up() -> Result<()> {
    is_not_taken_up(
        "user-id",
        "bob",
        CREATE,
        "already exists and is not part of session \"alice\"",
    )
}

pub(super) fn user_of_the_same_label_gets_no_kept_data() -> Result<()> {
    let words = CREATE.replace("--user-id alice", "--user-id a.b");
    is_not_taken_up(
        "user-id",
        "a@b",
        &words,
        "already exists and is not part of session \"alice\"",
    )
}

pub(super) fn kept_data_of_another_template_is_not_taken_up() -> Result<()> {
    is_not_taken_up(
        "template",
        "desktop",
        CREATE,
        "kept by a session of template \"desktop\"",
    )
}

pub(super) fn session_of_another_user_destroys_no_kept_data() -> Result<()> {
    let api = server();
    let claim = api.put(kept_claim("home-alice"));
    let mut theirs = sessions_of(&api, "stopped");
    theirs["spec"]["userId"] = "bob".into();
    api.put(theirs);
    succeeds(&api, "delete alice --delete-data -y")?;
    ensure!(
        api.object(CLAIMS, "default", "home-alice") == Some(claim),
        "it was changed"
    );
    Ok(())
}
