//! The count in words and as a table. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use session_shared::capacity::amount_text::format_amount;
use session_shared::capacity::fit::{
    Exclusion, Fit, FitCount, NodeAmount, NodeLimit, NodeRoom, QuotaRoom,
};
use session_shared::diagnosis::Cause;
use session_shared::quantity::Quantity;
use session_shared::report::table::format_table;

/// What is reported of a count.
#[derive(Debug)]
pub(super) struct FitReport<'a> {
    /// The count.
    pub(super) fit: Fit,
    /// What the sessions are made of: `of template "lab"`.
    pub(super) subject: String,
    /// Namespace of the sessions.
    pub(super) namespace: &'a str,
    /// Why even the first session is refused.
    pub(super) refusal: Option<Cause>,
    /// Number of sessions that must fit.
    pub(super) count: Option<u64>,
    /// Notes on what was left out, could not be read or does not exist: a sentence each.
    pub(super) read_notes: Vec<String>,
}

/// Something that allows no more sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bound<'a> {
    /// A resource of a quota.
    Quota(&'a QuotaRoom),
    /// The nodes.
    Nodes(&'a NodeRoom),
}

impl FitReport<'_> {
    /// Returns the count; `None` if nothing that is known limits it.
    pub(super) fn fits(&self) -> Option<FitCount> {
        match self.refusal {
            Some(_) => Some(FitCount::exactly(0)),
            None => self.fit.count(),
        }
    }

    /// Returns what allows no more than the count.
    pub(super) fn bounds(&self) -> Vec<Bound<'_>> {
        let Some(count) = self.fits().filter(|_| self.refusal.is_none()) else {
            return Vec::new();
        };
        let rooms = self.rooms().iter().filter(|room| room.fits == count.most);
        let nodes = self
            .fit
            .nodes
            .iter()
            .filter(|room| !room.limited && room.least <= count.most);
        rooms
            .map(Bound::Quota)
            .chain(nodes.map(Bound::Nodes))
            .collect()
    }

    /// Returns the rooms of quotas.
    pub(super) fn rooms(&self) -> &[QuotaRoom] {
        let quotas = self.fit.quotas.as_ref();
        quotas
            .map(|quotas| quotas.rooms.as_slice())
            .unwrap_or_default()
    }

    /// Returns all notes, with what is not counted: a sentence each.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = self.read_notes.clone();
        if let Some(quotas) = &self.fit.quotas {
            notes.extend(quotas.unknown.iter().map(|name| {
                format!("quota {name:?} is not counted: only the server knows which Pods match its scopes")
            }));
            notes.extend(quotas.uncounted.iter().map(|name| {
                format!("quota {name:?} is taken as unused: the cluster has not counted it yet")
            }));
        }
        if let Some(nodes) = self.fit.nodes.as_ref().filter(|nodes| nodes.waiting > 0) {
            notes.push(match nodes.waiting {
                1 => "1 Pod of the cluster waits for a node: it is not counted".into(),
                count => {
                    format!("{count} Pods of the cluster wait for a node: they are not counted")
                }
            });
        }
        notes
    }

    /// Returns the report: the count, what binds, the arithmetic, and what one session takes.
    pub(super) fn text(&self, wide: bool, no_headers: bool) -> String {
        let mut text = format!("{}\n", self.headline());
        if let Some(NodeRoom {
            refused: Some(workload),
            ..
        }) = self.binding_nodes()
        {
            text.push_str(&format!("The next session's {workload} fits on no node.\n"));
        }
        let mut rows = self.quota_rows();
        rows.extend(self.node_row());
        // The limit that allows least comes first.
        rows.sort_by_key(|(fits, _)| *fits);
        let nodes = self.fit.nodes.iter().filter(|_| wide);
        rows.extend(
            nodes
                .flat_map(|room| &room.nodes)
                .flat_map(node_rows)
                .map(|row| (0, row)),
        );
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(_, row)| row).collect();
        if !rows.is_empty() {
            text.push('\n');
            let headings = ["LIMIT", "RESOURCE", "ARITHMETIC", "FITS"];
            text.push_str(&format_table(&headings, &rows, no_headers));
        }
        text.push_str(&format!("\nOne session takes: {}\n", self.demand()));
        text
    }

    fn binding_nodes(&self) -> Option<&NodeRoom> {
        let bounds = self.bounds();
        bounds.into_iter().find_map(|bound| match bound {
            Bound::Nodes(room) => Some(room),
            Bound::Quota(_) => None,
        })
    }

    fn headline(&self) -> String {
        let (subject, namespace) = (&self.subject, self.namespace);
        if let Some(refusal) = &self.refusal {
            let why = &refusal.message;
            return format!("No session {subject} fits in namespace {namespace:?}: {why}");
        }
        let Some(count) = self.fits() else {
            return format!("No known limit for sessions {subject} in namespace {namespace:?}");
        };
        let number = match count {
            FitCount { most: 0, .. } => format!("No more sessions {subject} fit"),
            FitCount {
                least: 1, most: 1, ..
            } => format!("1 more session {subject} fits"),
            FitCount { least, most, .. } if least == most => {
                format!("{most} more sessions {subject} fit")
            }
            FitCount { least, most, .. } => {
                format!("Between {least} and {most} more sessions {subject} fit")
            }
        };
        let doubt = match count {
            FitCount { proven: false, .. } => {
                ", or a few more or less: too many choices of nodes to follow all"
            }
            FitCount { least, most, .. } if least < most => {
                ", depending on which of equal nodes the scheduler chooses"
            }
            _ => "",
        };
        let bounds: Vec<String> = self.bounds().iter().map(Bound::describe).collect();
        format!(
            "{number} in namespace {namespace:?}{doubt}; what binds: {}",
            bounds.join(", ")
        )
    }

    fn quota_rows(&self) -> Vec<(u64, Vec<String>)> {
        let row = |room: &QuotaRoom| {
            let arithmetic = arithmetic(&room.resource, &room.hard, &room.used, &room.need);
            let limit = format!("quota/{}", room.quota);
            (
                room.fits,
                vec![
                    limit,
                    room.resource.clone(),
                    arithmetic,
                    room.fits.to_string(),
                ],
            )
        };
        self.rooms().iter().map(row).collect()
    }

    fn node_row(&self) -> Option<(u64, Vec<String>)> {
        let room = self.fit.nodes.as_ref()?;
        // Where a tie decides, other nodes than these may take the Pods.
        let is_certain = room.limited || room.least == room.most;
        let is_open = |node: &&NodeLimit| match is_certain {
            true => node.pods > 0,
            false => node.excluded.is_none(),
        };
        let open = room.nodes.iter().filter(is_open).count();
        let arithmetic = format!(
            "{open} of {} nodes take {}",
            room.nodes.len(),
            pods_of(room)
        );
        let fits = match (room.limited, room.least == room.most) {
            (true, _) => format!("{}+", room.least),
            (false, true) => room.most.to_string(),
            (false, false) => format!("{}-{}", room.least, room.most),
        };
        // Counted no further than quotas allow: what allows least comes first, and nodes allow more than that.
        let order = match room.limited {
            true => u64::MAX,
            false => room.most,
        };
        Some((
            order,
            vec!["nodes".into(), shortages(room), arithmetic, fits],
        ))
    }

    /// Returns what one session takes, without the numbers of its objects.
    fn demand(&self) -> String {
        let is_shown = |name: &str| {
            name.starts_with("requests.")
                || name.starts_with("limits.")
                || matches!(name, "pods" | "persistentvolumeclaims")
        };
        let demand = self
            .fit
            .demand
            .iter()
            .filter(|(name, amount)| is_shown(name) && !amount.is_zero());
        let demand: Vec<String> = demand
            .map(|(name, amount)| format!("{name} {}", format_amount(name, amount)))
            .collect();
        match demand.is_empty() {
            true => "nothing that is counted".into(),
            false => demand.join(", "),
        }
    }

    /// Returns what is missing for a number of sessions: for each quota the amount, for nodes the number of sessions.
    pub(super) fn missing(&self, wanted: u64) -> Vec<String> {
        let count = i64::try_from(wanted).unwrap_or(i64::MAX);
        let rooms = self.rooms().iter().filter(|room| room.fits < wanted);
        let mut missing: Vec<String> = rooms
            .map(|room| {
                let QuotaRoom {
                    quota,
                    resource,
                    hard,
                    used,
                    need,
                    ..
                } = room;
                let amount = used.add(&need.multiply(count)).subtract(hard);
                format!(
                    "{} {resource} of quota {quota:?}",
                    format_amount(resource, &amount)
                )
            })
            .collect();
        if let Some(room) = self
            .fit
            .nodes
            .as_ref()
            .filter(|room| room.least < wanted && !room.limited)
        {
            missing.push(format!(
                "room on nodes for {} sessions ({})",
                wanted - room.least,
                shortages(room)
            ));
        }
        missing
    }
}

