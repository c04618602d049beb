//! Rate of `create --roster` beside the same requests from a sender of our own, and resumption after kills.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use futures::StreamExt as _;
use serde_json::{Value, json};
use session_cluster::AuditEvent;

use crate::figure::{RATE, Samples, Table, Verdict};
use crate::process::{milliseconds, timed};
use crate::raw::Bodies;
use crate::report::Report;
use crate::scenario::{self, SetUp, Who};
use crate::scene::{Scene, connect, runtime};

/// A user who may create sessions for the class.
pub(crate) const SET_UP: SetUp = SetUp {
    who: Who::SessionManager,
    ..scenario::SET_UP
};

/// The wanted share of the sender's rate.
const SHARE: f64 = 0.9;
/// Rows after which a command is killed.
const KILL_AFTER: usize = 50;
/// One small Pod that a kwok node takes: containers would cost this machine more than what is measured.
const MANIFEST: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: "tool-${SESSION_ID}"}
spec:
  nodeSelector: {type: kwok}
  tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}]
  terminationGracePeriodSeconds: 0
  containers: [{name: main, image: "tool:1", resources: {requests: {cpu: 10m, memory: 16Mi}}}]
"#;

/// Creates sessions from a roster and by the sender, by turns that begin with the other side each time, then creates them once more
/// with kills.
pub(crate) fn measure(scene: &Scene<'_>, report: &mut Report) -> Result<()> {
    let rows = scene.settings.number("sessions")?;
    scene.cluster.kwok_nodes(1 + rows / 200)?;
    let template = scene.namespace().to_owned();
    let object = json!({ "apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": { "name": template },
        "spec": { "manifest": MANIFEST, "primary": { "kind": "Pod", "name": "tool-${SESSION_ID}", "container": "main" } } });
    scene.cluster.apply(&object.to_string())?;
    let measured = Class::write(scene, &template, rows).and_then(|class| {
        class.race(report)?;
        class.kill_and_resume(report)
    });
    // The template is no namespace's: it has to be taken away by itself.
    let delete = ["delete", "sessiontemplate", &template];
    scene.cluster.kubectl_ok(&delete, None)?;
    measured
}

/// A class of sessions that are created from a roster.
struct Class<'a> {
    scene: &'a Scene<'a>,
    rows: usize,
    /// The command that creates it.
    create: String,
    bodies: Bodies,
}

impl<'a> Class<'a> {
    fn write(scene: &'a Scene<'a>, template: &str, rows: usize) -> Result<Self> {
        let lines = (0..rows).map(|row| format!("user-{row}@bench.test,{}\n", name_of(row)));
        let text: String = std::iter::once("user,name\n".to_owned())
            .chain(lines)
            .collect();
        std::fs::write(scene.file("FILE"), text).context("cannot write the roster")?;
        let parallel = scene.settings.number("parallel")?;
        Ok(Self {
            scene,
            rows,
            create: format!(
                "session create --roster FILE --template {template} --parallel {parallel}"
            ),
            bodies: Bodies::render(scene, template)?,
        })
    }

    /// Races the rates. The order of the sides changes with each round, after one that fills the caches.
    fn race(&self, report: &mut Report) -> Result<()> {
        let (mut ours, mut sender) = (Samples::default(), Samples::default());
        let mut requests = [0, 0];
        for round in 0..=self.scene.settings.number("n")? {
            for turn in 0..2 {
                let is_ours = (round + turn) % 2 == 1;
                self.clear()?;
                let before = self.scene.settled_requests()?.len();
                let took = match is_ours {
                    true => timed(&mut self.scene.command(&self.create)?)?,
                    false => self.send()?,
                };
                let events = self.scene.settled_requests()?;
                let events = events.get(before..).unwrap_or_default();
                requests[usize::from(is_ours)] = events.len();
                self.check_complete(events)?;
                if round > 0 {
                    let side = if is_ours { &mut ours } else { &mut sender };
                    side.push(self.rows as f64 * 1000.0 / took);
                }
            }
        }
        let times = &mut report.times;
        times.tell("the same requests, a sender", &sender, RATE);
        let ratio = ours.over(&sender).median();
        times.ratio("create --roster", &ours, ratio, SHARE, RATE);
        let mut table = Table::new(&["REQUESTS", "SESSIONS", "ALL", "EACH", "VERDICT"]);
        for (what, all) in ["sender", "create --roster"].iter().zip(requests) {
            let each = all as f64 / self.rows as f64;
            let cells = [
                what.to_string(),
                self.rows.to_string(),
                all.to_string(),
                format!("{each:.2}"),
            ];
            table.row(cells.to_vec(), Verdict::Told);
        }
        report.others.push(table);
        Ok(())
    }

