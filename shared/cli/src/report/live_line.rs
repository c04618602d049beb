//! Live progress: one line at the bottom of the terminal that says what a command waits for.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};
use jiff::SignedDuration;

use super::streams::{SharedStream, lock};
use super::{age, escape};
use session_model::progress::{ProgressEvent, ProgressSink};

/// Interval at which the elapsed time is redrawn.
const REDRAW_INTERVAL: Duration = Duration::from_millis(250);

/// Target of the live line.
#[derive(Clone, Debug)]
pub(super) enum LiveTarget {
    /// No live line: standard error is not a capable terminal, or `--quiet` was given.
    None,
    /// Standard error of the process.
    Process,
    /// Buffer in place of a terminal, with its columns.
    Buffer(SharedStream, u16),
}

/// Handle to the live line, if one is shown. Every write to the terminal goes through [`LiveLine::suspended`], which hides the
/// line meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveLine(Arc<Mutex<Option<ProgressBar>>>);

impl LiveLine {
    /// Runs `work` while the line is hidden.
    pub(super) fn suspended<T>(&self, work: impl FnOnce() -> T) -> T {
        let bar = lock(&self.0).clone();
        match bar {
            Some(bar) => bar.suspend(work),
            None => work(),
        }
    }

    fn show(&self, screen: &LiveTarget, text: String) {
        let mut slot = lock(&self.0);
        if slot.is_none() {
            *slot = new_bar(screen);
        }
        if let Some(bar) = slot.as_ref() {
            bar.set_message(text);
            bar.tick();
        }
    }

    fn end(&self) {
        if let Some(bar) = lock(&self.0).take() {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(screen: &LiveTarget) -> Option<ProgressBar> {
    let (target, ticks) = match screen {
        LiveTarget::None => return None,
        LiveTarget::Process => (ProgressDrawTarget::stderr(), true),
        LiveTarget::Buffer(shared, width) => {
            let terminal = Box::new(BufferTerminal {
                shared: shared.clone(),
                width: *width,
            });
            (ProgressDrawTarget::term_like(terminal), false)
        }
    };
    let elapsed = |state: &ProgressState, out: &mut dyn fmt::Write| {
        let elapsed = SignedDuration::try_from(state.elapsed()).unwrap_or_default();
        // A failed write to standard error must not stop the work.
        let _ = write!(out, "{:>5}", age::format_age(elapsed));
    };
    let style = ProgressStyle::with_template("{age} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar =
        ProgressBar::with_draw_target(None, target).with_style(style.with_key("age", elapsed));
    if ticks {
        bar.enable_steady_tick(REDRAW_INTERVAL);
    }
    Some(bar)
}

/// Sink that prints notes as lines, and waits as the live line if there is a terminal.
#[derive(Debug)]
pub struct ProgressDisplay {
    pub(super) err: SharedStream,
    pub(super) screen: LiveTarget,
    pub(super) live: LiveLine,
    pub(super) quiet: bool,
}

impl ProgressSink for ProgressDisplay {
    fn tell(&mut self, event: ProgressEvent) {
        match event {
            ProgressEvent::Waiting {
                stage,
                object,
                detail,
            } => {
                let word = stage.as_str();
                let colon = if detail.is_empty() { "" } else { ": " };
                let text =
                    escape::escape_line(&format!("{word} {object}{colon}{detail}")).into_owned();
                self.live.show(&self.screen, text);
            }
            ProgressEvent::Note(text) if !self.quiet => {
                let line = format!("note: {}\n", escape::escape_line(&text));
                // A closed standard error must not stop the work.
                let _ = self.live.suspended(|| self.err.write(line.as_bytes()));
            }
            ProgressEvent::Note(_) => {}
            ProgressEvent::Done => self.live.end(),
        }
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        self.live.end();
    }
}

/// Terminal for indicatif that writes its control sequences to a buffer.
#[derive(Debug)]
struct BufferTerminal {
    shared: SharedStream,
    width: u16,
}

impl BufferTerminal {
    fn escape(&self, count: usize, letter: char) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        self.shared
            .write(format!("\x1b[{count}{letter}").as_bytes())
    }
}

impl TermLike for BufferTerminal {
    fn width(&self) -> u16 {
        self.width
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.escape(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.escape(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.escape(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.escape(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.shared.write(format!("{text}\n").as_bytes())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.shared.write(text.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.shared.write(b"\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::flags::output::VerbosityFlags;
    use crate::report::console::Console;
    use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};

    fn waiting(detail: &str) -> ProgressEvent {
        let (stage, object) = (WaitStage::Pulling, "pod/alice".to_owned());
        ProgressEvent::Waiting {
            stage,
            object,
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn without_a_terminal_only_notes_are_shown() {
        let (console, captured) = Console::for_test("", false);
        let mut progress = console.progress();
        progress.tell(waiting("image x"));
        progress.tell(ProgressEvent::Note("quota was not checked".into()));
        progress.tell(ProgressEvent::Done);
        assert_eq!(
            (captured.stdout(), captured.stderr()),
            (String::new(), "note: quota was not checked\n".into())
        );
    }

    #[test]
    fn a_terminal_shows_one_line_that_goes_away() {
        let (mut console, captured) = Console::for_test("", true);
        let mut progress = console.progress();
        progress.tell(waiting("image\nx\u{7}"));
        let err = captured.stderr();
        assert!(err.contains("0s pulling pod/alice: image x^G"), "{err:?}");
        console.print_error_line("said in between");
        progress.tell(ProgressEvent::Note("kept".into()));
        progress.tell(ProgressEvent::Done);
        let err = captured.stderr();
        assert!(err.contains("\x1b[2Ksaid in between\n"), "{err:?}");
        assert!(err.contains("\x1b[2Knote: kept\n"), "{err:?}");
        assert!(err.ends_with("\x1b[2K"), "{err:?}");
    }

    #[test]
    fn the_line_goes_away_with_whoever_waited() {
        let (console, captured) = Console::for_test("", true);
        let mut progress = console.progress();
        progress.tell(waiting(""));
        drop(progress);
        assert!(captured.stderr().ends_with("\x1b[2K"));
    }

    #[test]
    fn quiet_means_quiet() {
        let (mut console, captured) = Console::for_test("", true);
        let quiet = VerbosityFlags {
            quiet: true,
            ..VerbosityFlags::default()
        };
        console.apply_flags(&quiet);
        let mut progress = console.progress();
        progress.tell(waiting("x"));
        progress.tell(ProgressEvent::Note("y".into()));
        progress.tell(ProgressEvent::Done);
        assert_eq!(captured.stderr(), "");
    }
}
