//! Tests of the parts of a platform: the objects of its documents, again unchanged, kinds that the server lacks, objects of others,
//! removal.

use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::cluster::{lines, sent, setup};

const MONITORS: &str = "servicemonitors.monitoring.coreos.com";
const AUTOSCALERS: &str = "horizontalpodautoscalers.autoscaling";
const STORES: &str = "external-secrets.io/v1";

/// An API server with everything that parts use, in the newest versions.
fn complete() -> FakeApi {
    let api = FakeApi::stateful();
    for (api_version, kind, plural, namespaced) in [
        (
            "monitoring.coreos.com/v1",
            "ServiceMonitor",
            "servicemonitors",
            true,
        ),
        (
            "monitoring.coreos.com/v1",
            "PodMonitor",
            "podmonitors",
            true,
        ),
        (
            "monitoring.coreos.com/v1",
            "PrometheusRule",
            "prometheusrules",
            true,
        ),
        ("networking.istio.io/v1", "Gateway", "gateways", true),
        (
            "networking.istio.io/v1",
            "VirtualService",
            "virtualservices",
            true,
        ),
        (STORES, "ExternalSecret", "externalsecrets", true),
        (STORES, "ClusterSecretStore", "clustersecretstores", false),
        (
            "snapshot.storage.k8s.io/v1",
            "VolumeSnapshotClass",
            "volumesnapshotclasses",
            false,
        ),
        ("storage.k8s.io/v1", "CSIDriver", "csidrivers", false),
        ("metrics.k8s.io/v1beta1", "PodMetrics", "pods", true),
    ] {
        api.serve(api_version, kind, plural, namespaced);
    }
    api
}

/// Number of requests that would store or delete something.
fn stored(api: &FakeApi) -> usize {
    let sent = sent(api);
    let stored = sent.iter().filter(|one| one.query("dryRun").is_none());
    stored.count()
}

/// A line of the command, and the file with what it prints.
const DOCUMENTS: [(&str, &str); 20] = [
    ("autoscaling --for nvim", "setup-autoscaling-nvim.txt"),
    ("autoscaling --for gimp", "setup-autoscaling-gimp.txt"),
    ("autoscaling --for preview", "setup-autoscaling-preview.txt"),
    ("mesh --for gimp", "setup-mesh-gimp.txt"),
    ("ingress --for nvim", "setup-ingress-nvim.txt"),
    (
        "monitoring --for preview --alerts",
        "setup-monitoring-preview.txt",
    ),
    (
        "monitoring --for sindri --alerts",
        "setup-monitoring-sindri.txt",
    ),
    ("monitoring --for nvim", "setup-monitoring-nvim.txt"),
    ("isolation --for nvim", "setup-isolation-nvim.txt"),
    ("isolation --for sindri", "setup-isolation-sindri.txt"),
    ("isolation --for gimp", "setup-isolation-gimp.txt"),
    ("isolation --for lab", "setup-isolation-lab.txt"),
    (
        "isolation --for preview",
        "setup-isolation-preview-objects.txt",
    ),
    ("isolation --for shell", "setup-isolation-shell.txt"),
    ("roles --for nvim", "setup-roles-nvim.txt"),
    ("roles --for gimp", "setup-roles-gimp.txt"),
    ("roles --for lab", "setup-roles-lab.txt"),
    ("storage --for gimp", "setup-storage-gimp.txt"),
    (
        "secrets --external --for sindri",
        "setup-secrets-sindri.txt",
    ),
    (
        "secrets lab-session-alice-secrets --external --store vault-backend \
         --data vscode-password=dozlab/sessions/alice#vscode_password",
        "setup-secrets-lab.txt",
    ),
];

#[test]
fn the_objects_of_a_part_are_those_of_the_documents() {
    for (words, file) in DOCUMENTS {
        let api = complete();
        let printed = setup(&api, &format!("{words} --dry-run=client -o yaml"));
        golden(file, &printed.text());
        assert_eq!(sent(&api).len(), 0, "{words}");
    }
}

#[test]
fn a_part_is_applied_once_and_removed_without_a_trace() {
    let mut text = String::new();
    for (words, _) in DOCUMENTS {
        let api = complete();
        let made = setup(&api, words);
        let requests = lines(&sent(&api));
        let again = setup(&api, words);
        assert!(
            again
                .done()
                .lines()
                .all(|line| line.ends_with(" unchanged")),
            "{again:?}"
        );
        let rehearsed = setup(&api, &format!("{words} --remove --dry-run=server"));
        assert_eq!(rehearsed.done().lines().count(), made.out.lines().count());
        let removed = setup(&api, &format!("{words} --remove"));
        let nothing = setup(&api, &format!("{words} --remove"));
        text += &format!(
            "$ setup {words}\n{}{requests}--- remove\n{}{}",
            made.text(),
            removed.text(),
            nothing.text()
        );
        for kind in [MONITORS, AUTOSCALERS, "storageclasses.storage.k8s.io"] {
            assert_eq!(api.objects(kind).len(), 0, "{words}: {kind}");
        }
    }
    golden("setup-parts.txt", &text);
}

