//! How far the work on several sessions is: a live line on a terminal, else a note from time to time.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

use crate::bulk_progress::BulkProgress;
use crate::verb::Environment;
use session_model::progress::{ProgressEvent, ProgressSink, SharedSink, WaitStage};

/// Least time between two notes: a log of a slow class has a sign of life, and a fast one has none of them.
const NOTE_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// Progress of several sessions; nothing of a single one, which shows its own.
pub(crate) struct BatchProgress {
    progress: BulkProgress,
    clock: Box<dyn Fn() -> Timestamp>,
    /// Numbers of sessions that are done, and that failed.
    ended: Cell<(u64, u64)>,
    /// When a note said how far the work is; `None` where a live line does.
    noted: Option<Cell<Timestamp>>,
}

impl BatchProgress {
    pub(crate) fn new(stage: WaitStage, total: usize, environment: &Environment) -> Self {
        Self {
            progress: BulkProgress {
                stage,
                total: total as u64,
                started: environment.now(),
            },
            clock: Box::new(environment.clock()),
            ended: Cell::default(),
            noted: (!environment.console.has_live_line()).then(|| Cell::new(environment.now())),
        }
    }

    pub(crate) fn count(&self, is_done: bool) {
        let (done, failed) = self.ended.get();
        self.ended.set(match is_done {
            true => (done + 1, failed),
            false => (done, failed + 1),
        });
    }

    pub(crate) fn tell(&self, mut sink: &SharedSink<'_>) {
        if self.progress.total < 2 {
            return;
        }
        let (done, failed) = self.ended.get();
        let counts = [(done, "done"), (failed, "failed")];
        let now = (self.clock)();
        let event = self.progress.event(&counts, done + failed, now);
        if let Some(noted) = &self.noted
            && now.duration_since(noted.get()) >= NOTE_INTERVAL
            && let ProgressEvent::Waiting { object, detail, .. } = &event
        {
            noted.set(now);
            sink.tell(ProgressEvent::Note(format!("{object}: {detail}")));
        }
        sink.tell(event);
    }
}

/// A sink that passes on notes alone, because the live line belongs to all sessions.
pub(crate) struct NotesOnly<'a, 'b>(pub(crate) &'a SharedSink<'b>);

impl ProgressSink for NotesOnly<'_, '_> {
    fn tell(&mut self, event: ProgressEvent) {
        if let ProgressEvent::Note(_) = event {
            self.0.tell(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::report::console::Console;

    #[test]
    fn without_a_terminal_a_note_comes_from_time_to_time() {
        let time = Rc::new(Cell::new(Timestamp::UNIX_EPOCH));
        let (console, captured) = Console::for_test("", false);
        let clock = time.clone();
        let progress = BatchProgress {
            progress: BulkProgress {
                stage: WaitStage::Terminating,
                total: 40,
                started: time.get(),
            },
            clock: Box::new(move || clock.get()),
            ended: Cell::default(),
            noted: (!console.has_live_line()).then(|| Cell::new(time.get())),
        };
        let mut display = console.progress();
        let sink = SharedSink::new(&mut display);
        for at in 0..20 {
            time.set(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(at * 4));
            progress.count(at != 3);
            progress.tell(&sink);
        }
        assert_eq!(
            captured.stderr(),
            "note: 40 sessions: 8 done, 1 failed, 31 left, 0.3/s, 1m50s to go\n\
             note: 40 sessions: 16 done, 1 failed, 23 left, 0.3/s, 1m26s to go\n"
        );
        let (console, _) = Console::for_test("", true);
        assert!(console.has_live_line());
    }
}
