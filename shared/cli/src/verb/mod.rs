//! The harness that every `main` calls: command line in, exit code out.

mod ground;
mod process;
mod program;
pub mod usage;

pub use ground::{Ground, Way};
pub use program::ProgramName;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, Args as _, Command, FromArgMatches, Parser};

use crate::flags::connection::Connection;
use crate::flags::output::Colour;
use crate::report::console::Console;
use crate::report::failure;
use session_client::interrupt::interrupted;
use session_model::failure::Several;

/// One verb of the suite.
pub trait Verb {
    /// The word that is typed.
    const NAME: &'static str;
    /// What it does: a line, and more after it.
    const ABOUT: &'static str;
    /// Its command line.
    type Args: Parser;
    /// Carries it out. An error is reported and ends the program with its exit code.
    fn run(args: Self::Args, ground: &mut Ground) -> impl Future<Output = Result<()>>;
}

/// A verb as the dispatcher knows it.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The word that is typed.
    pub name: &'static str,
    /// What it does: a line, and more after it.
    pub about: &'static str,
    /// Its clap command. Building it costs a quarter of a millisecond: only the one that runs is built where that is known.
    pub command: fn() -> Command,
    run: fn(&ArgMatches, &mut Ground) -> Result<()>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Entry {
    /// The entry of a verb.
    pub const fn of<V: Verb>() -> Self {
        Self {
            name: V::NAME,
            about: V::ABOUT,
            command: command::<V>,
            run: start::<V>,
        }
    }

    /// Runs the verb with arguments that clap has parsed.
    ///
    /// # Errors
    /// The verb's own.
    pub fn run(&self, matches: &ArgMatches, ground: &mut Ground) -> Result<()> {
        (self.run)(matches, ground)
    }
}

fn command<V: Verb>() -> Command {
    // A flag that is given twice counts as it was given last, as with kubectl.
    <V::Args as clap::CommandFactory>::command().args_override_self(true)
}

/// One thread is enough for a command line: more cost start-up time and gain nothing.
fn start<V: Verb>(matches: &ArgMatches, ground: &mut Ground) -> Result<()> {
    let args = V::Args::from_arg_matches(matches)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let interrupt = ground.interrupt.clone();
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            () = interrupt.wait_final() => Err(interrupted()),
            result = V::run(args, ground) => result,
        }
    });
    // A connection that still waits for something must not keep a finished command.
    runtime.shutdown_background();
    // What fails because the process ends is no failure of its own.
    let done = done.map_err(|error| match interrupt.is_final() {
        true => interrupted(),
        false => error,
    });
    ground.conclude(done)
}

/// The connection flags as flags of any command, for help and dispatch.
pub fn with_connection_flags(command: Command) -> Command {
    Connection::augment_args(command)
}

/// The `main` of a verb's own small binary. Under the name of a completer or of another verb it runs nothing.
pub fn main<V: Verb>() -> ExitCode {
    let entry = Entry::of::<V>();
    let prefix = format!("kubectl session {}", entry.name);
    let mut args = std::env::args_os();
    match ProgramName::of(&args.next().unwrap_or_default()) {
        ProgramName::Completer => ExitCode::SUCCESS,
        ProgramName::Verb(word) if word != entry.name => {
            unknown_verb(&word, "kubectl session", &[entry.name])
        }
        _ => run_entry(&entry, &prefix, args.collect()),
    }
}

/// Reports a word that is none of `verbs`, with the nearest that is.
pub fn unknown_verb(word: &str, prefix: &str, verbs: &[&str]) -> ExitCode {
    let error = usage::unknown_command(word, prefix, verbs);
    finish("session", prefix, |_| Err(error))
}

/// Parses `args` (without the program's name) for one verb and runs it; `prefix` is how it is called in usage texts.
pub fn run_entry(entry: &Entry, prefix: &str, args: Vec<OsString>) -> ExitCode {
    let command = (entry.command)()
        .no_binary_name(true)
        .bin_name(prefix.to_owned())
        .disable_help_subcommand(true);
    match command.clone().try_get_matches_from(args) {
        Ok(matches) => {
            let place = place_of(prefix, &matches);
            let entry = *entry;
            finish(entry.name, &place, move |ground| {
                entry.run(&matches, ground)
            })
        }
        Err(error) => usage_failed(&command, prefix, &error),
    }
}

/// How the innermost command was called, for the pointer to its help: `kubectl session template lint`.
pub fn place_of(prefix: &str, matches: &ArgMatches) -> String {
    match matches.subcommand() {
        Some((word, inner)) => place_of(&format!("{prefix} {word}"), inner),
        None => prefix.to_owned(),
    }
}

/// Runs `work` on this process' ground and reports its error; a signal ends the process, whatever the work is waiting for.
pub fn finish(
    verb: &'static str,
    prefix: &str,
    work: impl FnOnce(&mut Ground) -> Result<()> + Send + 'static,
) -> ExitCode {
    let prefix = prefix.to_owned();
    process::run(move |interrupt| {
        let mut ground = Ground::of_process(verb, interrupt);
        let code = match work(&mut ground) {
            Ok(()) => 0,
            Err(error) => match error.downcast::<Several>() {
                Ok(Several(errors)) => failure::report_all(&mut ground.console, &errors, &prefix),
                Err(error) => failure::report(&mut ground.console, &error, &prefix),
            },
        };
        match code {
            failure::INTERRUPTED => ground.interrupt.exit_code(),
            code => code,
        }
    })
}

/// Prints what clap has to say, help or complaint, in kubectl's words.
pub fn usage_failed(command: &Command, prefix: &str, error: &clap::Error) -> ExitCode {
    let mut console = Console::of_process(Colour::Auto, false);
    ExitCode::from(usage::report(&mut console, command, prefix, error))
}

/// True if somebody sits in front of standard error.
pub fn has_terminal() -> bool {
    std::io::stderr().is_terminal()
}
