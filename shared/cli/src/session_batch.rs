//! The sessions of one command, read, acted on and reported together: the loop of every verb that takes several names.
//!
//! ```text
//! SessionSelection ─► select ─► map: read and plan each ─► apply: write each ─► print: a line each ─► errors
//! ```
//!
//! The verb says what is read, done and printed for one session. Order, concurrency, interrupt, progress and errors are here.

use std::borrow::Cow;

use anyhow::{Error, Result};
use futures::StreamExt;

use crate::batch_progress::{BatchProgress, NotesOnly};
use crate::bulk_progress::{Count, describe_counts};
use crate::flags::pace::PaceFlags;
use crate::paced_run::PacedRun;
use crate::report::console::Console;
use crate::report::mutation::{dry_run_suffix, no_resources_message};
use crate::roster::problems::RowProblems;
use crate::verb::Environment;
use session_client::interrupt::interrupted_error;
use session_client::{DryRun, SharedReads, SharedWatches};
use session_model::failure::{self, FailureKind, combine_errors, with_hint};
use session_model::progress::{ProgressEvent, ProgressSink, SharedSink, WaitStage};
use session_ops::selected_sessions::{MAX_CONCURRENT_SESSIONS, SelectedSession};
use session_ops::session_selection::SessionSelection;
use session_ops::{Cluster, Driver};

/// The sessions of a command in the order of the command line, each with what is known of it by now, or with the error that ended
/// the work on it. An error of one session never affects the others.
#[derive(Debug)]
pub struct SessionBatch<T> {
    results: Vec<Result<T>>,
    run: BatchRun,
}

/// What all sessions of a batch have in common, through all its steps.
#[derive(Debug)]
struct BatchRun {
    /// The waits of several sessions share their watches.
    _watches: Option<SharedWatches>,
    /// While several sessions are read and planned, what they have in common is read once.
    reads: Option<SharedReads>,
    /// Number of sessions that an interrupt left as they were; the results have one error for all of them.
    left: usize,
    /// Note on the rows of a roster that are left out.
    note: Option<String>,
    /// Dry run of the writes.
    dry_run: DryRun,
    /// True if the command line names each session.
    are_named: bool,
}

impl SessionBatch<SelectedSession> {
    /// Reads the Sessions of a selection and, at the same time, chooses the driver of their namespace. A named session that does
    /// not exist is an error of the batch.
    ///
    /// # Errors
    /// Refusals of the server; sessions of a roster that do not exist or are another user's.
    pub async fn select(cluster: &Cluster, selection: &SessionSelection) -> Result<(Self, Driver)> {
        let driver = cluster.choose_driver(cluster.namespace(), None);
        futures::try_join!(Self::read(cluster, selection, false), driver)
    }

    /// Reads the Sessions as [`SessionBatch::select`] does, without those that do not exist, as `--ignore-not-found` says.
    ///
    /// # Errors
    /// Refusals of the server; sessions of a roster that are another user's.
    pub async fn select_existing(
        cluster: &Cluster,
        selection: &SessionSelection,
    ) -> Result<(Self, Driver)> {
        let driver = cluster.choose_driver(cluster.namespace(), None);
        futures::try_join!(Self::read(cluster, selection, true), driver)
    }

    /// Reads the Sessions as [`SessionBatch::select`] does, for verbs that do the same whoever reconciles them.
    ///
    /// # Errors
    /// As [`SessionBatch::select`].
    pub async fn select_undriven(cluster: &Cluster, selection: &SessionSelection) -> Result<Self> {
        Self::read(cluster, selection, false).await
    }

    async fn read(
        cluster: &Cluster,
        selection: &SessionSelection,
        ignores_missing: bool,
    ) -> Result<Self> {
        let (mut kept, mut note) = (Cow::Borrowed(selection), None);
        if let SessionSelection::ByRoster(roster) = selection {
            let mut roster = roster.clone();
            note = roster.keep_namespace(cluster.namespace())?;
            kept = Cow::Owned(SessionSelection::ByRoster(roster));
        }
        let reads = cluster.get_selected_sessions(cluster.namespace(), &kept);
        let mut results = reads.await?;
        let is_ignored =
            |error: &Error| ignores_missing && failure::has_kind(error, FailureKind::NotFound);
        if let SessionSelection::ByRoster(roster) = &*kept {
            let mut problems = RowProblems::new(&roster.label);
            for (row, result) in roster.sessions.iter().zip(&results) {
                if let Err(error) = result
                    && !is_ignored(error)
                {
                    problems.add(row.line, error);
                }
            }
            let rows = roster.sessions.len();
            combine_errors(problems.into_errors(|count| {
                format!("nothing was done: {count} of {rows} rows name no session of their user")
            }))?;
        }
        results.retain(|session| !session.as_ref().is_err_and(is_ignored));
        let are_several = results.len() > 1;
        Ok(Self {
            results,
            run: BatchRun {
                _watches: are_several.then(|| cluster.share_watches()),
                reads: are_several.then(|| cluster.share_reads()),
                left: 0,
                note,
                dry_run: DryRun::None,
                are_named: matches!(selection, SessionSelection::ByName(_)),
            },
        })
    }
}

