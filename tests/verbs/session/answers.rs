//! One session, one answer: list, status, connect, cleanup and waits tell the same phase and reason of the same session.

use kubectl_session_cleanup::Cleanup;
use kubectl_session_connect::Connect;
use kubectl_session_delete::Delete;
use kubectl_session_list::List;
use kubectl_session_status::Status;
use serde_json::{Value, json};
use session_shared::labels;
use session_support::session_fixture::{
    SessionFixture, ended_pod_status, owned, waiting_pod_status,
};
use session_support::{Execution, FakeApi};

use crate::play::Play;

/// A session, and what every verb is to say of it.
struct Scene {
    name: &'static str,
    session: SessionFixture,
    phase: &'static str,
    reason: &'static str,
    /// Cell of column PHASE.
    word: &'static str,
    /// Part of the error of connect; empty where it enters the session.
    refusal: &'static str,
}

pub fn with_pod_status(name: &str, status: Value) -> SessionFixture {
    SessionFixture::running(name)
        .pod_fields(json!({"status": null}))
        .pod_fields(json!({"status": status}))
}

/// Spec and status say that it runs, and there is no Pod.
pub fn without_pod(name: &str) -> SessionFixture {
    SessionFixture::stopped(name)
        .session_fields(json!({"spec": {"state": "running"}, "status": {"phase": "running"}}))
}

fn crash_loop() -> Value {
    let mut status = waiting_pod_status(
        "CrashLoopBackOff",
        "back-off 5m0s restarting failed container",
    );
    status["phase"] = "Running".into();
    status["containerStatuses"][0]["restartCount"] = 5.into();
    status["containerStatuses"][0]["lastState"] =
        json!({"terminated": {"exitCode": 1, "reason": "Error"}});
    status
}

/// A container that ends with exit code 0 and is started each time.
fn ends_again() -> Value {
    let mut status = ended_pod_status(0, "Completed");
    status["phase"] = "Running".into();
    status["conditions"] = json!([{"type": "PodScheduled", "status": "True"}]);
    status["containerStatuses"][0]["restartCount"] = 5.into();
    status
}

fn unschedulable() -> Value {
    json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu."}]})
}

fn scenes() -> Vec<Scene> {
    let deletion =
        json!({"metadata": {"deletionTimestamp": "2026-03-01T11:59:00Z", "finalizers": ["x/y"]}});
    let no_image = "Back-off pulling image \"nope\": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image \"nope\": not found";
    let scene = |name, session, [phase, reason, word, refusal]: [&'static str; 4]| Scene {
        name,
        session,
        phase,
        reason,
        word,
        refusal,
    };
    vec![
        scene(
            "running",
            SessionFixture::running("running"),
            ["running", "Ready", "running", ""],
        ),
        scene(
            "image",
            with_pod_status("image", waiting_pod_status("ImagePullBackOff", no_image)),
            [
                "failed",
                "ImagePullBackOff",
                "ImagePullBackOff",
                "has failed",
            ],
        ),
        scene(
            "crash",
            with_pod_status("crash", crash_loop()),
            [
                "failed",
                "CrashLoopBackOff",
                "CrashLoopBackOff",
                "has failed",
            ],
        ),
        scene(
            "ends-again",
            with_pod_status("ends-again", ends_again()),
            [
                "failed",
                "CrashLoopBackOff",
                "CrashLoopBackOff",
                "has failed",
            ],
        ),
        scene(
            "unschedulable",
            with_pod_status("unschedulable", unschedulable()),
            ["pending", "Unschedulable", "pending", "is not ready"],
        ),
        scene(
            "going-pod",
            SessionFixture::running("going-pod").pod_fields(deletion.clone()),
            ["failed", "PodLost", "Terminating", "is lost"],
        ),
        scene(
            "at-zero",
            without_pod("at-zero").workload("Deployment", 0),
            ["stopped", "Stopped", "stopped", "is stopped"],
        ),
        scene(
            "refused",
            without_pod("refused").workload("StatefulSet", 1),
            [
                "failed",
                "AdmissionPolicyDenied",
                "AdmissionPolicyDenied",
                "has failed",
            ],
        ),
        scene(
            "too-few",
            SessionFixture::running("too-few").workload("StatefulSet", 2),
            ["pending", "NotReady", "pending", "is not ready"],
        ),
        scene(
            "too-few-replicas",
            SessionFixture::running("too-few-replicas").workload("Deployment", 2),
            ["pending", "NotReady", "pending", "is not ready"],
        ),
        scene(
            "enough",
            SessionFixture::running("enough").workload("StatefulSet", 1),
            ["running", "Ready", "running", ""],
        ),
        scene(
            "lost",
            without_pod("lost"),
            ["failed", "PodLost", "PodLost", "is lost"],
        ),
        scene(
            "completed",
            with_pod_status("completed", ended_pod_status(0, "Completed")),
            ["stopped", "Completed", "stopped", "ended with exit code 0"],
        ),
        scene(
            "stopped",
            SessionFixture::stopped("stopped"),
            ["stopped", "Stopped", "stopped", "is stopped"],
        ),
        scene(
            "going",
            SessionFixture::running("going").session_fields(deletion),
            ["terminating", "", "Terminating", "is being deleted"],
        ),
        scene(
            "expired",
            SessionFixture::expired("expired").applied(json!({"onExpiry": "delete"})),
            ["running", "Ready", "running", ""],
        ),
    ]
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Returns the reason of the condition Ready, if the phase has one that is not usual.
fn ready_reason(session: &Value) -> Option<&str> {
    let conditions = session["status"]["conditions"].as_array()?;
    let ready = conditions.iter().find(|one| one["type"] == "Ready")?;
    ready["reason"].as_str()
}

/// Puts the event of a StatefulSet whose Pod an admission policy refuses.
fn refuse_pods(api: &FakeApi, session: &str) {
    let of_session = |object: &Value| object["metadata"]["labels"][labels::SESSION] == session;
    let mut sets = api.objects("statefulsets.apps").into_iter();
    let set = sets.find(of_session).unwrap();
    let message = "pods \"x-0\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no";
    api.put(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e1", "namespace": "default"},
        "involvedObject": {"kind": "StatefulSet", "name": set["metadata"]["name"], "uid": set["metadata"]["uid"], "namespace": "default"},
        "type": "Warning", "reason": "FailedCreate", "message": message, "count": 1,
        "firstTimestamp": "2026-03-01T11:59:00Z", "lastTimestamp": "2026-03-01T11:59:00Z"}));
}

