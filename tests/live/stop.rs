//! `stop` of real sessions: what goes, what rests, what stays, and what a failing hook prevents.

use anyhow::{Result, ensure};

use crate::home::Home;
use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "stop_a_pod_goes_and_its_data_stays",
            a_pod_goes_and_its_data_stays,
        ),
        kubelet(
            "stop_statefulsets_and_deployments_rest",
            statefulsets_and_deployments_rest,
        ),
        kubelet(
            "stop_what_no_claim_keeps_needs_a_word",
            what_no_claim_keeps_needs_a_word,
        ),
    ]
}

/// A Pod with a claim, whose data can be synchronised once /home/synced is there.
const HOOKED: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "home-${SESSION_ID}"}
spec: {accessModes: [ReadWriteOnce], storageClassName: "${CLASS}", resources: {requests: {storage: 64Mi}}}
---
apiVersion: v1
kind: Service
metadata: {name: "home-${SESSION_ID}"}
spec: {selector: {app: home}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: "home-${SESSION_ID}"
  labels: {app: home}
  annotations:
    streaming.platform/sync: '{"command": ["sh", "-c", "test -e /home/synced || { echo not yet >&2; exit 3; }"]}'
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    command: [sleep, "3600"]
    volumeMounts: [{name: home, mountPath: /home}]
  volumes: [{name: home, persistentVolumeClaim: {claimName: "home-${SESSION_ID}"}}]
"#;

fn a_pod_goes_and_its_data_stays() -> Result<()> {
    let world = World::installed("stop")?;
    let home = Home::made(&world, "h", HOOKED)?;
    let refused = world.session(&["stop", "h"])?.exits(1)?;
    ensure!(
        refused.stdout.is_empty()
            && refused
                .stderr
                .starts_with("error: cannot stop session \"h\": sync hook failed: ")
            && refused.stderr.contains("exit code 3: not yet"),
        "{refused:?}"
    );
    ensure!(home.phase()? == "running", "{}", home.phase()?);
    home.inside("home-h", "touch /home/synced")?;
    let stopped = world.session(&["stop", "h"])?.exits(0)?;
    let line = "session.streaming.platform/h stopped\n";
    ensure!(stopped.stdout == line, "{stopped:?}");
    let left = world.namespace.kubectl(
        &["get", "pods,services,persistentvolumeclaims", "-o", "name"],
        None,
    )?;
    ensure!(
        left == "service/home-h\npersistentvolumeclaim/home-h\n",
        "{left}"
    );
    ensure!(home.phase()? == "stopped", "{}", home.phase()?);
    let screen = world.session(&["status", "h"])?.exits(0)?;
    ensure!(
        screen.stdout.contains("Phase:       stopped since "),
        "{screen:?}"
    );
    let again = world.session(&["stop", "h"])?.exits(0)?;
    let line = "session.streaming.platform/h already stopped\n";
    ensure!(again.stdout == line, "{again:?}");
    Ok(())
}

/// A StatefulSet with a claim of its own, and a Deployment that somebody has scaled.
const SCALED: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: "notes-${SESSION_ID}"}
spec:
  serviceName: notes
  selector: {matchLabels: {app: notes}}
  template:
    metadata: {labels: {app: notes}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: page
        image: localhost/http-page:1
        imagePullPolicy: Never
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: "${CLASS}", resources: {requests: {storage: 64Mi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "web-${SESSION_ID}"}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: page, image: "localhost/http-page:1", imagePullPolicy: Never}]
"#;

fn statefulsets_and_deployments_rest() -> Result<()> {
    let world = World::installed("stop-scaled")?;
    let home = Home::of(&world, "t", SCALED, &["--primary", "StatefulSet/notes-t"])?;
    world
        .namespace
        .kubectl(&["scale", "deployment/web-t", "--replicas=2"], None)?;
    home.inside("notes-t-0", "echo kept > /data/file")?;
    let counts = || {
        let path = "jsonpath={.items[*].spec.replicas}";
        let kinds = "deployments,statefulsets";
        world.namespace.kubectl(&["get", kinds, "-o", path], None)
    };
    world.session(&["stop", "t"])?.exits(0)?;
    ensure!(counts()? == "0 0", "{}", counts()?);
    let pods = world
        .namespace
        .kubectl(&["get", "pods", "-o", "name"], None)?;
    ensure!(pods.is_empty(), "{pods}");
    ensure!(home.phase()? == "stopped", "{}", home.phase()?);
    let started = world.session(&["start", "t"])?.exits(0)?;
    let line = "session.streaming.platform/t started\n";
    ensure!(started.stdout == line, "{started:?}");
    ensure!(counts()? == "2 1", "{}", counts()?);
    ensure!(home.inside("notes-t-0", "cat /data/file")? == "kept\n");
    Ok(())
}

fn what_no_claim_keeps_needs_a_word() -> Result<()> {
    let world = World::installed("stop-word")?;
    let create = ["create", "alice", "--template", "shell"];
    world.session(&create)?.exits(0)?;
    let refused = world.session(&["stop", "--all"])?.exits(1)?;
    let text =
        "error: stopping would destroy data: pod/shell-alice (emptyDir home, container files)\n";
    ensure!(refused.stderr.starts_with(text), "{refused:?}");
    ensure!(refused.stderr.contains("-y"), "{refused:?}");
    world.session(&["stop", "--all", "-y"])?.exits(0)?;
    let listed = world
        .session(&["list", "--phase", "stopped", "-o", "name"])?
        .exits(0)?;
    let line = "session.streaming.platform/alice\n";
    ensure!(listed.stdout == line, "{listed:?}");
    world.session(&["delete", "alice", "-y"])?.exits(0)?;
    Ok(())
}
