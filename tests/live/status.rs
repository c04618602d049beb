//! `status` of real sessions: what runs, what does not and why, and waiting for it.

use std::io::Write;

use anyhow::{Result, ensure};
use serde_json::Value;
use session_cluster::EXPANDABLE_CLASS;

use crate::world::{Output, World};
use crate::{Live, kubelet};
use session_support::terminal::{Terminal, ended};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet("status_of_a_shell_is_one_screen", of_a_shell_is_one_screen),
        kubelet("status_tells_of_data", tells_of_data),
        kubelet(
            "status_tells_how_full_a_claim_is",
            tells_how_full_a_claim_is,
        ),
        kubelet(
            "status_names_what_cannot_come_up",
            names_what_cannot_come_up,
        ),
        kubelet("status_waits_for_a_phase", waits_for_a_phase),
        kubelet(
            "status_on_a_terminal_is_drawn_in_place",
            on_a_terminal_is_drawn_in_place,
        ),
    ]
}

fn status(world: &World, words: &str) -> Result<Output> {
    let words: Vec<&str> = words.split(' ').collect();
    world.session(&[&["status"], words.as_slice()].concat())
}

fn has(output: &Output, texts: &[&str]) -> Result<()> {
    for text in texts {
        ensure!(output.stdout.contains(text), "no {text:?} in {output:#?}");
    }
    Ok(())
}

fn of_a_shell_is_one_screen() -> Result<()> {
    let world = World::installed("status")?;
    let create = ["create", "alice", "--template", "shell"];
    world.session(&create)?.exits(0)?;
    let screen = status(&world, "alice")?.exits(0)?;
    let connect = format!(
        "kubectl session connect alice -n {}",
        world.namespace.name()
    );
    has(
        &screen,
        &[
            "Template:    shell\n",
            "Phase:       running since ",
            "Pod/shell-alice, primary: Running on ",
            "limits cpu 500m, memory 128Mi\n",
            "Started pod/shell-alice: ",
            &connect,
        ],
    )?;
    ensure!(screen.stderr.is_empty(), "{screen:?}");
    let json = status(&world, "alice -o json")?.exits(0)?;
    let json: Value = serde_json::from_str(&json.stdout)?;
    ensure!(json["kind"] == "SessionReport" && json["phase"] == "running");
    let pod = &json["workloads"][0]["pods"][0];
    ensure!(pod["containers"][0]["state"] == "running", "{json:#}");
    ensure!(pod["ip"].is_string() && json["session"]["metadata"]["uid"].is_string());
    ensure!(json["template"]["state"] == "unchanged", "{json:#}");
    let missing = status(&world, "nobody")?.exits(1)?;
    let text = "Error from server (NotFound): sessions.streaming.platform \"nobody\" not found\n";
    ensure!(missing.stderr == text, "{missing:?}");
    // Somebody may not see everything: the rest is shown all the same.
    let user = format!("{}@example.com", world.namespace.name());
    let kubeconfig = world.cluster.user_kubeconfig(&user, &[])?;
    world
        .cluster
        .bind_role(world.namespace.name(), &user, "edit")?;
    let seen = crate::world::run(&mut world.command_as(&kubeconfig, &["status", "alice"]))?;
    has(
        &seen.exits(0)?,
        &[
            "running since ",
            "usage: <unknown> (no permission to read the usage of nodes)",
        ],
    )
}

