//! Tests of isolation: who reaches whom under the policies of each document, judged by the evaluator, and policies of others.

use std::fmt::Write as _;

use serde_json::{Value, json};
use session_shared::template::{Source, builtin_templates, parse_plain_objects};
use session_support::{Answer, FakeApi, golden};

use crate::cluster::{lines, sent, setup};
use crate::namespace::escalation;
use crate::reach::{End, Pod, reaches};

pub const POLICIES: &str = "networkpolicies.networking.k8s.io";
pub const HOME: &str = "default";

/// Ports that the documents name, and one that none does.
const PORTS: [(&str, u64); 18] = [
    ("TCP", 22),
    ("TCP", 53),
    ("UDP", 53),
    ("TCP", 80),
    ("TCP", 443),
    ("TCP", 2222),
    ("TCP", 3000),
    ("TCP", 3001),
    ("TCP", 5432),
    ("TCP", 5901),
    ("TCP", 6443),
    ("TCP", 6901),
    ("TCP", 8080),
    ("TCP", 8081),
    ("TCP", 9001),
    ("TCP", 9187),
    ("TCP", 31337),
    ("UDP", 31337),
];

pub fn pod(name: &'static str, namespace: &'static str, labels: Value, address: &str) -> End {
    End {
        name,
        pod: Some(Pod {
            namespace,
            namespace_labels: json!({"kubernetes.io/metadata.name": namespace}),
            labels,
            ports: Vec::new(),
        }),
        address: address.parse().unwrap(),
    }
}

fn outside(name: &'static str, address: &str) -> End {
    End {
        name,
        pod: None,
        address: address.parse().unwrap(),
    }
}

/// Pods and addresses around the sessions.
fn surroundings() -> Vec<End> {
    let router = json!({"app.kubernetes.io/component": "router"});
    let dns = json!({"k8s-app": "kube-dns"});
    vec![
        pod("router", HOME, router.clone(), "10.0.1.1"),
        pod("stranger", HOME, json!({"app": "x"}), "10.0.1.2"),
        pod("foreign router", "b", router, "10.0.1.3"),
        pod("ingress-nginx", "ingress-nginx", json!({}), "10.0.1.4"),
        pod("istio-system", "istio-system", json!({}), "10.0.1.5"),
        pod("monitoring", "monitoring", json!({}), "10.0.1.6"),
        pod("storage", "storage", json!({}), "10.0.1.7"),
        pod("kube-dns", "kube-system", dns, "10.0.1.8"),
        outside("public", "93.184.216.34"),
        outside("public v6", "2606:2800::1"),
        outside("private", "192.168.7.7"),
        outside("cloud metadata", "169.254.169.254"),
    ]
}

/// Returns a line for each pair of which one is a session.
pub fn matrix(policies: &[Value], sessions: &[End]) -> String {
    let around = surroundings();
    let ends: Vec<&End> = sessions.iter().chain(&around).collect();
    let is_session = |end: &End| sessions.iter().any(|one| one.name == end.name);
    let mut text = String::new();
    for from in &ends {
        for to in ends.iter().filter(|to| to.name != from.name) {
            if !is_session(from) && !is_session(to) {
                continue;
            }
            let open = PORTS
                .iter()
                .filter(|(protocol, port)| reaches(policies, from, to, protocol, *port));
            let open: Vec<String> = open
                .map(|(protocol, port)| format!("{protocol} {port}"))
                .collect();
            let ports = match open.len() {
                0 => "none".to_owned(),
                count if count == PORTS.len() => "all".to_owned(),
                _ => open.join(", "),
            };
            writeln!(text, "{} -> {}: {ports}", from.name, to.name).unwrap();
        }
    }
    text
}

