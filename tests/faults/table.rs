//! What was tried and what came of it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use session_support::Fault;

/// The columns.
pub(crate) const FAULTS: [Fault; 7] = [
    Fault::Killed,
    Fault::Interrupted,
    Fault::Refused(409),
    Fault::Refused(429),
    Fault::Refused(500),
    Fault::DroppedBefore,
    Fault::DroppedAfter,
];

/// Results by verb, number of the request, and fault.
#[derive(Default)]
pub(crate) struct Table {
    rows: Mutex<BTreeMap<(&'static str, usize), Row>>,
}

#[derive(Default)]
struct Row {
    request: String,
    results: BTreeMap<Fault, bool>,
}

impl Table {
    /// Notes a case.
    pub(crate) fn note(
        &self,
        verb: &'static str,
        number: usize,
        request: &str,
        fault: Fault,
        good: bool,
    ) {
        let Ok(mut rows) = self.rows.lock() else {
            return;
        };
        let row = rows.entry((verb, number)).or_default();
        row.request = short(request);
        row.results.insert(fault, good);
    }

    /// How many cases there are, and how many of them failed.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let Ok(rows) = self.rows.lock() else {
            return (0, 0);
        };
        let results = || rows.values().flat_map(|row| row.results.values());
        (results().count(), results().filter(|good| !**good).count())
    }

    /// The whole table; `-` is a case that was not tried.
    pub(crate) fn text(&self) -> String {
        let words = FAULTS.map(word);
        let heads: String = words.iter().map(|word| format!("{word:>8}")).collect();
        let mut text = format!("{:<18}{:>3}  {:<44}{heads}\n", "VERB", "K", "REQUEST");
        let Ok(rows) = self.rows.lock() else {
            return text;
        };
        for ((verb, number), row) in rows.iter() {
            let result = |fault| match row.results.get(fault) {
                Some(true) => "ok",
                Some(false) => "FAILED",
                None => "-",
            };
            let results: String = FAULTS
                .iter()
                .map(|fault| format!("{:>8}", result(fault)))
                .collect();
            text.push_str(&format!(
                "{verb:<18}{number:>3}  {:<44}{results}\n",
                row.request
            ));
        }
        text
    }
}

/// Name of a column.
pub(crate) fn word(fault: Fault) -> String {
    match fault {
        Fault::Killed => "KILLED".into(),
        Fault::Interrupted => "SIGINT".into(),
        Fault::Refused(code) => code.to_string(),
        Fault::DroppedBefore => "BEFORE".into(),
        Fault::DroppedAfter => "AFTER".into(),
    }
}

/// Method and path of a request, without what all have in common.
fn short(request: &str) -> String {
    let (method, path) = request.split_once(' ').unwrap_or(("", request));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let watch = if query.contains("watch=") {
        " watch"
    } else {
        ""
    };
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let namespaced = parts.iter().position(|part| *part == "namespaces");
    match namespaced {
        Some(at) if parts.len() > at + 2 => drop(parts.drain(..at + 2)),
        _ if parts.first() == Some(&"apis") && parts.len() > 3 => drop(parts.drain(..3)),
        _ if parts.first() == Some(&"api") && parts.len() > 2 => drop(parts.drain(..2)),
        _ => {}
    }
    let mut short = format!("{method} {}{watch}", parts.join("/"));
    short.truncate(43);
    short
}