const NOTES: &str = r#"
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
apiVersion: v1
kind: Service
metadata: {name: "notes-${SESSION_ID}"}
spec: {selector: {app: notes}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Secret
metadata: {name: "notes-${SESSION_ID}"}
stringData: {password: "${PASSWORD}"}
"#;

fn tells_of_data() -> Result<()> {
    let world = World::installed("status-data")?;
    let class = format!("local-{}", world.namespace.name());
    let volume = format!("volume-{}", world.namespace.name());
    world.cluster.host_path_volume(&volume, "1Gi", &class)?;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(NOTES.as_bytes())?;
    let path = file.path().to_string_lossy().into_owned();
    let set = format!("CLASS={class}");
    let create = ["create", "bob", "-f", &path, "--set", &set];
    world.session(&create)?.exits(0)?;
    let screen = status(&world, "bob")?.exits(0)?;
    let claim = "PersistentVolumeClaim/data-notes-bob-0: Bound, 1Gi, requested 64Mi, class";
    has(
        &screen,
        &[
            "Template:    <none> (manifest)\n",
            "StatefulSet/notes-bob, primary, 1 of 1 ready\n",
            "Service/notes-bob: ClusterIP ",
            "1 of 1 Pods ready",
            "Secret/session-bob-parameters: ",
            claim,
        ],
    )?;
    // What a folder of the node holds is measured by no kubelet, and not every server lets us ask it.
    let used = screen
        .stdout
        .lines()
        .filter(|line| line.trim_start().starts_with("used "));
    ensure!(used.count() == 1, "{screen:#?}");
    let path = "{.data.password}";
    let secret = world.namespace.kubectl(
        &[
            "get",
            "secret",
            "notes-bob",
            "-o",
            &format!("jsonpath={path}"),
        ],
        None,
    )?;
    let json = status(&world, "bob -o json")?.exits(0)?;
    ensure!(!secret.is_empty() && !json.stdout.contains(&secret));
    world
        .session(&["delete", "bob", "--delete-data", "-y"])?
        .exits(0)?;
    Ok(())
}

fn tells_how_full_a_claim_is() -> Result<()> {
    let world = World::installed("status-full")?;
    world.cluster.wait_for_storage()?;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(NOTES.as_bytes())?;
    let path = file.path().to_string_lossy().into_owned();
    let set = format!("CLASS={EXPANDABLE_CLASS}");
    world
        .session(&["create", "bob", "-f", &path, "--set", &set])?
        .exits(0)?;
    let fill = "dd if=/dev/zero of=/data/file bs=1M count=16";
    world.inside("notes-bob-0", fill)?;
    world
        .cluster
        .claim_use(world.namespace.name(), "data-notes-bob-0", |size, used| {
            size == 64 << 20 && used >= 16 << 20
        })?;
    let screen = status(&world, "bob")?.exits(0)?;
    has(&screen, &["used 16Mi of 64Mi (25%)\n"])?;
    ensure!(!screen.stdout.contains("<unknown>"), "{screen:#?}");
    Ok(())
}

const NEVER: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: "never-${SESSION_ID}"}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: "localhost/not-there:1", imagePullPolicy: Never}
"#;

fn names_what_cannot_come_up() -> Result<()> {
    let world = World::installed("status-never")?;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(NEVER.as_bytes())?;
    let path = file.path().to_string_lossy().into_owned();
    let create = ["create", "eve", "-f", &path, "--wait=false"];
    world.session(&create)?.exits(0)?;
    let waited = status(&world, "eve --wait-for ready --timeout 60s")?.exits(1)?;
    ensure!(
        waited
            .stderr
            .starts_with("error: session \"eve\" cannot become running: ErrImageNeverPull: ")
            && waited.stderr.contains("\nhint: "),
        "{waited:?}"
    );
    let screen = status(&world, "eve")?.exits(0)?;
    has(
        &screen,
        &[
            "Phase:       failed since ",
            "ErrImageNeverPull (pod/never-eve)\n",
            "    remedy:   ",
            "waiting (ErrImageNeverPull), 0 restarts",
            "kubectl session delete eve -n ",
        ],
    )
}

fn waits_for_a_phase() -> Result<()> {
    let world = World::installed("status-wait")?;
    let create = ["create", "carol", "--template", "shell", "--wait=false"];
    world.session(&create)?.exits(0)?;
    let ready = status(&world, "carol --wait-for ready --timeout 60s")?.exits(0)?;
    let text = "session.streaming.platform/carol condition met\n";
    ensure!(ready.stdout == text, "{ready:?}");
    let late = status(&world, "carol --wait-for stopped --timeout 1s")?.exits(1)?;
    let text = "error: timed out waiting for the condition on session.streaming.platform/carol\n";
    ensure!(
        late.stderr.starts_with(text) && late.stdout.is_empty(),
        "{late:?}"
    );
    let mut waiting = world.command(&[
        "status",
        "carol",
        "--wait-for",
        "stopped",
        "--timeout",
        "60s",
    ]);
    let waiting = waiting.stderr(std::process::Stdio::piped()).spawn()?;
    world.session(&["delete", "carol", "-y"])?.exits(0)?;
    let done = waiting.wait_with_output()?;
    let said = String::from_utf8_lossy(&done.stderr);
    let gone = said.contains("not found") || said.contains("is being deleted");
    ensure!(done.status.code() == Some(1) && gone, "{said}");
    Ok(())
}

fn on_a_terminal_is_drawn_in_place() -> Result<()> {
    let world = World::installed("status-live")?;
    let create = ["create", "dan", "--template", "shell"];
    world.session(&create)?.exits(0)?;
    let mut terminal = Terminal::new(60, 50)?;
    let before = terminal.modes()?;
    let child = terminal.run(&world.command(&["status", "dan", "-w", "--color", "never"]))?;
    terminal.shows("\u{1b}[?1049h\u{1b}[?25l\u{1b}[HName:        dan\u{1b}[K\r\r\n")?;
    terminal.shows("Phase:       running since ")?;
    let delete = ["delete", "pod", "shell-dan", "--wait=false"];
    world.namespace.kubectl(&delete, None)?;
    terminal.shows("PodLost")?;
    terminal.types("\u{3}")?;
    terminal.shows("\u{1b}[?25h\u{1b}[?1049l")?;
    let code = ended(child)?;
    ensure!(code == 130, "{code}");
    ensure!(terminal.modes()? == before, "its modes are others");
    Ok(())
}
