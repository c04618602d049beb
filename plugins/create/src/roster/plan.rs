//! Checks every row of a roster before the first write, and counts what is to be done.
//!
//! The rows are not kept: a roster of a million rows takes the memory of its text, its names and the sums of this plan.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Result, anyhow};
use session_shared::Timestamp;
use session_shared::failure::{combine_errors, with_hint};
use session_shared::objects::Untyped;
use session_shared::ops::hours_check::check_hours;
use session_shared::ops::missing_kinds::MissingKinds;
use session_shared::ops::namespace_demand::NamespaceDemand;
use session_shared::ops::node_demands::{NodeDemands, NodesForAll};
use session_shared::ops::preflight::{self, PreflightFacts, PreflightObjects};
use session_shared::ops::{Cluster, check_stoppable};
use session_shared::progress::{DiscardingSink, ProgressEvent, ProgressSink, WaitStage};

use super::observe::RosterFacts;
use super::rows::{Action, PlannedRow, RosterIntent};
use session_shared::roster::problems::{RowProblems, describe_invalid};
use session_shared::roster::reader::{Roster, Row};

/// Number of notes that are shown.
const MAX_NOTES: usize = 20;
/// Number of rows between two progress events: a tenth of a second's work.
const PROGRESS_ROWS: u64 = 500;
const NODES_UNKNOWN: &str =
    "free resources of nodes not checked: no permission to list nodes and Pods of all namespaces";
const NODES_HINT: &str = "stop sessions that are not needed now, or add --skip-checks to create all: those without room stay pending";

/// What a roster comes to.
#[derive(Debug, Default)]
pub(super) struct RosterPlan {
    /// Number of rows.
    pub(super) rows: u64,
    /// Number of sessions to create or complete, by namespace and template.
    pub(super) groups: BTreeMap<(String, String), u64>,
    /// Number of sessions that exist already.
    pub(super) kept: u64,
    /// Kinds that the server lacks, by template.
    pub(super) missing: HashMap<String, MissingKinds>,
    pub(super) notes: Vec<String>,
    /// Kinds of all sessions' objects, with their apiVersions.
    pub(super) kinds: BTreeSet<(String, String)>,
}

/// Namespace, template and preset: rows that have them in common have the same kinds of objects.
type GroupKey = (String, String, Option<String>);

/// The check of the rows, one after the other.
struct RowChecks<'a> {
    cluster: &'a Cluster,
    intent: &'a RosterIntent,
    facts: &'a RosterFacts,
    now: Timestamp,
    plan: RosterPlan,
    /// Line of each namespace and name.
    lines: HashMap<(String, String), u64>,
    preflight: HashMap<GroupKey, PreflightFacts>,
    demands: BTreeMap<String, NamespaceDemand>,
    node_demands: NodeDemands,
}

/// Checks all rows.
///
/// # Errors
/// The errors of all rows, of which the first ones are shown; refusals of the server.
pub(super) async fn check_rows(
    cluster: &Cluster,
    roster: &Roster,
    intent: &RosterIntent,
    facts: &RosterFacts,
    now: Timestamp,
    sink: &mut dyn ProgressSink,
) -> Result<RosterPlan> {
    let _reads = cluster.share_reads();
    let mut checks = RowChecks {
        cluster,
        intent,
        facts,
        now,
        plan: RosterPlan::default(),
        lines: HashMap::new(),
        preflight: HashMap::new(),
        demands: BTreeMap::new(),
        node_demands: NodeDemands::of_new_sessions(),
    };
    let mut problems = RowProblems::new(&roster.label);
    for (line, row) in roster.rows() {
        checks.plan.rows += 1;
        if checks.plan.rows.is_multiple_of(PROGRESS_ROWS) {
            sink.tell(ProgressEvent::Waiting {
                stage: WaitStage::Checking,
                object: roster.label.clone(),
                detail: format!("{} rows", checks.plan.rows),
            });
        }
        let checked = match row {
            Ok(row) => checks.check_row(line, &row).await?,
            Err(error) => Err(error),
        };
        if let Err(error) = checked {
            problems.add(line, &error);
        }
    }
    sink.tell(ProgressEvent::Done);
    let rows = checks.plan.rows;
    let undone = match intent.is_scheduled {
        true => "nothing was scheduled",
        false => "no session was created",
    };
    combine_errors(
        problems.into_errors(|count| format!("{undone}: {}", describe_invalid(count, rows))),
    )?;
    checks.require_quota()?;
    let mut rooms = checks.preflight.values().map(|facts| &facts.room);
    if rooms.any(|room| room.nodes.is_some() || room.nodes_forbidden) {
        let room = checks.node_demands.check(cluster).await?;
        checks.plan.notes.extend(require_nodes(room)?);
    }
    Ok(checks.plan)
}