/// Puts a ReplicaSet between the Deployment of a session and its Pod, as the Deployment's controller does.
pub fn own_by_replica_set(api: &FakeApi, session: &str) {
    let of_session = |object: &Value| object["metadata"]["labels"][labels::SESSION] == session;
    let mut deployments = api.objects("deployments.apps").into_iter();
    let deployment = deployments.find(of_session).unwrap();
    let mut pod = api.objects("pods").into_iter().find(of_session).unwrap();
    let mut metadata = deployment["metadata"].clone();
    for made_by_server in ["uid", "resourceVersion", "creationTimestamp"] {
        metadata.as_object_mut().unwrap().remove(made_by_server);
    }
    metadata["name"] = format!("{}-5d8", metadata["name"].as_str().unwrap()).into();
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": {"replicas": 2}});
    let set = api.put(owned(set, &deployment));
    pod["metadata"]["labels"]["pod-template-hash"] = "5d8".into();
    api.put(owned(pod, &set));
}

fn check(api: &FakeApi, scene: &Scene) {
    let name = scene.name;
    let list = |words: &str| Play::on(api).run::<List>(words);
    let one = parsed(list(&format!("{name} -o json")).done());
    assert_eq!(one["status"]["phase"], scene.phase, "list {name} -o json");
    if let Some(reason) = ready_reason(&one) {
        assert_eq!(reason, scene.reason, "list {name} -o json");
    }
    let table = list("--no-headers");
    let row = table
        .done()
        .lines()
        .find(|row| row.starts_with(&format!("{name} ")));
    let word = row.unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(word, scene.word, "{}", table.out);
    for phase in ["pending", "running", "stopped", "terminating", "failed"] {
        for form in ["", "-o name"] {
            let words = format!("--phase {phase} {form}");
            let played = list(&words);
            let mut named = played.done().lines();
            let found = named.any(|line| {
                let word = line.split(' ').next().unwrap();
                word.strip_prefix("session.streaming.platform/")
                    .unwrap_or(word)
                    == name
            });
            assert_eq!(found, phase == scene.phase, "list {words}: {name}");
        }
    }
    let status = Play::on(api).run::<Status>(&format!("{name} -o json"));
    let report = parsed(status.done());
    assert_eq!(report["phase"], scene.phase, "status {name}");
    assert_eq!(report["reason"], scene.reason, "status {name}");
    let words = format!("{name} --wait-for {} --timeout 0s", scene.phase);
    Play::on(api).run::<Status>(&words).done();
    let connect = Play::on(api).run::<Connect>(&format!("{name} --wait=false --no-start -- true"));
    assert_eq!(connect.code == 0, scene.refusal.is_empty(), "{connect:#?}");
    assert!(connect.err.contains(scene.refusal), "{connect:#?}");
}

#[test]
fn every_verb_tells_the_same_of_a_session() {
    let api = FakeApi::stateful();
    api.execute("true", Execution::default());
    let scenes = scenes();
    for scene in &scenes {
        scene.session.put(&api);
    }
    own_by_replica_set(&api, "too-few-replicas");
    refuse_pods(&api, "refused");
    for scene in &scenes {
        check(&api, scene);
    }
    for phase in ["pending", "running", "stopped", "terminating", "failed"] {
        let listed = Play::on(&api).run::<List>(&format!("--phase {phase} -o name"));
        let words = format!("--phase {phase} --dry-run=client -o name -y");
        let deleted = Play::on(&api).run::<Delete>(&words);
        assert_eq!(deleted.done(), listed.done(), "delete {words}");
    }
    let cleanup = Play::on(&api).run::<Cleanup>("--unhealthy --dry-run=client");
    for scene in &scenes {
        let named = cleanup.out.lines().any(|line| {
            line.contains(&format!("\"{}\"", scene.name))
                || line
                    .split_whitespace()
                    .any(|word| word.ends_with(&format!("/{}", scene.name)))
        });
        assert_eq!(
            named,
            scene.phase == "failed",
            "{}: {cleanup:#?}",
            scene.name
        );
    }
}
