//! Dispatch: from the program's name and arguments to a verb, a help page or a program of others.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Command;
use session_shared::flags::output::Colour;
use session_shared::report::console::Console;
use session_shared::verb::{
    ProgramName, add_global_flags, command_line as wording, command_path, parse_args, report_usage,
    run_entry, run_reporting,
};

use crate::dispatch_errors::report_unknown_verb;
use crate::external;
use crate::verbs::{VERB_GROUPS, VERBS};

const ABOUT: &str = "Run interactive sessions on Kubernetes

A session is one user's shell, editor, lab, desktop or preview environment. No server is needed: the cluster stores all \
state, and every request is made with your own permissions.";

/// The suite as it is typed, whatever its file is called.
const SUITE_NAME: &str = "kubectl session";

/// Runs the verb that the program's name or the arguments select.
pub(crate) fn dispatch(args: Vec<OsString>) -> ExitCode {
    let mut args = args.into_iter();
    let program = ProgramName::parse(&args.next().unwrap_or_default());
    let rest: Vec<OsString> = args.collect();
    let prefix = match program {
        ProgramName::Completer => return ExitCode::SUCCESS,
        ProgramName::Verb(word) => {
            return match VERBS.iter().find(|verb| verb.name == word) {
                Some(verb) => run_entry(verb, &format!("{SUITE_NAME} {}", verb.name), rest),
                None => report_unknown_verb(&word, SUITE_NAME),
            };
        }
        ProgramName::Other(name) => suite_name(&name),
    };
    // The common case builds the flags of one verb only, which saves a millisecond.
    let first = rest.first().and_then(|word| word.to_str());
    if let Some(verb) = VERBS.iter().find(|verb| first == Some(verb.name)) {
        return run_entry(verb, &format!("{prefix} {}", verb.name), rest[1..].to_vec());
    }
    if matches!(
        (first, rest.len()),
        (None, 0) | (Some("--help" | "-h" | "help"), 1)
    ) {
        return print_suite_help(&suite_command(&prefix), &prefix);
    }
    let command = full_command(&prefix);
    match parse_args(&command, &prefix, rest) {
        Err(error) => report_usage(&command, &prefix, &error),
        Ok(matches) => match matches.subcommand() {
            None => print_suite_help(&command, &prefix),
            // `kubectl session -- list` names no verb: it prints help, as kubectl does.
            Some((word, inner))
                if is_external(inner) && command.find_subcommand(word).is_some() =>
            {
                print_suite_help(&command, &prefix)
            }
            Some(("help", inner)) => print_verb_help(inner, &command, &prefix),
            Some(("options", _)) => print_page(|width| wording::options_page(&command, width)),
            Some((word, inner)) => match VERBS.iter().find(|verb| verb.name == word) {
                Some(verb) => {
                    let prefix = command_path(&format!("{prefix} {}", verb.name), inner);
                    let matches = inner.clone();
                    run_reporting(verb.name, &prefix, move |environment| {
                        verb.run(&matches, environment)
                    })
                }
                None => external::run_external(word, inner, &prefix),
            },
        },
    }
}

/// True if the subcommand is not one of the suite's.
fn is_external(matches: &clap::ArgMatches) -> bool {
    matches.try_contains_id("").unwrap_or(false)
}

/// Returns the suite as it was called: `kubectl session` for a plugin, else the program's name.
fn suite_name(program: &str) -> String {
    match program.strip_prefix("kubectl-") {
        Some(plugin) => format!("kubectl {}", plugin.replace('-', " ").replace('_', "-")),
        None if program.is_empty() => SUITE_NAME.to_owned(),
        None => program.to_owned(),
    }
}

/// Returns the suite's command with the names of its verbs: enough for its help page.
fn suite_command(prefix: &str) -> Command {
    let verbs = VERBS
        .iter()
        .map(|verb| Command::new(verb.name).about(verb.about.lines().next().unwrap_or_default()));
    base_command(prefix).subcommands(verbs)
}

/// Returns the suite's command with the flags of all verbs, for flags before the verb.
fn full_command(prefix: &str) -> Command {
    let verbs = VERBS.iter().map(|verb| {
        (verb.command)()
            .name(verb.name)
            .bin_name(format!("{prefix} {}", verb.name))
    });
    base_command(prefix).subcommands(verbs)
}

fn base_command(prefix: &str) -> Command {
    let help = Command::new("help")
        .about("Print the help of a verb")
        .arg(clap::Arg::new("verb"));
    let options = Command::new("options").about("List the flags of all verbs");
    add_global_flags(Command::new("session"))
        .about("Run interactive sessions on Kubernetes")
        .long_about(ABOUT)
        .override_usage("kubectl session COMMAND [options]")
        .bin_name(prefix.to_owned())
        .no_binary_name(true)
        .disable_help_subcommand(true)
        .allow_external_subcommands(true)
        .subcommand(help)
        .subcommand(options)
}

fn print_suite_help(command: &Command, prefix: &str) -> ExitCode {
    print_page(|width| wording::suite_help_page(command, prefix, width, VERB_GROUPS))
}

fn print_verb_help(matches: &clap::ArgMatches, command: &Command, prefix: &str) -> ExitCode {
    let Some(word) = matches.get_one::<String>("verb") else {
        return print_suite_help(command, prefix);
    };
    match command.find_subcommand(word) {
        Some(verb) => {
            let prefix = format!("{prefix} {}", verb.get_name());
            print_page(|width| wording::help_page(verb, &prefix, width))
        }
        None => report_unknown_verb(word, prefix),
    }
}

/// Prints a help page for the terminal's width.
fn print_page(page: impl FnOnce(usize) -> String) -> ExitCode {
    let mut console = Console::for_process(Colour::Auto, false);
    let text = page(console.width());
    match console.print(&text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_typed_as_it_is_installed() {
        assert_eq!(suite_name("kubectl-session"), "kubectl session");
        assert_eq!(suite_name("kubectl-my_session"), "kubectl my-session");
        assert_eq!(suite_name("sess"), "sess");
    }

    #[test]
    fn no_flag_of_a_verb_changes_the_meaning_of_a_connection_flag() {
        full_command("kubectl session").debug_assert();
    }
}
