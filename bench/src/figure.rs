//! Samples, and the table that tells them.

use std::fmt;
use std::io::{self, Write};

/// Samples below which the slowest hundredth is luck.
const ENOUGH_FOR_P99: usize = 300;

/// The unit of speeds, of which more is better.
pub(crate) const SPEED: &str = "MiB/s";
/// The unit of rates, which are better the higher they are, too.
pub(crate) const RATE: &str = "sessions/s";

/// Samples of one measurement, in milliseconds or megabytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Takes one more.
    pub(crate) fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// Returns the number of samples.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The sample below which `share` of them lie: 0.5 for the median. NaN without samples.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        // Nearest rank, so that every quantile is something that was measured.
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted
            .get(rank.clamp(1, sorted.len().max(1)) - 1)
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// The middle one.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Returns the difference of each sample from the rival's of the same round.
    pub(crate) fn minus(&self, rival: &Self) -> Self {
        Self(self.0.iter().zip(&rival.0).map(|(a, b)| a - b).collect())
    }

    /// Returns the quotient of each sample and the rival's of the same round.
    pub(crate) fn over(&self, rival: &Self) -> Self {
        Self(self.0.iter().zip(&rival.0).map(|(a, b)| a / b).collect())
    }
}

/// Verdict about a figure: hit, missed, or not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is wanted of it: a rival, or something worth knowing.
    Told,
    /// As good as wanted.
    Hit,
    /// Worse.
    Miss,
}

impl Verdict {
    /// `Hit` if `good`.
    pub(crate) fn of(good: bool) -> Self {
        if good { Self::Hit } else { Self::Miss }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Told => "",
            Self::Hit => "hit",
            Self::Miss => "MISS",
        })
    }
}

/// A table of texts with its widths found at the end.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    missed: bool,
}

impl Table {
    /// The table of times: what, n, median, p99, ratio, wanted, verdict.
    pub(crate) fn of_times() -> Self {
        Self::new(&["WHAT", "N", "MEDIAN", "P99", "RATIO", "WANTED", "VERDICT"])
    }

    /// A table with other columns; the verdict is the last one.
    pub(crate) fn new(columns: &[&str]) -> Self {
        Self {
            rows: vec![columns.iter().map(|&column| column.to_owned()).collect()],
            missed: false,
        }
    }

    /// A row of any texts.
    pub(crate) fn row(&mut self, texts: Vec<String>, verdict: Verdict) {
        self.missed |= verdict == Verdict::Miss;
        let mut row = texts;
        row.push(verdict.to_string());
        self.rows.push(row);
    }

    /// A row of samples that only tells.
    pub(crate) fn tell(&mut self, what: &str, samples: &Samples, unit: &str) {
        self.samples(what, samples, unit, ["", ""], Verdict::Told);
    }

    /// A row with a ratio that must be at most `wanted`; at least, for speeds.
    pub(crate) fn ratio(
        &mut self,
        what: &str,
        ours: &Samples,
        ratio: f64,
        wanted: f64,
        unit: &str,
    ) {
        let (sign, good) = match unit {
            SPEED | RATE => (">=", ratio >= wanted),
            _ => ("<=", ratio <= wanted),
        };
        let texts = [format!("{ratio:.3}"), format!("{sign} {wanted:.3}")];
        self.samples(what, ours, unit, [&texts[0], &texts[1]], Verdict::of(good));
    }

    /// A row whose median must be at most `wanted`.
    pub(crate) fn at_most(&mut self, what: &str, samples: &Samples, wanted: f64, unit: &str) {
        let text = format!("<= {wanted} {unit}");
        let verdict = Verdict::of(samples.median() <= wanted);
        self.samples(what, samples, unit, ["", &text], verdict);
    }

    fn samples(&mut self, what: &str, s: &Samples, unit: &str, rest: [&str; 2], verdict: Verdict) {
        let p99 = if s.count() < ENOUGH_FOR_P99 {
            "-".to_owned()
        } else {
            format!("{:.2} {unit}", s.quantile(0.99))
        };
        let mut row = vec![what.to_owned(), s.count().to_string()];
        row.push(format!("{:.2} {unit}", s.median()));
        row.push(p99);
        row.extend(rest.map(str::to_owned));
        self.row(row, verdict);
    }

    /// Returns true if the table has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// Returns true if a figure missed its target.
    pub(crate) fn missed(&self) -> bool {
        self.missed
    }

    /// Writes the table.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths);
            let line: String = cells
                .map(|(cell, width)| format!("{cell:width$}  "))
                .collect();
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[f64]) -> Samples {
        Samples(values.to_vec())
    }

    #[test]
    fn quantiles_are_samples() {
        let hundred = samples(&(1..=100).map(f64::from).collect::<Vec<_>>());
        assert_eq!((hundred.median(), hundred.quantile(0.99)), (50.0, 99.0));
        assert_eq!(samples(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert!(samples(&[]).median().is_nan());
        let difference = samples(&[3.0, 5.0]).minus(&samples(&[1.0, 7.0]));
        assert_eq!(difference.median(), -2.0);
        let ratio = samples(&[3.0, 5.0, 9.0]).over(&samples(&[2.0, 5.0, 3.0]));
        assert_eq!(ratio.median(), 1.5);
    }

    #[test]
    fn a_row_says_whether_it_is_good_enough() {
        let mut table = Table::of_times();
        table.tell("rival", &samples(&[10.0]), "ms");
        table.ratio("ours", &samples(&[1.0]), 0.1, 0.1, "ms");
        assert!(!table.missed());
        table.at_most("share", &samples(&[11.0]), 10.0, "ms");
        assert!(table.missed());
        let mut text = Vec::new();
        table.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.contains("1.00 ms   -    0.100  <= 0.100  hit"),
            "{text}"
        );
        assert!(text.contains("<= 10 ms  MISS"), "{text}");
    }

    #[test]
    fn more_is_better_of_a_speed() {
        let mut table = Table::of_times();
        table.ratio("speed", &samples(&[1.0]), 0.5, 0.5, SPEED);
        table.ratio("time", &samples(&[1.0]), 0.5, 0.5, "ms");
        assert!(!table.missed());
        table.ratio("speed", &samples(&[1.0]), 0.5, 0.6, SPEED);
        assert!(table.missed());
    }

    #[test]
    fn nothing_measured_is_a_miss() {
        let none = samples(&[]);
        for judge in [
            |table: &mut Table, none: &Samples| table.at_most("nothing", none, 10.0, "ms"),
            |table: &mut Table, none: &Samples| table.ratio("", none, f64::NAN, 1.0, "ms"),
            |table: &mut Table, none: &Samples| table.ratio("", none, f64::NAN, 1.0, SPEED),
        ] {
            let mut table = Table::of_times();
            judge(&mut table, &none);
            assert!(table.missed());
        }
    }
}
