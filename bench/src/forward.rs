//! Throughput of `connect --port-forward` beside `kubectl port-forward`, and its time to recover from faults.

use std::time::Instant;

use anyhow::Result;
use session_cluster::{Cluster, Part};

use crate::counts;
use crate::figure::{SPEED, Samples};
use crate::forwarding::{Forwarding, MANIFEST, PORTS};
use crate::process::milliseconds;
use crate::report::Report;
use crate::scenario::{self, Figure, Row, SetUp, count};
use crate::scene::Scene;
use crate::settings::Settings;

/// A session that serves.
pub(crate) const SET_UP: SetUp = SetUp {
    files: &[MANIFEST],
    commands: &["session create s -f FILE"],
    ..scenario::SET_UP
};

/// Of kubectl's time.
const CONNECTION: f64 = 1.5;
/// Seconds until a forward is back.
const BACK: f64 = 10.0;

const STARTS: &[Row] = &[
    ("kubectl port-forward: start to first byte", Figure::Rival),
    ("connect: start to first byte", Figure::Rounds(CONNECTION)),
];
const CONNECTIONS: &[Row] = &[
    ("kubectl port-forward: new connection", Figure::Rival),
    ("connect: new connection", Figure::Rounds(CONNECTION)),
];
const ENDS: &[Row] = &[
    ("kubectl port-forward: last byte to end", Figure::Rival),
    ("connect: last byte to end", Figure::Ours),
    ("  beyond kubectl's", Figure::Beyond(20.0)),
];
const DOWN: &[Row] = &[
    ("kubectl port-forward: from the session", Figure::Rival),
    ("connect: from the session", Figure::Speed(0.9)),
];
const UP: &[Row] = &[
    ("kubectl port-forward: to the session", Figure::Rival),
    ("connect: to the session", Figure::Speed(0.9)),
];

fn ours(scene: &Scene<'_>) -> Result<Forwarding> {
    let ports = PORTS.map(|port| format!(":{port}")).join(",");
    let mut command = scene.command(&format!("session connect s --port-forward {ports}"))?;
    Forwarding::start(&mut command, PORTS.len())
}

fn kubectls(scene: &Scene<'_>) -> Result<Forwarding> {
    let ports = PORTS.map(|port| format!(":{port}")).join(" ");
    let line = format!("kubectl port-forward --address 127.0.0.1 deployment/servers {ports}");
    Forwarding::start(&mut scene.command(&line)?, PORTS.len())
}

/// Connections, streams and ends through both forwards by turns; then Pods that are replaced, and API servers that die.
pub(crate) fn measure(scene: &Scene<'_>, report: &mut Report) -> Result<()> {
    // Session, Pods, ReplicaSet, Deployment; the upgrade, however many connections; the watch of the Pod.
    let requests = count("connect --port-forward, 50 connections", 6);
    counts::add(&mut report.counts, scene, &requests, || {
        let forwarding = ours(scene)?;
        (0..50).try_for_each(|_| forwarding.first_byte().map(drop))
    })?;
    let since_start = |start: fn(&Scene<'_>) -> Result<Forwarding>| {
        let since = Instant::now();
        start(scene)?.first_byte()?;
        Ok(milliseconds(since))
    };
    // A start takes long.
    report.race_of(
        scene,
        ("20", "ms", STARTS),
        |_| since_start(ours),
        |_| since_start(kubectls),
    )?;
    let (a, b) = (ours(scene)?, kubectls(scene)?);
    report.race_of(
        scene,
        ("n", "ms", CONNECTIONS),
        |_| a.first_byte(),
        |_| b.first_byte(),
    )?;
    // A node holds each end back for a second.
    report.race_of(scene, ("30", "ms", ENDS), |_| a.end(), |_| b.end())?;
    report.race_of(scene, ("streams", SPEED, DOWN), |_| a.down(), |_| b.down())?;
    report.race_of(scene, ("streams", SPEED, UP), |_| a.up(), |_| b.up())?;
    drop((a, b));
    // From the deletion of a Pod until the one in its place is reached: the old one's end and the new one's start are in it.
    back(scene, report, "back after the Pod was replaced", || {
        let since = Instant::now();
        scene.run("kubectl delete pod -l app=servers --wait=true")?;
        Ok(since)
    })
}

/// From an API server's start until it is forwarded again. Nobody else may use the cluster meanwhile.
pub(crate) fn restart(settings: &Settings, report: &mut Report) -> Result<()> {
    if settings.is_given("no-restart") {
        return Ok(());
    }
    let cluster = Cluster::exclusive()?;
    let scene = Scene::new(&cluster, settings, "forward", &SET_UP)?;
    back(
        &scene,
        report,
        "back after the API server's restart",
        || {
            let server = cluster.part(Part::ApiServer);
            server.kill()?;
            server.start()?;
            Ok(Instant::now())
        },
    )
}

/// Seconds until a forward is back after a fault, from the instant that the fault tells.
fn back(
    scene: &Scene<'_>,
    report: &mut Report,
    what: &str,
    fault: impl Fn() -> Result<Instant>,
) -> Result<()> {
    let forwarding = ours(scene)?;
    let mut seconds = Samples::default();
    for _ in 0..scene.settings.number("faults")? {
        forwarding.first_byte()?;
        let since = fault()?;
        forwarding.until_it_echoes()?;
        seconds.push(since.elapsed().as_secs_f64());
    }
    report.times.at_most(what, &seconds, BACK, "s");
    Ok(())
}
