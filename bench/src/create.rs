//! Requests of a create, and its time beyond those requests.

use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::figure::{Samples, Table};
use crate::process::{Rival, by_turns, milliseconds, output, timed};
use crate::raw::{self, Bodies};
use crate::report::Report;
use crate::scenario::{Count, count};
use crate::scene::{Scene, connect, runtime};

/// The share of the median, in milliseconds.
const SHARE: f64 = 10.0;
/// Rounds after which what was made is deleted.
const BATCH: usize = 20;

/// Creates by template. Each may make its objects, the Session among them, and five requests: identity, two Leases (of all
/// namespaces, of this one), template, status; four LISTs for the checks before the first write; and where it waits the second
/// status and the watches of Pods and of Events.
const COUNTS: &[Count] = &[
    count("session create a --template shell", 2 + 5 + 4 + 3),
    count("session create b --template shell --wait=false", 2 + 5 + 4),
    count(
        "session create c --template nvim --set IMAGE=localhost/http-page:1 --wait=false",
        2 + 5 + 4,
    ),
    // Session, Secret of the generated password, Secret, Pod and Service; and the Namespace, as the Pod is privileged.
    count(
        "session create d --template lab --set ROOTFS_IMAGE_URL=https://storage.example.com/lab.ext4 \
         --set INIT_IMAGE=localhost/lab-init:1 --set NETWORK_IMAGE=localhost/busybox:1 --set VM_IMAGE=localhost/lab-vm:1 \
         --set TERMINAL_IMAGE=localhost/lab-terminal:1 --set EDITOR_IMAGE=localhost/lab-editor:1 --wait=false",
        5 + 5 + 4 + 1,
    ),
];

/// Counts requests by template, and tells our own share of the time. The share is judged without the checks: their LIST of
/// quotas waits until the server's cache has caught up with the last write, up to a tenth of a second, and whatever is slow
/// before it is lost in that wait. With the checks the same numbers only tell what a user waits.
pub(crate) fn measure(scene: &Scene<'_>, report: &mut Report) -> Result<()> {
    if !scene.settings.is_given("no-requests") {
        report.count(scene, COUNTS)?;
    }
    let template = unscheduled(scene, &scene.settings.text("template"))?;
    let bodies = Bodies::render(scene, &template)?;
    std::fs::write(scene.file("bodies"), bodies.to_text()).context("cannot write the bodies")?;
    let shares = [false, true].into_iter().try_for_each(|checks| {
        let race = Race {
            scene,
            bodies: &bodies,
            template: &template,
            checks,
        };
        race.run(&mut report.times)
    });
    // The template is no namespace's: it has to be taken away by itself.
    let delete = ["delete", "sessiontemplate", &template];
    scene.cluster.kubectl_ok(&delete, None)?;
    shares
}

/// Name of the race.
struct Race<'a> {
    scene: &'a Scene<'a>,
    bodies: &'a Bodies,
    template: &'a str,
    checks: bool,
}

