//! Tests of installation: created, configured and unchanged objects, parts, waiting, dry runs.

use kubectl_session_setup::Setup;
use session_shared::client::interrupt::Interrupt;
use session_shared::template::builtin_templates;
use session_support::{Answer, FakeApi, golden};

use crate::cluster::{DEFINITIONS, cluster, count, established, lines, sent, setup};
use crate::play::Play;

#[test]
fn everything_is_created_in_order() {
    let api = cluster();
    let played = setup(&api, "");
    let requests = lines(&sent(&api));
    golden(
        "setup-created.txt",
        &format!("{}--- requests\n{requests}", played.text()),
    );
    assert_eq!(played.done().lines().count(), count(&api));
}

#[test]
fn every_object_is_applied_by_its_manager() {
    let api = cluster();
    setup(&api, "").done();
    for request in sent(&api) {
        assert_eq!(request.method, "PATCH");
        assert_eq!(
            request.header("content-type"),
            "application/apply-patch+yaml"
        );
        assert_eq!(request.query("fieldManager").unwrap(), "kubectl-session");
        assert_eq!(request.query("fieldValidation").unwrap(), "Strict");
        assert_eq!(request.query("force").unwrap(), "true");
        let labels = request.json()["metadata"]["labels"].clone();
        assert_eq!(labels["app.kubernetes.io/managed-by"], "kubectl-session");
    }
}

#[test]
fn a_second_time_nothing_changes() {
    let api = cluster();
    setup(&api, "").done();
    let played = setup(&api, "");
    let lines: Vec<&str> = played.done().lines().collect();
    assert!(
        lines.iter().all(|line| line.ends_with(" unchanged")),
        "{lines:#?}"
    );
}

#[test]
fn what_was_changed_is_set_right_and_said() {
    let api = cluster();
    setup(&api, "").done();
    let kind = "clusterroles.rbac.authorization.k8s.io";
    let mut role = api.object(kind, "", "session-viewer").unwrap();
    let right = role["rules"].clone();
    role["rules"] = serde_json::json!([]);
    api.put(role);
    let played = setup(&api, "");
    let lines: Vec<&str> = played.done().lines().collect();
    let other: Vec<&&str> = lines
        .iter()
        .filter(|line| !line.ends_with(" unchanged"))
        .collect();
    assert_eq!(
        other,
        [&"clusterrole.rbac.authorization.k8s.io/session-viewer configured"]
    );
    assert_eq!(
        api.object(kind, "", "session-viewer").unwrap()["rules"],
        right
    );
}

#[test]
fn parts_are_installed_alone_and_in_order() {
    for (words, wanted) in [
        ("crds", vec![DEFINITIONS]),
        ("templates", vec!["sessiontemplates.streaming.platform"]),
        (
            "admission",
            vec![
                "validatingadmissionpolicies.admissionregistration.k8s.io",
                "validatingadmissionpolicybindings.admissionregistration.k8s.io",
            ],
        ),
        (
            "templates crds",
            vec![DEFINITIONS, "sessiontemplates.streaming.platform"],
        ),
    ] {
        let api = cluster();
        let played = setup(&api, words);
        let objects: usize = wanted.iter().map(|kind| api.objects(kind).len()).sum();
        assert_eq!(played.done().lines().count(), objects, "{words}");
        assert_eq!(count(&api), objects, "{words}");
        let first = played.out.lines().next().unwrap();
        let (plural, group) = wanted[0].split_once('.').unwrap();
        let singular = plural.strip_suffix("ies").map(|stem| format!("{stem}y"));
        let singular = singular.unwrap_or_else(|| plural.trim_end_matches('s').to_owned());
        let singular = format!("{singular}.{group}");
        assert!(first.starts_with(&singular), "{first}");
    }
}

/// Before Kubernetes 1.30 the policy is skipped with a warning, and everything else is installed.
#[test]
fn a_server_without_admission_policies_is_told() {
    let old = || {
        let api = cluster();
        api.unserve("validatingadmissionpolicies.admissionregistration.k8s.io")
            .unserve("validatingadmissionpolicybindings.admissionregistration.k8s.io");
        api
    };
    for words in ["", "admission", "--dry-run=client", "--dry-run=server"] {
        let api = old();
        let played = setup(&api, words);
        assert!(!played.done().contains("admission"), "{}", played.out);
        let said = [
            "Warning: admission policy skipped",
            "1.30",
            "give each user a namespace of their own",
        ];
        assert!(
            said.iter().all(|part| played.err.contains(part)),
            "{}",
            played.err
        );
    }
    let api = old();
    setup(&api, "").done();
    assert_eq!(
        api.objects("sessiontemplates.streaming.platform").len(),
        builtin_templates().len()
    );
    setup(&api, "--remove").done();
    assert_eq!(count(&api), 0);
}

/// All users must be able to read the policy by name, because clients check whether it is in force.
#[test]
fn everybody_may_read_the_policy_and_nobody_gets_its_verbs_by_chance() {
    let api = cluster();
    setup(&api, "roles").done();
    let role = |name: &str| {
        let kind = "clusterroles.rbac.authorization.k8s.io";
        api.object(kind, "", name).unwrap()
    };
    let rules = role("session-reader")["rules"].clone();
    let rule = rules.as_array().unwrap().iter();
    let rule = rule.filter(|rule| rule["apiGroups"][0] == "admissionregistration.k8s.io");
    let rules: Vec<_> = rule.collect();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0]["verbs"], serde_json::json!(["get"]));
    assert_eq!(
        rules[0]["resourceNames"],
        serde_json::json!(["session-owner.streaming.platform"])
    );
    for name in [
        "session-client",
        "session-user",
        "session-viewer",
        "session-reader",
    ] {
        let text = role(name)["rules"].to_string();
        for verb in ["assign", "manage", "*"] {
            assert!(!text.contains(&format!("\"{verb}\"")), "{name}: {verb}");
        }
    }
    let manager = role("session-manager");
    assert!(manager["rules"].to_string().contains("\"manage\""));
    let aggregated = "rbac.authorization.k8s.io/aggregate-to-admin";
    assert_eq!(manager["metadata"]["labels"][aggregated], "true");
}