#[test]
fn sessions_reach_and_are_reached_by_whom_the_documents_name() {
    let mut text = String::new();
    for (words, app) in [
        ("--for nvim", "nvim-web-session"),
        ("--for nvim --egress none", "nvim-web-session"),
        ("--for sindri", "sindri-k8s"),
        ("--for gimp", "gimp-session"),
        ("--for gimp --egress public", "gimp-session"),
        ("--for lab", "lab-environment"),
        ("--for lab --egress public", "lab-environment"),
        ("--for shell", "shell-session"),
    ] {
        let api = FakeApi::stateful();
        setup(&api, &format!("isolation {words}")).done();
        let labels = json!({"app": app});
        let mut sessions = [
            pod("session", HOME, labels.clone(), "10.0.0.1"),
            pod("other session", HOME, labels, "10.0.0.2"),
        ];
        for pod in sessions.iter_mut().filter_map(|end| end.pod.as_mut()) {
            pod.ports.push(("metrics", "TCP", 9187));
        }
        let matrix = matrix(&api.objects(POLICIES), &sessions);
        write!(text, "$ setup isolation {words}\n{matrix}").unwrap();
    }
    golden("setup-isolation-matrix.txt", &text);
}

/// The policies that a session of preview brings.
fn preview_policies() -> Vec<Value> {
    let find = |(name, _): &&(&str, &str)| *name == "preview";
    let (_, yaml) = builtin_templates().iter().find(find).unwrap();
    let parse =
        |text: &str| parse_plain_objects(&Source::new("preview.yaml", text).unwrap()).unwrap();
    let (_, template) = parse(yaml).remove(0);
    let objects = parse(template["spec"]["manifest"].as_str().unwrap()).into_iter();
    let objects = objects.map(|(_, object)| object);
    objects
        .filter(|object| object["kind"] == "NetworkPolicy")
        .collect()
}

#[test]
fn the_parts_of_preview_reach_only_the_next_one() {
    let policies = preview_policies();
    assert_eq!(policies.len(), 3);
    let part = |name, address| pod(name, HOME, json!({"app": name}), address);
    let sessions = [
        part("web", "10.0.0.1"),
        part("api", "10.0.0.2"),
        part("db", "10.0.0.3"),
    ];
    golden("setup-isolation-preview.txt", &matrix(&policies, &sessions));
    // Those of setup allow the same, and beside those of a session nothing more.
    let api = FakeApi::stateful();
    setup(&api, "isolation --for preview").done();
    let applied = api.objects(POLICIES);
    assert_eq!(matrix(&applied, &sessions), matrix(&policies, &sessions));
    let both = [applied, policies.clone()].concat();
    assert_eq!(matrix(&both, &sessions), matrix(&policies, &sessions));
}

#[test]
fn the_policies_of_a_template_are_limited_as_those_of_documents() {
    let part = |name, address| pod(name, HOME, json!({"app": name}), address);
    let sessions = [part("api", "10.0.0.2"), part("db", "10.0.0.3")];
    let mut text = String::new();
    for words in ["--egress public", "--egress none"] {
        let api = FakeApi::stateful();
        setup(&api, &format!("isolation --for preview {words}")).done();
        let matrix = matrix(&api.objects(POLICIES), &sessions);
        write!(text, "$ setup isolation --for preview {words}\n{matrix}").unwrap();
    }
    golden("setup-isolation-preview-limited.txt", &text);
}

