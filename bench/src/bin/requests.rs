//! How many requests each verb makes, by the server's own audit log: `cargo bench-requests`.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use clap::Parser;
use session_bench::figure::{Table, Verdict};
use session_bench::process::output;
use session_bench::program::{Building, UMBRELLA};
use session_bench::user::{User, set_up};
use session_cluster::{AuditEvent, Cluster, EXPANDABLE_CLASS, SNAPSHOT_CLASS};

/// A session with a claim goes through its life, and each step is counted.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    building: Building,
}

/// The session: a Pod, a Service and a claim.
const MANIFEST: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "data-${SESSION_ID}"}
spec: {accessModes: [ReadWriteOnce], storageClassName: CLASS, resources: {requests: {storage: 64Mi}}}
---
apiVersion: v1
kind: Service
metadata: {name: "one-${SESSION_ID}"}
spec: {selector: {app: one}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: "one-${SESSION_ID}", labels: {app: one}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    command: [sleep, "86400"]
    resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 100m, memory: 64Mi}}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: "data-${SESSION_ID}"}}]
"#;

/// A command, and how many requests it may make.
struct Step {
    words: &'static str,
    at_most: usize,
}

const fn step(words: &'static str, at_most: usize) -> Step {
    Step { words, at_most }
}

/// In this order. The numbers are what they make today: more is a step back that somebody should have meant. FILE and CLASS stand for the manifest and the class of snapshots.
const STEPS: [Step; 19] = [
    // One LIST is of claims that are kept under its name.
    step("create one -f FILE --expires-in 2h", 14),
    step("list", 2),
    // The last is its schedule of snapshots.
    step("status one", 9),
    step("logs one", 3),
    step("connect one -- true", 3),
    step("extend one --by 1h", 5),
    step("resize one --cpu 200m", 12),
    step("resize one --storage 128Mi", 12),
    step("snapshot create one --class CLASS --name first", 7),
    step("snapshot list", 1),
    // Four of them ask about rights.
    step("stop one", 14),
    step("stop one", 6),
    // Three about rights, and who else uses the claim.
    step("snapshot restore first --in-place --class CLASS", 19),
    step("start one", 17),
    step("start one", 6),
    step("snapshot clone one two --class CLASS", 15),
    step("snapshot restore first --into three", 12),
    step("cleanup --expired --dry-run=client", 8),
    // Seven about rights, a rehearsal, and who else uses the claim; one more where a claim is held for a moment after its Pod.
    step("delete one --delete-data -y", 26),
];

/// The kinds of requests, in the order of the columns: what the audit log calls their verb.
const KINDS: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let umbrella = arguments.building.program(UMBRELLA)?;
    let cluster = Cluster::shared()?;
    cluster.wait_for_storage()?;
    set_up(&cluster, &umbrella)?;
    let user = User::new(&cluster, "bench-requests")?;
    cluster.bind_role(user.namespace().name(), user.name(), "session-user")?;
    let life = Life {
        file: std::env::temp_dir().join(format!("{}.yaml", user.namespace().name())),
        umbrella,
        user,
    };
    std::fs::write(&life.file, MANIFEST.replace("CLASS", EXPANDABLE_CLASS))?;
    let table = life.counted(&cluster);
    std::fs::remove_file(&life.file).context("cannot remove the manifest")?;
    let table = table?;
    table.write(&mut std::io::stdout().lock())?;
    // What the copies leave.
    let rest = ["delete", "--all", "--delete-data", "-y"];
    output(&mut life.command(&rest))?;
    let snapshots = ["snapshot", "prune", "--all", "--keep", "0", "-y"];
    output(&mut life.command(&snapshots))?;
    Ok(ExitCode::from(u8::from(table.missed())))
}

struct Life {
    umbrella: PathBuf,
    user: User,
    file: PathBuf,
}

impl Life {
    /// The flags stand before the words: behind `--` they are the session's.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.umbrella);
        command
            .arg("--kubeconfig")
            .arg(self.user.kubeconfig())
            .args(["--namespace", self.user.namespace().name()])
            .args(words);
        command
    }

    fn counted(&self, cluster: &Cluster) -> Result<Table> {
        let upper = KINDS.map(str::to_uppercase);
        let kinds: Vec<&str> = upper.iter().map(String::as_str).collect();
        let (first, last) = (["COMMAND", "REQUESTS"], ["OTHER", "WANTED", "VERDICT"]);
        let mut table = Table::new(&[&first[..], &kinds, &last].concat());
        let mut before = 0;
        for Step { words, at_most } in &STEPS {
            let file = self.file.to_string_lossy();
            let line = words
                .replace("FILE", &file)
                .replace("CLASS", SNAPSHOT_CLASS);
            let words_sent: Vec<&str> = line.split(' ').collect();
            output(&mut self.command(&words_sent))?;
            let events = self.user.settled_requests(cluster)?;
            let new = events.get(before..).unwrap_or_default();
            before = events.len();
            let verdict = Verdict::of(!new.is_empty() && new.len() <= *at_most);
            table.row(row(words, new, *at_most), verdict);
        }
        Ok(table)
    }
}

fn row(words: &str, events: &[AuditEvent], at_most: usize) -> Vec<String> {
    let of = |kind: &str| events.iter().filter(|event| event.verb == kind).count();
    let known: Vec<usize> = KINDS.iter().map(|kind| of(kind)).collect();
    let other = events.len() - known.iter().sum::<usize>();
    let mut row = vec![words.to_owned(), events.len().to_string()];
    row.extend(known.iter().map(ToString::to_string));
    row.extend([other.to_string(), format!("<= {at_most}")]);
    row
}
