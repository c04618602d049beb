//! Measurements: `cargo bench-NAME` runs the scenario NAME of [`table`].
//!
//! ```text
//! table (data) ──► scene (namespace, user, objects) ──► report (races, counts) ──► figure (rows, verdicts)
//! ```
//!
//! Times are never judged alone. Rivals run by turns in one run, so that whatever slows this machine down slows both,
//! and what is judged is the ratio of their medians, or the median of their differences.

mod counts;
mod create;
mod diagnosis;
mod figure;
mod forward;
mod forwarding;
mod hostile_text;
mod process;
mod program;
mod raw;
mod render;
mod report;
mod requests;
mod roster;
mod scenario;
mod scene;
mod sessions;
mod settings;
mod size;
mod snapshot;
mod table;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgAction, Command};
use session_cluster::Cluster;

use program::say_load;
use report::Report;
use scenario::{Scenario, Setting, Stage};
use scene::Scene;
use settings::Settings;
use table::{NO_BUILD, SCENARIOS};

fn main() -> Result<ExitCode> {
    let (name, given) = command()
        .get_matches()
        .remove_subcommand()
        .context("no scenario")?;
    let Some(scenario) = SCENARIOS.iter().find(|scenario| scenario.name == name) else {
        return raw::run(&given).map(|()| ExitCode::SUCCESS);
    };
    let settings = Settings::new(scenario.settings, given);
    let mut report = Report::default();
    if !scenario.stages.is_empty() {
        let cluster = Cluster::shared()?;
        for stage in scenario.stages {
            run(scenario, stage, &cluster, &settings, &mut report)?;
        }
        say_load("after")?;
    }
    if let Some(alone) = scenario.alone {
        alone(&settings, &mut report)?;
    }
    report.write(&mut std::io::stdout().lock())?;
    Ok(ExitCode::from(u8::from(report.missed())))
}

fn run(
    scenario: &Scenario,
    stage: &Stage,
    cluster: &Cluster,
    settings: &Settings,
    report: &mut Report,
) -> Result<()> {
    let scene = Scene::new(cluster, settings, scenario.name, &stage.set_up)?;
    say_load("before")?;
    for race in stage.races {
        report.race(&scene, race)?;
    }
    report.count(&scene, stage.counts)?;
    if let Some(more) = stage.more {
        more(&scene, report)?;
    }
    for line in stage.clean_up {
        scene.run(line)?;
    }
    Ok(())
}

fn command() -> Command {
    let flag = |setting: &'static Setting| {
        let flag = Arg::new(setting.name).long(setting.name).help(setting.help);
        match setting.default {
            Some(default) => flag.default_value(default),
            None => flag.action(ArgAction::SetTrue),
        }
    };
    let scenarios = SCENARIOS.iter().map(|scenario| {
        let flags = scenario.settings.iter().map(flag).chain([flag(&NO_BUILD)]);
        Command::new(scenario.name)
            .about(scenario.about)
            .args(flags)
    });
    Command::new("cargo bench")
        .about("Measures the suite beside kubectl")
        .subcommand_required(true)
        .subcommands(scenarios)
        .subcommand(raw::command_line())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_flags_that_clap_takes() {
        command().debug_assert();
    }

    #[test]
    fn the_rounds_of_every_race_are_a_setting_or_a_number() {
        for scenario in SCENARIOS {
            let races = scenario.stages.iter().flat_map(|stage| stage.races);
            for rounds in races.map(|race| race.rounds) {
                let is_setting = scenario
                    .settings
                    .iter()
                    .any(|setting| setting.name == rounds);
                assert!(
                    is_setting || rounds.parse::<usize>().is_ok(),
                    "{}: {rounds}",
                    scenario.name
                );
            }
        }
    }
}
