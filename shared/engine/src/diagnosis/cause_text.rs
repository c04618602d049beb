//! Text and error form of a cause, the same in every verb.

use anyhow::Error;

use super::Cause;
use session_model::failure;

impl Cause {
    /// Returns the message and below it the evidence, indented by two spaces. The remedy is not part of it: it is a hint.
    pub fn lines(&self) -> Vec<String> {
        let evidence = self.evidence.iter().map(|line| format!("  {line}"));
        std::iter::once(self.message.clone())
            .chain(evidence)
            .collect()
    }

    /// Returns the error `WHAT: MESSAGE`, with the evidence below it and the remedy as its hint.
    pub fn to_error(&self, what: &str) -> Error {
        let error = anyhow::anyhow!("{what}: {}", self.message);
        self.with_remedy_hint(failure::with_evidence(error, self.evidence.clone()))
    }

    /// Adds the whole cause below `error`, and the remedy as its hint. For an error whose own message must stay first.
    pub fn attach_to(&self, error: Error) -> Error {
        self.with_remedy_hint(failure::with_evidence(error, self.lines()))
    }

    fn with_remedy_hint(&self, error: Error) -> Error {
        match &self.remedy {
            Some(remedy) => failure::with_hint(error, remedy.clone()),
            None => error,
        }
    }
}