impl Bound<'_> {
    fn describe(&self) -> String {
        match self {
            Bound::Quota(room) => format!("{} of quota {:?}", room.resource, room.quota),
            Bound::Nodes(room) if room.nodes.is_empty() => "the cluster has no nodes".into(),
            Bound::Nodes(room) if room.nodes.iter().all(|node| node.excluded.is_some()) => {
                format!("no node takes its Pods ({})", exclusions(room))
            }
            Bound::Nodes(room) => format!("{} of the nodes", shortages(room)),
        }
    }
}

/// Returns `(hard - used) / need`.
pub(super) fn arithmetic(
    resource: &str,
    hard: &Quantity,
    used: &Quantity,
    need: &Quantity,
) -> String {
    let [hard, used, need] = [hard, used, need].map(|amount| format_amount(resource, amount));
    format!("({hard} - {used}) / {need}")
}

fn pods_of(room: &NodeRoom) -> String {
    let pods: u64 = room.nodes.iter().map(|node| node.pods).sum();
    match pods {
        1 => "1 Pod".into(),
        pods => format!("{pods} Pods"),
    }
}

/// Returns why nodes take no Pods, the most frequent reasons first, three at most.
fn exclusions(room: &NodeRoom) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for excluded in room.nodes.iter().filter_map(|node| node.excluded.as_ref()) {
        *counts.entry(describe_exclusion(excluded)).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let texts = counts.into_iter().take(3);
    let texts: Vec<String> = texts
        .map(|(reason, count)| format!("{count} of {}: {reason}", room.nodes.len()))
        .collect();
    texts.join("; ")
}

