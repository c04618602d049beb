//! `logs` on real containers: what was written, whole, once, and whatever happens meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};

use crate::world::{Output, World, run};
use crate::{Live, kubelet};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet("logs_are_printed_as_asked", are_printed_as_asked),
        kubelet("logs_of_a_crash_are_kept", of_a_crash_are_kept),
        kubelet(
            "logs_follow_a_pod_that_is_replaced",
            follow_a_pod_that_is_replaced,
        ),
        kubelet(
            "logs_follow_across_a_dead_api_server",
            follow_across_a_dead_api_server,
        )
        .alone(),
        kubelet(
            "logs_of_any_bytes_and_lengths_pass",
            of_any_bytes_and_lengths_pass,
        ),
        kubelet("logs_need_a_right", need_a_right),
    ]
}

/// A session from a manifest.
fn create(world: &World, name: &str, manifest: &str, more: &[&str]) -> Result<Output> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(manifest.as_bytes())?;
    let path = file.path().to_string_lossy().into_owned();
    world.session(&[&["create", name, "-f", &path], more].concat())
}

fn logs(world: &World, words: &str) -> Result<Output> {
    let words: Vec<&str> = words.split(' ').collect();
    world.session(&[&["logs"], words.as_slice()].concat())
}

const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: "many-${SESSION_ID}"}
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
  - {name: first, image: "localhost/busybox:1", imagePullPolicy: Never, command: [echo, prepared]}
  containers:
  - {name: main, image: "localhost/busybox:1", imagePullPolicy: Never, command: [sh, -c, "echo one; echo two; sleep 1000"]}
  - {name: side, image: "localhost/busybox:1", imagePullPolicy: Never, command: [sh, -c, "echo aside; sleep 1000"]}
"#;

fn are_printed_as_asked() -> Result<()> {
    let world = World::installed("logs")?;
    create(&world, "x", POD, &[])?.exits(0)?;
    let plain = logs(&world, "x")?.exits(0)?;
    ensure!(plain.stdout == "one\ntwo\n", "{plain:?}");
    ensure!(logs(&world, "x -c side")?.exits(0)?.stdout == "aside\n");
    ensure!(logs(&world, "x --tail=1")?.exits(0)?.stdout == "two\n");
    ensure!(
        logs(&world, "x --since=1h --limit-bytes=5")?
            .exits(0)?
            .stdout
            == "one\nt"
    );
    let later = logs(&world, "x --since-time=2999-01-01T00:00:00Z")?.exits(0)?;
    ensure!(later.stdout.is_empty(), "{later:?}");
    let all = logs(&world, "x --all-containers")?.exits(0)?;
    let named = "[pod/many-x/first] prepared\n[pod/many-x/main] one\n[pod/many-x/main] two\n[pod/many-x/side] aside\n";
    ensure!(all.stdout == named, "{all:?}");
    // The same bytes as kubectl's.
    for flags in [
        &["--timestamps"][..],
        &["--prefix", "--timestamps", "-c", "side"],
    ] {
        let ours = world.session(&[&["logs", "x"], flags].concat())?.exits(0)?;
        let args = [&["logs", "many-x"], flags].concat();
        let theirs = world.namespace.kubectl(&args, None)?;
        ensure!(ours.stdout == theirs, "{ours:?}\n{theirs}");
    }
    let unknown = logs(&world, "x -c nope")?.exits(1)?;
    let out_of =
        "error: container nope is not valid for pod many-x out of: main, side, first (init)\n";
    ensure!(unknown.stderr == out_of, "{unknown:?}");
    logs(&world, "nobody")?.exits(1)?;
    Ok(())
}

const CRASH: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: "crash-${SESSION_ID}"}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: kept, emptyDir: {}}]
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    volumeMounts: [{name: kept, mountPath: /kept}]
    command: [sh, -c, "echo run >> /kept/runs; n=$(wc -l < /kept/runs); echo run $n; [ $n -gt 1 ] || exit 3; sleep 1000"]
"#;

fn of_a_crash_are_kept() -> Result<()> {
    let world = World::installed("crash")?;
    create(&world, "x", CRASH, &["--wait=false"])?.exits(0)?;
    // Followed from before the first run to the second.
    let mut following = Following::begin(&world, "x -f")?;
    following.until("run 2")?;
    ensure!(
        following.lines == ["run 1", "run 2"],
        "{:?}",
        following.lines
    );
    ensure!(logs(&world, "x")?.exits(0)?.stdout == "run 2\n");
    ensure!(logs(&world, "x --previous")?.exits(0)?.stdout == "run 1\n");
    world.session(&["delete", "x", "-y"])?.exits(0)?;
    let said = following.end()?;
    ensure!(
        said.contains("container \"main\" of pod \"crash-x\" was restarted"),
        "{said}"
    );
    Ok(())
}

