//! The flags that a scenario was run with.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ArgMatches;

use crate::program;
use crate::scenario::Setting;

/// The values of a scenario's flags.
pub(crate) struct Settings {
    known: &'static [Setting],
    given: ArgMatches,
}

impl Settings {
    /// The flags that clap found.
    pub(crate) fn new(known: &'static [Setting], given: ArgMatches) -> Self {
        Self { known, given }
    }

    /// A value; a name that is no setting is its own value, so that a race may run `"5"` rounds.
    pub(crate) fn text(&self, name: &str) -> String {
        match self.known.iter().any(|setting| setting.name == name) {
            true => self
                .given
                .get_one::<String>(name)
                .cloned()
                .unwrap_or_default(),
            false => name.to_owned(),
        }
    }

    /// A value that is a number.
    pub(crate) fn number(&self, name: &str) -> Result<usize> {
        let text = self.text(name);
        text.parse()
            .with_context(|| format!("invalid value {text:?} for --{name}: must be a number"))
    }

    /// Returns true if a switch is given.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.given.get_flag(name)
    }

    /// A text in which `{NAME}` of every setting is replaced by its value.
    pub(crate) fn fill_in(&self, text: &str) -> String {
        let values = self
            .known
            .iter()
            .filter(|setting| setting.default.is_some());
        values.fold(text.to_owned(), |text, setting| {
            text.replace(&format!("{{{}}}", setting.name), &self.text(setting.name))
        })
    }

    /// The release program of a package, built unless `--no-build` is given.
    pub(crate) fn program(&self, package: &str) -> Result<PathBuf> {
        program::release(package, !self.is_given("no-build"))
    }
}
