//! Golden screens of every state.

use serde_json::{Value, json};
use session_support::{FakeApi, golden};

use crate::scenes::{
    UID, all, api, claim, crashing, event, pod, running, running_api, session, status, tool,
};

#[test]
fn every_state_has_its_screen() {
    for (name, api) in all() {
        let played = status(&api, "");
        assert_eq!((played.code, played.err.as_str()), (0, ""), "{name}");
        golden(&format!("status-{name}.txt"), &played.out);
    }
}

#[test]
fn no_line_is_longer_than_the_screen_and_no_escape_gets_through() {
    for (name, api) in all() {
        for line in status(&api, "").out.lines() {
            // A command is never broken, so that it can be copied.
            let is_command = line.trim_start().starts_with("kubectl ");
            assert!(is_command || line.chars().count() <= 80, "{name}: {line}");
            assert!(!line.chars().any(char::is_control), "{name}: {line:?}");
        }
    }
}

#[test]
fn few_requests_in_two_rounds() {
    let api = running_api();
    api.put(claim());
    status(&api, "").done();
    let mut lines = api.lines();
    assert_eq!(lines.len(), 10, "{lines:?}");
    let second = lines.split_off(5);
    lines.sort();
    let mut second = second;
    second.sort();
    golden(
        "status-requests.txt",
        &format!("{}\n--\n{}\n", lines.join("\n"), second.join("\n")),
    );
}

/// The EndpointSlices of a Service are read only where its Pods are not ready.
#[test]
fn the_endpoints_of_a_service_without_ready_pods_are_shown() {
    let scene = |pod_status: Value| {
        let mut session = session("running");
        let objects = session["status"]["applied"]["objects"]
            .as_array_mut()
            .unwrap();
        let entry = |kind: &str, name: &str, uid: &str| json!({"apiVersion": if kind == "Service" { "v1" } else { "apps/v1" }, "kind": kind, "name": name, "uid": uid});
        objects.extend([
            entry("Service", "db", "v-1"),
            entry("StatefulSet", "db", "s-1"),
        ]);
        let owner = json!({"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "alice", "uid": UID});
        let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"replicas": 1},
            "metadata": {"name": "db", "namespace": "default", "uid": "s-1", "labels": {"streaming.platform/session": "alice"}, "ownerReferences": [owner]}});
        let mut db = pod("db-0", "p-3", ("StatefulSet", "db", "s-1"), pod_status);
        db["metadata"]["labels"] = json!({"streaming.platform/session": "alice", "app": "db"});
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db", "namespace": "default", "uid": "v-1"},
            "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.8", "selector": {"app": "db"}, "ports": [{"port": 5432}]}});
        let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "db-x7k", "namespace": "default", "labels": {"kubernetes.io/service-name": "db"}},
            "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": false}, "targetRef": {"kind": "Pod", "name": "db-0"}}]});
        let api = api(&[session, tool(running()), set, db, service]);
        api.serve(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            "endpointslices",
            true,
        );
        api.put(slice);
        api
    };
    let reads = |api: &FakeApi| {
        let lines = api.lines().into_iter();
        lines.filter(|line| line.contains("endpointslices")).count()
    };
    let unready = scene(crashing());
    let text = status(&unready, "").done().to_owned();
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    for words in [
        "EndpointsNotReady (service/db)",
        "service \"db\" leads nowhere: none of the Pods that it selects is ready",
        "EndpointSlice \"db-x7k\": address 10.1.2.3 of pod \"db-0\" is not ready",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert_eq!(reads(&unready), 1);
    let ready = scene(running());
    assert!(!status(&ready, "").done().contains("EndpointsNotReady"));
    assert_eq!(reads(&ready), 0);
}