/// A process that follows.
struct Following {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    lines: Vec<String>,
}

impl Following {
    fn begin(world: &World, words: &str) -> Result<Self> {
        let words: Vec<&str> = words.split(' ').collect();
        let mut command = world.command(&[&["logs"], words.as_slice()].concat());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let out = BufReader::new(child.stdout.take().context("no stdout")?);
        Ok(Self {
            child,
            out,
            lines: Vec::new(),
        })
    }

    /// Reads on until a line contains `part`.
    fn until(&mut self, part: &str) -> Result<()> {
        self.until_line(|line| line.contains(part))
            .with_context(|| format!("{part} never came"))
    }

    fn until_line(&mut self, holds: impl Fn(&str) -> bool) -> Result<()> {
        loop {
            let mut line = String::new();
            ensure!(
                self.out.read_line(&mut line)? > 0,
                "it ended after {:?}",
                self.lines
            );
            let line = line.trim_end_matches('\n').to_owned();
            let found = holds(&line);
            self.lines.push(line);
            if found {
                return Ok(());
            }
        }
    }

    /// Waits for its good end; returns what it said.
    fn end(mut self) -> Result<String> {
        let mut said = String::new();
        let mut err = self.child.stderr.take().context("no stderr")?;
        err.read_to_string(&mut said)?;
        let status = self.child.wait()?;
        ensure!(status.code() == Some(0), "{status}: {said}");
        Ok(said)
    }
}

/// Counts, with the Pod's UID, until it is told to end; and says what it has counted to.
const COUNTER: &str = r#"
apiVersion: apps/v1
kind: KIND
metadata: {name: "count-${SESSION_ID}"}
spec:
  replicas: 1
  EXTRA
  selector: {matchLabels: {app: count}}
  template:
    metadata: {labels: {app: count}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: main
        image: localhost/busybox:1
        imagePullPolicy: Never
        env: [{name: UID_OF_POD, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}]
        command:
        - sh
        - -c
        - |
          trap 'echo "$UID_OF_POD last $n"; exit 0' TERM
          n=0
          while :; do n=$((n+1)); echo "$UID_OF_POD $n"; sleep 0.05; done
"#;

/// Every Pod's numbers, each once and in order, to the one it said was its last.
fn is_complete(lines: &[String], pods: usize) -> Result<()> {
    let mut counts: Vec<(String, u64)> = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let known = counts.iter_mut().find(|(uid, _)| uid == words[0]);
        match (known, words.as_slice()) {
            (Some((_, count)), [_, "last", number]) => {
                ensure!(number.parse::<u64>()? == *count, "lost before {line:?}");
            }
            (Some((_, count)), [_, number]) => {
                ensure!(
                    number.parse::<u64>()? == *count + 1,
                    "{line:?} after {count}"
                );
                *count += 1;
            }
            (None, [uid, "1"]) => counts.push(((*uid).to_owned(), 1)),
            _ => anyhow::bail!("{line:?} is out of place"),
        }
    }
    ensure!(
        counts.len() == pods,
        "{} pods instead of {pods}",
        counts.len()
    );
    Ok(())
}

fn counter(kind: &str) -> String {
    let extra = if kind == "StatefulSet" {
        "serviceName: none"
    } else {
        "revisionHistoryLimit: 1"
    };
    COUNTER.replace("KIND", kind).replace("EXTRA", extra)
}

fn follow_a_pod_that_is_replaced() -> Result<()> {
    let world = World::installed("follow")?;
    for kind in ["StatefulSet", "Deployment"] {
        let name = kind.to_lowercase();
        create(&world, &name, &counter(kind), &[])?.exits(0)?;
        let mut following = Following::begin(&world, &format!("{name} -f"))?;
        following.until(" 20")?;
        let label = format!("streaming.platform/session={name}");
        world
            .namespace
            .kubectl(&["delete", "pod", "-l", &label], None)?;
        following.until(" last ")?;
        let old = following.lines[0]
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned();
        following.until_line(|line| line.ends_with(" 20") && !line.starts_with(&old))?;
        world.session(&["delete", &name, "-y"])?.exits(0)?;
        // Everything up to the end.
        while following.until_line(|_| true).is_ok() {}
        is_complete(&following.lines, 2)?;
        let said = following.end()?;
        let notes = said
            .lines()
            .filter(|line| line.contains("was replaced by"))
            .count();
        ensure!(notes == 1, "{said}");
    }
    Ok(())
}

