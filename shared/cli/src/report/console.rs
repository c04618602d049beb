//! [`Console`], the owner of standard input, output and error.
//!
//! A closed pipe on standard output (`| head`) is the error [`OutputClosed`]: [`super::errors`] prints nothing for it and
//! exits with 141, which a shell shows for kubectl, too, because SIGPIPE kills it. A line that cannot be written to
//! standard error is dropped.
//!
//! Long because every way to print is a method of the one type that holds the streams.

use std::borrow::Cow;
use std::collections::HashSet;
use std::env;
use std::fmt;
use std::io::{self, BufRead, Cursor, IsTerminal, Read};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};

use super::command_flags;
use super::escape;
use super::full_screen::FullScreen;
use super::live_line::{LiveLine, LiveTarget, ProgressDisplay};
use super::standard_input::{StandardInput, discard_typed_input};
use super::stderr_handle::{StderrHandle, StderrState};
pub use super::streams::{CapturedOutput, OutputClosed};
use super::streams::{SharedStream, is_stdout_closed};
use crate::flags::connection::ConnectionFlags;
pub use crate::flags::output::Colour;
use crate::flags::output::VerbosityFlags;
use session_client::interrupt::Interrupt;
use session_client::interrupt::interrupted_error;

/// Columns where the terminal does not report its size.
const DEFAULT_COLUMNS: u16 = 80;
/// Bytes that are read of an answer to a prompt.
const MAX_ANSWER_BYTES: u64 = 1024;

/// Returns the lines of a deletion prompt before its question, in kubectl's words.
pub fn deletion_preview(names: &[String]) -> Vec<String> {
    let first = format!(
        "You are about to delete the following {} resource(s):",
        names.len()
    );
    std::iter::once(first)
        .chain(names.iter().cloned())
        .collect()
}

/// Question of a deletion prompt, after [`deletion_preview`].
pub const DELETION_QUESTION: &str = "Do you want to continue?";

/// Returns the message after a prompt was answered with no, in kubectl's words: `deletion is cancelled`. `operation` is
/// the noun for what was asked about.
pub fn cancelled_text(operation: &str) -> String {
    format!("{operation} is cancelled")
}

/// Meaning of a word in a report, shown as a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    /// A heading.
    Heading,
    /// A healthy state.
    Good,
    /// A state that deserves attention.
    Warning,
    /// A failure.
    Bad,
}

impl Emphasis {
    fn style(self) -> Style {
        match self {
            Emphasis::Heading => Style::new().bold(),
            Emphasis::Good => AnsiColor::Green.on_default(),
            Emphasis::Warning => AnsiColor::Yellow.on_default(),
            Emphasis::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// Flags: which of the three streams is a terminal.
#[derive(Clone, Copy, Debug, Default)]
struct Terminals {
    input: bool,
    out: bool,
    err: bool,
}

/// The three streams of a process, or buffers in their place, with everything that decides how they are written:
/// colours, width, quiet, live line.
pub struct Console {
    out: SharedStream,
    pub(super) err: SharedStream,
    input: StandardInput,
    interrupt: Interrupt,
    terminals: Terminals,
    /// Columns from COLUMNS or a test; 0 asks the terminal.
    columns: u16,
    /// True if TERM says that the terminal supports colours and cursor movement.
    capable: bool,
    no_color: bool,
    colour: Colour,
    quiet: bool,
    captured: bool,
    pub(super) live: LiveLine,
    warned: HashSet<String>,
    /// Connection flags of this command, for the commands that it shows.
    connection_flags: OnceLock<String>,
    pub(super) stderr_state: Arc<StderrState>,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("terminals", &self.terminals)
            .finish_non_exhaustive()
    }
}

impl Console {
    /// Returns a console on the streams of this process. NO_COLOR and TERM decide about colours, too.
    #[expect(
        clippy::disallowed_methods,
        reason = "the only reader of COLUMNS, TERM and NO_COLOR"
    )]
    pub fn for_process(colour: Colour, quiet: bool) -> Self {
        let terminals = Terminals {
            input: io::stdin().is_terminal(),
            out: io::stdout().is_terminal(),
            err: io::stderr().is_terminal(),
        };
        let columns = env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        Self {
            out: SharedStream::new(io::stdout()),
            err: SharedStream::new(io::stderr()),
            input: StandardInput::new(io::stdin()),
            interrupt: Interrupt::default(),
            terminals,
            columns: columns.unwrap_or_default(),
            capable: env::var_os("TERM").is_none_or(|term| term != "dumb"),
            no_color: env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            colour,
            quiet,
            captured: false,
            live: LiveLine::default(),
            warned: HashSet::new(),
            connection_flags: OnceLock::new(),
            stderr_state: Arc::default(),
        }
    }

