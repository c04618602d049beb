//! `quota set`: the objects, the wait, limits below use, objects of others, missing rights.

use serde_json::{Value, json};
use session_shared::client::interrupt::Interrupt;
use session_support::{Answer, FakeApi, golden};

use crate::play::{Play, Played};
use crate::quota;
use kubectl_session_quota::Quota;

const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
const SINDRI: &str = include_str!("../../fixtures/sindri-tenant.yaml");

/// An API server whose quota controller counts `used`, else 0.
fn counting(used: Value) -> FakeApi {
    let api = FakeApi::stateful();
    api.react("resourcequotas", move |quota| {
        let hard = &quota["spec"]["hard"];
        let mut counted = json!({});
        for key in hard.as_object().unwrap().keys() {
            counted[key] = used.get(key).cloned().unwrap_or_else(|| "0".into());
        }
        let mut after = quota.clone();
        after["status"] = json!({"hard": hard, "used": counted});
        vec![after]
    });
    api
}

fn stored(api: &FakeApi, name: &str) -> Value {
    api.object("resourcequotas", "default", name).unwrap()
}

fn writes(api: &FakeApi) -> usize {
    let requests = api.requests();
    let writes = requests.iter().filter(|request| request.method != "GET");
    writes.count()
}

#[test]
fn a_quota_and_its_defaults_are_applied_and_counted() {
    let api = counting(json!({}));
    let words =
        "set --cpu 4 --memory 8Gi --limits-factor 2 --limit-range default.cpu=2,default.memory=4Gi";
    let created = quota(&api, words);
    let again = quota(&api, words);
    let changed = quota(
        &api,
        "set --cpu 6 --limit-range default.cpu=2,default.memory=4Gi",
    );
    golden(
        "quota-set.txt",
        &format!("{}{}{}", created.text(), again.text(), changed.text()),
    );
    let object = stored(&api, "session-quota");
    assert_eq!(object["spec"]["hard"], json!({"requests.cpu": "6"}));
    assert_eq!(
        object["metadata"]["labels"]["app.kubernetes.io/managed-by"],
        "kubectl-session"
    );
    for request in api
        .requests()
        .iter()
        .filter(|request| request.method == "PATCH")
    {
        assert_eq!(
            request.header("content-type"),
            "application/apply-patch+yaml"
        );
        assert_eq!(request.query("fieldManager").unwrap(), "kubectl-session");
    }
}

#[test]
fn the_quota_of_a_sindri_file_is_that_of_its_documents() {
    let api = counting(json!({}));
    let played = Play::on(&api)
        .piped(SINDRI)
        .run::<Quota>("set -f - -o yaml");
    golden("quota-set-sindri.txt", &shown(played));
    let nvim = "[kubernetes]\nenabled = true\nnamespace = \"nvim-web\"\nimage = \"a/b:1\"\nmax_sessions = 100\n";
    let played = Play::on(&api).piped(nvim).run::<Quota>("set --config -");
    golden("quota-set-nvim.txt", &played.text());
}

