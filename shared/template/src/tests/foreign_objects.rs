//! Tests of objects that kustomize, Helm or a cluster made.

use serde_json::{Value, json};
use session_model::failure::ErrorWithHint;

use super::super::{Manifest, Parameters, Problem, Source, ValueLayers};
use super::identity;

/// Notes and warnings of an adaptation as texts.
struct Told {
    notes: Vec<String>,
    warnings: Vec<String>,
}

fn adapted(text: &str) -> (Vec<Value>, Told) {
    let manifest = Manifest::parse(&Source::new("-", text).unwrap()).unwrap();
    let values = Parameters::merge(&[], &manifest)
        .unwrap()
        .resolve(identity("pr-17"), &ValueLayers::default())
        .unwrap();
    let mut rendered = manifest.render(&values).unwrap();
    let adaptation = manifest.adapt(&mut rendered, "pr-17");
    manifest.check_namespace(&rendered, "pr-17").unwrap();
    let texts = |problems: &[Problem]| problems.iter().map(ToString::to_string).collect();
    let told = Told {
        notes: texts(&adaptation.notes),
        warnings: texts(&adaptation.warnings),
    };
    (rendered.into_objects(), told)
}

#[test]
fn a_namespace_is_left_out_and_what_names_it_moves() {
    let (objects, told) = adapted(
        "{apiVersion: v1, kind: Namespace, metadata: {name: staging}}\n---\n\
         {apiVersion: v1, kind: Service, metadata: {name: api, namespace: staging}, spec: {}}\n---\n\
         {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a, namespace: staging}, subjects: [{kind: ServiceAccount, name: x, namespace: staging}, {kind: ServiceAccount, name: y, namespace: other}]}\n---\n\
         {apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: a}, spec: {namespaceSelector: {matchNames: [staging, kube-system]}}}\n---\n\
         {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}, spec: {ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: staging}}}]}]}}\n",
    );
    assert_eq!(objects.len(), 4);
    assert_eq!(objects[0]["metadata"]["namespace"], "pr-17");
    assert_eq!(objects[1]["subjects"][0]["namespace"], "pr-17");
    assert_eq!(objects[1]["subjects"][1]["namespace"], "other");
    let names = &objects[2]["spec"]["namespaceSelector"]["matchNames"];
    assert_eq!(*names, json!(["pr-17", "kube-system"]));
    let peer = &objects[3]["spec"]["ingress"][0]["from"][0]["namespaceSelector"];
    assert_eq!(peer["matchLabels"]["kubernetes.io/metadata.name"], "pr-17");
    assert_eq!(
        told.notes,
        [
            "-:1:1: Namespace \"staging\" is left out: its objects are created in namespace \"pr-17\"",
            "-:5:1: RoleBinding \"a\": refers to namespace \"pr-17\" now: subjects",
            "-:7:1: ServiceMonitor \"a\": refers to namespace \"pr-17\" now: spec.namespaceSelector.matchNames",
            "-:9:1: NetworkPolicy \"a\": refers to namespace \"pr-17\" now: spec.ingress",
        ]
    );
}

#[test]
fn fields_of_the_server_are_left_out_and_empty_ones_without_a_word() {
    let (objects, told) = adapted(
        "{apiVersion: v1, kind: Service, metadata: {name: a, uid: u, resourceVersion: \"7\", creationTimestamp: null, managedFields: [{manager: x}], ownerReferences: [{uid: o}], annotations: {kubectl.kubernetes.io/last-applied-configuration: \"{}\", keep: x}}, spec: {clusterIP: 10.0.0.7, clusterIPs: [10.0.0.7]}, status: {loadBalancer: {}}}\n---\n\
         {apiVersion: v1, kind: Service, metadata: {name: b}, spec: {clusterIP: None}}\n",
    );
    let expected = json!({"apiVersion": "v1", "kind": "Service", "spec": {},
        "metadata": {"name": "a", "annotations": {"keep": "x"}}});
    assert_eq!(objects[0], expected);
    assert_eq!(objects[1]["spec"]["clusterIP"], "None");
    assert_eq!(
        told.notes,
        [
            "-:1:1: Service \"a\": fields that the server makes are left out: metadata.resourceVersion, metadata.uid, metadata.managedFields, metadata.ownerReferences, annotation kubectl.kubernetes.io/last-applied-configuration, spec.clusterIP, spec.clusterIPs"
        ]
    );
}

