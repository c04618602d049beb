//! Full-screen display that is redrawn, as `top` does it.

use anyhow::{Context, Result};
#[cfg(unix)]
use rustix::process::{Signal, getpid, kill_process};
#[cfg(unix)]
use tokio::signal::unix;

use super::streams::{OutputClosed, SharedStream};

/// Switches to the terminal's second screen, so that the first one is restored afterwards, and hides the cursor.
const ENTER_ALTERNATE_SCREEN: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE_ALTERNATE_SCREEN: &str = "\x1b[?25h\x1b[?1049l";
const CURSOR_HOME: &str = "\x1b[H";
const ERASE_LINE: &str = "\x1b[K";
const ERASE_SCREEN: &str = "\x1b[J";

/// Full-screen display. Dropping it restores the terminal.
#[derive(Debug)]
pub struct FullScreen {
    out: SharedStream,
    is_active: bool,
    last: String,
    #[cfg(unix)]
    suspend_signals: Option<unix::Signal>,
}

impl FullScreen {
    /// Returns a display. With `is_real`, Ctrl-Z stops the process; this must then be called inside a tokio runtime.
    pub(super) fn new(out: SharedStream, is_real: bool) -> Self {
        Self {
            out,
            is_active: false,
            last: String::new(),
            #[cfg(unix)]
            suspend_signals: is_real.then(|| listen_signal(Signal::TSTP)).flatten(),
        }
    }

    /// Draws lines over the present ones with one write. Each line erases only the rest of the old line, so that
    /// nothing flickers; an unchanged frame is not drawn. Lines must be escaped or made by
    /// [`Console::paint`](super::console::Console::styled), and fit the width. If there are more lines than `rows`, the
    /// last row says how many are missing.
    ///
    /// # Errors
    /// [`OutputClosed`] if the terminal is gone, else the cause of the failed write.
    pub fn draw(&mut self, lines: &[String], rows: Option<usize>) -> Result<()> {
        let rows = rows.unwrap_or(usize::MAX);
        let mut frame = String::from(CURSOR_HOME);
        let fits = lines.len() <= rows;
        let shown = if fits {
            lines.len()
        } else {
            rows.saturating_sub(1)
        };
        let more = (!fits).then(|| format!("… {} more lines", lines.len() - shown));
        let all = lines.iter().take(shown).chain(&more);
        let all: Vec<String> = all.map(|line| format!("{line}{ERASE_LINE}")).collect();
        frame.push_str(&all.join("\r\n"));
        frame.push_str(ERASE_SCREEN);
        if frame == self.last {
            return Ok(());
        }
        self.show(frame)
    }

    fn show(&mut self, frame: String) -> Result<()> {
        let take = if self.is_active {
            ""
        } else {
            ENTER_ALTERNATE_SCREEN
        };
        self.is_active = true;
        match self.out.write(format!("{take}{frame}").as_bytes()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                Err(OutputClosed.into())
            }
            other => other.context("failed to write to standard output"),
        }?;
        self.last = frame;
        Ok(())
    }

    fn restore(&mut self) {
        if std::mem::take(&mut self.is_active) {
            // A closed terminal needs no restoring.
            let _ = self.out.write(LEAVE_ALTERNATE_SCREEN.as_bytes());
        }
    }

    /// Waits for Ctrl-Z, then restores the terminal and stops the process. After it is continued, redraws the screen
    /// and returns. Never returns where Ctrl-Z cannot be typed.
    ///
    /// # Errors
    /// As [`FullScreen::draw`].
    pub async fn wait_suspend(&mut self) -> Result<()> {
        #[cfg(unix)]
        if let Some(stops) = &mut self.suspend_signals
            && stops.recv().await.is_some()
        {
            self.restore();
            let mut continued = listen_signal(Signal::CONT);
            kill_process(getpid(), Signal::STOP)?;
            // The signal stops all threads a moment later: nothing may be drawn until the process is continued.
            if let Some(continued) = &mut continued {
                continued.recv().await;
            }
            let frame = std::mem::take(&mut self.last);
            return self.show(frame);
        }
        std::future::pending().await
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Returns a stream of a signal.
#[cfg(unix)]
fn listen_signal(signal: Signal) -> Option<unix::Signal> {
    unix::signal(unix::SignalKind::from_raw(signal.as_raw())).ok()
}

#[cfg(test)]
mod tests {
    use super::super::console::Console;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_screen_is_drawn_in_place_and_given_back() {
        let (console, captured) = Console::for_test("", true);
        let mut screen = console.full_screen().unwrap();
        assert_eq!(captured.stdout(), "");
        screen.draw(&lines("one\ntwo"), None).unwrap();
        let first = "\x1b[?1049h\x1b[?25l\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J";
        assert_eq!(captured.stdout(), first);
        screen.draw(&lines("one\ntwo"), None).unwrap();
        assert_eq!(captured.stdout(), first, "nothing new is not drawn");
        screen.draw(&lines("one\n2"), None).unwrap();
        drop(screen);
        let rest = "\x1b[Hone\x1b[K\r\n2\x1b[K\x1b[J\x1b[?25h\x1b[?1049l";
        assert_eq!(captured.stdout(), format!("{first}{rest}"));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let (console, captured) = Console::for_test("", true);
        let mut screen = console.full_screen().unwrap();
        screen.draw(&lines("a\nb\nc\nd"), Some(3)).unwrap();
        assert!(
            captured
                .stdout()
                .contains("b\x1b[K\r\n… 2 more lines\x1b[K"),
            "{:?}",
            captured.stdout()
        );
    }

    #[test]
    fn there_is_no_screen_without_a_terminal() {
        let (console, captured) = Console::for_test("", false);
        assert!(console.full_screen().is_none());
        assert_eq!(captured.stdout(), "");
    }
}