fn follow_across_a_dead_api_server() -> Result<()> {
    let world = World::alone("severed")?;
    world.session(&["setup"])?.exits(0)?;
    create(&world, "x", &counter("StatefulSet"), &[])?.exits(0)?;
    let mut following = Following::begin(&world, "x -f")?;
    following.until(" 10")?;
    let server = world.cluster.part(session_cluster::Part::ApiServer);
    server.kill()?;
    server.start()?;
    let seen: u64 = following.lines.len() as u64 + 60;
    following.until(&format!(" {seen}"))?;
    world.session(&["delete", "x", "-y"])?.exits(0)?;
    while following.until_line(|_| true).is_ok() {}
    is_complete(&following.lines, 1)?;
    following.end()?;
    Ok(())
}

const BYTES: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: "bytes-${SESSION_ID}"}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - {name: binary, image: "localhost/busybox:1", imagePullPolicy: Never, command: [sh, -c, "printf '\\0\\377\\033[31m\\001\\n\\200end\\n'"]}
  - {name: long, image: "localhost/busybox:1", imagePullPolicy: Never, command: [sh, -c, "head -c 10000000 /dev/zero | tr '\\0' x; echo; echo end"]}
"#;

fn of_any_bytes_and_lengths_pass() -> Result<()> {
    let world = World::installed("bytes")?;
    create(&world, "x", BYTES, &["--wait=false"])?.exits(0)?;
    let done = [
        "wait",
        "--for=jsonpath={.status.phase}=Succeeded",
        "pod/bytes-x",
        "--timeout=60s",
    ];
    world.namespace.kubectl(&done, None)?;
    let raw = |words: &[&str]| -> Result<Vec<u8>> {
        let done = world.command(&[&["logs", "x"], words].concat()).output()?;
        ensure!(done.status.success(), "{done:?}");
        Ok(done.stdout)
    };
    let binary: &[u8] = b"\0\xff\x1b[31m\x01\n\x80end\n";
    let mut long = vec![b'x'; 10_000_000];
    long.extend_from_slice(b"\nend\n");
    for follow in [&[][..], &["-f"]] {
        ensure!(raw(&[&["-c", "binary"], follow].concat())? == binary);
        ensure!(
            raw(&[&["-c", "long"], follow].concat())? == long,
            "the long line is not whole"
        );
    }
    let mut named = b"[pod/bytes-x/long] ".to_vec();
    named.extend_from_slice(&long[..10_000_001]);
    named.extend_from_slice(b"[pod/bytes-x/long] end\n");
    for follow in [&[][..], &["-f"]] {
        ensure!(raw(&[&["-c", "long", "--prefix"], follow].concat())? == named);
    }
    Ok(())
}

fn need_a_right() -> Result<()> {
    let world = World::installed("right")?;
    create(&world, "x", POD, &[])?.exits(0)?;
    let user = format!("{}@example.com", world.namespace.name());
    let kubeconfig = world.cluster.user_kubeconfig(&user, &[])?;
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: looks}\nrules:\n\
        - {apiGroups: [\"\", streaming.platform], resources: [pods, sessions], verbs: [get, list, watch]}\n";
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(role))?;
    let user_flag = format!("--user={user}");
    let bind = ["create", "rolebinding", "looks", "--role=looks", &user_flag];
    world.namespace.kubectl(&bind, None)?;
    world.cluster.await_rights()?;
    for words in [&["logs", "x"][..], &["logs", "x", "-f"]] {
        let refused = run(&mut world.command_as(&kubeconfig, words))?.exits(1)?;
        let server = format!(
            "Error from server (Forbidden): pods \"many-x\" is forbidden: User \"{user}\" cannot get resource \"pods/log\""
        );
        ensure!(refused.stderr.starts_with(&server), "{refused:?}");
        ensure!(
            refused
                .stderr
                .contains("\nhint: ask an administrator to grant get on pods/log in namespace"),
            "{refused:?}"
        );
    }
    Ok(())
}
