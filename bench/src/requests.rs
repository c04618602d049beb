//! How many requests a create makes, by the server's own audit log.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use session_cluster::{AuditEvent, Cluster};

use crate::figure::{Table, Verdict};
use crate::process::output;
use crate::user::User;

/// Identity, two Leases (of all namespaces, of this one), template, and the status.
const BESIDE_OBJECTS: usize = 5;
/// A create that waits writes the status again when the session is ready.
const SECOND_STATUS: usize = 1;
/// Of Pods and of Events.
const WATCHES: usize = 2;

/// The kinds of requests, in the order of the columns.
const KINDS: [&str; 8] = [
    "identity", "lease", "template", "list", "object", "status", "watch", "other",
];

/// A create whose requests are counted.
#[derive(Clone, Copy, Debug)]
pub struct Scenario<'a> {
    /// The template.
    pub template: &'a str,
    /// Objects that it makes, the Session among them.
    pub objects: usize,
    /// Kinds that the checks before the first write concern: quotas, classes.
    pub lists: usize,
    /// Flags beside the template.
    pub flags: &'a [&'a str],
    /// Whether it waits until the session is ready.
    pub waits: bool,
}

impl Scenario<'_> {
    /// docs/decisions.md 5.
    fn wanted(&self) -> usize {
        let waiting = if self.waits {
            SECOND_STATUS + WATCHES
        } else {
            0
        };
        self.objects + BESIDE_OBJECTS + waiting + self.lists
    }

    fn title(&self) -> String {
        let wait = if self.waits { "" } else { " --wait=false" };
        format!("{}{wait}", self.template)
    }

    /// Runs it as a user of its own and reads what that user asked.
    ///
    /// # Errors
    /// When the create fails.
    pub fn requests(&self, cluster: &Cluster, umbrella: &Path) -> Result<Vec<AuditEvent>> {
        let user = User::new(cluster, "bench-requests")?;
        let mut arguments = vec!["create", "one", "--template", self.template];
        arguments.extend(self.flags);
        if !self.waits {
            arguments.push("--wait=false");
        }
        output(&mut user.command(umbrella, &arguments))?;
        user.settled_requests(cluster)
    }
}

fn kind(event: &AuditEvent) -> &'static str {
    let verb = event.verb.as_str();
    match (event.resource.as_str(), event.subresource.as_str(), verb) {
        ("selfsubjectreviews", ..) => "identity",
        ("leases", ..) => "lease",
        ("sessiontemplates", _, "get") => "template",
        (_, "status", _) => "status",
        (_, _, "watch") => "watch",
        (_, _, "list") => "list",
        (_, "", "create") => "object",
        _ => "other",
    }
}

fn by_kind(events: &[AuditEvent]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        *counts.entry(kind(event)).or_default() += 1;
    }
    counts
}

/// An empty table of requests.
#[must_use]
pub fn table() -> Table {
    let columns = ["CREATE", "OBJECTS", "REQUESTS"];
    let end = ["WANTED", "VERDICT"];
    let upper: Vec<String> = KINDS.iter().map(|kind| kind.to_uppercase()).collect();
    let kinds: Vec<&str> = upper.iter().map(String::as_str).collect();
    Table::new(&[&columns[..], &kinds, &end].concat())
}

/// A row of the table.
pub fn tell(table: &mut Table, scenario: &Scenario<'_>, events: &[AuditEvent]) {
    let (counts, wanted) = (by_kind(events), scenario.wanted());
    let mut row = vec![scenario.title()];
    row.extend([scenario.objects, events.len()].map(|number| number.to_string()));
    let count = |kind: &&str| counts.get(kind).copied().unwrap_or(0).to_string();
    row.extend(KINDS.iter().map(count));
    row.push(format!("<= {wanted}"));
    table.row(
        row,
        Verdict::of(!events.is_empty() && events.len() <= wanted),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(verb: &str, resource: &str, subresource: &str) -> AuditEvent {
        AuditEvent {
            audit_id: String::new(),
            verb: verb.into(),
            resource: resource.into(),
            subresource: subresource.into(),
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
    fn requests_are_told_apart() {
        let kinds = [
            (("create", "selfsubjectreviews", ""), "identity"),
            (("create", "pods", ""), "object"),
            (("patch", "sessions", "status"), "status"),
            (("watch", "pods", ""), "watch"),
            (("list", "resourcequotas", ""), "list"),
            (("get", "pods", ""), "other"),
        ];
        for ((verb, resource, subresource), wanted) in kinds {
            assert_eq!(kind(&event(verb, resource, subresource)), wanted);
        }
    }

    #[test]
    fn a_create_that_waits_may_ask_three_times_more() {
        let scenario = Scenario {
            template: "shell",
            objects: 2,
            lists: 1,
            flags: &[],
            waits: true,
        };
        assert_eq!(scenario.wanted(), 2 + 6 + 2 + 1);
        let quick = Scenario {
            waits: false,
            ..scenario
        };
        assert_eq!(quick.wanted(), 2 + 5 + 1);
    }
}
