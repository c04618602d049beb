//! Harness of every program of the suite: command line in, exit code out.
//!
//! ```text
//! argv ─► ProgramName ─► Entry (one verb) ─► clap ─► Verb::Args ─► Verb::run(args, Environment) ─► result
//!                                              └─► usage: help page or usage error               └─► failure: text, exit code
//! ```
//!
//! The verb runs in a thread of its own, so that a signal always ends the program.

pub mod command_line;
mod environment;
mod process;
mod program_name;
mod version;

pub use environment::{ClientSource, Environment};
pub use program_name::ProgramName;
pub use version::{VERSION, version_text};

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches, Parser};

use crate::flags::connection::ConnectionFlags;
use crate::flags::output::Colour;
use crate::report::console::Console;
use crate::report::errors;
use session_client::interrupt::ended_error;
use session_model::failure::ErrorList;

/// A verb of the suite.
pub trait Verb {
    /// Name on the command line.
    const NAME: &'static str;
    /// Description for help: the first line is the short one.
    const ABOUT: &'static str;
    /// Flags and arguments.
    type Args: Parser;
    /// Runs the verb. An error is printed, and decides the exit code.
    fn run(args: Self::Args, environment: &mut Environment) -> impl Future<Output = Result<()>>;
}

/// A verb without its type: table entry of the dispatcher.
#[derive(Clone, Copy)]
pub struct VerbEntry {
    /// Name on the command line.
    pub name: &'static str,
    /// Description for help: the first line is the short one.
    pub about: &'static str,
    /// Builds the clap command. This takes a quarter of a millisecond, so only the verb that runs is built where its
    /// name is known.
    pub command: fn() -> Command,
    run: fn(&ArgMatches, &mut Environment) -> Result<()>,
}

impl std::fmt::Debug for VerbEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl VerbEntry {
    /// Returns the entry of a verb.
    pub const fn of<V: Verb>() -> Self {
        Self {
            name: V::NAME,
            about: V::ABOUT,
            command: verb_command::<V>,
            run: run_verb::<V>,
        }
    }

    /// Runs the verb with parsed arguments.
    ///
    /// # Errors
    /// The verb's own.
    pub fn run(&self, matches: &ArgMatches, environment: &mut Environment) -> Result<()> {
        (self.run)(matches, environment)
    }
}

fn verb_command<V: Verb>() -> Command {
    // A repeated flag overrides the earlier one, as with kubectl.
    let command = <V::Args as clap::CommandFactory>::command().args_override_self(true);
    let command = command_line::with_boolean_values(command);
    add_version_flag(take_next_word(command))
}

/// Lets every flag that needs a value take the next word whatever it begins with, as kubectl does: `--user-id -x`.
fn take_next_word(command: Command) -> Command {
    let needs_word = |arg: &clap::Arg| {
        let one = arg
            .get_num_args()
            .is_none_or(|count| count == clap::builder::ValueRange::SINGLE);
        !arg.is_positional()
            && arg.get_action().takes_values()
            && !arg.is_require_equals_set()
            && one
    };
    command
        .mut_args(|arg| match needs_word(&arg) {
            true => arg.allow_hyphen_values(true),
            false => arg,
        })
        .mut_subcommands(take_next_word)
}

/// Adds `--version` to a command and its subcommands. It is not listed on help pages, as `--help` is not.
fn add_version_flag(command: Command) -> Command {
    let flag = Arg::new("version")
        .long("version")
        .action(ArgAction::Version)
        .global(true)
        .help("Print the version and exit");
    command
        .version(VERSION)
        .propagate_version(true)
        .disable_version_flag(true)
        .arg(flag)
}

/// Runs a verb on a runtime of one thread: more threads cost start-up time and gain nothing.
fn run_verb<V: Verb>(matches: &ArgMatches, environment: &mut Environment) -> Result<()> {
    let args = V::Args::from_arg_matches(matches)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(run_until_interrupted::<V>(args, environment));
    // A connection that is still busy must not delay the end of the command.
    runtime.shutdown_background();
    environment.finish(done)
}