#[test]
fn helm_tests_are_left_out_and_other_hooks_named() {
    let hook = |name: &str, hook: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, annotations: {{helm.sh/hook: \"{hook}\"}}}}}}\n---\n"
        )
    };
    let text =
        hook("a", "test") + &hook("b", "pre-install, pre-upgrade") + &hook("c", "test-success");
    let (objects, told) = adapted(&text);
    assert_eq!(objects.len(), 1);
    assert_eq!(told.notes.len(), 2);
    assert_eq!(
        told.warnings,
        [
            "-:3:1: ConfigMap \"b\": is a Helm hook (pre-install, pre-upgrade), which is created with the other objects"
        ]
    );
}

#[test]
fn values_to_be_replaced_and_hosts_without_a_service_are_warned_of() {
    let (_, told) = adapted(
        "{apiVersion: v1, kind: Service, metadata: {name: staging-db}, spec: {}}\n---\n\
         {apiVersion: v1, kind: Service, metadata: {name: staging-api}, spec: {}}\n---\n\
         {apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {DATABASE_URL: \"postgresql://app:CHANGE_ME_IN_PRODUCTION@db:5432/x\"}, data: {KEY: Q0hBTkdFX01F}}\n---\n\
         {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {API_URL: \"http://api:80\", OWN: \"http://staging-api:80\", FAR: \"https://api.example.com\", HERE: \"http://localhost:1\", PLAIN: \"a@b\"}}\n",
    );
    assert_eq!(
        told.warnings,
        [
            "-:5:1: Secret \"s\": DATABASE_URL names host \"db\", but no Service of the session has that name; did you mean \"staging-db\"?",
            "-:5:1: Secret \"s\": KEY still has the value \"CHANGE_ME\"",
            "-:5:1: Secret \"s\": DATABASE_URL still has the value \"postgresql://app:CHANGE_ME_IN_PRODUCTION...\"",
            "-:7:1: ConfigMap \"c\": API_URL names host \"api\", but no Service of the session has that name; did you mean \"staging-api\"?",
        ]
    );
}

#[test]
fn forms_of_other_tools_are_named_with_the_way_out() {
    for (text, word, command) in [
        (
            "resources: [a.yaml]\nnamePrefix: x-\n",
            "a kustomization",
            "kubectl kustomize",
        ),
        (
            "{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, resources: []}",
            "a kustomization",
            "kubectl kustomize",
        ),
        (
            "{apiVersion: template.openshift.io/v1, kind: Template, metadata: {name: t}, objects: []}",
            "an OpenShift Template",
            "oc process",
        ),
    ] {
        let error = Manifest::parse(&Source::new("k.yaml", text).unwrap()).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        let hint = error.downcast_ref::<ErrorWithHint>();
        assert!(hint.unwrap().hint.contains(command), "{text}");
    }
}

#[test]
fn a_variable_that_the_script_sets_is_no_parameter() {
    let refused = |script: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n  - name: a\n    args:\n    - |\n      {script}\n"
        );
        let manifest = Manifest::parse(&Source::new("-", text).unwrap()).unwrap();
        let parameters = Parameters::merge(&[], &manifest).unwrap();
        let resolved = parameters.resolve(identity("pr-17"), &ValueLayers::default());
        let error = resolved.unwrap_err();
        let hint = error.downcast_ref::<ErrorWithHint>().unwrap().hint.clone();
        (error.to_string(), hint)
    };
    for script in [
        "HOST=$(hostname); echo ${HOST}",
        "for HOST in a b; do echo ${HOST}; done",
        "read -r HOST && echo ${HOST}",
    ] {
        let (error, hint) = refused(script);
        assert!(
            error.starts_with("${HOST} at 9:")
                && error.ends_with("is a variable that the script sets itself"),
            "{error}"
        );
        assert!(
            hint.starts_with("write $${HOST} to leave it to the shell"),
            "{hint}"
        );
    }
    for script in [
        "echo ${HOST}",
        "MYHOST=1; echo ${HOST}",
        "echo a=${HOST} HOSTS=1",
    ] {
        assert_eq!(refused(script).0, "parameter HOST is required", "{script}");
    }
}

#[test]
fn lint_knows_the_workloads_of_methods_and_hooks() {
    let text = "apiVersion: streaming.platform/v1\nkind: SessionTemplate\nmetadata: {name: t}\nspec:\n  primary: {kind: Pod, name: a}\n  connect:\n  - {name: one, exec: [sh], workload: pod/a}\n  - {name: two, exec: [sh], workload: db}\n  hooks: {quiesce: {command: [sync], workload: Pod/b}}\n  manifest: |\n    {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: x}]}}\n";
    let findings = super::super::lint_source(&Source::new("t.yaml", text).unwrap());
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    let about: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("workload "))
        .collect();
    assert_eq!(about.len(), 2, "{lines:?}");
    assert!(
        about[0].contains("workload \"db\" is not a workload of the manifest (available: Pod/a)")
    );
    assert!(about[1].contains("workload \"Pod/b\" is not"));
}