fn theirs(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": HOME},
        "spec": {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress", "Egress"]}})
}

#[test]
fn what_others_deny_is_not_allowed_again() {
    let mut text = String::new();
    for policy in [
        theirs("strict", json!({})),
        theirs("default-deny-all", json!({})),
        theirs("gimp-session-netpol", json!({"app": "gimp-session"})),
        theirs("db", json!({"app": "db"})),
    ] {
        let api = FakeApi::stateful();
        api.put(policy.clone());
        let sessions = [pod(
            "session",
            HOME,
            json!({"app": "gimp-session"}),
            "10.0.0.1",
        )];
        let before = matrix(&api.objects(POLICIES), &sessions);
        let printed = setup(&api, "isolation --for gimp --dry-run=client");
        if policy["metadata"]["name"] == "strict" || policy["metadata"]["name"] == "db" {
            assert_eq!(printed.done().lines().count(), 3, "{printed:?}");
        }
        let played = setup(&api, "isolation --for gimp");
        let after = matrix(&api.objects(POLICIES), &sessions);
        if policy["spec"]["podSelector"]["matchLabels"]["app"] != "db" {
            assert_eq!(before, after, "{policy}");
        }
        let name = policy["metadata"]["name"].as_str().unwrap();
        let quiet = setup(&api, "isolation --for gimp -q");
        write!(
            text,
            "--- {name}\n{}--- quiet\n{}",
            played.text(),
            quiet.text()
        )
        .unwrap();
    }
    golden("setup-isolation-others.txt", &text);
}

#[test]
fn a_role_is_bound_to_whom_the_command_names() {
    let mut text = String::new();
    for words in [
        "roles --for lab --bind-to user:alice@company.com --dry-run=client -o yaml",
        "roles --for lab --bind-to group:teachers --dry-run=client -o yaml",
        "roles --for lab --bind-to serviceaccount:app --dry-run=client -o yaml",
        "roles --for lab --bind-to alice",
        "roles --for lab --bind-to serviceaccount:ci:bot",
        "roles --for sindri",
        "crds roles --for lab",
        "--for lab",
        "roles --bind-to user:alice",
        "roles --for lab --force",
        "isolation",
        "isolation --for Preview",
        "isolation --for none",
        "isolation --for nvim --egress some",
        "isolation --for nvim --session a",
        "isolation --for sindri --session A",
    ] {
        let api = FakeApi::stateful();
        let played = setup(&api, words);
        write!(text, "$ setup {words}\n{}", played.text()).unwrap();
        assert_eq!(sent(&api).len(), 0, "{words}");
    }
    golden("setup-roles-bound.txt", &text);
}

#[test]
fn rights_that_the_caller_may_not_grant_leave_nothing_behind() {
    let api = FakeApi::stateful();
    let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/dozlab-session-manager";
    api.on("PATCH", path, escalation());
    let refused = setup(&api, "roles --for lab");
    refused.failed();
    let mut sent = sent(&api).into_iter();
    assert!(sent.all(|one| one.query("dryRun").is_some()));
    golden("setup-roles-refused.txt", &refused.text());
}

/// A dry run stores no Role, so that the server does not find the one whose rights it compares with those of a caller without `bind`.
#[test]
fn a_new_role_is_bound_by_callers_without_the_verb_bind() {
    const NAME: &str = "dozlab-session-manager";
    let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/{NAME}");
    let not_found = || Answer::not_found("rolebindings.rbac.authorization.k8s.io", NAME);
    let mut text = String::new();
    for (words, answers) in [
        ("roles --for lab --dry-run=server", vec![not_found()]),
        (
            "roles --for lab",
            vec![
                not_found(),
                Answer::ok(
                    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                    "metadata": {"name": NAME, "namespace": HOME}}),
                ),
            ],
        ),
        (
            "roles --for lab",
            vec![Answer::forbidden("carol", "patch", "rolebindings", NAME)],
        ),
    ] {
        let api = FakeApi::stateful();
        for answer in answers {
            api.on("PATCH", &path, answer);
        }
        let played = setup(&api, words);
        let requests = lines(&sent(&api));
        write!(text, "$ setup {words}\n{}{requests}", played.text()).unwrap();
    }
    golden("setup-roles-without-bind.txt", &text);
}

#[test]
fn sessions_that_are_not_isolated_any_more_are_told() {
    let api = FakeApi::stateful();
    setup(&api, "isolation --for sindri --session alice").done();
    let again = setup(&api, "isolation --for sindri --session alice");
    assert!(!again.text().contains("no longer"), "{}", again.text());
    let mut text = String::new();
    for words in [
        "isolation --for sindri --session bob",
        "isolation --for sindri --session bob --remove",
    ] {
        write!(text, "$ setup {words}\n{}", setup(&api, words).text()).unwrap();
    }
    golden("setup-isolation-other-session.txt", &text);
    assert_eq!(api.objects(POLICIES).len(), 1);
}
