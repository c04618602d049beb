//! `quota` on a real server: its figures are those of the ResourceQuota and of the session's Pod.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::home::Home;
use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![kubelet(
        "quota_show_agrees_with_the_server",
        show_agrees_with_the_server,
    )]
}

const POD: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "home-${SESSION_ID}"}
spec: {accessModes: [ReadWriteOnce], storageClassName: "${CLASS}", resources: {requests: {storage: 64Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: "home-${SESSION_ID}"}
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
  - {name: first, image: localhost/busybox:1, imagePullPolicy: Never, command: ["true"], resources: {requests: {cpu: 30m, memory: 8Mi}}}
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    command: [sleep, "3600"]
    resources: {limits: {cpu: 200m, memory: 64Mi}, requests: {cpu: 20m, memory: 32Mi}}
    volumeMounts: [{name: home, mountPath: /home}]
  volumes: [{name: home, persistentVolumeClaim: {claimName: "home-${SESSION_ID}"}}]
"#;

fn show_agrees_with_the_server() -> Result<()> {
    let world = World::installed("quota")?;
    let shown = |flags: &[&str]| -> Result<Value> {
        let words = [&["quota", "show", "-o", "json"], flags].concat();
        Ok(serde_json::from_str(
            &world.session(&words)?.exits(0)?.stdout,
        )?)
    };
    let none = world.session(&["quota", "show"])?.exits(0)?;
    ensure!(
        none.stderr.contains("kubectl session quota set -n "),
        "{none:?}"
    );
    let hard = "--hard=pods=4,requests.cpu=1,requests.memory=256Mi,persistentvolumeclaims=2,requests.storage=128Mi,count/sessions.streaming.platform=9";
    // Until the server counts sessions, which takes some minutes on a new cluster, it refuses them.
    world.session(&["quota", "set", "team", hard])?.exits(0)?;
    Home::made(&world, "h", POD)?;
    let counted = world
        .namespace
        .kubectl(&["get", "resourcequota", "team", "-o", "json"], None)?;
    let counted: Value = serde_json::from_str(&counted)?;
    let quota = &shown(&[])?["items"][0]["status"];
    for field in ["used", "hard"] {
        ensure!(quota[field] == counted["status"][field], "{quota:#}");
    }
    let free = json!({"pods": "3", "requests.cpu": "970m", "requests.memory": "224Mi", "persistentvolumeclaims": "1",
        "requests.storage": "64Mi", "count/sessions.streaming.platform": "8"});
    ensure!(quota["free"] == free, "{quota:#}");
    ensure!(quota["bottleneck"] == "persistentvolumeclaims", "{quota:#}");
    let session = &shown(&["--by", "session"])?["items"][0];
    ensure!(
        session["metadata"]["name"] == "h" && session["sessions"]["running"] == 1,
        "{session:#}"
    );
    ensure!(
        session["requests"] == json!({"cpu": "30m", "memory": "32Mi"}),
        "{session:#}"
    );
    ensure!(
        session["limits"] == json!({"cpu": "200m", "memory": "64Mi"}),
        "{session:#}"
    );
    // Pods of no session count, too, so that the sums are those of the quota.
    let stranger = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger"}, "spec": {"schedulingGates": [{"name": "example.com/never"}],
        "containers": [{"name": "main", "image": "none", "resources": {"requests": {"cpu": "100m", "memory": "16Mi"}}}]}});
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(&stranger.to_string()))?;
    let used = &shown(&[])?["items"][0]["status"]["used"];
    ensure!(
        used["requests.cpu"] == "130m" && used["pods"] == "2",
        "{used:#}"
    );
    let sums = &shown(&["--by", "namespace"])?["items"];
    let cpu = [&sums[0]["requests"]["cpu"], &sums[1]["requests"]["cpu"]];
    ensure!(cpu == ["30m", "100m"], "{sums:#}");
    let claims = json!({"count": 1, "storage": used["requests.storage"]});
    ensure!(sums[0]["claims"] == claims, "{sums:#}");
    Ok(())
}
