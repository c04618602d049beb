//! Reading of the open log of a container, and what is missing in it.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{Either, select};

use super::super::log_gap::{GapCause, LogGap};
use super::{ContainerFollower, ContainerLogEvent, FollowStep, wait_gone_for_long};

/// Silence after which a reopened log is taken not to contain its last line, which the kubelet sends at once if it has it.
const RESUME_TIMEOUT: Duration = Duration::from_secs(3);

impl ContainerFollower {
    /// Reads a piece of the open log. `None` if it holds nothing new, or if the log has ended.
    pub(super) async fn read(&mut self) -> Option<ContainerLogEvent> {
        let limit = match self.scanner.misses_last_line() {
            true => RESUME_TIMEOUT,
            false => Duration::MAX,
        };
        let gone = pin!(wait_gone_for_long(self.state.clone()));
        let reading = pin!(tokio::time::timeout(limit, self.reading.as_mut()?.next()));
        let piece = match select(reading, gone).await {
            Either::Left((Ok(Some(Ok(piece))), _)) => self.scanner.filter(&piece),
            Either::Left((Err(_), _)) => return self.open_gap_event(),
            Either::Left((Ok(None), _)) => return self.close(true),
            Either::Left((Ok(Some(Err(_))), _)) | Either::Right(_) => return self.close(false),
        };
        if piece.is_empty() {
            return None;
        }
        self.backoff.reset();
        self.last_note.clear();
        let Some(gap) = self.scanner.take_gap() else {
            return Some(ContainerLogEvent::Bytes(piece));
        };
        self.pending = Some(piece);
        Some(self.gap_event(gap, GapCause::Rotated))
    }

    /// Handles the end of the open log, or the loss of its connection. The position is known, and the log is opened again.
    fn close(&mut self, is_end: bool) -> Option<ContainerLogEvent> {
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
            true => self.open_gap_event(),
            false => None,
        }
    }

    fn open_gap_event(&mut self) -> Option<ContainerLogEvent> {
        let gap = self.scanner.take_open_gap(self.clock.now())?;
        Some(self.gap_event(gap, GapCause::Rotated))
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