/// A namespace with more events than are read at once: those of the session's objects are read by UID.
#[test]
fn events_of_a_busy_namespace_are_read_by_uid() {
    let events_of = |others: usize| {
        let api = running_api();
        for n in 0..others {
            let about = ("Pod", "other", "p-99");
            let time = "2026-03-01T11:00:03Z";
            api.put(event(&format!("a{n:03}"), about, "Started", "x", time, 1));
        }
        let text = status(&api, "-o jsonpath={.events}").done().to_owned();
        let requests = api.requests().into_iter();
        let requests = requests.filter(|request| request.path.ends_with("/events"));
        let fields = requests.map(|request| request.query("fieldSelector").unwrap_or_default());
        (text, fields.collect::<Vec<_>>())
    };
    // The scene has three events itself.
    let (quiet, requests) = events_of(197);
    assert_eq!(requests, [""]);
    let (busy, mut requests) = events_of(198);
    requests.sort();
    let of = |uid: &str| format!("involvedObject.uid={uid}");
    assert_eq!(requests, [String::new(), of(UID), of("p-1")]);
    assert!(quiet.contains("Successfully assigned default/tool-alice to node-1"));
    assert_eq!(quiet, busy);
}

#[test]
fn the_values_of_secrets_are_neither_asked_for_nor_shown() {
    let (_, api) = all().into_iter().find(|(name, _)| *name == "data").unwrap();
    for words in ["", "-o json", "-o yaml"] {
        let played = status(&api, words);
        assert!(
            !played.done().contains("c2VjcmV0LXZhbHVl") && !played.out.contains("secret-value"),
            "{words}"
        );
    }
    let of_secrets: Vec<_> = api
        .requests()
        .into_iter()
        .filter(|request| request.path.contains("/secrets"))
        .collect();
    assert_eq!(of_secrets.len(), 3);
    for request in of_secrets {
        assert!(
            request
                .header("accept")
                .starts_with("application/json;as=PartialObjectMetadata;"),
            "{}",
            request.header("accept")
        );
    }
}

#[test]
fn others_pods_and_events_are_passed_over() {
    let mut foreign = tool(crate::scenes::crashing());
    foreign["metadata"]["name"] = "not-mine".into();
    foreign["metadata"]["uid"] = "p-66".into();
    foreign["metadata"]["ownerReferences"][0]["uid"] = "somebody-else".into();
    let api = api(&[session("running"), tool(crate::scenes::running()), foreign]);
    let played = status(&api, "");
    assert!(
        played.done().contains("tool-alice") && !played.out.contains("not-mine"),
        "{}",
        played.out
    );
    assert!(UID.starts_with("5e55"));
}

#[test]
fn a_schedule_of_another_session_of_that_name_is_passed_over() {
    let (_, api) = all().into_iter().find(|(name, _)| *name == "data").unwrap();
    let mut job = api
        .object("cronjobs.batch", "default", "session-alice-snapshots")
        .unwrap();
    job["metadata"]["ownerReferences"][0]["uid"] = "another".into();
    api.put(job);
    assert!(!status(&api, "").done().contains("CronJob"));
}

#[test]
fn on_a_terminal_the_phase_is_coloured_and_nothing_else_changes() {
    use crate::play::Play;
    let plain = status(&running_api(), "").out;
    let coloured = Play::on(&running_api())
        .at_terminal("")
        .run::<kubectl_session_status::Status>("alice")
        .out;
    assert!(
        coloured.contains("Phase:       \u{1b}[32mrunning\u{1b}[0m since"),
        "{coloured}"
    );
    let stripped = uncoloured(&coloured);
    assert_eq!(stripped, plain);
    let never = Play::on(&running_api())
        .at_terminal("")
        .run::<kubectl_session_status::Status>("alice --color never")
        .out;
    assert_eq!(never, plain);
}

/// Returns the text without colours.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push_str(part.split_once('m').unwrap().1);
    }
    out
}

#[test]
fn the_failing_job_of_a_schedule_is_named() {
    let (_, api) = all().into_iter().find(|(name, _)| *name == "data").unwrap();
    let cron_job = api
        .object("cronjobs.batch", "default", "session-alice-snapshots")
        .unwrap();
    let uid = &cron_job["metadata"]["uid"];
    api.put(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "run-1", "namespace": "default", "uid": "j",
        "labels": {"streaming.platform/schedule": "alice"},
        "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "x", "uid": uid}]},
        "status": {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}}));
    let text = status(&api, "").out;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Job/run-1 fails: DeadlineExceeded"), "{text}");
}