#[test]
fn flags_change_the_figures() {
    let mut text = String::new();
    for words in [
        "autoscaling --for nvim --min-replicas 3 --max-replicas 30 --cpu 50 --memory 60",
        "mesh --for blender --host a.example.org --host *.b.example.org --tls-secret own",
        "ingress --for nvim --host a.example.org --host *.b.example.org --ingress-class traefik --tls-secret own --cluster-issuer=",
        "monitoring --for preview --alerts --label release=prometheus --latency 1s --error-rate 1 --restarts 0 --usage 80",
        "storage --for gimp-cloud --driver pd.csi.storage.gke.io",
        "secrets x --external --store s --data a=b --refresh-interval 300",
        "secrets own --external --store s --store-kind SecretStore --data a=b --data c=d/e#f --refresh-interval 5m",
    ] {
        let words = format!("{words} --dry-run=client -o yaml");
        text += &format!("$ setup {words}\n{}", setup(&complete(), &words).text());
    }
    golden("setup-parts-flags.txt", &text);
}

#[test]
fn what_the_server_lacks_is_named_before_a_write() {
    let mut text = String::new();
    for words in [
        "monitoring --for preview",
        "monitoring --for sindri --alerts",
        "mesh --for gimp",
        "storage --for gimp",
        "secrets --external --for sindri",
        "mesh --for gimp --dry-run=client",
        "mesh --for gimp --remove",
        "autoscaling --for gimp",
    ] {
        let api = FakeApi::stateful();
        api.serve("storage.k8s.io/v1", "CSIDriver", "csidrivers", false);
        text += &format!("$ setup {words}\n{}", setup(&api, words).text());
        if !words.starts_with("autoscaling") {
            assert_eq!(sent(&api).len(), 0, "{words}");
        }
    }
    golden("setup-parts-missing.txt", &text);
}

#[test]
fn an_older_version_that_the_server_has_is_written() {
    let api = FakeApi::stateful();
    api.serve("networking.istio.io/v1beta1", "Gateway", "gateways", true);
    api.serve(
        "networking.istio.io/v1beta1",
        "VirtualService",
        "virtualservices",
        true,
    );
    api.serve(
        "external-secrets.io/v1beta1",
        "ExternalSecret",
        "externalsecrets",
        true,
    );
    for words in ["mesh --for gimp", "secrets --external --for sindri"] {
        let printed = setup(&api, &format!("{words} --dry-run=client -o yaml"));
        assert!(
            printed
                .done()
                .lines()
                .all(|line| !line.starts_with("apiVersion") || line.ends_with("/v1beta1")),
            "{printed:?}"
        );
        setup(&api, words).done();
        setup(&api, &format!("{words} --remove")).done();
    }
    assert_eq!(api.objects("gateways.networking.istio.io").len(), 0);
}

fn monitor(labels: Value) -> Value {
    json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
        "metadata": {"name": "api-monitor", "namespace": "default", "labels": labels}})
}

#[test]
fn objects_of_others_are_left_alone() {
    const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    let mut text = String::new();
    for (whose, labels, count) in [
        ("somebody else", json!({MANAGED_BY: "Helm"}), 0),
        (
            "a session",
            json!({MANAGED_BY: "kubectl-session", "streaming.platform/session": "pr-17"}),
            2,
        ),
        ("another command", json!({MANAGED_BY: "kubectl-session"}), 2),
        (
            "another template",
            json!({MANAGED_BY: "kubectl-session", "streaming.platform/part": "monitoring",
                "streaming.platform/template": "nvim"}),
            0,
        ),
    ] {
        let api = complete();
        let theirs = api.put(monitor(labels));
        let applied = setup(&api, "monitoring --for preview");
        assert_eq!(stored(&api), count, "{whose}");
        let removed = setup(&api, "monitoring --for preview --remove");
        text += &format!("--- {whose}\n{}{}", applied.text(), removed.text());
        assert_eq!(
            api.object(MONITORS, "default", "api-monitor"),
            Some(theirs),
            "{whose}"
        );
    }
    golden("setup-parts-others.txt", &text);
}

