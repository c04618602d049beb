//! Creates the sessions of a checked roster, a few at a time and at a pace.

use anyhow::{Error, Result};
use session_shared::Timestamp;
use session_shared::client::DryRun;
use session_shared::client::interrupt::Interrupt;
use session_shared::failure::{self, FailureKind};
use session_shared::flags::pace::PaceFlags;
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::ops::finish_start::{self, Started};
use session_shared::ops::missing_kinds::MissingKinds;
use session_shared::ops::start::StartContext;
use session_shared::ops::start_plan::{StartOptions, StartPlan};
use session_shared::ops::wait_ready::WaitContext;
use session_shared::ops::{Cluster, Driver, ObservedSession};
use session_shared::paced_run::PacedRun;
use session_shared::progress::DiscardingSink;

use super::observe::{ExistingSession, RosterFacts};
use super::plan::RosterPlan;
use super::report::{RowReport, RowResult};
use super::rows::{Action, PlannedRow, RosterIntent, decide_existing};
use crate::creation::Creation;
use session_shared::roster::problems::error_line;
use session_shared::roster::reader::{Roster, Row};

/// Number of sessions at the same time without `--parallel`.
pub(super) const PARALLEL: usize = 4;

/// Everything that the creation of the rows shares.
pub(super) struct RosterRun<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) intent: &'a RosterIntent,
    pub(super) facts: &'a RosterFacts,
    pub(super) plan: &'a RosterPlan,
    pub(super) clock: &'a dyn Fn() -> Timestamp,
    /// Ends the work between two rows, and waits for ready sessions.
    pub(super) interrupt: &'a Interrupt,
    /// Interrupt of a row that has begun: none, so that it ends in order.
    pub(super) uninterrupted: Interrupt,
}

/// A row that has ended.
pub(super) struct EndedRow {
    pub(super) report: RowReport,
    pub(super) error: Option<Error>,
}

