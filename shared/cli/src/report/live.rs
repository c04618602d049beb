//! What is being waited for, as one line at the foot of a terminal.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};
use jiff::SignedDuration;

use super::streams::{Shared, lock};
use super::{age, clean};
use session_model::progress::{Event, Sink};

/// How often the seconds are counted on.
const TICK: Duration = Duration::from_millis(250);

/// Where the line is drawn.
#[derive(Clone, Debug)]
pub(super) enum Screen {
    /// Nowhere: there is no terminal, it cannot move its cursor, or nobody wants to know.
    None,
    /// The process' standard error.
    Process,
    /// A buffer that stands for a terminal of that width.
    Buffer(Shared, u16),
}

/// The line that is there now, if one is: whoever prints has to take it away for that moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Live(Arc<Mutex<Option<ProgressBar>>>);

impl Live {
    /// Does something to the terminal while the line is not there.
    pub(super) fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        let bar = lock(&self.0).clone();
        match bar {
            Some(bar) => bar.suspend(work),
            None => work(),
        }
    }

    fn show(&self, screen: &Screen, text: String) {
        let mut slot = lock(&self.0);
        if slot.is_none() {
            *slot = draw(screen);
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

fn draw(screen: &Screen) -> Option<ProgressBar> {
    let (target, ticks) = match screen {
        Screen::None => return None,
        Screen::Process => (ProgressDrawTarget::stderr(), true),
        Screen::Buffer(shared, width) => {
            let terminal = Box::new(BufferTerminal {
                shared: shared.clone(),
                width: *width,
            });
            (ProgressDrawTarget::term_like(terminal), false)
        }
    };
    let elapsed = |state: &ProgressState, out: &mut dyn fmt::Write| {
        let elapsed = SignedDuration::try_from(state.elapsed()).unwrap_or_default();
        // A line that cannot be written is no reason to stop.
        let _ = write!(out, "{:>5}", age::human(elapsed));
    };
    let style = ProgressStyle::with_template("{age} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar =
        ProgressBar::with_draw_target(None, target).with_style(style.with_key("age", elapsed));
    if ticks {
        bar.enable_steady_tick(TICK);
    }
    Some(bar)
}

/// Shows what waiting code says: notes as lines of their own, everything else as the live line where there is a terminal.
#[derive(Debug)]
pub struct Progress {
    pub(super) err: Shared,
    pub(super) screen: Screen,
    pub(super) live: Live,
    pub(super) quiet: bool,
}

impl Sink for Progress {
    fn tell(&mut self, event: Event) {
        match event {
            Event::Waiting {
                stage,
                object,
                detail,
            } => {
                let word = stage.word();
                let colon = if detail.is_empty() { "" } else { ": " };
                let text = clean::line(&format!("{word} {object}{colon}{detail}")).into_owned();
                self.live.show(&self.screen, text);
            }
            Event::Note(text) if !self.quiet => {
                let line = format!("note: {}\n", clean::line(&text));
                // Standard error that is gone is no reason to stop.
                let _ = self.live.aside(|| self.err.write(line.as_bytes()));
            }
            Event::Note(_) => {}
            Event::Done => self.live.end(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.live.end();
    }
}

/// A buffer that takes what a terminal takes.
#[derive(Debug)]
struct BufferTerminal {
    shared: Shared,
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
    use crate::flags::output::Talk;
    use crate::report::console::Console;
    use session_model::progress::{Event, Sink, Stage};

    fn waiting(detail: &str) -> Event {
        let (stage, object) = (Stage::Pulling, "pod/alice".to_owned());
        Event::Waiting {
            stage,
            object,
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn without_a_terminal_only_notes_are_shown() {
        let (console, captured) = Console::captured("", false);
        let mut progress = console.progress();
        progress.tell(waiting("image x"));
        progress.tell(Event::Note("quota was not checked".into()));
        progress.tell(Event::Done);
        assert_eq!(
            (captured.out(), captured.err()),
            (String::new(), "note: quota was not checked\n".into())
        );
    }

    #[test]
    fn a_terminal_shows_one_line_that_goes_away() {
        let (mut console, captured) = Console::captured("", true);
        let mut progress = console.progress();
        progress.tell(waiting("image\nx\u{7}"));
        let err = captured.err();
        assert!(err.contains("0s pulling pod/alice: image x^G"), "{err:?}");
        console.err_line("said in between");
        progress.tell(Event::Note("kept".into()));
        progress.tell(Event::Done);
        let err = captured.err();
        assert!(err.contains("\x1b[2Ksaid in between\n"), "{err:?}");
        assert!(err.contains("\x1b[2Knote: kept\n"), "{err:?}");
        assert!(err.ends_with("\x1b[2K"), "{err:?}");
    }

    #[test]
    fn the_line_goes_away_with_whoever_waited() {
        let (console, captured) = Console::captured("", true);
        let mut progress = console.progress();
        progress.tell(waiting(""));
        drop(progress);
        assert!(captured.err().ends_with("\x1b[2K"));
    }

    #[test]
    fn quiet_means_quiet() {
        let (mut console, captured) = Console::captured("", true);
        console.obey(&Talk {
            quiet: true,
            ..Talk::default()
        });
        let mut progress = console.progress();
        progress.tell(waiting("x"));
        progress.tell(Event::Note("y".into()));
        progress.tell(Event::Done);
        assert_eq!(captured.err(), "");
    }
}
