//! The log of one container, followed across restarts, interrupted connections and time-outs until the container will not
//! run again.

mod read_log;

use std::time::{Duration, Instant as Moment};

use anyhow::Result;
use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use std::pin::pin;
use tokio::sync::watch::Receiver;

use super::log_gap::{FollowClock, GapCause, LogGap};
use super::log_target::LogTarget;
use super::resume_filter::ResumeFilter;
use crate::Cluster;
use session_client::{Backoff, LogOptions, LogStream, parse_object};
use session_model::failure::{self, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::container_run::{ContainerRun, RunState};
use session_model::objects::resource::POD;

/// First pause before a log that returned nothing is opened again: a container that has just started has no log for a
/// moment.
const INITIAL_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Time allowed for the rest of a log after its Pod is gone.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// An event in a container's log.
#[derive(Debug)]
pub(super) enum ContainerLogEvent {
    /// Bytes of the log that were not returned before.
    Bytes(Vec<u8>),
    /// A message for the user.
    Note(String),
    /// A warning that lines may be missing.
    Warning(String),
}

/// A follower of one container's log.
pub(super) struct ContainerFollower {
    cluster: Cluster,
    target: LogTarget,
    options: LogOptions,
    state: Receiver<ContainerRun>,
    clock: FollowClock,
    scanner: ResumeFilter,
    /// Bytes that are returned after a message.
    pending: Option<Vec<u8>>,
    reading: Option<LogStream>,
    /// Container ID of the run whose log is read.
    run: Option<String>,
    /// The container had not run yet when it was looked at, so that its first run is read even if the Pod never reports it as
    /// the current one.
    awaits_first_run: bool,
    /// The log is that of the run before the one that the Pod reports.
    is_previous: bool,
    /// The log was opened after its run had ended, so it is complete.
    is_run_complete: bool,
    /// The connection was lost, and the log was not read to an end since.
    is_cut: bool,
    /// Time of the first attempt to open the log.
    first_opened: Option<Moment>,
    /// Pauses between attempts that return nothing.
    backoff: Backoff,
    /// The last message, which is not repeated.
    last_note: String,
}

/// The next action of the follower.
enum FollowStep {
    Read,
    Tell(String),
    Warn(LogGap, GapCause),
    End,
}

impl ContainerFollower {
    /// Streams the log from the position that `options` select to the end of the container's last run. Of `options` only
    /// the position, the size limit and the time stamps count. `state` is the container's state as the Pod reports it.
    pub(super) fn stream(
        cluster: Cluster,
        whose: LogTarget,
        options: LogOptions,
        state: Receiver<ContainerRun>,
        clock: FollowClock,
    ) -> BoxStream<'static, Result<ContainerLogEvent>> {
        let scanner = ResumeFilter::new(options.timestamps, options.limit_bytes);
        let follower = Self {
            cluster,
            target: whose,
            options,
            state,
            clock,
            scanner,
            pending: None,
            reading: None,
            run: None,
            awaits_first_run: false,
            is_previous: false,
            is_run_complete: false,
            is_cut: false,
            first_opened: None,
            backoff: Backoff::between(INITIAL_PAUSE, MAX_PAUSE),
            last_note: String::new(),
        };
        stream::unfold(Some(follower), |follower| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok(said) => said.map(|said| (Ok(said), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<ContainerLogEvent>> {
        loop {
            if let Some(bytes) = self.pending.take() {
                return Ok(Some(ContainerLogEvent::Bytes(bytes)));
            }
            if self.scanner.is_limit_reached() {
                return Ok(None);
            }
            if self.reading.is_none() {
                match self.next_step().await? {
                    FollowStep::Read => continue,
                    FollowStep::Tell(note) if note == self.last_note => continue,
                    FollowStep::Tell(note) => {
                        self.last_note.clone_from(&note);
                        return Ok(Some(ContainerLogEvent::Note(note)));
                    }
                    FollowStep::Warn(gap, cause) => return Ok(Some(self.gap_event(gap, cause))),
                    FollowStep::End => return Ok(None),
                }
            }
            if let Some(event) = self.read().await {
                return Ok(Some(event));
            }
        }
    }

    /// Opens the log that is read next, or waits until there is one.
    async fn next_step(&mut self) -> Result<FollowStep> {
        let now = self.state.borrow_and_update().clone();
        if now.state == RunState::PodGone {
            return Ok(match self.is_cut {
                true => self.lost_rest(GapCause::PodDeleted),
                false => FollowStep::End,
            });
        }
        if !now.id.is_empty() && self.run.as_deref() != Some(now.id.as_str()) {
            return self.start_run(now).await;
        }
        match now.state {
            RunState::Running => {
                self.wait_backoff_or_change().await;
                self.open_log(false).await
            }
            // Read once more: output between the last read and the end of the run is still missing.
            _ if self.run.is_some() && !self.is_run_complete => {
                if self.is_cut {
                    self.wait_backoff_or_change().await;
                }
                self.is_run_complete = true;
                self.open_log(false).await
            }
            RunState::Finished | RunState::PodGone => Ok(FollowStep::End),
            RunState::Waiting(reason) => {
                self.awaits_first_run |= now.id.is_empty();
                let LogTarget { pod, container, .. } = &self.target;
                let note = format!(
                    "waiting for container {container:?} of pod {pod:?} to start: {reason}"
                );
                if note != self.last_note {
                    return Ok(FollowStep::Tell(note));
                }
                Ok(self.wait_state_change().await)
            }
            RunState::Restarting => Ok(self.wait_state_change().await),
        }
    }

    /// Starts reading a new run. The rest of the previous run comes first.
    async fn start_run(&mut self, now: ContainerRun) -> Result<FollowStep> {
        // A run that ended before it was reported is one that was skipped.
        let unreported = self.awaits_first_run.then(String::new);
        if let Some(run) = self.run.as_ref().or(unreported.as_ref())
            && !now.previous_id.is_empty()
            && (!self.is_run_complete || *run != now.previous_id)
        {
            let is_skipped = *run != now.previous_id;
            let is_lost = is_skipped && self.is_cut;
            self.run = Some(now.previous_id);
            if is_lost {
                // The previous run is read in the next step.
                let step = self.lost_rest(GapCause::RunDeleted);
                self.scanner.start_run();
                return Ok(step);
            }
            if is_skipped {
                self.scanner.start_run();
            }
            if self.is_cut {
                self.wait_backoff_or_change().await;
            }
            self.is_run_complete = true;
            return self.open_log(true).await;
        }
        self.scanner.start_run();
        let again = self.run.replace(now.id).is_some();
        self.is_run_complete = now.state != RunState::Running;
        self.backoff.reset();
        let opened = self.open_log(false).await?;
        let LogTarget { pod, container, .. } = &self.target;
        match opened {
            FollowStep::Read if again => Ok(FollowStep::Tell(format!(
                "container {container:?} of pod {pod:?} was restarted"
            ))),
            step => Ok(step),
        }
    }

    async fn open_log(&mut self, previous: bool) -> Result<FollowStep> {
        let options = self.next_options(previous);
        let (cluster, run) = (&self.cluster, self.run.as_deref());
        let LogTarget {
            namespace,
            pod,
            uid,
            container,
        } = &self.target;
        let opened = async {
            let stream = cluster.open_log(namespace, pod, &options).await?;
            // The API finds logs by Pod name. The stream is the right one only if the Pod still has the same UID.
            let found = cluster.get(&POD, namespace, pod).await?;
            let ours = found.filter(|found| Untyped(found).has_uid(uid));
            // Likewise it is the right run only if no other run has started in the meantime; that one is announced first.
            let same = ours.is_some_and(|ours| previous || is_of_run(ours, container, run));
            anyhow::Ok(same.then_some(stream))
        };
        let gone = pin!(wait_gone_for_long(self.state.clone()));
        let opened = match select(pin!(opened), gone).await {
            Either::Left((opened, _)) => opened,
            Either::Right(_) => return Ok(FollowStep::End),
        };
        match opened {
            Ok(Some(stream)) => {
                self.reading = Some(stream);
                self.is_previous = previous;
                Ok(FollowStep::Read)
            }
            Ok(None) => {
                // The rest of this run is read as that of the run before the newer one.
                self.is_run_complete &= previous;
                Ok(self.wait_newer_state().await)
            }
            Err(error) => self.handle_open_error(error, previous).await,
        }
    }

    /// Decides whether to retry a log that cannot be opened.
    async fn handle_open_error(
        &mut self,
        error: anyhow::Error,
        previous: bool,
    ) -> Result<FollowStep> {
        let Some(failed) = failure::find_failure(&error) else {
            return Err(error);
        };
        match failed.kind {
            FailureKind::Forbidden
            | FailureKind::Unauthorized
            | FailureKind::InvalidConfiguration => return Err(error),
            // The kubelet has deleted the log of that run; nothing is left to read.
            _ if previous && failed.code != 0 && failed.code < 500 => {
                return Ok(match self.is_cut {
                    true => self.lost_rest(GapCause::RunDeleted),
                    false => FollowStep::Read,
                });
            }
            FailureKind::NotFound => return Ok(self.wait_state_change().await),
            _ => {}
        }
        // The next attempt must follow the log as this one did.
        self.is_run_complete = false;
        let note = self.unreadable(&failed.message);
        // Status 400 is expected just before a container starts, and is not reported.
        let expected = failed.code == 400;
        self.wait_backoff_or_change().await;
        Ok(if expected {
            FollowStep::Read
        } else {
            FollowStep::Tell(note)
        })
    }

    fn unreadable(&self, why: &str) -> String {
        format!("cannot read the log of pod {:?}: {why}", self.target.pod)
    }

    /// Returns the options for the next attempt: the user's position at first, and later the position after the last line
    /// read.
    fn next_options(&mut self, previous: bool) -> LogOptions {
        let first = self.first_opened.is_none();
        let begun = *self.first_opened.get_or_insert_with(Moment::now);
        let since = self.scanner.reopen();
        let base = LogOptions {
            container: self.target.container.clone(),
            follow: !previous && !self.is_run_complete,
            previous,
            timestamps: true,
            ..LogOptions::default()
        };
        if first {
            return LogOptions {
                since_seconds: self.options.since_seconds,
                since_time: self.options.since_time,
                tail: self.options.tail,
                ..base
            };
        }
        let seconds = begun.elapsed().as_secs() + 1;
        let narrowed = self.options.tail.is_some() || self.options.since_seconds.is_some();
        LogOptions {
            since_seconds: match since {
                Some(_) => None,
                // No line was read yet and only a part of the log was requested: keep the window from growing.
                None => narrowed.then(|| seconds + self.options.since_seconds.unwrap_or_default()),
            },
            since_time: since.or(self.options.since_time),
            ..base
        }
    }

    /// Waits until the watch reports the newer run, or the end of the Pod, that a direct read has already shown. A
    /// previous pause may have consumed that notification.
    async fn wait_newer_state(&mut self) -> FollowStep {
        let run = &self.run;
        let news = self.state.wait_for(|now| {
            now.state == RunState::PodGone || run.as_ref().is_some_and(|run| *run != now.id)
        });
        match news.await {
            Ok(_) => FollowStep::Read,
            Err(_) => FollowStep::End,
        }
    }

    async fn wait_state_change(&mut self) -> FollowStep {
        match self.state.changed().await {
            Ok(()) => FollowStep::Read,
            Err(_) => FollowStep::End,
        }
    }

    /// Waits for the backoff or the next state change. The change stays unread for the next reader: a Pod is deleted only
    /// once.
    async fn wait_backoff_or_change(&mut self) {
        let mut state = self.state.clone();
        let changed = pin!(state.changed());
        select(changed, pin!(self.backoff.pause())).await;
    }
}

/// True unless the Pod reports another run of the container.
fn is_of_run(pod: Value, container: &str, run: Option<&str>) -> bool {
    let now = parse_object::<Pod>(pod).map(|pod| ContainerRun::of(&pod, container).id);
    let now = now.unwrap_or_default();
    now.is_empty() || run.is_none_or(|run| run == now)
}

/// Completes some time after the Pod is gone, so that a hanging connection cannot block the follower.
async fn wait_gone_for_long(mut state: Receiver<ContainerRun>) {
    if state
        .wait_for(|instance| instance.state == RunState::PodGone)
        .await
        .is_ok()
    {
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    }
}
