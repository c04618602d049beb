//! Time from the first evidence of a cause in the API until `create` prints the cause.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use serde_json::Value;
use session_shared::client::{ListOptions, Scope, WatchChange};
use session_shared::objects::Untyped;
use session_shared::objects::resource::{EVENT, POD};
use tokio::sync::oneshot;

use crate::figure::{Samples, Table, Verdict};
use crate::report::Report;
use crate::scene::{Scene, connect, runtime};

/// Milliseconds; the slowest counts, as whoever waits longest is the one who complains.
const WANTED: f64 = 1000.0;
/// Time limit for the evidence and for the message of `create`.
const PATIENCE: Duration = Duration::from_secs(60);
const BUSYBOX: &str = "image: \"localhost/busybox:1\", imagePullPolicy: Never";

/// A way not to come up.
struct Case {
    what: &'static str,
    /// Fields of the Pod's spec.
    spec: String,
    /// True of a Pod that proves it.
    proved: fn(&Value) -> bool,
    /// The event that proves it, as far as there is one.
    event: &'static str,
    /// Words of `create` that no other cause has.
    words: &'static str,
}

fn cases() -> Vec<Case> {
    let container = |fields: &str| format!("containers: [{{name: main, {BUSYBOX}, {fields}}}]");
    vec![
        Case {
            what: "image never pulled",
            spec:
                "containers: [{name: main, image: \"localhost/no-such:1\", imagePullPolicy: Never}]"
                    .to_owned(),
            proved: |pod| waits(pod, "ErrImageNeverPull"),
            event: "ErrImageNeverPull",
            words: "its pull policy is Never",
        },
        Case {
            what: "ConfigMap missing",
            spec: container("envFrom: [{configMapRef: {name: gone}}]"),
            proved: |pod| waits(pod, "CreateContainerConfigError"),
            event: "Failed",
            words: "needs ConfigMap",
        },
        Case {
            what: "not enough cpu",
            spec: container("resources: {limits: {cpu: 640}}"),
            proved: is_unschedulable,
            event: "FailedScheduling",
            words: "no node fits pod",
        },
        Case {
            what: "ends with an error",
            spec: format!(
                "restartPolicy: Never, {}",
                container(
                    "command: [sh, -c, \"echo boom; exit 3\"], readinessProbe: {exec: {command: [\"false\"]}}"
                )
            ),
            proved: has_ended,
            event: "",
            words: "ended with exit code 3",
        },
        Case {
            what: "crashes, and is started again",
            spec: container(
                "command: [sh, -c, \"echo boom; exit 3\"], readinessProbe: {exec: {command: [\"false\"]}}",
            ),
            proved: has_ended,
            event: "BackOff",
            words: "ended with exit code 3",
        },
    ]
}

fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    let statuses = pod.pointer("/status/containerStatuses");
    statuses.and_then(Value::as_array).into_iter().flatten()
}

fn waits(pod: &Value, reason: &str) -> bool {
    statuses(pod).any(|status| Untyped(status).str_at("/state/waiting/reason") == Some(reason))
}

fn has_ended(pod: &Value) -> bool {
    statuses(pod).any(|status| {
        let ends = ["/state/terminated", "/lastState/terminated"];
        ends.iter().any(|end| status.pointer(end).is_some())
    })
}

fn is_unschedulable(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| {
        Untyped(condition).str_at("/type") == Some("PodScheduled")
            && Untyped(condition).str_at("/reason") == Some("Unschedulable")
    })
}

/// Measures from the first state of the Pod, or event, that proves a cause to the words of `create` on a terminal. The evidence
/// is seen by a watch of our own beside it.
pub(crate) fn measure(scene: &Scene<'_>, report: &mut Report) -> Result<()> {
    let cases = cases();
    let mut lags = vec![Samples::default(); cases.len()];
    let runtime = runtime()?;
    // By turns, so that a slow minute of this machine is everybody's. The first round fills caches.
    for round in 0..=scene.settings.number("n")? {
        for (number, (case, lags)) in cases.iter().zip(&mut lags).enumerate() {
            let lag = runtime.block_on(lag(scene, case, &format!("c{number}-{round}")));
            let lag = lag.with_context(|| case.what.to_owned())?;
            if round > 0 {
                lags.push(lag);
            }
        }
    }
    let mut table = Table::new(&["CAUSE", "N", "MEDIAN", "WORST", "WANTED", "VERDICT"]);
    for (case, lags) in cases.iter().zip(&lags) {
        let worst = lags.quantile(1.0);
        let row = vec![
            case.what.to_owned(),
            lags.count().to_string(),
            format!("{:.0} ms", lags.median()),
            format!("{worst:.0} ms"),
            format!("<= {WANTED:.0} ms"),
        ];
        table.row(row, Verdict::of(worst <= WANTED));
    }
    report.others.push(table);
    Ok(())
}