/// Runs a verb until it is done, or a signal ends the process. Like kubectl, a verb that has nothing to clean up says nothing then,
/// even if it noticed the signal before this function did.
///
/// # Errors
/// Those of the verb, or Interrupted.
pub async fn run_until_interrupted<V: Verb>(
    args: V::Args,
    environment: &mut Environment,
) -> Result<()> {
    let interrupt = environment.interrupt.clone();
    // On the heap: the state of a verb takes much of the stack of a thread.
    let run = Box::pin(V::run(args, environment));
    let done = tokio::select! {
        biased;
        () = interrupt.wait_final() => Err(ended_error()),
        result = run => result,
    };
    // An error caused by the end of the process is reported as the interruption.
    done.map_err(|error| match interrupt.is_final() {
        true => ended_error(),
        false => error,
    })
}

/// Adds the flags that every command takes: those of the connection, and `--version`.
pub fn add_global_flags(command: Command) -> Command {
    let command = ConnectionFlags::augment_args(command);
    let command = command_line::with_boolean_values(command);
    add_version_flag(take_next_word(command))
}

/// Runs the program of a single verb. Called by the name of a completer or of another verb, it runs nothing.
pub fn main<V: Verb>() -> ExitCode {
    let entry = VerbEntry::of::<V>();
    let prefix = format!("kubectl session {}", entry.name);
    let mut args = std::env::args_os();
    match ProgramName::parse(&args.next().unwrap_or_default()) {
        ProgramName::Completer => ExitCode::SUCCESS,
        ProgramName::Verb(word) if word != entry.name => {
            report_unknown_verb(&word, "kubectl session", &[entry.name])
        }
        _ => run_entry(&entry, &prefix, args.collect()),
    }
}

/// Prints the error for a word that is not one of `verbs`, with suggestions, and returns the exit code.
pub fn report_unknown_verb(word: &str, prefix: &str, verbs: &[&str]) -> ExitCode {
    let error = command_line::unknown_command(word, prefix, verbs);
    run_reporting("session", prefix, |_| Err(error))
}

/// Parses `args` (without the program's name) and runs one verb. `prefix` is the command as help shows it.
pub fn run_entry(entry: &VerbEntry, prefix: &str, args: Vec<OsString>) -> ExitCode {
    let command = (entry.command)()
        .no_binary_name(true)
        .bin_name(prefix.to_owned())
        .disable_help_subcommand(true);
    match parse_args(&command, prefix, args) {
        Ok(matches) => {
            let place = command_path(prefix, &matches);
            let entry = *entry;
            run_reporting(entry.name, &place, move |environment| {
                entry.run(&matches, environment)
            })
        }
        Err(error) => report_usage(&command, prefix, &error),
    }
}

/// Parses `args` (without the program's name) for a command that is called as `prefix`.
///
/// # Errors
/// A request for help, or wrong usage; [`report_usage`] prints both.
pub fn parse_args(
    command: &Command,
    prefix: &str,
    args: Vec<OsString>,
) -> Result<ArgMatches, clap::Error> {
    let args = command_line::without_type_word(command, prefix, args);
    command.clone().try_get_matches_from(args)
}

/// Returns the innermost command as it was called, for the pointer to its help: `kubectl session template lint`.
pub fn command_path(prefix: &str, matches: &ArgMatches) -> String {
    match matches.subcommand() {
        Some((word, inner)) => command_path(&format!("{prefix} {word}"), inner),
        None => prefix.to_owned(),
    }
}

/// Runs `work` in the environment of this process and prints its error. A signal ends the process, even if the work is
/// blocked.
pub fn run_reporting(
    verb: &'static str,
    prefix: &str,
    work: impl FnOnce(&mut Environment) -> Result<()> + Send + 'static,
) -> ExitCode {
    let prefix = prefix.to_owned();
    process::run_in_thread(move |interrupt| {
        let mut environment = Environment::for_process(verb, interrupt);
        let code = match work(&mut environment) {
            Ok(()) => 0,
            Err(error) => match error.downcast::<ErrorList>() {
                Ok(ErrorList(errors)) => {
                    errors::print_errors(&mut environment.console, &errors, &prefix)
                }
                Err(error) => errors::print_error(&mut environment.console, &error, &prefix),
            },
        };
        match code {
            errors::EXIT_INTERRUPTED => environment.interrupt.exit_code(),
            code => code,
        }
    })
}

/// Prints the help page or usage error that clap reported, in kubectl's words.
pub fn report_usage(command: &Command, prefix: &str, error: &clap::Error) -> ExitCode {
    let mut console = Console::for_process(Colour::Auto, false);
    ExitCode::from(command_line::report_clap_error(
        &mut console,
        command,
        prefix,
        error,
    ))
}