#[test]
fn a_removal_spares_what_another_part_or_template_has() {
    let api = complete();
    setup(&api, "autoscaling --for nvim").done();
    setup(&api, "autoscaling --for gimp").done();
    setup(&api, "secrets one --external --store s --data a=b").done();
    setup(&api, "secrets two --external --store s --data a=b").done();
    setup(&api, "autoscaling --for gimp --remove").done();
    setup(&api, "secrets one --external --remove").done();
    let left: Vec<Value> = [AUTOSCALERS, "externalsecrets.external-secrets.io"]
        .iter()
        .flat_map(|kind| api.objects(kind))
        .map(|object| object["metadata"]["name"].clone())
        .collect();
    assert_eq!(left, ["nvim-web-router", "two"]);
}

#[test]
fn a_refusal_of_one_object_leaves_nothing_behind() {
    let path = "/apis/monitoring.coreos.com/v1/namespaces/default/servicemonitors/db-monitor";
    let mut text = String::new();
    for answer in [
        Answer::forbidden("carol", "patch", "servicemonitors", "db-monitor"),
        Answer::not_found("namespaces", "default"),
    ] {
        let api = complete();
        api.on("PATCH", path, answer);
        let refused = setup(&api, "monitoring --for preview");
        refused.failed();
        assert_eq!(stored(&api), 0);
        text += &refused.text();
    }
    golden("setup-parts-refused.txt", &text);
}

#[test]
fn classes_of_another_driver_are_removed_first() {
    let api = complete();
    let path = "/apis/storage.k8s.io/v1/storageclasses/ssd-user-storage";
    let message = "StorageClass.storage.k8s.io \"ssd-user-storage\" is invalid: provisioner: Forbidden: updates to provisioner are forbidden.";
    let answer = Answer::status(422, "Invalid", message, json!({}));
    api.on("PATCH", path, answer);
    let refused = setup(&api, "storage --for gimp --driver pd.csi.storage.gke.io");
    let hint = "hint: to replace the classes, remove them first; volumes are kept: kubectl session setup storage --for gimp --remove\n";
    assert!(refused.failed().ends_with(hint), "{refused:?}");
}

#[test]
fn a_refused_deletion_leaves_everything_there() {
    let api = complete();
    setup(&api, "roles --for nvim").done();
    let before = sent(&api).len();
    let role =
        "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles/nvim-web-session-manager";
    api.on(
        "DELETE",
        role,
        Answer::forbidden("carol", "delete", "roles", "default"),
    );
    let refused = setup(&api, "roles --for nvim --remove");
    refused.failed();
    assert!(
        refused.err.contains("\nhint: nothing has been deleted\n"),
        "{refused:?}"
    );
    for request in &sent(&api)[before..] {
        assert_eq!(request.json()["dryRun"], json!(["All"]));
    }
}

#[test]
fn wrong_command_lines_send_nothing() {
    let api = complete();
    let mut text = String::new();
    for words in [
        "autoscaling",
        "autoscaling --for shell",
        "mesh --for preview",
        "autoscaling --for nvim --min-replicas 11",
        "autoscaling --for nvim --min-replicas 0",
        "autoscaling --for nvim --cpu 0",
        "mesh --for gimp --host not_a_host",
        "mesh --for gimp --tls-secret Own",
        "ingress --for gimp",
        "ingress --for nvim --host a..b",
        "ingress --for nvim --ingress-class Own",
        "ingress --for nvim --cluster-issuer -",
        "storage --for gimp --driver /x",
        "monitoring --for preview --alerts --error-rate 101",
        "monitoring --for preview --alerts --latency 0",
        "monitoring --for preview --alerts --restarts -1",
        "monitoring --for preview --latency 1s",
        "monitoring --for preview --usage 80 --restarts 1 --error-rate 2",
        "monitoring --for preview --label a",
        "monitoring --for preview --label streaming.platform/part=x",
        "secrets --external",
        "secrets x --external --store s",
        "secrets x --external --store s --data novalue",
        "secrets x --external --store s --data a=#b",
        "secrets x --external --store s --data a=b --store-kind Vault",
        "secrets x --external --store s --data a=b --refresh-interval soon",
        "secrets x --external --store s --data a=b --refresh-interval=-1h",
        "secrets x --external --store s --data a=b --data c=d --data a=e",
        "secrets X --external --remove",
        "crds monitoring",
        "secret",
    ] {
        let refused = setup(&api, words);
        text += &format!("$ setup {words}\n{}", refused.text());
        refused.failed();
    }
    assert_eq!(api.requests().len(), 0);
    golden("setup-parts-illegal.txt", &text);
}

#[test]
fn a_metrics_server_that_is_down_does_not_hinder() {
    let api = complete();
    let down = Answer::status(503, "ServiceUnavailable", "service unavailable", json!({}));
    api.on("GET", "/apis/metrics.k8s.io/v1beta1", down);
    let applied = setup(&api, "autoscaling --for nvim");
    assert!(applied.done().ends_with(" created\n"), "{applied:?}");
    assert!(!applied.err.contains("metrics"), "{applied:?}");
}
