//! The sessions of one command, read, acted on and reported together: the loop of every verb that takes several names.
//!
//! ```text
//! SessionSelection ─► select ─► map: read and plan each ─► apply: write each ─► print: a line each ─► errors
//! ```
//!
//! The verb says what is read, done and printed for one session. Order, concurrency, interrupt, progress and errors are here.

use anyhow::{Error, Result};
use futures::StreamExt;

use crate::report::console::Console;
use crate::report::live_line::ProgressDisplay;
use crate::report::mutation::no_resources_message;
use crate::verb::Environment;
use session_model::failure::{self, FailureKind};
use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};
use session_ops::selected_sessions::{MAX_CONCURRENT_SESSIONS, SelectedSession, SessionSelection};
use session_ops::{Cluster, Driver};

/// The sessions of a command in the order of the command line, each with what is known of it by now, or with the error that ended
/// the work on it. An error of one session never affects the others.
#[derive(Debug)]
pub struct SessionBatch<T> {
    results: Vec<Result<T>>,
}

impl SessionBatch<SelectedSession> {
    /// Reads the Sessions of a selection and, at the same time, chooses the driver of their namespace. A named session that does
    /// not exist is an error of the batch.
    ///
    /// # Errors
    /// Refusals of the server.
    pub async fn select(cluster: &Cluster, selection: &SessionSelection) -> Result<(Self, Driver)> {
        let namespace = cluster.namespace();
        let (results, driver) = futures::try_join!(
            cluster.get_selected_sessions(namespace, selection),
            cluster.choose_driver(namespace, None)
        )?;
        Ok((Self { results }, driver))
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

    /// Forgets the sessions that do not exist, as `--ignore-not-found` does.
    pub fn drop_not_found(&mut self) {
        let is_not_found = |error: &Error| failure::has_kind(error, FailureKind::NotFound);
        self.results
            .retain(|session| !session.as_ref().is_err_and(is_not_found));
    }

    /// Runs a step for each session, a limited number at a time. An error of the step becomes the session's error.
    pub async fn map<U>(self, step: impl AsyncFn(T) -> Result<U>) -> SessionBatch<U> {
        let step = &step;
        let steps = self.results.into_iter();
        let steps = steps.map(|session| async move { step(session?).await });
        let results = run_concurrently(steps).await;
        SessionBatch { results }
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
        let results = results.into_iter().collect::<Result<_>>()?;
        Ok(SessionBatch { results })
    }

    /// Runs the writes of each session, a limited number at a time, and adds their result to the session. Progress of a single
    /// session is shown in full, of several as one line. Ctrl-C ends what a write waits for, not the process, so that the results
    /// can still be printed.
    ///
    /// # Errors
    /// Interrupted before the first session.
    pub async fn apply<U>(
        self,
        stage: WaitStage,
        environment: &Environment,
        write: impl AsyncFn(&T, &mut dyn ProgressSink) -> Result<U>,
    ) -> Result<SessionBatch<(T, U)>> {
        let _guard = environment.interrupt.guard()?;
        let count = self.sessions().count();
        let mut progress = environment.console.progress();
        if count > 1 {
            progress.tell(ProgressEvent::Waiting {
                stage,
                object: format!("{count} sessions"),
                detail: String::new(),
            });
        }
        let write = &write;
        let written = self.map(async |session| {
            let mut display = environment.console.progress();
            let mut notes_only = NotesOnly(environment.console.progress());
            let sink: &mut dyn ProgressSink = match count {
                1 => &mut display,
                _ => &mut notes_only,
            };
            let result = write(&session, sink).await?;
            Ok((session, result))
        });
        let written = written.await;
        progress.tell(ProgressEvent::Done);
        Ok(written)
    }

    /// Prints each session without an error by `print_session`, or kubectl's message if there is no session at all. Returns the
    /// errors of the others.
    ///
    /// # Errors
    /// Those of `print_session`: standard output is closed.
    pub fn print(
        self,
        console: &mut Console,
        mut print_session: impl FnMut(T, &mut Console) -> Result<()>,
    ) -> Result<Vec<Error>> {
        if self.is_empty() {
            console.print_error_line(&no_resources_message(None));
        }
        let mut errors = Vec::new();
        for result in self.results {
            match result {
                Ok(session) => print_session(session, console)?,
                Err(error) => errors.push(error),
            }
        }
        Ok(errors)
    }
}

/// Runs futures, at most [`MAX_CONCURRENT_SESSIONS`] at a time, and returns their outputs in order.
pub async fn run_concurrently<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let running = futures::stream::iter(futures).buffered(MAX_CONCURRENT_SESSIONS);
    running.collect().await
}

/// A sink that passes on notes alone, because the live line belongs to all sessions.
struct NotesOnly(ProgressDisplay);

impl ProgressSink for NotesOnly {
    fn tell(&mut self, event: ProgressEvent) {
        if let ProgressEvent::Note(_) = event {
            self.0.tell(event);
        }
    }
}
