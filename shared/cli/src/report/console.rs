//! The only way to print: the three streams of a process, and what is known of them.
//!
//! A closed pipe on standard output (`| head`) is an error that [`super::failure`] shows to nobody and answers with exit
//! code 141: kubectl, like every program that is not told otherwise, dies of SIGPIPE there, and a shell shows that as
//! 141. What goes to standard error and cannot be written is lost, and never a reason to stop.
//!
//! Long because every way to print is a method of the one type that holds the streams.

use std::collections::HashSet;
use std::env;
use std::fmt;
use std::io::{self, BufRead, Cursor, IsTerminal, Read};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};

use super::aside::State;
use super::clean;
use super::live::{Live, Progress, Screen};
use super::screen::FullScreen;
use super::standard_input::StandardInput;
pub use super::streams::Captured;
use super::streams::Shared;
use super::terminal;
pub use crate::flags::output::Colour;
use crate::flags::output::Talk;
use session_client::interrupt::Interrupt;
use session_client::interrupt::interrupted;

/// Columns of a terminal that does not say how many it has.
const WIDTH: u16 = 80;
/// Longest answer to a question that is read.
const ANSWER_MAX: u64 = 1024;

/// What of a deletion's question stands before the names, kubectl's words.
pub fn deletion_preview(names: &[String]) -> Vec<String> {
    let first = format!(
        "You are about to delete the following {} resource(s):",
        names.len()
    );
    std::iter::once(first)
        .chain(names.iter().cloned())
        .collect()
}

/// The question after [`deletion_preview`].
pub const DELETION_QUESTION: &str = "Do you want to continue?";
/// What is said when the answer was no.
pub const DELETION_CANCELLED: &str = "deletion is cancelled";

/// Nobody reads standard output any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for Closed {}

/// What a word is to somebody who looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A heading.
    Strong,
    /// As it should be.
    Good,
    /// Worth a look.
    Worth,
    /// Broken.
    Bad,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Strong => Style::new().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Worth => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// Which streams are terminals.
#[derive(Clone, Copy, Debug, Default)]
struct Terminals {
    input: bool,
    out: bool,
    err: bool,
}

/// The streams of a process, or buffers that stand for them.
pub struct Console {
    out: Shared,
    pub(super) err: Shared,
    input: StandardInput,
    interrupt: Interrupt,
    terminals: Terminals,
    /// Columns that somebody has said (COLUMNS, a test); 0 leaves it to the terminal.
    columns: u16,
    /// The terminal shows colours and moves its cursor, as far as the environment tells.
    capable: bool,
    no_color: bool,
    colour: Colour,
    quiet: bool,
    captured: bool,
    pub(super) live: Live,
    warned: HashSet<String>,
    pub(super) beside: Arc<State>,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("terminals", &self.terminals)
            .finish_non_exhaustive()
    }
}

impl Console {
    /// The streams of this process. Colours also depend on NO_COLOR and TERM.
    pub fn of_process(colour: Colour, quiet: bool) -> Self {
        let terminals = Terminals {
            input: io::stdin().is_terminal(),
            out: io::stdout().is_terminal(),
            err: io::stderr().is_terminal(),
        };
        let columns = env::var("COLUMNS")
            .ok()
            .and_then(|columns| columns.parse().ok());
        Self {
            out: Shared::new(io::stdout()),
            err: Shared::new(io::stderr()),
            input: StandardInput::new(io::stdin()),
            interrupt: Interrupt::default(),
            terminals,
            columns: columns.unwrap_or_default(),
            capable: env::var_os("TERM").is_none_or(|term| term != "dumb"),
            no_color: env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            colour,
            quiet,
            captured: false,
            live: Live::default(),
            warned: HashSet::new(),
            beside: Arc::default(),
        }
    }

