//! One run of a verb with one fault, and everything that must hold afterwards.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use session_cluster::Cluster;
use session_support::{At, Fault, Real};

use crate::kubelet::Kubelet;
use crate::place::{Place, Run};
use crate::scenario::Scenario;
use crate::state::{State, differences, key, text};

/// What sweeps up after everything.
const CLEANUP: [&str; 3] = ["cleanup", "--all", "-y"];

/// A server, and how to reach it.
pub(crate) struct Server {
    pub(crate) real: Real,
    pub(crate) kubeconfig: PathBuf,
    /// Name of the template of all sessions.
    pub(crate) template: String,
}

/// What a run that nothing disturbs comes to.
pub(crate) struct Wanted {
    /// After the verb.
    done: BTreeMap<String, Value>,
    /// After `cleanup --all`, too.
    cleaned: BTreeMap<String, Value>,
    /// Its requests.
    pub(crate) requests: Vec<String>,
}

impl Server {
    /// Runs a verb and lets nothing go wrong.
    pub(crate) fn undisturbed(&self, scenario: &Scenario) -> Result<Wanted> {
        let _lease = Cluster::shared()?;
        let (place, _kubelet, _) = self.prepared(scenario)?;
        let run = self.verb(&place, scenario.line, None)?;
        ensure!(
            run.code == 0,
            "undisturbed, it ends with {}: {}",
            run.code,
            run.said
        );
        let done = place.until("what it begins", |state| is_settled(scenario, state))?;
        place.succeeds(&CLEANUP)?;
        let cleaned = place.until("what it begins", |state| is_settled(scenario, state))?;
        Ok(Wanted {
            done: done.essence(),
            cleaned: cleaned.essence(),
            requests: run.requests,
        })
    }

    /// Runs a verb with one fault, then once more, then `cleanup --all`. False if the verb did not make so many requests.
    pub(crate) fn disturbed(&self, scenario: &Scenario, at: At, wanted: &Wanted) -> Result<bool> {
        let _lease = Cluster::shared()?;
        let (place, _kubelet, before) = self.prepared(scenario)?;
        let run = self.verb(&place, scenario.line, Some(at))?;
        if !run.disturbed {
            ensure!(
                run.code == 0,
                "undisturbed, it ends with {}: {}",
                run.code,
                run.said
            );
            return Ok(false);
        }
        let told = || {
            let request = run.requests.get(at.request - 1).map_or("", String::as_str);
            format!("{request}\nthe verb ends with {}: {}", run.code, run.said)
        };
        let judged = judge(&place, self, scenario, at, wanted, &run, &before);
        judged.map(|()| true).map_err(|error| error.context(told()))
    }

    /// A namespace where everything is ready for the verb.
    fn prepared(&self, scenario: &Scenario) -> Result<(Place, Option<Kubelet>, State)> {
        let place = Place::new(&self.real, &self.kubeconfig)?;
        let kubelet = scenario.sizes.then(|| Kubelet::of(&place));
        let settled = || place.until("what the verb needs", |state| is_settled(scenario, state));
        let mut before = settled()?;
        for line in scenario.before {
            match *line {
                "!orphan" => place.orphan()?,
                "!expire" => place.expire()?,
                line => place.succeeds(&words(&self.named(&place, line)))?,
            }
            // A claim may not be bound when its Pod is ready: kwok waits for none. The next step may need it.
            before = settled()?;
        }
        Ok((place, kubelet, before))
    }

    fn verb(&self, place: &Place, line: &str, at: Option<At>) -> Result<Run> {
        place.disturbed(&words(&self.named(place, line)), at)
    }

