//! Trace lines and server warnings on standard error, from code that holds no `Console`.

use std::fmt;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::escape;
use super::live_line::LiveLine;
use super::streams::SharedStream;

/// A cloneable handle to standard error for trace lines and warnings. All clones share one level and one counter.
#[derive(Clone)]
pub struct StderrHandle {
    pub(super) err: SharedStream,
    pub(super) live: LiveLine,
    pub(super) state: Arc<StderrState>,
}

/// State shared by a console and its handles.
#[derive(Debug, Default)]
pub(super) struct StderrState {
    /// Level of `-v`: lines of higher levels are dropped.
    pub(super) level: AtomicI32,
    /// Number of warnings printed.
    pub(super) warnings: AtomicUsize,
    /// The word `Warning:`, with colours if the console has them.
    pub(super) warning_label: OnceLock<String>,
}

impl fmt::Debug for StderrHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aside")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl StderrHandle {
    /// Prints a line if `-v` asks for this level or a higher one, in klog's format: time (UTC) and process first.
    #[expect(
        clippy::disallowed_methods,
        reason = "klog stamps each line with the time it is printed"
    )]
    pub fn trace(&self, level: i32, text: &str) {
        if self.state.level.load(Ordering::Relaxed) >= level {
            self.print(&klog_line(text, Timestamp::now()));
        }
    }

    /// Prints `Warning: …` and counts it. Callers make sure that each text is printed once.
    pub fn warn(&self, text: &str) {
        self.state.warnings.fetch_add(1, Ordering::Relaxed);
        let word = self
            .state
            .warning_label
            .get()
            .map_or("Warning:", String::as_str);
        self.print(&format!("{word} {}", escape::escape_line(text)));
    }

    /// Returns the number of server warnings printed.
    pub fn warning_count(&self) -> usize {
        self.state.warnings.load(Ordering::Relaxed)
    }

    fn print(&self, line: &str) {
        let line = format!("{line}\n");
        // A closed standard error must not stop the work.
        let _ = self.live.suspended(|| self.err.write(line.as_bytes()));
    }
}

/// Formats a line as klog does: `I0301 12:00:00.000000    4711 aside.rs:60] text`.
fn klog_line(text: &str, now: Timestamp) -> String {
    format!(
        "I{} {:>7} aside.rs:{}] {}",
        now.strftime("%m%d %H:%M:%S.%6f"),
        std::process::id(),
        line!(),
        escape::escape_line(text)
    )
}

#[cfg(test)]
mod tests {
    use super::super::console::Console;
    use super::*;

    #[test]
    fn a_traced_line_is_klogs_and_cannot_move_the_cursor() {
        let line = klog_line("a\x1b\nb", "2026-03-01T12:00:00.5Z".parse().unwrap());
        let (head, text) = line.split_once("] ").unwrap();
        assert!(head.starts_with("I0301 12:00:00.500000 "), "{head}");
        assert_eq!(text, "a^[ b");
    }

    #[test]
    fn a_level_that_nobody_asked_for_is_silent() {
        let (console, captured) = Console::for_test("", false);
        console.trace(1, "never");
        console.set_trace_level(4);
        console.trace(4, "four");
        console.stderr_handle().trace(5, "five");
        assert!(
            captured.stderr().ends_with("] four\n"),
            "{}",
            captured.stderr()
        );
        assert_eq!(captured.stderr().lines().count(), 1);
    }
}