/// Returns what there is too little of on the open nodes, the most frequent first.
fn shortages(room: &NodeRoom) -> String {
    let mut all: Vec<(&String, &usize)> = room.shortages.iter().collect();
    all.sort_by_key(|(name, count)| (Reverse(**count), *name));
    let names: Vec<&str> = all.into_iter().map(|(name, _)| name.as_str()).collect();
    match names.is_empty() {
        true => "<none>".into(),
        false => names.join(","),
    }
}

fn node_rows(node: &NodeLimit) -> Vec<Vec<String>> {
    let name = format!("node/{}", node.name);
    if let Some(excluded) = &node.excluded {
        return vec![vec![
            name,
            "<none>".into(),
            describe_exclusion(excluded),
            "0".into(),
        ]];
    }
    let row = |amount: &NodeAmount| {
        let NodeAmount {
            resource,
            allocatable,
            used,
            need,
            fits,
        } = amount;
        let arithmetic = match need {
            Some(need) if !need.is_zero() => arithmetic(resource, allocatable, used, need),
            _ => format!(
                "{} - {}",
                format_amount(resource, allocatable),
                format_amount(resource, used)
            ),
        };
        let fits = fits.map_or_else(|| "<none>".to_owned(), |fits| fits.to_string());
        vec![name.clone(), resource.clone(), arithmetic, fits]
    };
    let mut rows: Vec<Vec<String>> = node.amounts.iter().map(row).collect();
    rows.push(vec![
        name,
        "<all>".into(),
        "Pods placed".into(),
        node.pods.to_string(),
    ]);
    rows
}

/// Returns why a node takes no Pod.
pub(super) fn describe_exclusion(excluded: &Exclusion) -> String {
    match excluded {
        Exclusion::OtherNode => "the Pod names another node".into(),
        Exclusion::Cordoned => "cordoned".into(),
        Exclusion::Taint(taint) => format!("taint {taint}"),
        Exclusion::Selector => "nodeSelector or node affinity does not match".into(),
        Exclusion::Volume(why) => why.clone(),
        Exclusion::HostPort => "a host port is in use".into(),
        Exclusion::AntiAffinity => "anti-affinity of a Pod on the node".into(),
    }
}