/// Templates are sent only after the server serves their kind.
#[test]
fn it_waits_until_the_definitions_are_served() {
    let api = FakeApi::stateful();
    let played = Play::on(&api).meanwhile::<Setup>("", |_, _| {
        let begun = std::time::Instant::now();
        for name in [
            "sessions.streaming.platform",
            "sessiontemplates.streaming.platform",
        ] {
            let watched = || {
                let name = format!("metadata.name%3D{name}");
                api.lines()
                    .iter()
                    .any(|line| line.contains("watch=") && line.contains(&name))
            };
            while !watched() {
                assert!(begun.elapsed().as_secs() < 10, "{:?}", api.lines());
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            assert!(
                api.objects("sessiontemplates.streaming.platform")
                    .is_empty()
            );
            let definition = api.object(DEFINITIONS, "", name).unwrap();
            api.put(established(&definition).remove(0));
        }
    });
    played.done();
    assert!(
        !api.objects("sessiontemplates.streaming.platform")
            .is_empty()
    );
}

#[test]
fn without_waiting_nobody_watches_the_definitions() {
    let api = FakeApi::stateful();
    setup(&api, "crds --wait=false").done();
    assert!(!api.lines().iter().any(|line| line.contains("watch=")));
}

#[test]
fn a_client_dry_run_sends_nothing_that_writes() {
    let api = cluster();
    api.unserve("sessiontemplates.streaming.platform");
    let played = setup(&api, "--dry-run=client");
    let lines: Vec<&str> = played.done().lines().collect();
    assert!(
        lines
            .iter()
            .all(|line| line.ends_with(" created (dry run)")),
        "{lines:#?}"
    );
    assert!(sent(&api).is_empty());
    let api = cluster();
    setup(&api, "").done();
    let before = sent(&api).len();
    let played = setup(&api, "--dry-run=client -o name");
    assert_eq!(played.done().lines().count(), count(&api));
    assert_eq!(sent(&api).len(), before);
}

#[test]
fn a_server_dry_run_has_the_server_check_what_it_can() {
    let api = cluster();
    api.unserve("sessiontemplates.streaming.platform");
    let played = setup(&api, "--dry-run=server");
    golden("setup-server-dry-run.txt", &played.text());
    for request in sent(&api) {
        assert_eq!(request.query("dryRun").as_deref(), Some("All"));
        assert!(
            !request.path.contains("sessiontemplates/"),
            "{}",
            request.line()
        );
    }
    let api = cluster();
    setup(&api, "").done();
    let before = count(&api);
    let played = setup(&api, "--dry-run=server");
    let lines: Vec<&str> = played.done().lines().collect();
    assert!(
        lines
            .iter()
            .all(|line| line.ends_with(" unchanged (server dry run)")),
        "{lines:#?}"
    );
    assert_eq!(count(&api), before);
}

#[test]
fn a_refusal_of_one_object_leaves_nothing_behind() {
    let api = cluster();
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles/session-user";
    let denied = Answer::forbidden("alice", "patch", "clusterroles", "");
    api.on("PATCH", path, denied);
    let refused = setup(&api, "");
    assert!(
        refused
            .failed()
            .contains("\nhint: nothing has been changed\n"),
        "{refused:?}"
    );
    assert_eq!(count(&api), 0);
}

#[test]
fn a_right_that_is_missing_is_the_servers_to_say() {
    let api = cluster();
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/*";
    let refused = Answer::forbidden("alice", "patch", DEFINITIONS, "");
    api.on("PATCH", path, refused);
    let played = setup(&api, "");
    let text = played.failed();
    assert!(
        text.starts_with("Error from server (Forbidden): customresourcedefinitions"),
        "{text}"
    );
    assert_eq!(count(&api), 0);
}

/// The signal comes while an object is written: that one is still told, and nothing more is written.
#[test]
fn an_interrupted_setup_says_what_was_applied_and_how_to_go_on() {
    let api = cluster();
    let interrupt = interrupted_at_namespace(&api);
    let played = Play::on(&api).stopped_by(&interrupt).run::<Setup>("");
    assert_eq!(played.code, 130, "{played:?}");
    golden("setup-interrupted.txt", &played.text());
    assert_eq!(count(&api), played.out.lines().count());
    let again = setup(&api, "");
    assert!(again.done().lines().count() > 3);

    let api = cluster();
    let interrupt = interrupted_at_namespace(&api);
    let played = Play::on(&api)
        .stopped_by(&interrupt)
        .run::<Setup>("roles templates");
    let hint = "hint: 1 object was applied; to go on: kubectl session setup roles templates\n";
    assert!(played.err.ends_with(hint), "{}", played.err);
}

/// A signal that comes while the Namespace is written.
fn interrupted_at_namespace(api: &FakeApi) -> Interrupt {
    let interrupt = Interrupt::default();
    let signal = interrupt.clone();
    api.react("namespaces", move |_| {
        signal.trigger();
        Vec::new()
    });
    interrupt
}