    /// Sends the writes of the create, as many sessions at the same time as `--parallel` says, and tells the milliseconds.
    fn send(&self) -> Result<f64> {
        let parallel = self.scene.settings.number("parallel")?;
        let bodies: Vec<Bodies> = (0..self.rows)
            .map(|row| self.bodies.named(&name_of(row)))
            .collect::<Result<_>>()?;
        runtime()?.block_on(async {
            let started = Instant::now();
            let client = connect(&self.scene.connection()).await?;
            let sends = bodies.iter().map(|bodies| bodies.write(&client));
            let mut sends = futures::stream::iter(sends).buffer_unordered(parallel);
            while let Some(sent) = sends.next().await {
                sent?;
            }
            Ok(milliseconds(started))
        })
    }

    /// Kills the create after every so many rows, and begins again until it ends by itself.
    fn kill_and_resume(&self, report: &mut Report) -> Result<()> {
        self.clear()?;
        let before = self.scene.settled_requests()?.len();
        let mut kills = 0;
        while !self.create_until(KILL_AFTER)? {
            kills += 1;
            ensure!(kills <= self.rows, "the create makes no progress");
        }
        let events = self.scene.settled_requests()?;
        self.check_complete(events.get(before..).unwrap_or_default())?;
        let again = self.scene.run(&self.create)?;
        ensure!(
            again.lines().all(is_unchanged),
            "a last run created sessions: {again}"
        );
        let mut table = Table::new(&["RESUMED", "SESSIONS", "KILLS", "LOST", "TWICE", "VERDICT"]);
        let (rows, kills) = (self.rows.to_string(), kills.to_string());
        let cells = [
            "create --roster".to_owned(),
            rows,
            kills,
            "0".to_owned(),
            "0".to_owned(),
        ];
        table.row(cells.to_vec(), Verdict::of(true));
        report.others.push(table);
        Ok(())
    }

    /// Runs the create and kills it once it has told of so many new sessions. Returns true if it ended before.
    fn create_until(&self, rows: usize) -> Result<bool> {
        let mut command = self.scene.command(&self.create)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn()?;
        let output = child.stdout.take().context("a program without output")?;
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let told = lines.filter(|line| !is_unchanged(line)).take(rows).count();
        if told == rows {
            child.kill()?;
        }
        let status = child.wait()?;
        ensure!(
            told == rows || status.success(),
            "the create ended with {status}"
        );
        Ok(status.success())
    }

    /// Checks that each session is there with its Pod, and that nothing was created twice.
    fn check_complete(&self, events: &[AuditEvent]) -> Result<()> {
        for resource in ["sessions", "pods"] {
            let made = events.iter().filter(|event| {
                event.verb == "create"
                    && event.resource == resource
                    && event.subresource.is_empty()
                    && event.code == 201
            });
            let made = made.count();
            let line = format!("kubectl get {resource} -o json");
            let list: Value = serde_json::from_str(&self.scene.run(&line)?)?;
            let mut found: BTreeMap<&str, usize> = BTreeMap::new();
            for item in list["items"].as_array().into_iter().flatten() {
                let name = match resource {
                    "pods" => &item["metadata"]["labels"]["streaming.platform/session"],
                    _ => &item["metadata"]["name"],
                };
                *found.entry(name.as_str().unwrap_or_default()).or_default() += 1;
            }
            let twice = found.values().filter(|count| **count > 1).count();
            // The log has no 201 of a request whose client was killed meanwhile.
            ensure!(
                found.len() == self.rows && made <= self.rows && twice == 0,
                "{} of {} {resource} are there, {made} were created, {twice} are there twice",
                found.len(),
                self.rows
            );
        }
        Ok(())
    }

    /// Deletes all sessions and waits for the collector, so that it does not work while the next ones are timed. kubectl's own wait
    /// reads them one by one, five a second; they have no finalizers, so they are gone with the answer.
    fn clear(&self) -> Result<()> {
        self.scene
            .run("kubectl delete sessions --all --wait=false")?;
        let wait = "kubectl wait --for=delete --timeout=300s pods --all";
        self.scene.run(wait).map(drop)
    }
}

/// True for the line of a session that was there already.
fn is_unchanged(line: &str) -> bool {
    line.ends_with(" unchanged")
}

fn name_of(row: usize) -> String {
    format!("s-{row}")
}
