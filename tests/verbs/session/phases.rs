//! Phases of sessions of every kind: what `list` shows is what `--phase` selects by, and many sessions cost no more requests than a few.

use kubectl_session_delete::Delete;
use kubectl_session_list::List;
use kubectl_session_status::Status;
use serde_json::{Value, json};
use session_shared::labels;
use session_support::session_fixture::{SessionFixture, owned, waiting_pod_status};
use session_support::{FakeApi, golden};

use crate::answers::{own_by_replica_set, with_pod_status, without_pod};
use crate::play::Play;

/// A session of each kind of workload, as `kind`, `phase`.
fn put_kinds(api: &FakeApi, at: usize) -> Vec<(String, &'static str)> {
    let mut put = Vec::new();
    let mut add = |kind: &str, phase: &'static str, session: &dyn Fn(&str)| {
        let name = format!("{}-{at}", kind.to_lowercase());
        session(&name);
        put.push((name, phase));
    };
    let waiting = || waiting_pod_status("ContainerCreating", "");
    let no_image = || waiting_pod_status("InvalidImageName", "couldn't parse image name \"a b\"");
    let states: [(&str, &'static str, Option<Value>); 3] = [
        ("ready", "running", None),
        ("waiting", "pending", Some(waiting())),
        ("broken", "failed", Some(no_image())),
    ];
    for (state, phase, pod_status) in states {
        let fixture = |name: &str| match &pod_status {
            None => SessionFixture::running(name),
            Some(status) => with_pod_status(name, status.clone()),
        };
        add(&format!("pod-{state}"), phase, &|name| {
            fixture(name).put(api);
        });
        for kind in ["StatefulSet", "Deployment", "Job"] {
            add(&format!("{kind}-{state}"), phase, &|name| {
                fixture(name).workload(kind, 1).put(api);
                if kind == "Deployment" {
                    own_by_replica_set(api, name);
                }
            });
        }
        // The other workload of the session, a helper that is not ready, decides nothing.
        add(&format!("several-{state}"), phase, &|name| {
            let mut session = fixture(name).workload("StatefulSet", 1).put(api);
            let helper = with_pod_status(name, waiting()).pod_name(&format!("helper-{name}"));
            let mut pod = helper.pod(&session);
            let labels = pod["metadata"]["labels"].as_object_mut().unwrap();
            labels.remove(labels::PRIMARY);
            let pod = api.put(pod);
            let objects = session["status"]["applied"]["objects"].as_array_mut();
            objects
                .unwrap()
                .push(json!({"apiVersion": "v1", "kind": "Pod",
                "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}));
            api.put(session);
        });
        // The controller of a custom kind makes Pods without a label, maybe through objects of kinds in between.
        for (kind, plural) in [("Sandbox", "sandboxes"), ("RayJob", "rayjobs")] {
            add(&format!("{kind}-{state}"), phase, &|name| {
                let workload = json!({"apiVersion": "example.com/v1", "kind": kind, "metadata": {"name": name}, "spec": {}});
                let workload = fixture(name).put_custom(api, workload, plural, json!({}));
                if kind == "RayJob" {
                    own_by_cluster(api, &workload);
                }
            });
        }
    }
    add("sandbox-none", "pending", &|name| {
        let workload = json!({"apiVersion": "example.com/v1", "kind": "Sandbox", "metadata": {"name": name}, "spec": {}});
        without_pod(name).put_custom(api, workload, "sandboxes", json!({}));
    });
    add("set-at-zero", "stopped", &|name| {
        without_pod(name).workload("StatefulSet", 0).put(api);
    });
    put
}

/// Puts a RayCluster between a RayJob and its Pod.
fn own_by_cluster(api: &FakeApi, job: &Value) {
    api.serve("example.com/v1", "RayCluster", "rayclusters", true);
    let name = job["metadata"]["name"].clone();
    let cluster = json!({"apiVersion": "example.com/v1", "kind": "RayCluster", "metadata": {"name": name, "namespace": "default"}});
    let cluster = api.put(owned(cluster, job));
    let uid = &job["metadata"]["uid"];
    let of_job = |pod: &Value| pod["metadata"]["ownerReferences"][0]["uid"] == *uid;
    let pod = api.objects("pods").into_iter().find(of_job).unwrap();
    api.put(owned(pod, &cluster));
}

#[test]
fn the_phase_that_list_shows_is_the_one_that_phase_selects_by() {
    let api = FakeApi::stateful();
    let mut sessions = put_kinds(&api, 0);
    sessions.sort();
    let names = |text: &str| -> Vec<String> {
        let name = |line: &str| line.rsplit('/').next().unwrap_or_default().to_owned();
        text.lines().map(name).collect()
    };
    for phase in ["pending", "running", "stopped", "failed"] {
        let of_phase = sessions.iter().filter(|(_, is)| *is == phase);
        let expected: Vec<String> = of_phase.map(|(name, _)| name.clone()).collect();
        assert!(!expected.is_empty(), "{phase}");
        let listed = Play::on(&api).run::<List>(&format!("--phase {phase} -o name"));
        assert_eq!(names(listed.done()), expected, "list --phase {phase}");
        let words = format!("--phase {phase} --dry-run=client -o name -y");
        let deleted = Play::on(&api).run::<Delete>(&words);
        assert_eq!(names(deleted.done()), expected, "delete {words}");
    }
    // One alone is judged as it is among all.
    for (name, phase) in &sessions {
        let one = Play::on(&api).run::<List>(&format!("{name} -o jsonpath={{.status.phase}}"));
        assert_eq!(one.done(), *phase, "list {name}");
        let status = Play::on(&api).run::<Status>(&format!("{name} -o jsonpath={{.phase}}"));
        assert_eq!(status.done(), *phase, "status {name}");
    }
}

/// Returns the requests of a command, without what selects the objects.
fn reads_of(api: &FakeApi, run: impl Fn(Play)) -> Vec<String> {
    let before = api.lines().len();
    run(Play::on(api));
    let lines = api.lines().into_iter().skip(before);
    let paths = lines.map(|line| line.split('?').next().unwrap_or_default().to_owned());
    let mut paths: Vec<String> = paths.collect();
    paths.sort();
    paths
}

#[test]
fn phases_cost_the_same_reads_for_every_number_of_sessions() {
    let class = |size: usize| {
        let api = FakeApi::stateful();
        for at in 0..size {
            put_kinds(&api, at);
        }
        api
    };
    let (few, many) = (class(18), class(23));
    assert!(many.objects("sessions.streaming.platform").len() > 500);
    let list = |play: Play| drop(play.run::<List>(""));
    let selected = |play: Play| drop(play.run::<Delete>("--phase terminating -y"));
    let mut text = String::new();
    for (words, run) in [
        ("list", &list as &dyn Fn(Play)),
        ("delete --phase terminating", &selected),
    ] {
        let mut reads = reads_of(&few, run);
        let mut of_many = reads_of(&many, run);
        text.push_str(&format!("$ {words}\n{}\n", reads.join("\n")));
        // Of some lists there is one more page.
        let (lists, pages) = (reads.len(), of_many.len());
        reads.dedup();
        of_many.dedup();
        assert_eq!(reads, of_many, "{words}");
        assert!(
            lists <= 24 && pages <= lists + 8,
            "{words}: {lists}, {pages}"
        );
    }
    golden("phases-of-many.txt", &text);
}