/// The output without what changes from run to run.
fn shown(played: Played) -> String {
    let text = played.text();
    let lines = text
        .lines()
        .filter(|line| !line.contains("creationTimestamp"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_dry_run_stores_nothing_and_waits_for_nothing() {
    let api = FakeApi::stateful();
    let client = quota(&api, "set --max-sessions 100 --dry-run=client");
    assert_eq!(
        client.done(),
        "resourcequota/session-quota created (dry run)\n"
    );
    assert_eq!(writes(&api), 0);
    let server = quota(&api, "set --max-sessions 100 --dry-run=server");
    assert_eq!(
        server.done(),
        "resourcequota/session-quota created (server dry run)\n"
    );
    assert_eq!(api.objects("resourcequotas"), Vec::<Value>::new());
    let yaml = quota(
        &api,
        "set --cpu 50 --pods 50 --claims 0 --dry-run=client -o yaml dozlab-quota",
    );
    golden("quota-set-dry-run.txt", &yaml.text());
}

#[test]
fn it_waits_until_every_resource_is_counted() {
    let api = FakeApi::stateful();
    let played = Play::on(&api).meanwhile::<Quota>("set --pods 5 --max-sessions 5", |_, _| {
        let quota = wait_for(|| api.object("resourcequotas", "default", "session-quota"));
        let mut half = quota.clone();
        half["status"] = json!({"hard": quota["spec"]["hard"], "used": {"pods": "0"}});
        api.put(half.clone());
        half["status"]["used"]["count/sessions.streaming.platform"] = "0".into();
        api.put(half);
    });
    assert_eq!(played.done(), "resourcequota/session-quota created\n");
    let watches = api.requests();
    let watches = watches
        .iter()
        .filter(|request| request.query("watch").is_some());
    assert_eq!(watches.count(), 1);
}

#[test]
fn a_resource_that_nothing_counts_is_named_when_the_time_is_over() {
    let api = FakeApi::stateful();
    let played = quota(&api, "set --hard count/widgets.example.com=2 --timeout 1s");
    golden("quota-set-timeout.txt", &played.text());
    let played = quota(&api, "set --hard count/widgets.example.com=2 --wait=false");
    assert_eq!(played.done(), "resourcequota/session-quota unchanged\n");
}

#[test]
fn ctrl_c_ends_the_wait_and_says_what_is_set() {
    let api = FakeApi::stateful();
    let interrupt = Interrupt::default();
    let played = Play::on(&api).stopped_by(&interrupt).meanwhile::<Quota>(
        "set --pods 5",
        |printed, signal| {
            wait_for(|| printed.stdout().contains("created").then_some(()));
            signal.trigger();
        },
    );
    golden("quota-set-interrupted.txt", &played.text());
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        if let Some(found) = look() {
            return found;
        }
        std::thread::yield_now();
    }
}

/// Six sessions in the namespace, two of them stopped, a Pod and a claim for each that runs.
fn six_sessions(api: &FakeApi) {
    for number in 0..6 {
        let name = format!("s{number}");
        let phase = if number < 2 { "stopped" } else { "running" };
        api.put(
            json!({"apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"userId": "alice", "template": "lab"}, "status": {"phase": phase}}),
        );
        if number < 2 {
            continue;
        }
        api.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1500m"}}}]},
            "status": {"phase": "Running"}}));
        api.put(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "default"},
            "spec": {"resources": {"requests": {"storage": "10Gi"}}}}));
    }
}

#[test]
fn limits_below_what_the_namespace_holds_need_a_yes() {
    let api = counting(json!({}));
    six_sessions(&api);
    let words = "set --max-sessions 3 --cpu 4 --storage 30Gi --claims 4 --limit-range defaultRequest.cpu=100m";
    let refused = quota(&api, words);
    assert_eq!(writes(&api), 0);
    let declined = Play::on(&api).at_terminal("n\n").run::<Quota>(words);
    assert_eq!(writes(&api), 0);
    let dry = quota(&api, &format!("{words} --dry-run=client"));
    let confirmed = quota(&api, &format!("{words} --yes"));
    golden(
        "quota-set-below-use.txt",
        &format!(
            "{}{}{}{}",
            refused.text(),
            declined.text(),
            dry.text(),
            confirmed.text()
        ),
    );
    let agreed = Play::on(&api)
        .at_terminal("y\n")
        .run::<Quota>("set --max-sessions 2");
    assert_eq!(agreed.code, 0, "{agreed:?}");
    assert_eq!(
        stored(&api, "session-quota")["spec"]["hard"],
        json!({"count/sessions.streaming.platform": "2"})
    );
}

#[test]
fn the_use_that_the_present_quota_shows_is_compared() {
    let api = counting(json!({"pods": "6"}));
    quota(&api, "set --pods 10").done();
    let lists = |api: &FakeApi| {
        let requests = api.requests();
        requests
            .iter()
            .filter(|one| one.path.ends_with("/pods"))
            .count()
    };
    let before = lists(&api);
    let played = quota(&api, "set --pods 5");
    assert_eq!(played.code, 1);
    assert!(
        played.err.contains("pods: used 6, hard 5"),
        "{}",
        played.err
    );
    assert_eq!(
        lists(&api),
        before,
        "the server has counted the Pods already"
    );
    assert_eq!(quota(&api, "set --pods 6").code, 0);
}

