//! Owner references that others have written, and workloads that rest.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use session_support::{Answer, Execution, FakeApi};

use super::scene::{
    LOGGED, asked_for, call, fails, leaves, pod, says, server, session, sessions_of, succeeds,
};

/// A session that runs as a Pod, and a forged Pod that comes before its own.
fn forged_pod() -> (FakeApi, Value) {
    let api = server();
    let owner = sessions_of(&api, "running");
    let own = api.put(pod("tool-alice", &owner));
    api.put(pod("a-forged-one", &owner));
    session(&api, "running", "Pod", &[("Pod", &own)]);
    (api, own)
}

const LEFT_ALONE: &str = "note: pod \"a-forged-one\" is ignored: its ownerReferences name the session, but the session did not create it";

pub(super) fn forged_pod_is_not_read_in_place_of_the_sessions_own() -> Result<()> {
    let (api, _) = forged_pod();
    api.write_log("tool-alice", "main", LOGGED, b"own");
    api.write_log("a-forged-one", "main", LOGGED, b"forged");
    let output = succeeds(&api, "logs alice")?;
    ensure!(output.stdout == "own", "{output:#?}");
    says(&output, LEFT_ALONE)
}

pub(super) fn forged_pod_is_not_entered_in_place_of_the_sessions_own() -> Result<()> {
    let (api, _) = forged_pod();
    api.execute("true", Execution::default());
    let output = call(&api, "connect alice -- true");
    ensure!(
        asked_for(&api, "/pods/tool-alice/exec"),
        "{:?}",
        api.lines()
    );
    ensure!(
        !asked_for(&api, "/pods/a-forged-one/exec"),
        "{:?}",
        api.lines()
    );
    says(&output, LEFT_ALONE)
}

pub(super) fn forged_pod_is_not_stopped_with_the_session() -> Result<()> {
    let (api, own) = forged_pod();
    let output = succeeds(&api, "stop alice -y")?;
    says(&output, LEFT_ALONE)?;
    leaves(&api, "pods", &["a-forged-one"])?;
    let deletes = api
        .writes()
        .into_iter()
        .filter(|write| write.method == "DELETE");
    let uids: Vec<Value> = deletes
        .map(|write| write.json()["preconditions"]["uid"].clone())
        .collect();
    ensure!(uids == [own["metadata"]["uid"].clone()], "{uids:?}");
    Ok(())
}

pub(super) fn forged_pod_of_a_stopped_session_is_not_taken_for_its_workload() -> Result<()> {
    let api = server();
    let owner = sessions_of(&api, "stopped");
    let before =
        json!({"apiVersion": "v1", "metadata": {"name": "tool-alice", "uid": "the-old-one"}});
    session(&api, "stopped", "Pod", &[("Pod", &before)]);
    api.put(pod("tool-alice", &owner));
    let output = fails(
        &api,
        "start alice",
        "Pod \"tool-alice\" already exists and is not part of the session",
    )?;
    says(&output, "kubectl delete pod tool-alice -n default")?;
    ensure!(api.writes().is_empty(), "{:?}", api.lines());
    Ok(())
}

/// A session that is a StatefulSet with one Pod.
fn with_set() -> (FakeApi, Value) {
    let api = server();
    let owner = sessions_of(&api, "running");
    let mut set = pod("tool-alice", &owner);
    (set["apiVersion"], set["kind"]) = ("apps/v1".into(), "StatefulSet".into());
    set["spec"] = json!({"replicas": 1, "selector": {"matchLabels": {"app": "tool"}}});
    let set = api.put(set);
    let mut own = pod("tool-alice-0", &set);
    own["metadata"]["labels"]["app"] = "tool".into();
    api.put(own);
    session(&api, "running", "StatefulSet", &[("StatefulSet", &set)]);
    api.write_log("tool-alice-0", "main", LOGGED, b"own");
    (api, set)
}

pub(super) fn forged_pod_of_a_controller_is_not_read() -> Result<()> {
    let (api, set) = with_set();
    api.put(pod("tool-alice-00", &set));
    api.write_log("tool-alice-00", "main", LOGGED, b"forged");
    let output = succeeds(&api, "logs alice")?;
    ensure!(output.stdout == "own", "{output:#?}");
    says(&output, "note: pod \"tool-alice-00\" is ignored")
}

pub(super) fn forged_owner_has_nobody_ask_for_what_they_may_not_see() -> Result<()> {
    let (api, _) = with_set();
    let owner = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "theirs", "uid": "T"}});
    api.put(pod("a-forged-one", &owner));
    let path = "/apis/apps/v1/namespaces/default/daemonsets/**";
    api.on(
        "GET",
        path,
        Answer::forbidden("alice", "get", "daemonsets.apps", "default"),
    );
    let output = succeeds(&api, "logs alice")?;
    ensure!(output.stdout == "own", "{output:#?}");
    Ok(())
}

pub(super) fn autoscaled_deployment_comes_back_with_its_count() -> Result<()> {
    let api = server();
    let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: \"tool-${SESSION_ID}\"}\n\
        spec: {selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {containers: [{name: main, image: x}]}}}\n---\n\
        apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: \"tool-${SESSION_ID}\"}\n\
        spec: {minReplicas: 2, maxReplicas: 8, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: \"tool-${SESSION_ID}\"}}\n";
    api.put(json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {"manifest": manifest}}));
    let owner = sessions_of(&api, "stopped");
    let mut deployment = pod("tool-alice", &owner);
    (deployment["apiVersion"], deployment["kind"]) = ("apps/v1".into(), "Deployment".into());
    deployment["spec"] = json!({"replicas": 0, "selector": {"matchLabels": {"app": "x"}}});
    let deployment = api.put(deployment);
    let mut stopped = session(
        &api,
        "stopped",
        "Deployment",
        &[("Deployment", &deployment)],
    );
    stopped["status"]["applied"]["replicas"] = json!({"Deployment/tool-alice": 4});
    api.put(stopped);
    succeeds(&api, "start alice --wait=false")?;
    let deployment = api.object("deployments.apps", "default", "tool-alice");
    let count = deployment.context("the Deployment is gone")?["spec"]["replicas"].clone();
    ensure!(count == 4, "replicas: {count}");
    Ok(())
}

pub(super) fn pod_of_an_earlier_session_is_not_read() -> Result<()> {
    let (api, _) = with_set();
    let earlier = json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
        "metadata": {"name": "alice", "uid": "an-earlier-one"}});
    api.put(pod("a-left-one", &earlier));
    api.write_log("a-left-one", "main", LOGGED, b"theirs");
    let output = succeeds(&api, "logs alice")?;
    ensure!(output.stdout == "own", "{output:#?}");
    Ok(())
}

pub(super) fn forged_pod_does_not_change_what_list_shows() -> Result<()> {
    let api = server();
    let owner = sessions_of(&api, "stopped");
    let before =
        json!({"apiVersion": "v1", "metadata": {"name": "tool-alice", "uid": "the-old-one"}});
    session(&api, "stopped", "Pod", &[("Pod", &before)]);
    api.put(pod("tool-alice", &owner));
    for words in [
        "list --no-headers",
        "list alice -o jsonpath={.status.phase}",
    ] {
        let shown = succeeds(&api, words)?.stdout;
        ensure!(shown.contains("stopped"), "{words}: {shown}");
    }
    Ok(())
}