    fn named(&self, place: &Place, line: &str) -> String {
        let line = line.replace("TEMPLATE", &self.template);
        line.replace("FILE", &place.file.path().to_string_lossy())
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// True when controllers and drivers have done what they were asked for.
fn is_settled(scenario: &Scenario, state: &State) -> bool {
    state.objects.values().all(|object| {
        let waits = text(object, "/metadata/deletionTimestamp").is_empty();
        waits
            && match text(object, "/kind") {
                "PersistentVolumeClaim" => text(object, "/status/phase") == "Bound",
                "VolumeSnapshot" => object["status"]["readyToUse"] == true,
                "Pod" if scenario.sizes => {
                    object["status"]["containerStatuses"][0]["resources"]
                        == object["spec"]["containers"][0]["resources"]
                }
                _ => true,
            }
    }) && (scenario.before.contains(&"!orphan") || state.stray().is_empty())
}

fn judge(
    place: &Place,
    server: &Server,
    scenario: &Scenario,
    at: At,
    wanted: &Wanted,
    run: &Run,
    before: &State,
) -> Result<()> {
    let codes: &[i32] = match at.fault {
        Fault::Killed => &[137],
        // 0 where all was done by then.
        Fault::Interrupted => &[130, 0],
        _ => &[0, 1],
    };
    ensure!(
        codes.contains(&run.code),
        "the exit code is none of {codes:?}"
    );
    ensure!(!run.said.contains("panicked"), "it panicked");
    let known = before.stray();
    let stray = |state: &State| -> Vec<String> {
        let stray = state.stray().into_iter();
        stray.filter(|one| !known.contains(one)).collect()
    };
    let after = place.settled(|state| stray(state).is_empty());
    let after =
        after.map_err(|state| anyhow::anyhow!("left behind: {}", stray(&state).join(", ")))?;
    nothing_lost(scenario, before, &after)?;
    let line = match (scenario.again)(&after) {
        line if line.is_empty() => scenario.line.to_owned(),
        line => line,
    };
    let again = server.verb(place, &line, None)?;
    let already = scenario
        .already
        .is_some_and(|text| again.said.contains(text));
    ensure!(
        again.code == 0 || (again.code == 1 && already),
        "then \"{line}\" ends with {}: {}",
        again.code,
        again.said
    );
    comes_to(
        place,
        &wanted.done,
        scenario,
        &format!("after \"{line}\" ({})", again.said.trim()),
    )?;
    nothing_lost(scenario, before, &place.state())?;
    let swept = place.run(&CLEANUP)?;
    ensure!(
        swept.code == 0,
        "then cleanup ends with {}: {}",
        swept.code,
        swept.said
    );
    comes_to(
        place,
        &wanted.cleaned,
        scenario,
        &format!("after cleanup ({})", swept.said.trim()),
    )?;
    nothing_lost(scenario, before, &place.state())
}

fn comes_to(
    place: &Place,
    wanted: &BTreeMap<String, Value>,
    scenario: &Scenario,
    when: &str,
) -> Result<()> {
    let differ = |state: &State| {
        let mut lines = differences(wanted, &state.essence());
        // Each run saves what it is going to replace; one snapshot more is no harm.
        lines.retain(|line| !(scenario.replaces && line.starts_with("VolumeSnapshot/s-<moment>")));
        lines
    };
    let Err(state) = place.settled(|state| differ(state).is_empty()) else {
        return Ok(());
    };
    let lines = differ(&state);
    bail!(
        "{when} it is not as it is without a fault:\n  {}",
        lines.join("\n  ")
    )
}

/// True if there is a snapshot of a claim, ready, that was not there before.
fn is_saved(before: &State, after: &State, claim: &str) -> bool {
    let of_claim = |snapshot: &Value| {
        let source = text(snapshot, "/spec/source/persistentVolumeClaimName");
        claim.strip_prefix("PersistentVolumeClaim/") == Some(source)
    };
    let mut new = after
        .objects
        .iter()
        .filter(|(key, _)| before.get(key).is_none());
    new.any(|(_, object)| of_claim(object) && object["status"]["readyToUse"] == true)
}

/// Data that was there before is there still, the same and not one of the same name, and passwords open what they opened.
fn nothing_lost(scenario: &Scenario, before: &State, after: &State) -> Result<()> {
    let now = after.data();
    for (name, uid) in before.data() {
        let mut wanted = scenario
            .destroys
            .iter()
            .any(|prefix| name.starts_with(prefix));
        wanted &= !scenario.replaces || is_saved(before, after, &name);
        ensure!(wanted || now.get(&name) == Some(&uid), "lost: {name}");
    }
    let secret = |state: &State, start: &str| {
        let mut secrets = state
            .objects
            .values()
            .filter(|object| key(object).starts_with(start));
        secrets.next().map(|secret| secret["data"].clone())
    };
    let kept = |state: &State| secret(state, "Secret/session-");
    if let (Some(before), Some(after)) = (kept(before), kept(after)) {
        ensure!(before == after, "the parameters Secret has changed");
    }
    if let (Some(kept), Some(door)) = (kept(after), secret(after, "Secret/door-")) {
        ensure!(
            kept["PASSWORD"] == door["password"],
            "two passwords: {kept} and {door}"
        );
    }
    Ok(())
}
