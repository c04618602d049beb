//! Tests of isolation by the objects of a template: ports and labels of any template, and the policies that `setup namespace` shares.

use std::fmt::Write as _;

use serde_json::json;
use session_shared::template::{Source, builtin_templates, parse_plain_objects};
use session_support::{FakeApi, golden};

use crate::cluster::setup;
use crate::isolation::{HOME, POLICIES, matrix, pod};

/// A template that users have applied: a page and its workers, whose ports are a parameter's, a Service's and a method's.
const NOTEBOOK: &str = r#"
apiVersion: streaming.platform/v1
kind: SessionTemplate
metadata: {name: notebook}
spec:
  parameters:
  - {name: PORT, type: integer, default: "8080"}
  - {name: COURSE, type: string}
  primary: {kind: Deployment, name: "page-${SESSION_ID}"}
  connect:
  - {name: page, http: {port: 3000}}
  manifest: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: "page-${SESSION_ID}"}
    spec:
      selector: {matchLabels: {app: page}}
      template:
        metadata: {labels: {app: page, course: "${COURSE}", session-id: "${SESSION_ID}"}}
        spec:
          containers:
          - {name: page, image: page, ports: [{name: http, containerPort: "${PORT}"}]}
    ---
    apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: "${SESSION_ID}-worker"}
    spec:
      replicas: 2
      selector: {matchLabels: {app: worker}}
      template:
        metadata: {labels: {app: worker}}
        spec:
          containers:
          - {name: worker, image: worker}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: "${SESSION_ID}-worker"}
    spec:
      selector: {app: worker}
      ports: [{port: 5432}]
"#;

fn put_notebook(api: &FakeApi) {
    let source = Source::new("notebook.yaml", NOTEBOOK).unwrap();
    for (_, template) in parse_plain_objects(&source).unwrap() {
        api.put(template);
    }
}

#[test]
fn any_template_has_the_ports_and_labels_of_its_objects() {
    let part = |name, address| pod(name, HOME, json!({"app": name, "course": "42"}), address);
    let sessions = [part("page", "10.0.0.1"), part("worker", "10.0.0.2")];
    let mut text = String::new();
    for words in ["--for notebook", "--for notebook --egress none"] {
        let api = FakeApi::stateful();
        put_notebook(&api);
        let printed = setup(&api, &format!("isolation {words} --dry-run=client -o yaml"));
        setup(&api, &format!("isolation {words}")).done();
        let matrix = matrix(&api.objects(POLICIES), &sessions);
        write!(
            text,
            "$ setup isolation {words}\n{}{matrix}",
            printed.text()
        )
        .unwrap();
        setup(&api, "isolation --for notebook --remove").done();
        assert_eq!(api.objects(POLICIES).len(), 0);
    }
    golden("setup-isolation-template.txt", &text);
}

#[test]
fn a_template_of_a_platform_that_was_changed_in_the_cluster_has_its_own_ports() {
    let api = FakeApi::stateful();
    let find = |(name, _): &&(&str, &str)| *name == "gimp";
    let (_, yaml) = builtin_templates().iter().find(find).unwrap();
    let yaml = yaml.replace("6901", "7001");
    let source = Source::new("gimp.yaml", yaml.as_str()).unwrap();
    for (_, template) in parse_plain_objects(&source).unwrap() {
        api.put(template);
    }
    setup(&api, "isolation --for gimp").done();
    let policy = api.object(POLICIES, HOME, "gimp-session-netpol").unwrap();
    assert_eq!(policy["spec"]["ingress"][0]["ports"][0]["port"], 7001);
}

#[test]
fn a_namespace_opens_the_ports_of_its_templates() {
    const WORDS: &str = "namespace dev-alice --user-id alice@company.com";
    let alice = "dev-alice";
    let labels = json!({"streaming.platform/session": "a"});
    let sessions = [
        pod("session", alice, labels.clone(), "10.0.0.1"),
        pod("other session", alice, labels, "10.0.0.2"),
    ];
    let mut text = String::new();
    for words in ["", "--for nvim --for notebook", "--for shell"] {
        let api = FakeApi::stateful();
        put_notebook(&api);
        setup(&api, &format!("{WORDS} {words}")).done();
        let matrix = matrix(&api.objects(POLICIES), &sessions);
        write!(text, "$ setup namespace {words}\n{matrix}").unwrap();
        // Without flags, the ports stay.
        let again = setup(&api, WORDS);
        assert!(
            again
                .done()
                .lines()
                .all(|line| line.ends_with(" unchanged")),
            "{again:?}"
        );
    }
    golden("setup-namespace-matrix.txt", &text);
}

#[test]
fn isolation_and_namespace_share_the_policy_that_denies() {
    const NAMESPACE: &str = "namespace dev-alice --user-id alice@company.com";
    const ISOLATION: &str = "isolation --for gimp -n dev-alice";
    let is_unchanged = |api: &FakeApi| {
        for words in [NAMESPACE, ISOLATION, NAMESPACE] {
            let again = setup(api, words);
            assert!(
                again
                    .done()
                    .lines()
                    .all(|line| line.ends_with(" unchanged")),
                "{again:?}"
            );
        }
    };
    let names = |api: &FakeApi| {
        let policies = api.objects(POLICIES);
        let names = policies
            .iter()
            .map(|one| one["metadata"]["name"].as_str().unwrap().to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names.join(" ")
    };
    for (first, second) in [(NAMESPACE, ISOLATION), (ISOLATION, NAMESPACE)] {
        let prepare = || {
            let api = FakeApi::stateful();
            api.put(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dev-alice",
                "labels": {"app.kubernetes.io/managed-by": "kubectl-session"}}}),
            );
            setup(&api, first).done();
            setup(&api, second).done();
            is_unchanged(&api);
            api
        };
        let api = prepare();
        setup(&api, &format!("{ISOLATION} --remove")).done();
        assert_eq!(names(&api), "default-deny-all session session-schedule");
        setup(&api, "namespace dev-alice --remove").done();
        assert_eq!(names(&api), "");
        let api = prepare();
        setup(&api, "namespace dev-alice --remove").done();
        assert_eq!(
            names(&api),
            "default-deny-all gimp-router gimp-session-netpol"
        );
        setup(&api, &format!("{ISOLATION} --remove")).done();
        assert_eq!(names(&api), "");
    }
}