impl<T> SessionBatch<T> {
    /// Returns the sessions without an error.
    pub fn sessions(&self) -> impl Iterator<Item = &T> {
        self.results.iter().flatten()
    }

    /// Returns the session if there is exactly one without an error: only then the user can be asked about its text.
    pub fn single(&self) -> Option<&T> {
        let mut sessions = self.sessions();
        sessions.next().filter(|_| sessions.next().is_none())
    }

    /// Returns the number of sessions, including those with an error.
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Returns true if the command has no session at all.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// Runs a step that only reads for each session, a limited number at a time. An error of the step becomes the session's error.
    pub async fn map<U>(self, step: impl AsyncFn(T) -> Result<U>) -> SessionBatch<U> {
        let step = &step;
        let steps = self.results.into_iter();
        let steps = steps.map(|session| async move { step(session?).await });
        let results = run_concurrently(steps).await;
        SessionBatch {
            results,
            run: self.run,
        }
    }

    /// Runs a step as [`SessionBatch::map`] does, but an error of the step fails the whole batch.
    ///
    /// # Errors
    /// The first error of the step.
    pub async fn try_map<U>(self, step: impl AsyncFn(T) -> Result<U>) -> Result<SessionBatch<U>> {
        let step = &step;
        let steps = self.results.into_iter().map(|session| async move {
            match session {
                Ok(session) => step(session).await.map(Ok),
                Err(error) => Ok(Err(error)),
            }
        });
        let results = run_concurrently(steps).await;
        Ok(SessionBatch {
            results: results.into_iter().collect::<Result<_>>()?,
            run: self.run,
        })
    }

    /// Runs the writes of each session, at the pace of the command, and adds their result to the session. Progress of a single session
    /// is shown in full, of several as one line. Ctrl-C ends what a write waits for, not the process, so that the results can still be
    /// printed; sessions that have not begun by then are left, which is an error of the batch.
    ///
    /// # Errors
    /// Interrupted before the first session.
    pub async fn apply<U>(
        self,
        work: BatchWork<'_, T>,
        environment: &Environment,
        write: impl AsyncFn(&T, &mut dyn ProgressSink) -> Result<U>,
    ) -> Result<SessionBatch<(T, U)>> {
        let _guard = environment.interrupt.guard()?;
        // From here on, what is read may have changed since the plan.
        drop(self.run.reads);
        let (sessions, mut results) = separate_errors(self.results);
        let mut display = environment.console.progress();
        let total = sessions.len();
        let progress = BatchProgress::new(work.stage, total, environment);
        let sink = SharedSink::new(&mut display);
        progress.tell(&sink);
        let step = async |(at, session): (usize, T)| {
            let (mut shared, mut notes_only) = (&sink, NotesOnly(&sink));
            let sink: &mut dyn ProgressSink = match total {
                1 => &mut shared,
                _ => &mut notes_only,
            };
            let result = write(&session, sink).await;
            (at, result.map(|result| (session, result)))
        };
        let end = |(at, result): (usize, Result<(T, U)>)| {
            progress.count(result.is_ok());
            progress.tell(&sink);
            if let Some(slot) = results.get_mut(at) {
                *slot = Some(result);
            }
            Ok(())
        };
        let idle = |(_, session): &(usize, T)| (work.is_idle)(session);
        let parallel = MAX_CONCURRENT_SESSIONS;
        let run = PacedRun::new(work.pace, parallel, work.dry_run, &environment.interrupt);
        run.run(sessions.into_iter(), idle, step, end).await?;
        (&sink).tell(ProgressEvent::Done);
        let (results, left) = join_results(results, total, work.left_hint);
        let run = BatchRun {
            reads: None,
            left,
            dry_run: work.dry_run,
            ..self.run
        };
        Ok(SessionBatch { results, run })
    }

    /// Returns the numbers of sessions by their words, `3 to restart, 1 failed`, with the words in the order of the sessions; `None` for
    /// a single session.
    pub fn summary(&self, word: impl Fn(&T) -> &'static str) -> Option<String> {
        (self.len() > 1).then(|| describe_counts(&self.counts(word)))
    }

