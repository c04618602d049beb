//! Output of a run: a table of times, one of requests, and those of scenarios with columns of their own.

use std::io;

use anyhow::{Context as _, Result};

use crate::counts;
use crate::figure::{SPEED, Samples, Table};
use crate::process::{Rival, by_turns};
use crate::scenario::{Count, Figure, Race, Row};
use crate::scene::Scene;
use crate::settings::Settings;

/// The tables of a run.
pub(crate) struct Report {
    /// Times, memory and speeds.
    pub(crate) times: Table,
    /// Requests of commands.
    pub(crate) counts: Table,
    /// Tables with columns of their own.
    pub(crate) others: Vec<Table>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            times: Table::of_times(),
            counts: counts::table(),
            others: Vec::new(),
        }
    }
}

/// The samples of one side: of each of its commands, and their sums.
#[derive(Default)]
pub(crate) struct Side {
    parts: Vec<Samples>,
    whole: Samples,
}

impl From<Samples> for Side {
    fn from(whole: Samples) -> Self {
        let parts = Vec::new();
        Self { parts, whole }
    }
}

impl Report {
    /// Runs a race and adds its rows.
    pub(crate) fn race(&mut self, scene: &Scene<'_>, race: &Race) -> Result<()> {
        let rival = race.rival.first().and_then(|line| line.split(' ').next());
        if rival.is_some_and(|path| path.starts_with('/') && !std::path::Path::new(path).exists()) {
            return Ok(());
        }
        let mut sides = [Side::default(), Side::default()];
        let [ours, theirs] = &mut sides;
        let run = |lines: &'static [&'static str], side: &mut Side, round: usize| {
            let mut sum = 0.0;
            for (number, line) in lines.iter().enumerate() {
                let took = race.measure.of(&mut scene.command(line)?)?;
                side.parts.resize_with(lines.len(), Samples::default);
                // The first round fills caches.
                if round > 0 {
                    side.parts[number].push(took);
                }
                sum += took;
            }
            Ok(sum)
        };
        let name = |lines: &[&'static str]| lines.first().copied().unwrap_or_default();
        let samples = by_turns(
            scene.settings.number(race.rounds)?,
            &mut [
                Rival::new(name(race.ours), |round| run(race.ours, ours, round)),
                Rival::new(name(race.rival), |round| run(race.rival, theirs, round)),
            ],
        )?;
        for (side, whole) in sides.iter_mut().zip(samples) {
            side.whole = whole;
        }
        self.rows(scene.settings, race.rows, &sides, race.measure.unit());
        Ok(())
    }

    /// Runs two functions by turns and adds rows about them.
    pub(crate) fn race_of(
        &mut self,
        scene: &Scene<'_>,
        (rounds, unit, rows): (&str, &str, &[Row]),
        ours: impl FnMut(usize) -> Result<f64>,
        rival: impl FnMut(usize) -> Result<f64>,
    ) -> Result<()> {
        let rounds = scene.settings.number(rounds)?;
        let mut rivals = [Rival::new("session", ours), Rival::new("rival", rival)];
        let sides: Vec<Side> = by_turns(rounds, &mut rivals)?
            .into_iter()
            .map(Side::from)
            .collect();
        let sides = sides.try_into().ok().context("two sides")?;
        self.rows(scene.settings, rows, &sides, unit);
        Ok(())
    }

    fn rows(&mut self, settings: &Settings, rows: &[Row], [ours, rival]: &[Side; 2], unit: &str) {
        let table = &mut self.times;
        let (a, b) = (&ours.whole, &rival.whole);
        for (what, figure) in rows {
            let what = &settings.fill_in(what);
            match *figure {
                Figure::Rival => table.tell(what, b, unit),
                Figure::Ours => table.tell(what, a, unit),
                Figure::RivalPart(part) => table.tell(what, &rival.parts[part], unit),
                Figure::OurPart(part) => table.tell(what, &ours.parts[part], unit),
                Figure::Difference => table.tell(what, &a.minus(b), unit),
                Figure::Quotient => table.tell(what, &a.over(b), "x"),
                Figure::Medians(wanted) => {
                    table.ratio(what, a, a.median() / b.median(), wanted, unit);
                }
                Figure::Rounds(wanted) => table.ratio(what, a, a.over(b).median(), wanted, unit),
                Figure::Speed(wanted) => table.ratio(what, a, a.over(b).median(), wanted, SPEED),
                Figure::Beyond(wanted) => table.at_most(what, &a.minus(b), wanted, unit),
                Figure::AtMost(wanted) => table.at_most(what, a, wanted, unit),
            }
        }
    }

    /// Counts the requests of commands, one after the other.
    pub(crate) fn count(&mut self, scene: &Scene<'_>, counts: &[Count]) -> Result<()> {
        for count in counts {
            let run = || scene.run(count.command).map(drop);
            counts::add(&mut self.counts, scene, count, run)?;
        }
        Ok(())
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        [&self.times, &self.counts].into_iter().chain(&self.others)
    }

    /// Returns true if a figure missed its target.
    pub(crate) fn missed(&self) -> bool {
        self.tables().any(Table::missed)
    }

    /// Writes the tables that have rows.
    pub(crate) fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        let mut filled = self.tables().filter(|table| !table.is_empty());
        filled.try_for_each(|table| table.write(out))
    }
}
