//! `start` of real sessions: what comes back, what is new, what a killed create left, and what ended by itself.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::home::Home;
use crate::world::World;
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet(
            "start_files_and_passwords_come_back",
            files_and_passwords_come_back,
        ),
        kubelet(
            "start_takes_the_template_as_it_is_now",
            takes_the_template_as_it_is_now,
        ),
        kubelet(
            "start_finishes_a_create_that_got_no_further_than_the_session",
            finishes_a_create_that_got_no_further_than_the_session,
        ),
        kubelet(
            "start_finishes_a_create_that_was_killed",
            finishes_a_create_that_was_killed,
        ),
        kubelet(
            "start_is_what_connect_does_with_a_stopped_session",
            is_what_connect_does_with_a_stopped_session,
        ),
        kubelet(
            "start_makes_what_ended_by_itself_again",
            makes_what_ended_by_itself_again,
        ),
    ]
}

/// A Pod with a claim, a Service and a generated password.
const KEPT: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "home-${SESSION_ID}"}
spec: {accessModes: [ReadWriteOnce], storageClassName: "${CLASS}", resources: {requests: {storage: 64Mi}}}
---
apiVersion: v1
kind: Secret
metadata: {name: "home-${SESSION_ID}"}
stringData: {password: "${PASSWORD}"}
---
apiVersion: v1
kind: Service
metadata: {name: "home-${SESSION_ID}"}
spec: {selector: {app: home}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: "home-${SESSION_ID}", labels: {app: home}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    command: [sleep, "3600"]
    env:
    - {name: GREETING, value: "${GREETING:-hello}"}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: "home-${SESSION_ID}", key: password}}}
    volumeMounts: [{name: home, mountPath: /home}]
  volumes: [{name: home, persistentVolumeClaim: {claimName: "home-${SESSION_ID}"}}]
"#;

fn files_and_passwords_come_back() -> Result<()> {
    let world = World::installed("start")?;
    let home = Home::made(&world, "h", KEPT)?;
    let password = home.inside("home-h", "echo kept > /home/file; echo $PASSWORD")?;
    let uid = |object: &str| home.field(object, "{.metadata.uid}");
    let (pod, claim, service) = (uid("pod/home-h")?, uid("pvc/home-h")?, uid("svc/home-h")?);
    let asked = home.field("session/h", "{.spec.startRequest}")?;
    world.session(&["stop", "h"])?.exits(0)?;
    let started = world
        .session(&["start", "h", "--set", "GREETING=again"])?
        .exits(0)?;
    let line = "session.streaming.platform/h started\n";
    ensure!(started.stdout == line, "{started:?}");
    let way = "connect: kubectl session connect h -n ";
    ensure!(started.stderr.contains(way), "{started:?}");
    let found = home.inside("home-h", "cat /home/file; echo $PASSWORD; echo $GREETING")?;
    ensure!(found == format!("kept\n{password}again\n"), "{found}");
    ensure!(uid("pod/home-h")? != pod && uid("pvc/home-h")? == claim);
    ensure!(uid("svc/home-h")? == service);
    let answered = home.field("session/h", "{.spec.startRequest} {.status.startRequest}")?;
    let (new, same) = answered.split_once(' ').unwrap_or_default();
    ensure!(new > asked.as_str() && new == same, "{asked}: {answered}");
    ensure!(home.phase()? == "running", "{}", home.phase()?);
    let again = world.session(&["start", "h"])?.exits(0)?;
    let line = "session.streaming.platform/h already running\n";
    ensure!(again.stdout == line, "{again:?}");
    let anew = world.session(&["start", "h", "--restart"])?.exits(0)?;
    let line = "session.streaming.platform/h restarted\n";
    ensure!(anew.stdout == line, "{anew:?}");
    let found = home.inside("home-h", "cat /home/file; echo $GREETING")?;
    ensure!(found == "kept\nagain\n", "a value is kept: {found}");
    world.session(&["stop", "h"])?.exits(0)?;
    let refused = world
        .session(&["start", "h", "--set", "CLASS=other"])?
        .exits(1)?;
    let text = "cannot change PersistentVolumeClaim \"home-h\": spec.storageClassName is ";
    ensure!(refused.stderr.contains(text), "{refused:?}");
    ensure!(home.phase()? == "stopped", "{}", home.phase()?);
    Ok(())
}

