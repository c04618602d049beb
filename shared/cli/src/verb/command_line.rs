//! Usage errors and help pages, in kubectl's words and layout.
//!
//! ```text
//! clap::Error ─► Place (innermost subcommand, typed words) ─► complaint: message, pointer to help, suggestions   exit
//! 1
//!                                                        └─► help: page for the terminal's width                 exit 0
//! ```
//!
//! kubectl ends every usage error with exit code 1. For a bad flag it points to `See '… --help' for usage.`, for bad
//! arguments to `See '… -h' for help and examples`.

mod argument_value;
mod boolean;
mod command_path;
mod help;
mod suggest;
mod type_word;
mod wrap;

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::version::version_text;
use crate::report::console::Console;
use crate::report::errors::{EXIT_FAILURE, EXIT_OUTPUT_CLOSED};

use argument_value::{takes_many, value_name};
pub use boolean::with_boolean_values;
use command_path::CommandPath;
pub use help::{VerbGroup, help_page, options_page, suite_help_page};
pub use suggest::unknown_command;
pub use type_word::TYPE_WORDS;
pub(crate) use type_word::without_type_word;

/// Prints the help page (exit code 0) or the usage error (1) for the command line of this process. `prefix` is
/// `command` as it was called (`kubectl session list`).
pub fn report_clap_error(
    console: &mut Console,
    command: &Command,
    prefix: &str,
    error: &clap::Error,
) -> u8 {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    report_clap_error_for(console, command, prefix, error, &args)
}

/// Prints the help page or usage error for `args`, which exclude the program's name and only decide the wording.
pub fn report_clap_error_for(
    console: &mut Console,
    command: &Command,
    prefix: &str,
    error: &clap::Error,
    args: &[OsString],
) -> u8 {
    let args: Vec<String> = args
        .iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let place = CommandPath::of(command, prefix, &args);
    let text = match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::MissingSubcommand => help_page(&place.command, &place.prefix, console.width()),
        ErrorKind::DisplayVersion => version_text(),
        _ => {
            console.print_error_line(&usage_error_text(&place, error));
            return EXIT_FAILURE;
        }
    };
    match console.print(&text) {
        Ok(()) => 0,
        Err(_) => EXIT_OUTPUT_CLOSED,
    }
}

/// Pointer to help at the end of a usage error.
enum HelpPointer {
    /// For a bad flag.
    Flag,
    /// For a bad or missing argument.
    Argument,
}

fn usage_error_text(place: &CommandPath, error: &clap::Error) -> String {
    let (message, pointer) = usage_error_message(place, error);
    let prefix = &place.prefix;
    let pointer = match pointer {
        HelpPointer::Flag => format!("See '{prefix} --help' for usage."),
        HelpPointer::Argument => format!("See '{prefix} -h' for help and examples"),
    };
    let near = near_words(place, error);
    format!("error: {message}\n{pointer}{}", suggest::suggestions(&near))
}

/// Returns what may have been meant: of commands by their meaning, of flags and values what clap found.
fn near_words(place: &CommandPath, error: &clap::Error) -> Vec<String> {
    if error.kind() == ErrorKind::InvalidSubcommand {
        let commands = place.command.get_subcommands();
        let names: Vec<&str> = commands
            .filter(|inner| !inner.is_hide_set())
            .map(Command::get_name)
            .collect();
        let word = context_text(error, ContextKind::InvalidSubcommand);
        return suggest::near_commands(&word, &names);
    }
    let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let found = kinds
        .into_iter()
        .flat_map(|kind| context_texts(error, kind));
    let mut near: Vec<String> = found.collect();
    // clap lists the best suggestion last.
    near.reverse();
    near
}

fn usage_error_message(place: &CommandPath, error: &clap::Error) -> (String, HelpPointer) {
    let subject = context_text(error, ContextKind::InvalidArg);
    let value = context_text(error, ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument => unknown_argument(place, &subject),
        ErrorKind::InvalidSubcommand => {
            let word = context_text(error, ContextKind::InvalidSubcommand);
            (
                format!("unknown command {word:?} for {:?}", place.prefix),
                HelpPointer::Argument,
            )
        }
        ErrorKind::MissingRequiredArgument => {
            missing_argument(place, &context_texts(error, ContextKind::InvalidArg))
        }
        ErrorKind::ArgumentConflict => {
            conflict(&subject, &context_text(error, ContextKind::PriorArg))
        }
        ErrorKind::InvalidValue
            if value.is_empty() && !place.was_typed(&format!("{}=", flag_name(&subject))) =>
        {
            (needs_argument(place, &subject), HelpPointer::Flag)
        }
        ErrorKind::InvalidValue => {
            let reason = one_of(&context_texts(error, ContextKind::ValidValue));
            invalid_value(place, &subject, &value, &reason)
        }
        ErrorKind::ValueValidation => {
            let reason = std::error::Error::source(error).map(ToString::to_string);
            invalid_value(
                place,
                &subject,
                &value,
                &reason.unwrap_or_else(|| "it is not allowed".into()),
            )
        }
        ErrorKind::TooManyValues => invalid_value(place, &subject, &value, "it takes no value"),
        ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            (needs_argument(place, &subject), HelpPointer::Flag)
        }
        ErrorKind::InvalidUtf8 => (
            "an argument is not valid UTF-8".into(),
            HelpPointer::Argument,
        ),
        _ => (clap_message(error), HelpPointer::Argument),
    }
}