impl Race<'_> {
    fn create(&self, round: usize) -> Result<f64> {
        if round.is_multiple_of(BATCH) {
            clear(self.scene)?;
        }
        let skip = if self.checks { "" } else { " --skip-checks" };
        let line = format!(
            "session create a-{round} --template {} --wait=false --skip-missing-kinds{skip}",
            self.template
        );
        timed(&mut self.scene.command(&line)?)
    }

    fn run(&self, table: &mut Table) -> Result<()> {
        let runtime = runtime()?;
        let client = runtime.block_on(connect(&self.scene.connection()))?;
        let mut inside = Samples::default();
        let ours = Rival::new("create", |round| self.create(round));
        // The same requests, one by one, by a process of their own; and by that process' clock, without its start and end.
        let process = Rival::new("requests of a process", |round| {
            let mut command = raw::command(self.scene, &format!("b-{round}"), self.checks)?;
            let started = Instant::now();
            let told = output(&mut command)?;
            let took = milliseconds(started);
            if round > 0 {
                inside.push(told.trim().parse().context("the process told no time")?);
            }
            Ok(took)
        });
        let open = Rival::new("requests", |round| {
            let bodies = self.bodies.named(&format!("c-{round}"))?;
            let started = Instant::now();
            runtime.block_on(bodies.send(&client, self.checks))?;
            Ok(milliseconds(started))
        });
        let posts = Rival::new("POSTs", |round| {
            let bodies = self.bodies.named(&format!("d-{round}"))?;
            let started = Instant::now();
            runtime.block_on(bodies.post(&client))?;
            Ok(milliseconds(started))
        });
        let n = self.scene.settings.number("n")?;
        let samples = by_turns(n, &mut [ours, process, open, posts])?;
        let [ours, process, open, posts] = <[Samples; 4]>::try_from(samples)
            .ok()
            .context("four rivals have four times")?;
        let flag = if self.checks { "" } else { " --skip-checks" };
        let rivals = [
            ("its requests, a process", "a process", &process, true),
            (
                "its requests, TLS included",
                "requests with TLS",
                &inside,
                true,
            ),
            (
                "its requests, connection open",
                "requests, connection open",
                &open,
                true,
            ),
            (
                "its POSTs of objects alone, connection open",
                "POSTs alone, connection open",
                &posts,
                false,
            ),
        ];
        table.tell(&format!("create --wait=false{flag}"), &ours, "ms");
        for (what, _, samples, _) in rivals {
            table.tell(what, samples, "ms");
        }
        for (_, rival, samples, judged) in rivals {
            let what = format!("share{flag}: create - {rival}");
            let share = ours.minus(samples);
            if judged && !self.checks {
                table.at_most(&what, &share, SHARE, "ms");
            } else {
                table.tell(&what, &share, "ms");
            }
        }
        Ok(())
    }
}

/// Deletes all sessions of a batch with the data that they keep, and waits for the collector, so that it does not work while the next
/// batch is timed.
fn clear(scene: &Scene<'_>) -> Result<()> {
    scene.run("kubectl delete sessions,secrets,persistentvolumeclaims --all")?;
    scene
        .run("kubectl wait --for=delete --timeout=60s pods --all")
        .map(drop)
}

/// Makes a copy of a template whose Pods nobody schedules: containers would cost this machine more than what is measured. Its names
/// begin with the session's, so that several sessions have room in one namespace. Returns its name.
fn unscheduled(scene: &Scene<'_>, template: &str) -> Result<String> {
    let (cluster, name) = (scene.cluster, scene.namespace());
    let found = cluster.kubectl_ok(&["get", "sessiontemplate", template, "-o", "json"], None)?;
    let mut copy: Value = serde_json::from_str(&found).context("no JSON")?;
    copy["metadata"] = json!({ "name": name });
    let manifest = copy["spec"]["manifest"].as_str().unwrap_or_default();
    let lines = manifest.lines().map(|line| match line {
        "spec:" if template == "shell" => "spec:\n  schedulerName: nobody".to_owned(),
        line if line.starts_with("  replicas:") => "  replicas: 0".to_owned(),
        // `create` refuses a class that the cluster lacks.
        line if line.trim_start().starts_with("storageClassName:") => {
            line.split(':').next().unwrap_or_default().to_owned() + ": session-fast"
        }
        line => match line.strip_prefix("  name: ") {
            Some(fixed) if !fixed.contains("${") => format!("  name: ${{SESSION_ID}}-{fixed}"),
            _ => line.to_owned(),
        },
    });
    copy["spec"]["manifest"] = lines.collect::<Vec<_>>().join("\n").into();
    let primary = copy["spec"]["primary"]["name"].as_str().unwrap_or_default();
    if !primary.contains("${") {
        copy["spec"]["primary"]["name"] = format!("${{SESSION_ID}}-{primary}").into();
        // They name workloads without the prefix.
        if let Some(spec) = copy["spec"].as_object_mut() {
            spec.remove("connect");
            spec.remove("hooks");
        }
    }
    if let Some(object) = copy.as_object_mut() {
        object.remove("status");
    }
    cluster.apply(&copy.to_string())?;
    Ok(name.to_owned())
}
