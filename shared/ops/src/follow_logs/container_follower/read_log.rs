//! Reading of the open log of a container, and what is missing in it.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};

use super::super::log_gap::{GapCause, LogGap};
use super::{ContainerFollower, ContainerLogEvent, FollowStep, wait_gone_for_long};
use session_model::objects::container_run::{ContainerRun, RunState};

/// Silence after which a reopened log is taken not to contain its last line, which the kubelet sends at once if it has it.
const RESUME_TIMEOUT: Duration = Duration::from_secs(3);
/// Time allowed for the Pod to report the run whose log the kubelet already sends. The kubelet looks at its containers once a
/// second, and reports what it saw later if it is busy.
const RUN_REPORT_TIMEOUT: Duration = Duration::from_secs(5);

impl ContainerFollower {
    /// Reads a piece of the open log. `None` if it holds nothing new, or if the log has ended.
    pub(super) async fn read(&mut self) -> Option<ContainerLogEvent> {
        let limit = match self.scanner.misses_last_line() {
            true => RESUME_TIMEOUT,
            false => Duration::MAX,
        };
        let resumed = self.scanner.may_find_gap().then(|| self.scanner.clone());
        let gone = pin!(wait_gone_for_long(self.state.clone()));
        let reading = pin!(tokio::time::timeout(limit, self.reading.as_mut()?.next()));
        let piece = match select(reading, gone).await {
            Either::Left((Ok(Some(Ok(piece))), _)) => self.scanner.filter(&piece),
            Either::Left((Err(_), _)) => {
                let rest = RUN_REPORT_TIMEOUT.saturating_sub(RESUME_TIMEOUT);
                return self.open_gap_event(rest).await;
            }
            Either::Left((Ok(None), _)) => return self.close(true).await,
            Either::Left((Ok(Some(Err(_))), _)) | Either::Right(_) => {
                return self.close(false).await;
            }
        };
        let gap = self.scanner.take_gap();
        if gap.is_some()
            && let Some(resumed) = resumed
            && self.is_run_replaced(RUN_REPORT_TIMEOUT).await
        {
            self.scanner = resumed;
            self.leave_newer_log();
            return None;
        }
        let bytes = Some(piece).filter(|piece| !piece.is_empty());
        if gap.is_some() || bytes.is_some() {
            self.backoff.reset();
            self.last_note.clear();
        }
        let Some(gap) = gap else {
            return bytes.map(ContainerLogEvent::Bytes);
        };
        self.pending = bytes;
        Some(self.gap_event(gap, GapCause::Rotated))
    }

    /// Handles the end of the open log, or the loss of its connection. The position is known, and the log is opened again.
    async fn close(&mut self, is_end: bool) -> Option<ContainerLogEvent> {
        self.reading = None;
        self.is_cut = !is_end;
        self.is_run_complete &= is_end;
        if let Some(why) = self.scanner.take_server_message() {
            let note = self.unreadable(&why);
            if note == self.last_note {
                return None;
            }
            self.last_note.clone_from(&note);
            return Some(ContainerLogEvent::Note(note));
        }
        match self.is_run_complete {
            true => self.open_gap_event(RUN_REPORT_TIMEOUT).await,
            false => None,
        }
    }

    async fn open_gap_event(&mut self, timeout: Duration) -> Option<ContainerLogEvent> {
        if self.scanner.may_find_gap() && self.is_run_replaced(timeout).await {
            self.leave_newer_log();
            return None;
        }
        let gap = self.scanner.take_open_gap(self.clock.now())?;
        Some(self.gap_event(gap, GapCause::Rotated))
    }

    /// Waits until the Pod reports another run than the one that is read; false if it does not in time. The kubelet finds a log by
    /// the container's name, so that it sends the log of a new run before the Pod reports that run: then no line is missing.
    async fn is_run_replaced(&mut self, timeout: Duration) -> bool {
        // The newer run is known already, and the log is not its own.
        if self.is_previous {
            return false;
        }
        let run = self.run.as_deref();
        let is_newer = |now: &ContainerRun| !now.id.is_empty() && run != Some(now.id.as_str());
        let is_last =
            |now: &ContainerRun| matches!(now.state, RunState::Finished | RunState::PodGone);
        let news = self.state.wait_for(|now| is_newer(now) || is_last(now));
        let news = tokio::time::timeout(timeout, news).await;
        news.is_ok_and(|news| news.is_ok_and(|now| is_newer(&now)))
    }

    /// Closes the log of a newer run. The rest of the run before is read first.
    fn leave_newer_log(&mut self) {
        self.reading = None;
        self.is_run_complete = false;
    }

    pub(super) fn gap_event(&self, gap: LogGap, cause: GapCause) -> ContainerLogEvent {
        ContainerLogEvent::Warning(gap.warning(cause, &self.target))
    }

    /// Returns the warning that the rest of a log cannot be read any more.
    pub(super) fn lost_rest(&mut self, cause: GapCause) -> FollowStep {
        self.is_cut = false;
        let gap = self
            .scanner
            .take_lost_rest(self.clock.begun, self.clock.now());
        FollowStep::Warn(gap, cause)
    }
}
