//! A session of three workloads: the template `preview`, and a rendering of kustomize.

use kubectl_session_create::Create;
use session_shared::template::{Source, builtin_templates, parse_plain_objects};
use session_support::{FakeApi, golden};

use crate::play::{Play, Played};
use crate::tool::posts;

/// A staging overlay as kustomize prints it.
const RENDERING: &str = include_str!("../../../docs/examples/disney-ai-plus-staging.yaml");

/// Returns a server with the template `preview` and the classes that its objects name.
fn server() -> FakeApi {
    let api = FakeApi::stateful();
    let (_, text) = builtin_templates()
        .iter()
        .find(|(name, _)| *name == "preview")
        .unwrap();
    let source = Source::new("preview.yaml", *text).unwrap();
    for (_, template) in parse_plain_objects(&source).unwrap() {
        api.put(template);
    }
    for (api_version, kind, name) in [
        ("storage.k8s.io/v1", "StorageClass", "standard"),
        ("networking.k8s.io/v1", "IngressClass", "nginx"),
    ] {
        api.put(serde_json::json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}));
    }
    api
}

fn serve_monitors(api: &FakeApi) {
    api.serve(
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        "servicemonitors",
        true,
    );
}

fn create(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Create>(&format!("{words} --wait=false"))
}

fn render(api: &FakeApi, input: &str, words: &str) -> Played {
    let words = format!("pr-17 -f - --wait=false {words}");
    Play::on(api).piped(input).run::<Create>(&words)
}

#[test]
fn the_preview_costs_few_requests_more_than_it_has_objects() {
    let api = server();
    serve_monitors(&api);
    create(&api, "pr-17 --template preview").done();
    // The Session, its parameters and 25 objects.
    assert_eq!(posts(&api).len(), 27);
    let lines: String = api.lines().iter().map(|line| format!("{line}\n")).collect();
    golden("create-preview-requests.txt", &lines);
    let session = api
        .object("sessions.streaming.platform", "default", "pr-17")
        .unwrap();
    let applied = &session["status"]["applied"];
    assert_eq!(applied["objects"].as_array().unwrap().len(), 25);
    assert_eq!(applied["connect"][2]["workload"], "db");
    assert_eq!(applied["hooks"]["quiesce"]["workload"], "db");
}

#[test]
fn a_monitor_that_setup_made_is_used() {
    let api = server();
    serve_monitors(&api);
    let theirs = api.put(serde_json::json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
        "metadata": {"name": "api-monitor", "namespace": "default", "labels": {
            "app.kubernetes.io/managed-by": "kubectl-session", "streaming.platform/part": "monitoring"}}}));
    create(&api, "pr-17 --template preview").done();
    let after = api.object(
        "servicemonitors.monitoring.coreos.com",
        "default",
        "api-monitor",
    );
    assert_eq!(after, Some(theirs));
}

#[test]
fn kinds_that_the_server_lacks_are_named_before_any_write_or_left_out() {
    let api = server();
    let refused = create(&api, "pr-17 --template preview");
    assert_eq!(
        refused.failed(),
        "error: cannot start session \"pr-17\": the server does not have ServiceMonitor (monitoring.coreos.com/v1)\nhint: install the API that defines the kind, or create the session without its objects: --skip-missing-kinds\n"
    );
    assert!(api.writes().is_empty());
    let played = create(&api, "pr-17 --template preview --skip-missing-kinds");
    let note = "note: ServiceMonitor \"db-monitor\" is left out: the server has no kind \"ServiceMonitor\" in version \"monitoring.coreos.com/v1\"\n";
    played.done();
    assert!(played.err.contains(note), "{}", played.err);
    assert_eq!(posts(&api).len(), 24);
    let session = api
        .object("sessions.streaming.platform", "default", "pr-17")
        .unwrap();
    assert_eq!(
        session["spec"]["skipMissingKinds"], true,
        "later starts leave them out, too"
    );
}

#[test]
fn an_ingress_class_that_is_not_there_is_told_with_those_that_are() {
    let api = server();
    serve_monitors(&api);
    let played = create(&api, "pr-17 --template preview --set INGRESS_CLASS=traefik");
    assert_eq!(
        played.failed(),
        "error: cannot start session \"pr-17\": IngressClass \"traefik\" does not exist\nhint: use one of the cluster's: nginx\n"
    );
    assert!(api.writes().is_empty());
}