/// A template of two Pods behind a Service; its name ends with the namespace's, as templates have none.
struct Team<'a>(&'a World, String);

impl<'a> Team<'a> {
    fn applied(world: &'a World, app: &str, service: &str) -> Result<Self> {
        let name = format!("team-{}", world.namespace.name());
        let manifest = format!(
            r#"
apiVersion: v1
kind: Service
metadata: {{name: "{service}-${{SESSION_ID}}"}}
spec: {{selector: {{app: {app}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: "web-${{SESSION_ID}}"}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {app}}}}}
  template:
    metadata: {{labels: {{app: {app}}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{{name: page, image: "localhost/http-page:1", imagePullPolicy: Never}}]
"#
        );
        let template = json!({
            "apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": name},
            "spec": {"primary": {"kind": "Deployment", "name": "web-${SESSION_ID}"}, "manifest": manifest},
        });
        world
            .namespace
            .kubectl(&["apply", "-f", "-"], Some(&template.to_string()))?;
        Ok(Self(world, name))
    }
}

impl Drop for Team<'_> {
    fn drop(&mut self) {
        let delete = ["delete", "sessiontemplate", &self.1, "--ignore-not-found"];
        // What fails here has failed before: the test says why.
        let _ = self.0.namespace.kubectl(&delete, None);
    }
}

fn takes_the_template_as_it_is_now() -> Result<()> {
    let world = World::installed("start-team")?;
    let team = Team::applied(&world, "one", "old")?;
    let create = ["create", "t", "--template", &team.1];
    world.session(&create)?.exits(0)?;
    let newer = Team::applied(&world, "two", "new")?;
    let told = world.session(&["start", "t"])?.exits(0)?;
    let text = "has changed since the last start (generation 1, now 2); apply with: kubectl session start --restart";
    ensure!(told.stderr.contains(text), "{told:?}");
    world.session(&["stop", "t", "-y"])?.exits(0)?;
    let started = world.session(&["start", "t"])?.exits(0)?;
    let text = "(generation 1, now 2); this start applies the current version";
    ensure!(started.stderr.contains(text), "{started:?}");
    let get = |words: &[&str]| world.namespace.kubectl(&[&["get"], words].concat(), None);
    ensure!(get(&["services", "-o", "name"])? == "service/new-t\n");
    let path = "jsonpath={.spec.selector.matchLabels.app} {.status.readyReplicas}";
    let found = get(&["deployment", "web-t", "-o", path])?;
    ensure!(found == "two 2", "{found}");
    world.session(&["stop", "t", "-y"])?.exits(0)?;
    drop(newer);
    let refused = world.session(&["start", "t"])?.exits(1)?;
    let text = format!("template {:?} does not exist", team.1);
    ensure!(refused.stderr.contains(&text), "{refused:?}");
    Ok(())
}

fn finishes_a_create_that_got_no_further_than_the_session() -> Result<()> {
    let world = World::installed("start-half")?;
    let home = Home::planned(&world, "k", KEPT)?;
    let planned = world
        .session(&home.create(&["--dry-run=client", "-o", "yaml"]))?
        .exits(0)?;
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(&planned.stdout))?;
    world.session(&["start", "k"])?.exits(0)?;
    let password = home.inside("home-k", "printf $PASSWORD")?;
    ensure!(password.len() > 8, "{password:?}");
    ensure!(home.phase()? == "running", "{}", home.phase()?);
    Ok(())
}