impl RosterRun<'_> {
    /// Runs the rows in their order, and calls `end` for each as it ends. An error of one row stops no other. After Ctrl-C, and once
    /// `end` fails, no further row begins, and those that have begun are run to their end.
    ///
    /// # Errors
    /// The first error of `end`.
    pub(super) async fn run(
        &self,
        roster: &Roster,
        pace: &PaceFlags,
        end: impl FnMut(EndedRow) -> Result<()>,
    ) -> Result<()> {
        let rows = roster.rows();
        // Checked before; a row that could not be read is none.
        let rows = rows.filter_map(|(line, row)| Some((line, row.ok()?)));
        let is_kept = |(_, row): &(u64, Row)| {
            let action = self.intent.decide(row, self.facts);
            action.is_ok_and(|action| action == Action::Keep)
        };
        let dry_run = self.intent.base.mutation.dry_run;
        let _watches = self.cluster.share_watches();
        let run = PacedRun::new(pace, PARALLEL, dry_run, self.interrupt);
        let create = async |(line, row): (u64, Row)| self.run_row(line, row).await;
        run.run(rows, is_kept, create, end).await
    }

    async fn run_row(&self, line: u64, row: Row) -> EndedRow {
        let result = self.create_row(&row).await;
        let template = self.intent.template_of(&row).map(ToString::to_string);
        let (result, error) = match result {
            Ok(result) => (result, None),
            Err(error) => (RowResult::Failed, Some(error)),
        };
        let report = RowReport {
            line,
            user: row.user.to_string(),
            namespace: self.intent.namespace_of(&row).to_string(),
            name: row.name.to_string(),
            template: template.unwrap_or_default(),
            result,
            error: error.as_ref().map(error_line).unwrap_or_default(),
        };
        EndedRow { report, error }
    }

    async fn create_row(&self, row: &Row) -> Result<RowResult> {
        let action = self.intent.decide(row, self.facts)?;
        let namespace = self.facts.namespaces.get(self.intent.namespace_of(row));
        // The server cannot check objects in a namespace that does not exist yet.
        let is_unsent = match self.intent.base.mutation.dry_run {
            DryRun::None => false,
            DryRun::Client => true,
            DryRun::Server => namespace.is_some_and(|namespace| !namespace.exists),
        };
        match action {
            Action::Keep => Ok(RowResult::Unchanged),
            Action::Create if is_unsent => Ok(RowResult::Created),
            Action::Complete if is_unsent => Ok(RowResult::Completed),
            // Boxed: the futures of a creation and of a start are large, and a poll holds both on its stack.
            Action::Create => Box::pin(self.create_session(row)).await,
            Action::Complete => Box::pin(self.complete_session(row)).await,
        }
    }

    async fn create_session(&self, row: &Row) -> Result<RowResult> {
        let planned = self.intent.plan_row(row, self.facts, (self.clock)())?;
        let PlannedRow {
            intent,
            observed,
            mut subject,
        } = planned;
        let none = MissingKinds::default();
        let template = intent.session.spec.template_name().unwrap_or_default();
        let missing = self.plan.missing.get(template).unwrap_or(&none);
        if intent.session.spec.skip_missing_kinds == Some(true) {
            missing.leave_out(&mut subject.rendered.rendering.objects);
        }
        let creation = Creation {
            cluster: self.cluster,
            intent: &intent,
            observed: &observed,
            write: &intent.mutation.write,
            interrupt: &self.uninterrupted,
            driver: self.driver(row),
            now: observed.now,
            missing,
        };
        match creation.create(&subject, &mut DiscardingSink).await {
            Ok(started) => {
                self.wait_ready(&started).await?;
                Ok(RowResult::Created)
            }
            Err(error) if failure::has_kind(&error, FailureKind::AlreadyExists) => {
                self.find_existing(row, error).await
            }
            Err(error) => Err(error),
        }
    }

    /// Looks at the session that was created since the roster was checked, or that the caller may not list. `error` is the refusal.
    async fn find_existing(&self, row: &Row, error: Error) -> Result<RowResult> {
        let namespace = self.intent.namespace_of(row).as_str();
        let Ok(found) = self
            .cluster
            .get_selected_session(namespace, &row.name)
            .await
        else {
            return Err(error);
        };
        if Untyped(&found.object).annotation(labels::RUN) == Some(self.intent.run.as_str()) {
            // Our own, which could not be rolled back: another object was in the way.
            return Err(error);
        }
        let existing = ExistingSession::of(&found.session, self.driver(row));
        // Whoever has just created it may still be at it.
        decide_existing(row, &existing).map(|_| RowResult::Unchanged)
    }

    /// Starts a session whose Session was created by a command that was killed before it had created the rest.
    async fn complete_session(&self, row: &Row) -> Result<RowResult> {
        let namespace = self.intent.namespace_of(row).as_str();
        let planned = self.intent.plan_row(row, self.facts, (self.clock)())?;
        let intent = planned.intent;
        let selected = self
            .cluster
            .get_selected_session(namespace, &row.name)
            .await?;
        let observed = ObservedSession::read(self.cluster, selected, self.driver(row)).await?;
        let options = StartOptions {
            values: intent.values,
            use_existing: intent.use_existing,
            skip_checks: intent.skip_checks,
            ..StartOptions::default()
        };
        let (now, sink) = ((self.clock)(), &mut DiscardingSink);
        let plan = StartPlan::prepare(self.cluster, observed, &options, now, sink).await?;
        let context = StartContext {
            write: &intent.mutation.write,
            interrupt: &self.uninterrupted,
            now,
        };
        let started = plan.start(self.cluster, context, sink).await?;
        self.wait_ready(&started).await?;
        Ok(RowResult::Completed)
    }

    /// Waits until the session is ready if the command line says so. Ctrl-C ends the wait, not the session.
    async fn wait_ready(&self, started: &Started) -> Result<()> {
        let (base, write) = (&self.intent.base, &self.intent.base.mutation.write);
        let Some(limit) = base.wait.filter(|_| base.mutation.dry_run == DryRun::None) else {
            return Ok(());
        };
        let mut context = WaitContext {
            interrupt: self.interrupt,
            sink: &mut DiscardingSink,
            now: self.clock,
        };
        let waited =
            finish_start::wait_session_ready(self.cluster, started, limit, write, &mut context);
        match waited.await {
            Err(error) if failure::has_kind(&error, FailureKind::Interrupted) => Ok(()),
            waited => waited.map(drop),
        }
    }

    fn driver(&self, row: &Row) -> Driver {
        let namespaces = &self.facts.namespaces;
        let facts = namespaces.get(self.intent.namespace_of(row));
        facts.map_or(Driver::Client, |facts| facts.driver)
    }
}
