//! How long a snapshot of much data takes, beside the driver alone: `cargo bench-snapshot`.

use session_shared::labels::MANAGER;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use futures::StreamExt as _;
use serde_json::{Value, json};
use session_bench::figure::Table;
use session_bench::process::{Rival, by_turns, milliseconds, output, timed};
use session_bench::program::{Building, UMBRELLA, say, say_load};
use session_bench::user::{User, connect, runtime, set_up};
use session_cluster::{Cluster, EXPANDABLE_CLASS, SNAPSHOT_CLASS};
use session_shared::client::Change;
use session_shared::client::Place;
use session_shared::client::Selection;
use session_shared::client::Write;
use session_shared::objects::resource::{VOLUME_SNAPSHOT, string_at};

/// `snapshot create` of a session with a full claim; by turns a bare VolumeSnapshot of the same claim, timed from its POST
/// on an open connection until a watch tells that it is ready: what the driver and the snapshot-controller take, and nothing else.
#[derive(Parser)]
struct Arguments {
    /// Rounds
    #[arg(long, default_value_t = 10)]
    n: usize,
    /// MiB in the claim
    #[arg(long, default_value_t = 1024)]
    size: usize,
    #[command(flatten)]
    building: Building,
}

/// Of the driver's time.
const WANTED: f64 = 1.1;
/// No snapshot takes longer.
const LIMIT: Duration = Duration::from_secs(120);
const CLAIM: &str = "data-one";
const MANIFEST: &str = r#"
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-one}
spec: {accessModes: [ReadWriteOnce], storageClassName: CLASS, resources: {requests: {storage: 2Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: localhost/busybox:1
    imagePullPolicy: Never
    command: [sleep, "86400"]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data-one}}]
"#;

struct Bench {
    umbrella: PathBuf,
    kubectl: PathBuf,
    user: User,
}

impl Bench {
    /// A session whose claim holds a file that does not compress and has no holes.
    fn new(cluster: &Cluster, umbrella: &Path, size: usize) -> Result<Self> {
        cluster.wait_for_storage()?;
        set_up(cluster, umbrella)?;
        let user = User::new(cluster, "bench-snapshot")?;
        cluster.bind_role(user.namespace().name(), user.name(), "session-user")?;
        let file = std::env::temp_dir().join(format!("{}.yaml", user.namespace().name()));
        std::fs::write(&file, MANIFEST.replace("CLASS", EXPANDABLE_CLASS))?;
        let create = ["create", "one", "-f", &file.to_string_lossy()];
        let created = output(&mut user.command(umbrella, &create));
        std::fs::remove_file(&file)?;
        created?;
        let bench = Self {
            umbrella: umbrella.to_owned(),
            kubectl: cluster.kubectl_path(),
            user,
        };
        let fill = format!("dd if=/dev/urandom of=/data/file bs=1M count={size}; sync");
        let fill = ["exec", "one", "--", "sh", "-c", &fill];
        bench.user.namespace().kubectl(&fill, None)?;
        Ok(bench)
    }

    fn kubectl(&self, words: &[&str]) -> std::process::Command {
        self.user.command(&self.kubectl, words)
    }

    fn create(&self, round: usize) -> Result<f64> {
        let name = format!("ours-{round}");
        let words = ["snapshot", "create", "one", "--class", SNAPSHOT_CLASS];
        let mut command = self.user.command(&self.umbrella, &words);
        let took = timed(command.args(["--name", &name]))?;
        self.delete(&name)?;
        Ok(took)
    }

    /// The next one finds the disk as this one did.
    fn delete(&self, name: &str) -> Result<()> {
        let contents = [
            "get",
            "volumesnapshot",
            name,
            "-o",
            "jsonpath={.status.readyToUse}",
        ];
        let ready = output(&mut self.kubectl(&contents))?;
        ensure!(ready == "true", "{name} is not ready: {ready:?}");
        output(&mut self.kubectl(&["delete", "volumesnapshot", name])).map(drop)
    }

    fn bare(&self, round: usize) -> Result<f64> {
        let name = format!("bare-{round}");
        let took = runtime()?.block_on(async {
            let both = self.taken(&name);
            tokio::time::timeout(LIMIT, both)
                .await
                .context("it is never ready")?
        })?;
        self.delete(&name)?;
        Ok(took)
    }

    async fn taken(&self, name: &str) -> Result<f64> {
        let cluster = connect(&self.user.connection()).await?;
        let place = Place::Namespace(cluster.namespace());
        let all = Selection::default();
        // The connection is open before the clock runs.
        let before = cluster.list(&VOLUME_SNAPSHOT, place, &all).await?;
        let snapshot = json!({
            "apiVersion": VOLUME_SNAPSHOT.api_version(), "kind": "VolumeSnapshot", "metadata": { "name": name },
            "spec": { "volumeSnapshotClassName": SNAPSHOT_CLASS, "source": { "persistentVolumeClaimName": CLAIM } },
        });
        let since = Instant::now();
        let write = Write::by(MANAGER);
        cluster
            .create(&VOLUME_SNAPSHOT, cluster.namespace(), &snapshot, &write)
            .await?;
        let is_ready = |object: &Value| {
            string_at(object, "/metadata/name") == name && object["status"]["readyToUse"] == true
        };
        let from = Some(before.resource_version.as_str());
        let mut changes = cluster.watch(&VOLUME_SNAPSHOT, place, &all, from, false);
        while let Some(change) = changes.next().await {
            if let Change::Added(object) | Change::Modified(object) = change?
                && is_ready(&object)
            {
                return Ok(milliseconds(since));
            }
        }
        bail!("the watch ended")
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let umbrella = arguments.building.program(UMBRELLA)?;
    let cluster = Cluster::shared()?;
    let bench = Bench::new(&cluster, &umbrella, arguments.size)?;
    say_load("before")?;
    let ours = Rival::new("snapshot create", |round| bench.create(round));
    let bare = Rival::new("VolumeSnapshot", |round| bench.bare(round));
    let samples = by_turns(arguments.n, &mut [ours, bare])?;
    let mut table = Table::of_times();
    let what = format!("driver alone, {} MiB", arguments.size);
    table.tell(&what, &samples[1], "ms");
    let what = format!("snapshot create, {} MiB", arguments.size);
    table.by_rounds(&what, &samples[0], &samples[1], WANTED);
    table.tell("beyond the driver", &samples[0].minus(&samples[1]), "ms");
    table.write(&mut std::io::stdout().lock())?;
    let words = ["delete", "one", "--delete-data", "-y"];
    say(&output(&mut bench.user.command(&umbrella, &words))?)?;
    say_load("after")?;
    Ok(ExitCode::from(u8::from(table.missed())))
}