    fn counts(&self, word: impl Fn(&T) -> &'static str) -> Vec<Count> {
        let mut counts: Vec<Count> = Vec::new();
        for word in self.sessions().map(word) {
            match counts.iter_mut().find(|(_, counted)| *counted == word) {
                Some((number, _)) => *number += 1,
                None => counts.push((1, word)),
            }
        }
        let errors = self.results.iter().filter(|result| result.is_err());
        // An interrupt has one error for the sessions that it left.
        let failed = errors.count() - usize::from(self.run.left > 0);
        counts.extend([(failed as u64, "failed"), (self.run.left as u64, "left")]);
        counts.retain(|(number, _)| *number > 0);
        counts
    }

    /// Returns the line that follows the results; `None` where it would repeat them: nothing was done, or the command line names the
    /// sessions and all have the same result.
    fn result_summary(&self, word: impl Fn(&T) -> &'static str) -> Option<String> {
        let counts = self.counts(word);
        let is_needed = self.len() > 1 && (counts.len() > 1 || !self.run.are_named);
        (is_needed && self.sessions().next().is_some()).then(|| {
            format!(
                "{}{}",
                describe_counts(&counts),
                dry_run_suffix(self.run.dry_run)
            )
        })
    }

    /// Prints each session without an error by `print_session`, or kubectl's message if there is no session at all. The numbers of
    /// sessions by the words of `word` follow on standard error. Returns the errors of the others.
    ///
    /// # Errors
    /// Those of `print_session`: standard output is closed.
    pub fn print(
        self,
        console: &mut Console,
        word: impl Fn(&T) -> &'static str,
        mut print_session: impl FnMut(T, &'static str, &mut Console) -> Result<()>,
    ) -> Result<Vec<Error>> {
        if self.is_empty() {
            console.print_error_line(&no_resources_message(None));
        }
        let summary = self.result_summary(&word).filter(|_| !console.is_quiet());
        let mut errors = Vec::new();
        for result in self.results {
            match result {
                Ok(session) => {
                    let word = word(&session);
                    print_session(session, word, console)?;
                }
                Err(error) => errors.push(error),
            }
        }
        if let Some(summary) = summary {
            console.print_error_line(&summary);
        }
        if let Some(note) = self.run.note {
            console.note(&note);
        }
        Ok(errors)
    }
}

/// Results in the order of the sessions; `None` for a session that has no result yet.
type ResultSlots<R> = Vec<Option<Result<R>>>;

/// Separates the sessions, each with its place among the results, from the results that are already known: errors.
fn separate_errors<T, U>(all: Vec<Result<T>>) -> (Vec<(usize, T)>, ResultSlots<U>) {
    let (mut sessions, mut results) = (Vec::new(), Vec::new());
    for (at, result) in all.into_iter().enumerate() {
        results.push(match result {
            Ok(session) => {
                sessions.push((at, session));
                None
            }
            Err(error) => Some(Err(error)),
        });
    }
    (sessions, results)
}

/// Returns the results in order, and how many of `total` sessions have none, because of an interrupt: these have one error together.
fn join_results<R>(results: ResultSlots<R>, total: usize, remedy: &str) -> (Vec<Result<R>>, usize) {
    let left = results.iter().filter(|result| result.is_none()).count();
    let mut results: Vec<Result<R>> = results.into_iter().flatten().collect();
    if left > 0 {
        let hint = format!("{left} of {total} sessions are left; {remedy}");
        results.push(Err(with_hint(interrupted_error(), hint)));
    }
    (results, left)
}

/// Runs futures, at most [`MAX_CONCURRENT_SESSIONS`] at a time, and returns their outputs in order.
pub async fn run_concurrently<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let running = futures::stream::iter(futures).buffered(MAX_CONCURRENT_SESSIONS);
    running.collect().await
}

/// Remedy for the sessions that Ctrl-C leaves, for a verb that leaves those alone which are done.
pub const RUN_AGAIN: &str = "run the same command again to continue";

/// The work of a verb on its sessions.
#[derive(Clone, Copy, Debug)]
pub struct BatchWork<'a, T> {
    /// Kind of the work, for progress.
    pub stage: WaitStage,
    /// Pace of the command line.
    pub pace: &'a PaceFlags,
    /// Dry run of the command line.
    pub dry_run: DryRun,
    /// True for a session of which nothing is written: it waits for no tick of the pace.
    pub is_idle: fn(&T) -> bool,
    /// Remedy for the sessions that Ctrl-C leaves: [`RUN_AGAIN`], unless a second run would do something else than the rest.
    pub left_hint: &'static str,
}
