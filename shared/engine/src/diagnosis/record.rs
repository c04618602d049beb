//! Form in which a cause is kept in a Session's status, for users who may read neither its Pods nor events.

use jiff::Timestamp;
use session_model::api::DiagnosisRecord;

use super::Cause;
use super::fact_lines::is_log_line;
use crate::capacity::run_hours::format_rfc3339;

/// Longest text of a record in characters: a status is sent to everybody who lists sessions.
const MAX_LENGTH: usize = 400;
/// Most lines of evidence in a record.
const MAX_LINES: usize = 6;

impl Cause {
    /// Returns the record of the cause: shortened, and without lines of logs, which more users may read in a Session than in a Pod.
    pub fn to_record(&self, now: Timestamp) -> DiagnosisRecord {
        let evidence = self.evidence.iter().filter(|line| !is_log_line(line));
        DiagnosisRecord {
            time: format_rfc3339(now),
            reason: shorten(&self.reason),
            message: shorten(&self.message),
            evidence: evidence.take(MAX_LINES).map(|line| shorten(line)).collect(),
            remedy: self.remedy.as_deref().map(shorten),
        }
    }

    /// Returns the cause that a record keeps.
    pub fn from_record(record: &DiagnosisRecord) -> Self {
        Self {
            reason: record.reason.clone(),
            message: record.message.clone(),
            evidence: record.evidence.clone(),
            remedy: record.remedy.clone(),
            ..Self::default()
        }
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Fact, FactQuery, refine};

    #[test]
    fn a_record_is_bounded_and_has_no_lines_of_logs() {
        let log = FactQuery::Log {
            pod: "p".into(),
            container: "main".into(),
            previous: false,
            urls: Vec::new(),
            reminder: None,
        };
        let cause = Cause {
            reason: "Error".into(),
            message: "ä".repeat(1000),
            evidence: vec!["exit code 3".into()],
            remedy: Some("look".into()),
            ..Cause::default()
        };
        let lines = Fact::Lines(vec!["token=hunter2".into(); 5]);
        let mut cause = refine(cause, &[(log, lines)]);
        cause.evidence.extend(vec!["fact".to_owned(); 20]);
        let record = cause.to_record(Timestamp::UNIX_EPOCH);
        assert_eq!(record.time, "1970-01-01T00:00:00Z");
        assert_eq!(record.message.chars().count(), MAX_LENGTH + 1);
        assert_eq!(record.evidence.len(), MAX_LINES);
        assert!(record.evidence[..2] == ["exit code 3", "fact"]);
        let kept = Cause::from_record(&record);
        assert_eq!((&kept.reason, kept.remedy), (&cause.reason, cause.remedy));
    }
}