    /// Returns a console on buffers that reads `input`. With `terminal`, all three streams count as terminals of 80
    /// columns.
    pub fn for_test(input: &str, terminal: bool) -> (Self, CapturedOutput) {
        let captured = CapturedOutput::default();
        let (out, err) = captured.streams();
        let console = Self {
            out,
            err,
            input: StandardInput::new(Cursor::new(input.to_owned())),
            interrupt: Interrupt::default(),
            terminals: Terminals {
                input: terminal,
                out: terminal,
                err: terminal,
            },
            columns: DEFAULT_COLUMNS,
            capable: true,
            no_color: false,
            colour: Colour::Auto,
            quiet: false,
            captured: true,
            live: LiveLine::default(),
            warned: HashSet::new(),
            connection_flags: OnceLock::new(),
            stderr_state: Arc::default(),
        };
        (console, captured)
    }

    /// Applies `--quiet` and `--color`.
    pub fn apply_flags(&mut self, verbosity: &VerbosityFlags) {
        self.colour = verbosity.color;
        self.quiet = verbosity.quiet;
    }

    /// Makes reads of standard input and prompts fail once the interrupt is set.
    pub fn set_interrupt(&mut self, interrupt: &Interrupt) {
        self.interrupt = interrupt.clone();
        self.input.set_interrupt(interrupt);
    }

    /// True if a prompt can be answered: standard input is a terminal, and standard output or error shows the question.
    pub fn can_prompt(&self) -> bool {
        self.terminals.input && (self.terminals.out || self.terminals.err)
    }

    /// Begins a new line below the terminal's `^C`. With `--quiet`, as a ProxyCommand of ssh, another program has the terminal.
    pub fn end_interrupted_line(&mut self) {
        if self.terminals.err && !self.quiet {
            self.print_error_line("");
        }
    }

    /// True if standard input is a terminal.
    pub fn stdin_is_terminal(&self) -> bool {
        self.terminals.input
    }

    /// True if standard output was closed before the process began, so that nothing written to it can be read.
    pub fn stdout_is_closed(&self) -> bool {
        !self.captured && is_stdout_closed()
    }

    /// True if standard output is a terminal.
    pub fn stdout_is_terminal(&self) -> bool {
        self.terminals.out
    }

    /// Returns the columns to lay text out for: COLUMNS, else the current width of the terminal of standard output,
    /// else 80. Never 0.
    pub fn width(&self) -> usize {
        let columns = match self.columns {
            0 if self.terminals.out => stdout_size().map(|(columns, _)| columns),
            columns => Some(columns),
        };
        usize::from(
            columns
                .filter(|columns| *columns > 0)
                .unwrap_or(DEFAULT_COLUMNS),
        )
    }

    /// Returns the columns to wrap output at: COLUMNS, else the current width of the terminal of standard output. `None` in a pipe
    /// or file, where a program reads the lines.
    pub fn wrap_width(&self) -> Option<usize> {
        (self.columns > 0 || self.terminals.out).then(|| self.width())
    }

    /// Returns the rows of the terminal of standard output; `None` if it is not a terminal or does not report them.
    pub fn height(&self) -> Option<usize> {
        if self.captured || !self.terminals.out {
            return None;
        }
        let (_, rows) = stdout_size()?;
        Some(usize::from(rows)).filter(|rows| *rows > 0)
    }

    /// Switches the terminal to its second screen, for a display that is redrawn, until the result is dropped. `None`
    /// if standard output is not a terminal or TERM is `dumb`.
    pub fn full_screen(&self) -> Option<FullScreen> {
        (self.terminals.out && self.capable)
            .then(|| FullScreen::new(self.out.clone(), !self.captured))
    }