#[test]
fn a_budget_that_blocks_every_drain_is_warned_of() {
    let warned = |replicas: u32, rule: &str| {
        let (_, told) = adapted(&format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: api}}, spec: {{replicas: {replicas}, template: {{metadata: {{labels: {{app: api, x: y}}}}, spec: {{}}}}}}}}\n---\n\
             {{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: b}}, spec: {{{rule}, selector: {{matchLabels: {{app: api}}}}}}}}\n"
        ));
        told.warnings
    };
    assert_eq!(
        warned(1, "minAvailable: 1"),
        [
            "-:3:1: PodDisruptionBudget \"b\": minAvailable 1 blocks every drain of a node, because Deployment \"api\" has replicas: 1; use maxUnavailable: 1"
        ]
    );
    assert!(warned(2, "minAvailable: 1").is_empty());
    assert!(warned(1, "maxUnavailable: 1").is_empty());
}

/// Lint says of a manifest what `create` says, and nothing against what `create` leaves out.
#[test]
fn lint_leaves_out_what_create_leaves_out() {
    let text = "{apiVersion: v1, kind: Namespace, metadata: {name: staging}}\n---\n\
         {apiVersion: v1, kind: Pod, metadata: {name: a, namespace: staging, uid: u, ownerReferences: [{uid: o}]}, spec: {containers: [{name: a, image: x, env: [{name: TOKEN_URL, value: CHANGE_ME}]}]}, status: {newer: x}}\n---\n\
         {apiVersion: v1, kind: Pod, metadata: {name: b, annotations: {helm.sh/hook: test}}, spec: {}}\n---\n\
         {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}, subjects: [{kind: ServiceAccount, name: x, namespace: staging}]}\n";
    let said = super::lint::said(text);
    for wanted in [
        "a.yaml:1:1: info: Namespace \"staging\" is left out: its objects are created in the session's namespace",
        "a.yaml:3:1: info: Pod \"a\": fields that the server makes are left out: metadata.uid, metadata.ownerReferences, status",
        "a.yaml:5:1: info: Pod \"b\" is left out: it is a Helm test",
        "a.yaml:7:1: info: RoleBinding \"a\": refers to the session's namespace now: subjects",
    ] {
        assert!(said.contains(&wanted.to_owned()), "{wanted}: {said:?}");
    }
    let reminders = said.iter().filter(|line| line.contains("CHANGE_ME"));
    assert_eq!(reminders.count(), 1, "{said:?}");
    assert!(
        said.iter().all(|line| !line.contains(": error: ")),
        "{said:?}"
    );
    // Of a template, nothing is left out.
    let source = Source::new("a.yaml", text).unwrap();
    let findings = super::super::lint_template_source(&source);
    let is_error =
        |finding: &&super::super::Finding| finding.severity == super::super::Severity::Error;
    let errors: Vec<String> = findings
        .iter()
        .filter(is_error)
        .map(ToString::to_string)
        .collect();
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(
        errors[0].contains("Namespace is cluster-scoped"),
        "{errors:?}"
    );
}

/// Lint reads a Session as `create` does.
#[test]
fn lint_reads_the_manifest_of_a_session() {
    let errors = super::lint_fields::errors;
    let session = |spec: &str| {
        format!(
            "apiVersion: streaming.platform/v1\nkind: Session\nmetadata: {{name: a}}\nspec:\n  userId: bob\n{spec}"
        )
    };
    assert_eq!(errors(&session("  template: nvim\n")), [""; 0]);
    let manifest = |container: &str| {
        session(&format!(
            "  manifest: |\n    apiVersion: v1\n    kind: Pod\n    metadata: {{name: a}}\n    spec: {{containers: [{container}]}}\n"
        ))
    };
    assert_eq!(errors(&manifest("{name: a, image: x}")), [""; 0]);
    assert_eq!(
        errors(&manifest("{image: x}")),
        ["a.yaml:10:25: error: missing required field \"spec.containers[0].name\""]
    );
    assert_eq!(errors(&session("").replace("bob", "[1]")).len(), 1);
    let two = format!(
        "{}---\n{}",
        session("  template: a\n"),
        session("  template: b\n")
    );
    assert_eq!(
        errors(&two),
        ["a.yaml:1:1: error: a Session must be the only object in its file"]
    );
}