fn finishes_a_create_that_was_killed() -> Result<()> {
    let world = World::installed("start-killed")?;
    let home = Home::planned(&world, "k", KEPT)?;
    let mut create = world.command(&home.create(&[]));
    let mut create = create.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let seen = (0..200).any(|_| {
        let get = ["get", "session", "k", "--ignore-not-found", "-o", "name"];
        let found = world.namespace.kubectl(&get, None);
        found.is_ok_and(|name| !name.is_empty())
    });
    create.kill()?;
    create.wait()?;
    ensure!(seen, "no Session after 200 looks");
    world.session(&["start", "k"])?.exits(0)?;
    let made = world
        .namespace
        .kubectl(&["get", "pods,services,pvc", "-o", "name"], None)?;
    ensure!(
        made == "pod/home-k\nservice/home-k\npersistentvolumeclaim/home-k\n",
        "{made}"
    );
    let password = home.inside("home-k", "printf $PASSWORD")?;
    ensure!(password.len() > 8, "{password:?}");
    ensure!(home.phase()? == "running", "{}", home.phase()?);
    let remove = ["delete", "k", "--delete-data", "-y"];
    world.session(&remove)?.exits(0)?;
    // The garbage collector takes the Service, in its own time.
    let left = || -> Result<String> {
        let all = ["get", "sessions,pods,services,pvc,secrets", "-o", "name"];
        world.namespace.kubectl(&all, None)
    };
    let begun = Instant::now();
    while !left()?.is_empty() {
        ensure!(begun.elapsed() < Duration::from_secs(90), "{}", left()?);
    }
    Ok(())
}

/// A Pod that ends when it is told to, with the exit code that it is told.
const ENDS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: "once-${SESSION_ID}"}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    command: [sh, -c, 'mkfifo /tmp/end; read code < /tmp/end; exit $code']
"#;

fn makes_what_ended_by_itself_again() -> Result<()> {
    let world = World::installed("start-ended")?;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(ENDS.as_bytes())?;
    let path = file.path().to_string_lossy().into_owned();
    world.session(&["create", "e", "-f", &path])?.exits(0)?;
    for (code, phase, text) in [
        ("0", "stopped", "ended with exit code 0"),
        ("7", "failed", "exit code 7"),
    ] {
        let end = format!("echo {code} > /tmp/end");
        // The container may end, and take the exec with it, before that has said how it ended.
        let said = world.inside("once-e", &end);
        if let Err(error) = said {
            ensure!(error.to_string().contains("ended with 137"), "{error:#}");
        }
        let wait = ["status", "e", "--wait-for", phase, "--timeout", "60s"];
        world.session(&wait)?.exits(0)?;
        let json = world.session(&["list", "e", "-o", "json"])?.exits(0)?;
        let json: Value = serde_json::from_str(&json.stdout)?;
        ensure!(json["status"]["phase"] == phase, "{json:#}");
        let screen = world.session(&["status", "e"])?.exits(0)?;
        ensure!(screen.stdout.contains(text), "{screen:?}");
        // What ended by itself has nothing to lose: nobody is asked, and it stays as it ended.
        world.session(&["stop", "e"])?.exits(0)?;
        let screen = world.session(&["status", "e"])?.exits(0)?;
        ensure!(screen.stdout.contains(text), "{screen:?}");
        let started = world.session(&["start", "e"])?.exits(0)?;
        let line = "session.streaming.platform/e started\n";
        ensure!(started.stdout == line, "{started:?}");
    }
    Ok(())
}

fn is_what_connect_does_with_a_stopped_session() -> Result<()> {
    let world = World::installed("start-connect")?;
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    world.session(&["stop", "alice", "-y"])?.exits(0)?;
    let refused = world
        .session(&["connect", "alice", "--no-start", "--", "true"])?
        .exits(1)?;
    let text = "error: session \"alice\" is stopped\nhint: start the session: kubectl session start alice -n ";
    ensure!(refused.stderr.starts_with(text), "{refused:?}");
    let said = world
        .session(&["connect", "alice", "--", "sh", "-c", "echo hi; exit 3"])?
        .exits(3)?;
    ensure!(said.stdout == "hi\n", "{said:?}");
    let text = "note: starting stopped session \"alice\"\n";
    ensure!(said.stderr.starts_with(text), "{said:?}");
    let screen = world.session(&["status", "alice"])?.exits(0)?;
    ensure!(
        screen.stdout.contains("Phase:       running since "),
        "{screen:?}"
    );
    Ok(())
}
