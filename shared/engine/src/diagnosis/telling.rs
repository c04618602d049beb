//! The text form of a cause: the same wherever one is told.

use anyhow::Error;

use super::Cause;
use session_model::failure;

impl Cause {
    /// It as lines: what it is, and below it, indented, the evidence. The remedy is a hint and stands apart.
    pub fn lines(&self) -> Vec<String> {
        let evidence = self.evidence.iter().map(|line| format!("  {line}"));
        std::iter::once(self.message.clone())
            .chain(evidence)
            .collect()
    }

    /// `what: message` as an error, with the evidence below it and the remedy as its hint.
    pub fn failing(&self, what: &str) -> Error {
        let error = anyhow::anyhow!("{what}: {}", self.message);
        self.remedied(failure::proved(error, self.evidence.clone()))
    }

    /// `error` with the whole cause below it, and the remedy as its hint: for an error that has words of its own.
    pub fn behind(&self, error: Error) -> Error {
        self.remedied(failure::proved(error, self.lines()))
    }

    fn remedied(&self, error: Error) -> Error {
        match &self.remedy {
            Some(remedy) => failure::hinted(error, remedy.clone()),
            None => error,
        }
    }
}
