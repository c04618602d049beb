//! Counts of a command's requests, from the server's audit log.

use anyhow::Result;
use session_cluster::AuditEvent;

use crate::figure::{Table, Verdict};
use crate::scenario::Count;
use crate::scene::Scene;

/// The kinds of requests, in the order of the columns: what the audit log calls their verb.
const KINDS: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];

/// Characters of a command that are shown.
const WIDEST: usize = 60;

/// An empty table of requests.
pub(crate) fn table() -> Table {
    let upper = KINDS.map(str::to_uppercase);
    let kinds: Vec<&str> = upper.iter().map(String::as_str).collect();
    let (first, last) = (["COMMAND", "REQUESTS"], ["OTHER", "WANTED", "VERDICT"]);
    Table::new(&[&first[..], &kinds, &last].concat())
}

/// Adds a row about the requests that `run` makes as the scene's user.
pub(crate) fn add(
    table: &mut Table,
    scene: &Scene<'_>,
    count: &Count,
    run: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let before = scene.settled_requests()?.len();
    run()?;
    let events = scene.settled_requests()?;
    let (cells, verdict) = row(count, events.get(before..).unwrap_or_default());
    table.row(cells, verdict);
    Ok(())
}

fn row(count: &Count, events: &[AuditEvent]) -> (Vec<String>, Verdict) {
    let of = |kind: &str| events.iter().filter(|event| event.verb == kind).count();
    let known: Vec<usize> = KINDS.iter().map(|kind| of(kind)).collect();
    let other = events.len() - known.iter().sum::<usize>();
    let command = count.command.strip_prefix("session ");
    // A long one would push all columns out of sight.
    let mut command = command.unwrap_or(count.command).to_owned();
    if let Some((end, _)) = command.char_indices().nth(WIDEST) {
        command.truncate(end);
        command.push('…');
    }
    let mut row = vec![command];
    row.push(events.len().to_string());
    row.extend(known.iter().map(ToString::to_string));
    row.push(other.to_string());
    row.push(
        count
            .at_most
            .map_or_else(String::new, |most| format!("<= {most}")),
    );
    let verdict = count.at_most.map_or(Verdict::Told, |most| {
        Verdict::of(!events.is_empty() && events.len() <= most)
    });
    (row, verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::count;

    fn event(verb: &str) -> AuditEvent {
        AuditEvent {
            audit_id: String::new(),
            verb: verb.into(),
            resource: String::new(),
            subresource: String::new(),
            group: String::new(),
            name: String::new(),
            namespace: String::new(),
            user: String::new(),
            user_agent: String::new(),
            request_uri: String::new(),
            code: 200,
            received: String::new(),
        }
    }

    #[test]
    fn requests_are_counted_by_kind_and_judged_by_their_sum() {
        let events = ["get", "patch", "get", "connect"].map(event);
        let (cells, verdict) = row(&count("session stop one", 4), &events);
        let wanted = ["stop one", "4", "2", "0", "0", "0", "1", "0", "1", "<= 4"];
        assert_eq!(cells, wanted);
        assert_eq!(verdict, Verdict::Hit);
        assert_eq!(row(&count("session stop one", 3), &events).1, Verdict::Miss);
        assert_eq!(row(&count("session stop one", 3), &[]).1, Verdict::Miss);
        let told = Count {
            command: "kubectl get pods",
            at_most: None,
        };
        assert_eq!(row(&told, &events).1, Verdict::Told);
    }
}