#[test]
fn what_stops_and_starts_it_is_told() {
    let api = running_api();
    let mut alice = session("running");
    let uid = api
        .object("sessions.streaming.platform", "default", "alice")
        .unwrap()["metadata"]["uid"]
        .clone();
    alice["metadata"]["uid"] = uid.clone();
    alice["metadata"]["labels"] = json!({"course": "42"});
    alice["metadata"]["annotations"]["streaming.platform/extended-until"] =
        "2026-03-01T21:00:00Z".into();
    api.put(alice);
    let put = |name: &str, words: &[&str], owner: Option<&str>| {
        let mut metadata = json!({"name": name, "namespace": "default", "labels": {"app.kubernetes.io/managed-by": "kubectl-session"}});
        match owner {
            Some(owner) => {
                metadata["ownerReferences"] = json!([{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "alice", "uid": owner}])
            }
            None => {
                metadata["annotations"]["streaming.platform/selection"] =
                    words[1..].join(" ").into()
            }
        }
        let pod = json!({"spec": {"containers": [{"name": "x", "args": words}]}});
        api.put(json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata,
            "spec": {"schedule": "0 20 * * *", "timeZone": "Europe/Berlin", "jobTemplate": {"spec": {"template": pod}}}}));
    };
    put("own", &["stop", "alice"], uid.as_str());
    put("of-an-older-alice", &["start", "alice"], Some("u-0"));
    put("course", &["start", "-l", "course=42"], None);
    put("other-course", &["start", "-l", "course=43"], None);
    let text = status(&api, "").out;
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("0 20 * * *"))
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "Schedule: start at \"0 20 * * *\" (Europe/Berlin), with -l course=42",
        "Schedule: stop at \"0 20 * * *\" (Europe/Berlin); a stop before 2026-03-01T21:00:00Z waits until then",
    ] {
        assert!(joined.contains(line), "{text}");
    }
    let document: serde_json::Value = serde_json::from_str(&status(&api, "-o json").out).unwrap();
    assert_eq!(document["extendedUntil"], "2026-03-01T21:00:00Z");
    let stop = json!({"name": "own", "action": "stop", "sessions": "alice", "schedule": "0 20 * * *", "timeZone": "Europe/Berlin",
        "suspended": false, "lastSuccessfulTime": null, "failingJob": null});
    assert_eq!(document["schedules"].as_array().unwrap().len(), 2);
    assert!(
        document["schedules"].as_array().unwrap().contains(&stop),
        "{}",
        document["schedules"]
    );
}

/// Without claims and snapshots, nothing needs the values of the parameters Secret: delete deletes it.
#[test]
fn the_parameters_secret_is_told_as_delete_treats_it() {
    let api = running_api();
    api.put(crate::scenes::data(serde_json::json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "session-alice-parameters"}, "data": {"PASSWORD": "c2VjcmV0LXZhbHVl"}})));
    let alone = status(&api, "").out;
    let secret = "Secret/session-alice-parameters: secret parameters, delete";
    assert!(alone.contains(&format!("{secret} deletes it\n")), "{alone}");
    assert!(!alone.contains("policy keep"), "{alone}");
    api.put(claim());
    let beside = status(&api, "").out;
    assert!(beside.contains(&format!("{secret} keeps it")), "{beside}");
    let command = "kubectl get secret session-alice-parameters -n default -o 'go-template=";
    assert!(beside.contains(command), "{beside}");
}

/// Claims are promised only where there are some, and a Pod that goes tells more than that it is lost.
#[test]
fn a_lost_pod_is_told_by_what_is_left_of_it() {
    let remedy = |api: &FakeApi| {
        let played = status(
            api,
            "-o jsonpath={.diagnosis[*].reason}:{.diagnosis[*].remedy}",
        );
        played.done().to_owned()
    };
    let bare = api(&[session("running")]);
    assert_eq!(remedy(&bare), "PodLost:start the session again");
    let kept = api(&[session("running"), claim()]);
    assert_eq!(
        remedy(&kept),
        "PodLost:start the session again; its claims are kept and used again"
    );
    let mut evicted = tool(running());
    evicted["metadata"]["deletionTimestamp"] = "2026-03-01T11:59:00Z".into();
    evicted["status"]["conditions"] =
        json!([{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]);
    let going = api(&[session("running"), evicted]);
    assert!(remedy(&going).starts_with("EvictionByEvictionAPI:wait until the Pod is gone"));
    let shown = status(&going, "");
    assert!(
        shown.done().contains("Reason:      EvictionByEvictionAPI"),
        "{}",
        shown.out
    );
}