#[test]
fn a_limit_that_is_below_use_already_is_not_asked_about_again() {
    let api = counting(json!({"pods": "6"}));
    quota(&api, "set --pods 2 --yes").done();
    let again = quota(&api, "set --pods 2");
    assert_eq!((again.code, again.err.as_str()), (0, ""), "{again:?}");
    assert_eq!(quota(&api, "set --pods 4").code, 0, "raised");
    assert_eq!(quota(&api, "set --pods 3").code, 1, "lowered");
}

#[test]
fn a_quota_that_is_not_set_is_not_warned_about() {
    let api = FakeApi::stateful();
    let gone = Answer::not_found("namespaces", "default");
    api.on("PATCH", &format!("{QUOTAS}/*"), gone);
    let played = quota(&api, "set --cpu 1");
    assert!(!played.failed().contains("LimitRange"), "{played:?}");
}

#[test]
fn a_client_dry_run_tells_whose_limits_go_and_stay() {
    let api = counting(json!({}));
    quota(&api, "set team --pods 5 --hard secrets=9").done();
    let mut team = stored(&api, "team");
    team["spec"]["hard"]["services"] = "3".into();
    let fields = json!({"f:spec": {"f:hard": {"f:services": {}}}});
    let entry = json!({"manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields});
    let entries = team["metadata"]["managedFields"].as_array_mut().unwrap();
    entries.push(entry);
    api.put(team);
    let words = "set team --pods 5";
    let client = quota(&api, &format!("{words} --dry-run=client"));
    assert_eq!(
        client.err,
        "note: no longer limited: secrets\nnote: limits of another manager are kept: services\n"
    );
    let server = quota(&api, &format!("{words} --dry-run=server"));
    let set = quota(&api, words);
    assert_eq!((&server.err, &set.err), (&client.err, &client.err));
}

#[test]
fn an_object_of_somebody_else_is_left_alone() {
    let api = counting(json!({}));
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team", "namespace": "default",
        "managedFields": [{"manager": "kubectl-create", "operation": "Update", "apiVersion": "v1",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:hard": {".": {}, "f:secrets": {}}}}}]},
        "spec": {"hard": {"secrets": "9"}}}));
    let refused = quota(&api, "set team --pods 5");
    assert_eq!(writes(&api), 0);
    let dry = quota(&api, "set team --pods 5 --force --dry-run=client");
    assert_eq!(
        dry.err,
        "note: limits of another manager are kept: secrets\n"
    );
    let forced = quota(&api, "set team --pods 5 --force");
    golden(
        "quota-set-foreign.txt",
        &format!("{}{}", refused.text(), forced.text()),
    );
    assert_eq!(
        stored(&api, "team")["spec"]["hard"],
        json!({"secrets": "9", "pods": "5"})
    );
}

#[test]
fn who_may_not_write_gets_the_objects_for_an_administrator() {
    let api = FakeApi::stateful();
    let denied = |verb| Answer::forbidden("bob", verb, "resourcequotas", "default");
    api.on("PATCH", &format!("{QUOTAS}/*"), denied("patch"));
    let refused = quota(&api, "set --max-sessions 9");
    api.on("GET", &format!("{QUOTAS}/*"), denied("get"));
    let printed = quota(&api, "set --max-sessions 9 --dry-run=client -o yaml");
    golden(
        "quota-set-forbidden.txt",
        &format!("{}{}", refused.text(), printed.text()),
    );
}

#[test]
fn who_may_not_watch_is_not_made_to_wait() {
    // Nothing is counted here.
    let api = FakeApi::stateful();
    let denied = Answer::forbidden("bob", "watch", "resourcequotas", "default");
    api.on("GET", QUOTAS, denied);
    let played = quota(&api, "set --max-sessions 9");
    assert_eq!(played.done(), "resourcequota/session-quota created\n");
    assert_eq!(
        played.err,
        "note: not waited for: no permission to watch resourcequotas\n"
    );
}

#[test]
fn what_the_caller_may_not_list_is_a_note() {
    let api = counting(json!({}));
    for plural in ["pods", "limitranges"] {
        let denied = Answer::forbidden("bob", "list", plural, "default");
        api.on(
            "GET",
            &format!("/api/v1/namespaces/default/{plural}"),
            denied,
        );
    }
    let played = quota(&api, "set --cpu 4 --hard services.nodeports=1");
    golden("quota-set-notes.txt", &played.text());
}