fn unknown_argument(place: &CommandPath, subject: &str) -> (String, HelpPointer) {
    let flag = subject.split('=').next().unwrap_or(subject);
    if flag.starts_with("--") {
        return (format!("unknown flag: {flag}"), HelpPointer::Flag);
    }
    if let Some(letter) = flag
        .strip_prefix('-')
        .and_then(|letters| letters.chars().next())
    {
        let rest = place
            .short_flags_from(letter)
            .unwrap_or_else(|| letter.to_string());
        return (
            format!("unknown shorthand flag: '{letter}' in -{rest}"),
            HelpPointer::Flag,
        );
    }
    let mut positionals = place.command.get_positionals();
    match (positionals.next(), positionals.next()) {
        (Some(only), None) => {
            let got = place.count_positionals().max(2);
            let name = value_name(only);
            let message = match only.is_required_set() {
                true => format!("exactly one {name} is required, got {got}"),
                false => format!("at most one {name} is allowed, got {got}"),
            };
            (message, HelpPointer::Argument)
        }
        (_, Some(command)) if command.is_last_set() => (
            format!("unexpected argument {subject:?}: put -- before the command to run"),
            HelpPointer::Argument,
        ),
        _ => (
            format!("unexpected arguments: [{subject}]"),
            HelpPointer::Argument,
        ),
    }
}

fn missing_argument(place: &CommandPath, subjects: &[String]) -> (String, HelpPointer) {
    let is_flag = |subject: &&String| subject.starts_with('-');
    let flags: Vec<String> = subjects
        .iter()
        .filter(is_flag)
        .map(|flag| format!("{:?}", flag_name(flag).trim_start_matches('-')))
        .collect();
    if !flags.is_empty() {
        return (
            format!("required flag(s) {} not set", flags.join(", ")),
            HelpPointer::Argument,
        );
    }
    let missing = |arg: &&clap::Arg| {
        let name = value_name(arg).to_lowercase();
        subjects
            .iter()
            .any(|subject| argument_name(subject).to_lowercase() == name)
    };
    let lacking: Vec<_> = place.command.get_positionals().filter(missing).collect();
    let message = match lacking.as_slice() {
        [one] if takes_many(one) => format!("at least one {} is required, got 0", value_name(one)),
        [one] => format!("exactly one {} is required, got 0", value_name(one)),
        several => {
            let names: Vec<_> = several.iter().map(|arg| value_name(arg)).collect();
            format!("{} are required", names.join(" and "))
        }
    };
    (message, HelpPointer::Argument)
}

fn conflict(subject: &str, prior: &str) -> (String, HelpPointer) {
    let (one, other) = (argument_name(subject), argument_name(prior));
    let message = if other.is_empty() || one == other {
        format!("{one} cannot be specified more than once")
    } else {
        format!("{one} and {other} cannot be specified together")
    };
    (message, HelpPointer::Argument)
}

fn invalid_value(
    place: &CommandPath,
    subject: &str,
    value: &str,
    reason: &str,
) -> (String, HelpPointer) {
    if !subject.starts_with('-') {
        return (
            format!("invalid {} {value:?}: {reason}", argument_name(subject)),
            HelpPointer::Argument,
        );
    }
    let flag = place.format_flag(flag_name(subject));
    (
        format!("invalid argument {value:?} for {flag:?} flag: {reason}"),
        HelpPointer::Flag,
    )
}

fn needs_argument(place: &CommandPath, subject: &str) -> String {
    let long = flag_name(subject);
    match place.short_of(long) {
        // The message names the letter, unless the long form was typed.
        Some(letter) if !place.was_typed(long) => {
            format!("flag needs an argument: '{letter}' in -{letter}")
        }
        _ => format!("flag needs an argument: {long}"),
    }
}

/// Returns `must be "a", "b", or "c"`.
fn one_of(values: &[String]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
    match quoted.as_slice() {
        [] => "it is not allowed".into(),
        [one] => format!("must be {one}"),
        [one, other] => format!("must be {one} or {other}"),
        [most @ .., last] => format!("must be {}, or {last}", most.join(", ")),
    }
}

/// Returns the first line of an error that a verb made through clap, without clap's prefix.
fn clap_message(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first).to_owned()
}

fn context_texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

fn context_text(error: &clap::Error, kind: ContextKind) -> String {
    context_texts(error, kind)
        .into_iter()
        .next()
        .unwrap_or_default()
}

/// Returns `--chunk-size` for `--chunk-size <N>`.
fn flag_name(subject: &str) -> &str {
    subject.split([' ', '=', '[']).next().unwrap_or(subject)
}

/// Returns `--now`, or `NAME` for `[NAME]...`.
fn argument_name(subject: &str) -> &str {
    flag_name(subject.trim_start_matches(['[', '<'])).trim_end_matches([']', '>', '.'])
}

#[cfg(test)]
mod tests;