/// Checks that the nodes have room for all sessions, or may get it. Returns a note on what was not checked, or what an autoscaler has to add.
///
/// # Errors
/// Too little room, with how many fit.
fn require_nodes(room: NodesForAll) -> Result<Option<String>> {
    match room {
        NodesForAll::Enough => Ok(None),
        NodesForAll::Unknown => Ok(Some(NODES_UNKNOWN.to_owned())),
        NodesForAll::Short {
            message,
            has_autoscaler: true,
        } => Ok(Some(format!(
            "{message}; those without room stay pending until the cluster has another node"
        ))),
        NodesForAll::Short { message, .. } => Err(with_hint(anyhow!(message), NODES_HINT)),
    }
}

impl RowChecks<'_> {
    /// Checks a row. The inner error is the row's.
    ///
    /// # Errors
    /// Refusals of the server.
    async fn check_row(&mut self, line: u64, row: &Row) -> Result<Result<()>> {
        let namespace = self.intent.namespace_of(row).to_string();
        let key = (namespace.clone(), row.name.to_string());
        if let Some(before) = self.lines.insert(key, line) {
            let name = row.name.as_str();
            let error = anyhow!("session {name:?} is in line {before} already");
            return Ok(Err(with_hint(
                error,
                "name the sessions of a user who gets several in column name",
            )));
        }
        let planned = || -> Result<(Action, PlannedRow)> {
            let planned = self.intent.plan_row(row, self.facts, self.now)?;
            Ok((self.intent.decide(row, self.facts)?, planned))
        };
        let (action, planned) = match planned() {
            Err(error) => return Ok(Err(error)),
            Ok(planned) => planned,
        };
        if self.intent.is_scheduled {
            let objects = &planned.subject.rendered.rendering.objects;
            let kinds = objects.iter().map(|object| {
                let object = Untyped(object);
                (object.api_version().to_owned(), object.kind().to_owned())
            });
            self.plan.kinds.extend(kinds);
        }
        if action == Action::Keep {
            self.plan.kept += 1;
            return Ok(Ok(()));
        }
        self.check_new(action, planned).await
    }

    async fn check_new(&mut self, action: Action, mut planned: PlannedRow) -> Result<Result<()>> {
        let namespace = planned.observed.namespace.to_string();
        let template = planned
            .intent
            .session
            .spec
            .template_name()
            .unwrap_or_default();
        let template = template.to_owned();
        let rendering = &mut planned.subject.rendered.rendering;
        if !self.plan.missing.contains_key(&template) {
            let missing = MissingKinds::find(self.cluster, &rendering.objects).await?;
            self.plan.missing.insert(template.clone(), missing);
        }
        let name = planned.subject.name.as_str();
        if let Some(missing) = self.plan.missing.get(&template) {
            if planned.intent.session.spec.skip_missing_kinds == Some(true) {
                self.plan
                    .notes
                    .extend(missing.leave_out(&mut rendering.objects));
                self.plan.notes.truncate(MAX_NOTES);
            }
            if let Err(error) = missing.require_served(name, &rendering.objects) {
                return Ok(Err(error));
            }
        }
        let group = (namespace, template);
        if action == Action::Create
            && !planned.intent.skip_checks
            && let Err(error) = self.check_objects(&group, &planned).await?
        {
            return Ok(Err(error));
        }
        *self.plan.groups.entry(group).or_default() += 1;
        Ok(Ok(()))
    }

    /// Checks the objects of a new session as `create NAME` does, by facts that are read once for rows with the same kinds of objects.
    async fn check_objects(
        &mut self,
        (namespace, template): &(String, String),
        planned: &PlannedRow,
    ) -> Result<Result<()>> {
        let PlannedRow {
            intent, subject, ..
        } = planned;
        let new = subject.quota_objects(&intent.session.metadata);
        let rendering = &subject.rendered.rendering;
        let objects = PreflightObjects {
            ownership: &subject.ownership,
            new: &new,
            ingresses: &rendering.objects,
            use_existing: &intent.use_existing,
        };
        let preset = intent.session.spec.preset.clone();
        let key = (namespace.clone(), template.clone(), preset);
        if !self.preflight.contains_key(&key) {
            let name = subject.name.as_str();
            let stoppable =
                check_stoppable(self.cluster, name, &rendering.primary, &rendering.objects);
            if let Err(error) = stoppable.await {
                return Ok(Err(error));
            }
            // Missing rights are told by `observe`.
            let sink = &mut DiscardingSink;
            let facts = preflight::read_preflight_facts(self.cluster, &objects, sink).await?;
            self.preflight.insert(key.clone(), facts);
        }
        let Some(facts) = self.preflight.get(&key) else {
            return Ok(Ok(()));
        };
        if let Err(error) = preflight::check_preflight(&objects, facts) {
            return Ok(Err(error));
        }
        let namespace_facts = self.facts.namespaces.get(&subject.ownership.namespace);
        let quotas = namespace_facts.and_then(|facts| facts.quotas.as_deref());
        let (owner, sink) = (&subject.ownership, &mut DiscardingSink);
        if let Err(error) = check_hours(self.cluster, owner, quotas, self.now, sink).await {
            return Ok(Err(error));
        }
        let name = subject.name.as_str();
        if let Some(kept) = namespace_facts.and_then(|facts| facts.claims.get(name)) {
            match kept.compare(subject, intent) {
                Ok(notes) => self.plan.notes.extend(notes),
                Err(error) => return Ok(Err(error)),
            }
            self.plan.notes.truncate(MAX_NOTES);
        }
        let demand = self.demands.entry(namespace.clone()).or_default();
        demand.add(&new);
        self.node_demands.add(namespace, template, &new);
        Ok(Ok(()))
    }

    /// Checks that the sessions fit into the quotas all together.
    fn require_quota(&self) -> Result<()> {
        for (name, facts) in &self.facts.namespaces {
            let demand = self.demands.get(name.as_str());
            let shortfall = demand
                .zip(facts.quotas.as_ref())
                .and_then(|(demand, quotas)| demand.find_shortfall(name.as_str(), quotas));
            if let Some(error) = shortfall {
                return Err(error);
            }
        }
        Ok(())
    }
}

impl RosterPlan {
    /// Returns the number of sessions to create.
    pub(super) fn new_sessions(&self) -> u64 {
        self.groups.values().sum()
    }

    /// Returns the plan in lines: how many sessions, where and of what.
    pub(super) fn lines(&self) -> Vec<String> {
        let (new, rows) = (self.new_sessions(), self.rows);
        let s = if rows == 1 { "" } else { "s" };
        let kept = match self.kept {
            0 => String::new(),
            1 => ", 1 exists already".to_owned(),
            kept => format!(", {kept} exist already"),
        };
        let first = format!("{rows} row{s}: {new} to create{kept}");
        let groups = self.groups.iter().map(|((namespace, template), count)| {
            format!("  {count} in namespace {namespace:?} from template {template:?}")
        });
        std::iter::once(first).chain(groups).collect()
    }
}