    /// Buffers instead of streams, with `input` to read; all three count as terminals of 80 columns, or none does.
    pub fn captured(input: &str, terminal: bool) -> (Self, Captured) {
        let captured = Captured::default();
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
            columns: WIDTH,
            capable: true,
            no_color: false,
            colour: Colour::Auto,
            quiet: false,
            captured: true,
            live: Live::default(),
            warned: HashSet::new(),
            beside: Arc::default(),
        };
        (console, captured)
    }

    /// Does as the flags say from now on.
    pub fn obey(&mut self, talk: &Talk) {
        self.colour = talk.color;
        self.quiet = talk.quiet;
    }

    /// Stops to wait for input when this is set.
    pub fn heed(&mut self, interrupt: &Interrupt) {
        self.interrupt = interrupt.clone();
        self.input.heed(interrupt);
    }

    /// True if somebody can be asked: standard input is a terminal, and the question would be seen.
    pub fn can_ask(&self) -> bool {
        self.terminals.input && (self.terminals.out || self.terminals.err)
    }

    /// True if standard input is a terminal.
    pub fn reads_terminal(&self) -> bool {
        self.terminals.input
    }

    /// True if nothing that is written to standard output can get anywhere.
    pub fn is_closed(&self) -> bool {
        !self.captured && terminal::is_output_closed()
    }

    /// True if standard output is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminals.out
    }

    /// Columns to lay text out for: COLUMNS, else those that the terminal of standard output has now, else 80. Never 0.
    pub fn width(&self) -> usize {
        let columns = match self.columns {
            0 if self.terminals.out => size_of_out().map(|(columns, _)| columns),
            columns => Some(columns),
        };
        usize::from(columns.filter(|columns| *columns > 0).unwrap_or(WIDTH))
    }

    /// Rows of the terminal of standard output; `None` where it does not tell, or is none.
    pub fn height(&self) -> Option<usize> {
        if self.captured || !self.terminals.out {
            return None;
        }
        let (_, rows) = size_of_out()?;
        Some(usize::from(rows)).filter(|rows| *rows > 0)
    }

    /// Takes the whole terminal for something that is drawn again and again, until it is dropped; `None` where standard
    /// output is no terminal or cannot move its cursor.
    pub fn full_screen(&self) -> Option<FullScreen> {
        (self.terminals.out && self.capable)
            .then(|| FullScreen::new(self.out.clone(), !self.captured))
    }

    /// True for `--quiet`.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints text on standard output as it is, but for control characters where that is a terminal.
    ///
    /// # Errors
    /// [`Closed`] when nobody reads any more, else why it could not be written.
    pub fn out(&mut self, text: &str) -> Result<()> {
        if self.terminals.out {
            self.out_bytes(clean::shown(text).as_bytes())
        } else {
            self.out_bytes(text.as_bytes())
        }
    }

    /// Prints text that was made by [`Console::paint`], whose parts have been cleaned before.
    ///
    /// # Errors
    /// As [`Console::out`].
    pub fn out_painted(&mut self, text: &str) -> Result<()> {
        self.out_bytes(text.as_bytes())
    }

    /// Prints bytes that are not ours to change: a log, what a command in the session printed.
    ///
    /// # Errors
    /// As [`Console::out`].
    pub fn out_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        match self.live.aside(|| self.out.write(bytes)) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed.into()),
            other => other.context("failed to write to standard output"),
        }
    }

    /// Prints a line on standard output.
    ///
    /// # Errors
    /// As [`Console::out`].
    pub fn line(&mut self, text: &str) -> Result<()> {
        self.out(&format!("{text}\n"))
    }

    /// Prints a line, or several, on standard error. It is for people, in a file too: what it shows of the cluster is cleaned.
    pub fn err_line(&mut self, text: &str) {
        self.err_raw(&clean::shown(text));
    }

    /// Prints `Warning: …` on standard error, each text once.
    pub fn warn(&mut self, text: &str) {
        if self.warned.insert(text.to_owned()) {
            let word = self.paint_err(AnsiColor::Yellow.on_default().bold(), "Warning:");
            self.err_raw(&format!("{word} {}", clean::line(text)));
        }
    }

    /// Prints `hint: …` on standard error.
    pub fn hint(&mut self, text: &str) {
        let word = self.paint_err(AnsiColor::Cyan.on_default(), "hint:");
        self.err_raw(&format!("{word} {}", clean::line(text)));
    }

    /// Prints `note: …` on standard error, unless it is to be quiet.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            self.err_raw(&format!("note: {}", clean::line(text)));
        }
    }

    /// Text in a style, for standard output, as far as colours may be used there. The text is cleaned.
    pub fn paint(&self, style: Style, text: &str) -> String {
        painted(style, text, self.terminals.out && self.has_colour())
    }

    /// As [`Console::paint`], by what the text is.
    pub fn paint_tone(&self, tone: Tone, text: &str) -> String {
        self.paint(tone.style(), text)
    }

    pub(super) fn paint_err(&self, style: Style, text: &str) -> String {
        painted(style, text, self.terminals.err && self.has_colour())
    }

    fn has_colour(&self) -> bool {
        match self.colour {
            Colour::Auto => self.capable && !self.no_color,
            Colour::Always => true,
            Colour::Never => false,
        }
    }

    /// Shows lines and asks a question, on standard output unless only standard error is a terminal; anything but `y` is no, and
    /// so is an end of input. What was typed before the question is no answer to it. Never asks twice.
    ///
    /// # Errors
    /// As [`Console::out`]; Interrupted.
    pub fn confirm(&mut self, preview: &[String], question: &str) -> Result<bool> {
        if self.terminals.input && !self.captured {
            terminal::forget_typed();
        }
        for line in preview {
            self.ask(&format!("{}\n", clean::line(line)))?;
        }
        self.ask(&format!("{question} (y/N): "))?;
        let mut answer = Vec::new();
        // What cannot be read is no yes.
        let _ = (&mut self.input)
            .take(ANSWER_MAX)
            .read_until(b'\n', &mut answer);
        if self.terminals.input && !answer.ends_with(b"\n") {
            self.ask("\n")?;
        }
        if self.interrupt.is_set() {
            return Err(interrupted());
        }
        Ok(answer.trim_ascii().eq_ignore_ascii_case(b"y"))
    }

    /// Prints where somebody who is asked sees it.
    fn ask(&mut self, text: &str) -> Result<()> {
        if self.terminals.out || !self.terminals.err {
            return self.out(text);
        }
        let text = clean::shown(text);
        let written = self.live.aside(|| self.err.write(text.as_bytes()));
        written.context("failed to write to standard error")
    }

    /// Standard input, for what is read from it (`-f -`).
    pub fn input(&mut self) -> &mut dyn BufRead {
        &mut self.input
    }

    /// Shows what is waited for, on standard error and only where that is a terminal; notes go everywhere.
    pub fn progress(&self) -> Progress {
        let screen = if self.quiet || !self.terminals.err || !self.capable {
            Screen::None
        } else if self.captured {
            Screen::Buffer(self.err.clone(), WIDTH)
        } else {
            Screen::Process
        };
        Progress {
            err: self.err.clone(),
            screen,
            live: self.live.clone(),
            quiet: self.quiet,
        }
    }

    pub(super) fn is_captured(&self) -> bool {
        self.captured
    }

    pub(super) fn streams(&self) -> (Shared, Shared) {
        (self.out.clone(), self.err.clone())
    }

    pub(super) fn take_input(&mut self) -> Box<dyn Read + Send> {
        self.input.take_rest()
    }

    fn err_raw(&mut self, text: &str) {
        let text = format!("{text}\n");
        let _ = self.live.aside(|| self.err.write(text.as_bytes()));
    }
}

/// Columns and rows of the terminal that standard output is.
fn size_of_out() -> Option<(u16, u16)> {
    let (columns, rows) = terminal_size::terminal_size_of(io::stdout())?;
    Some((columns.0, rows.0))
}

fn painted(style: Style, text: &str, colour: bool) -> String {
    let text = clean::shown(text);
    if colour {
        format!("{style}{text}{style:#}")
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests;