/// Milliseconds from the evidence to the words; 0 if our own watch was slower than the program's.
async fn lag(scene: &Scene<'_>, case: &Case, name: &str) -> Result<f64> {
    let manifest = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: \"${{SESSION_ID}}\"}}, spec: {{terminationGracePeriodSeconds: 0, {}}}}}\n",
        case.spec
    );
    std::fs::write(scene.file("FILE"), manifest).context("cannot write the manifest")?;
    let evidence = Evidence::watch(scene).await?;
    let mut telling = create(scene, name, case.words)?;
    let both = async {
        let proved = evidence.of(case, name).await?;
        let told = telling.told.await;
        Ok(told
            .context("create ended without a word of it")?
            .saturating_duration_since(proved))
    };
    let lag = tokio::time::timeout(PATIENCE, both).await;
    // What waits on has said what is measured.
    telling.child.kill().context("cannot end create")?;
    telling.child.wait().context("cannot wait for create")?;
    scene.run(&format!("session delete {name} -y"))?;
    let lag: Result<Duration> = lag.context("neither proved nor told in time")?;
    Ok(lag?.as_secs_f64() * 1000.0)
}

/// `create` at a terminal: what may heal is told there alone before time runs out.
fn create(scene: &Scene<'_>, name: &str, words: &'static str) -> Result<Telling> {
    let create = scene.command(&format!("session create {name} -f FILE --timeout=1m"))?;
    let line: Vec<_> = std::iter::once(create.get_program())
        .chain(create.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    let line = format!("stty cols 400; exec {}", line.join(" "));
    let mut child = Command::new("script")
        .args(["-qefc", &line, "/dev/null"])
        .env("TERM", "xterm")
        .env_remove("KUBECONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start script")?;
    let Some(mut screen) = child.stdout.take() else {
        bail!("script without a screen")
    };
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let (mut seen, mut buffer) = (Vec::new(), [0_u8; 4096]);
        while let Ok(count @ 1..) = screen.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..count]);
            if String::from_utf8_lossy(&seen).contains(words) {
                // Nobody listens any more where time has run out.
                let _ = tell.send(Instant::now());
                break;
            }
        }
        // The program must not end for want of a reader.
        while let Ok(1..) = screen.read(&mut buffer) {}
    });
    Ok(Telling { child, told })
}

struct Telling {
    child: Child,
    told: oneshot::Receiver<Instant>,
}

/// Pods and events of the namespace, watched beside `create`.
struct Evidence {
    changes: futures::stream::BoxStream<'static, Result<WatchChange>>,
}

impl Evidence {
    async fn watch(scene: &Scene<'_>) -> Result<Self> {
        let cluster = connect(&scene.connection()).await?;
        let watch = |resource| {
            let place = Scope::Namespace(scene.namespace());
            cluster.watch(resource, place, &ListOptions::default(), None, false)
        };
        let changes = futures::stream::select(watch(&POD), watch(&EVENT)).boxed();
        Ok(Self { changes })
    }

    /// When the first of it came.
    async fn of(mut self, case: &Case, name: &str) -> Result<Instant> {
        while let Some(change) = self.changes.next().await {
            let (WatchChange::Added(object) | WatchChange::Modified(object)) = change? else {
                continue;
            };
            let is_event = Untyped(&object).str_at("/involvedObject/name") == Some(name);
            let proves = if is_event {
                Untyped(&object).str_at("/reason") == Some(case.event)
            } else {
                Untyped(&object).name() == name && (case.proved)(&object)
            };
            if proves {
                return Ok(Instant::now());
            }
        }
        bail!("the watch ended")
    }
}