    /// True for `--quiet`.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints text on standard output. Control characters are escaped only if it is a terminal.
    ///
    /// # Errors
    /// [`OutputClosed`] if nobody reads any more, else the cause of the failed write.
    pub fn print(&mut self, text: &str) -> Result<()> {
        if self.terminals.out {
            self.print_bytes(escape::escape_text(text).as_bytes())
        } else {
            self.print_bytes(text.as_bytes())
        }
    }

    /// Prints text made by [`Console::styled`], whose parts are escaped already.
    ///
    /// # Errors
    /// A closed standard output.
    pub fn print_styled(&mut self, text: &str) -> Result<()> {
        self.print_bytes(text.as_bytes())
    }

    /// Prints bytes unchanged: a log, or the output of a command in the session.
    ///
    /// # Errors
    /// A closed standard output.
    pub fn print_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        match self.live.suspended(|| self.out.write(bytes)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(OutputClosed.into()),
            other => other.context("failed to write to standard output"),
        }
    }

    /// Prints a line on standard output.
    ///
    /// # Errors
    /// A closed standard output.
    pub fn print_line(&mut self, text: &str) -> Result<()> {
        self.print(&format!("{text}\n"))
    }

    /// Prints one or more lines on standard error. Control characters are always escaped, because people read a
    /// redirected standard error in a terminal later.
    pub fn print_error_line(&mut self, text: &str) {
        self.print_error_raw(&escape::escape_text(text));
    }

    /// Prints `Warning: …` on standard error, each text once.
    pub fn warn(&mut self, text: &str) {
        if self.warned.insert(text.to_owned()) {
            let word = self.styled_for_stderr(AnsiColor::Yellow.on_default().bold(), "Warning:");
            self.print_error_raw(&format!("{word} {}", escape::escape_line(text)));
        }
    }

    /// Prints a warning and, right below it, its hint. A hint that stands below an earlier warning is not repeated.
    pub fn warn_with_hint(&mut self, text: &str, hint: Option<&str>) {
        self.warn(text);
        if let Some(hint) = hint
            && self.warned.insert(format!("hint: {hint}"))
        {
            self.hint(hint);
        }
    }

    /// Prints `hint: …` on standard error.
    pub fn hint(&mut self, text: &str) {
        let word = self.styled_for_stderr(AnsiColor::Cyan.on_default(), "hint:");
        let text = self.with_connection_flags(text);
        self.print_error_raw(&format!("{word} {}", escape::escape_line(&text)));
    }

    /// Sets the connection flags that the commands in hints and notes repeat.
    pub fn set_connection_flags(&self, flags: &ConnectionFlags) {
        // A command connects once; a second connection has the same flags.
        let _ = self.connection_flags.set(flags.shown_arguments());
    }

    /// Returns text in which every command for a namespace repeats the connection flags of this command, so that it reaches the
    /// same cluster when pasted.
    pub fn with_connection_flags<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.connection_flags.get() {
            Some(flags) if !flags.is_empty() => Cow::Owned(command_flags::add_flags(text, flags)),
            _ => Cow::Borrowed(text),
        }
    }

    /// Prints `note: …` on standard error, except with `--quiet`.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            let text = self.with_connection_flags(text);
            self.print_error_raw(&format!("note: {}", escape::escape_line(&text)));
        }
    }

    /// Returns escaped text in a style, for standard output, if colours may be used there.
    pub fn styled(&self, style: Style, text: &str) -> String {
        style_text(style, text, self.terminals.out && self.has_colour())
    }

    /// Returns escaped text in the style of a tone, as [`Console::styled`].
    pub fn emphasized(&self, tone: Emphasis, text: &str) -> String {
        self.styled(tone.style(), text)
    }

    pub(super) fn styled_for_stderr(&self, style: Style, text: &str) -> String {
        style_text(style, text, self.terminals.err && self.has_colour())
    }

    fn has_colour(&self) -> bool {
        match self.colour {
            Colour::Auto => self.capable && !self.no_color,
            Colour::Always => true,
            Colour::Never => false,
        }
    }

    /// Prints lines and a question and reads the answer: only `y` is yes, end of input is no. Input typed before the
    /// question is discarded. The prompt is written to standard output, or to standard error if only that is a
    /// terminal.
    ///
    /// # Errors
    /// A closed standard output; Interrupted.
    pub fn confirm(&mut self, preview: &[String], question: &str) -> Result<bool> {
        if self.terminals.input && !self.captured {
            discard_typed_input();
        }
        for line in preview {
            self.print_prompt(&format!("{}\n", escape::escape_line(line)))?;
        }
        self.print_prompt(&format!("{question} (y/N): "))?;
        let mut answer = Vec::new();
        // An answer that cannot be read is no.
        let _ = (&mut self.input)
            .take(MAX_ANSWER_BYTES)
            .read_until(b'\n', &mut answer);
        if self.interrupt.is_set() {
            return Err(interrupted_error());
        }
        if self.terminals.input && !answer.ends_with(b"\n") {
            self.print_prompt("\n")?;
        }
        Ok(answer.trim_ascii().eq_ignore_ascii_case(b"y"))
    }

    /// Prints on the stream that the user sees.
    fn print_prompt(&mut self, text: &str) -> Result<()> {
        if self.terminals.out || !self.terminals.err {
            return self.print(text);
        }
        let text = escape::escape_text(text);
        let written = self.live.suspended(|| self.err.write(text.as_bytes()));
        written.context("failed to write to standard error")
    }

    /// Returns standard input, for `-f -` and the like.
    pub fn input(&mut self) -> &mut dyn BufRead {
        &mut self.input
    }

    /// Returns true if waits are shown by a live line.
    pub fn has_live_line(&self) -> bool {
        !self.quiet && self.terminals.err && self.capable
    }

    /// Returns a sink for progress events: a live line on standard error if it is a terminal, notes in any case.
    pub fn progress(&self) -> ProgressDisplay {
        let screen = if !self.has_live_line() {
            LiveTarget::None
        } else if self.captured {
            LiveTarget::Buffer(self.err.clone(), DEFAULT_COLUMNS)
        } else {
            LiveTarget::Process
        };
        ProgressDisplay {
            err: self.err.clone(),
            screen,
            live: self.live.clone(),
            quiet: self.quiet,
        }
    }

    pub(super) fn is_captured(&self) -> bool {
        self.captured
    }

    pub(super) fn streams(&self) -> (SharedStream, SharedStream) {
        (self.out.clone(), self.err.clone())
    }

    pub(super) fn take_stdin(&mut self) -> Box<dyn Read + Send> {
        self.input.take_rest()
    }

    /// Returns a handle to standard error for code that has no console.
    pub fn stderr_handle(&self) -> StderrHandle {
        let word = self.styled_for_stderr(AnsiColor::Yellow.on_default().bold(), "Warning:");
        // The flags have been applied by the time the first handle is made, so the colours are final.
        let _first_stays = self.stderr_state.warning_label.set(word);
        StderrHandle {
            err: self.err.clone(),
            live: self.live.clone(),
            state: self.stderr_state.clone(),
        }
    }

    /// Sets the level of `-v`: from now on lines of this level and lower ones are printed.
    pub fn set_trace_level(&self, level: i32) {
        self.stderr_state.level.store(level, Ordering::Relaxed);
    }

    /// Prints a line on standard error if `-v` asks for this level or a higher one.
    pub fn trace(&self, level: i32, text: &str) {
        self.stderr_handle().trace(level, text);
    }

    fn print_error_raw(&mut self, text: &str) {
        let text = format!("{text}\n");
        let _ = self.live.suspended(|| self.err.write(text.as_bytes()));
    }
}

/// Returns columns and rows of the terminal of standard output.
fn stdout_size() -> Option<(u16, u16)> {
    let (columns, rows) = terminal_size::terminal_size_of(io::stdout())?;
    Some((columns.0, rows.0))
}

fn style_text(style: Style, text: &str, colour: bool) -> String {
    let text = escape::escape_text(text);
    if colour {
        format!("{style}{text}{style:#}")
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests;