#[test]
fn an_autoscaler_that_setup_made_is_used_and_keeps_its_range() {
    let api = server();
    serve_monitors(&api);
    let theirs = ["api", "web"].map(|name| {
        api.put(serde_json::json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": format!("{name}-hpa"), "namespace": "default", "labels": {
                "app.kubernetes.io/managed-by": "kubectl-session", "streaming.platform/part": "autoscaling"}},
            "spec": {"minReplicas": 3, "maxReplicas": 4,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}}}))
    });
    create(&api, "pr-17 --template preview").done();
    assert_eq!(api.objects("horizontalpodautoscalers.autoscaling"), theirs);
}

/// Objects of which operators make Secrets.
const OPERATORS: &str = "\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: api-secrets}
spec:
  encryptedData: {JWT_SECRET: AgBy3i4OJSWK}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db-secrets}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: aws}
  data:
  - secretKey: POSTGRES_PASSWORD
    remoteRef: {key: preview/db, property: password}
---
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  containers:
  - name: api
    image: localhost/api:1
    envFrom:
    - secretRef: {name: api-secrets}
    - secretRef: {name: db-secrets}
";

#[test]
fn secrets_of_operators_pass_through() {
    let api = server();
    let missing = render(&api, OPERATORS, "");
    for kind in [
        "SealedSecret (bitnami.com/v1alpha1)",
        "ExternalSecret (external-secrets.io/v1)",
    ] {
        assert!(missing.failed().contains(kind), "{}", missing.err);
    }
    assert!(api.writes().is_empty());
    let kinds = [
        ("bitnami.com", "v1alpha1", "SealedSecret", "api-secrets"),
        ("external-secrets.io", "v1", "ExternalSecret", "db-secrets"),
    ];
    for (group, version, kind, _) in kinds {
        let plural = format!("{}s", kind.to_lowercase());
        api.serve(&format!("{group}/{version}"), kind, &plural, true);
    }
    render(&api, OPERATORS, "").done();
    let source = Source::new("operators.yaml", OPERATORS).unwrap();
    let given = parse_plain_objects(&source).unwrap();
    for ((group, _, kind, name), (_, given)) in kinds.into_iter().zip(given) {
        let resource = format!("{}s.{group}", kind.to_lowercase());
        let made = api.object(&resource, "default", name).unwrap();
        assert_eq!(made["spec"], given["spec"]);
        assert_eq!(made["metadata"]["ownerReferences"][0]["name"], "pr-17");
    }
}

#[test]
fn a_rendering_of_kustomize_is_a_session() {
    let api = server();
    serve_monitors(&api);
    let several = render(&api, RENDERING, "");
    assert!(several.failed().contains("--primary"), "{}", several.err);
    assert!(api.writes().is_empty());
    let played = render(&api, RENDERING, "--primary deployment/staging-web");
    golden("create-kustomize.txt", &played.text());
    // The Session, its parameters and 24 objects: the Namespace is left out.
    assert_eq!(posts(&api).len(), 26);
    let service = api.object("services", "default", "staging-api").unwrap();
    assert_eq!(
        service["metadata"]["labels"]["streaming.platform/session"],
        "pr-17"
    );
    let monitor = api
        .object(
            "servicemonitors.monitoring.coreos.com",
            "default",
            "staging-api-monitor",
        )
        .unwrap();
    assert_eq!(
        monitor["spec"]["namespaceSelector"]["matchNames"][0],
        "default"
    );
}

#[test]
fn what_another_tool_must_render_is_named_with_the_command() {
    let mut text = String::new();
    for input in [
        "resources: [deployment.yaml]\nnamePrefix: staging-\n",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../base]\n",
        "apiVersion: template.openshift.io/v1\nkind: Template\nmetadata: {name: t}\nobjects: []\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: \"x:${TAG:=1}\"}]}\n",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: x}]}\n",
        "apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: a}\n---\napiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - image: x\n    env: [{value: b}]\n",
    ] {
        let api = server();
        text += &format!(
            "$ create pr-17 -f - <<EOF\n{input}EOF\n{}",
            render(&api, input, "").text()
        );
        assert!(api.writes().is_empty(), "{input}");
    }
    golden("create-unrendered.txt", &text);
}
