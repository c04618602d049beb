//! Values of boolean flags, as kubectl's flags take them: `-w`, `-w=false`, `--watch=1`, `--watch=T`.
//!
//! Verbs declare `bool` fields; [`with_boolean_values`] gives all of them these forms when the verb's command is built.

use std::any::TypeId;

use clap::{Arg, ArgAction, Command};

/// Returns the command with every boolean flag of it and of its subcommands taking an optional value after `=`.
pub fn with_boolean_values(command: Command) -> Command {
    command
        .mut_args(|arg| match is_boolean(&arg) {
            true => with_value(arg),
            false => arg,
        })
        .mut_subcommands(with_boolean_values)
}

fn is_boolean(arg: &Arg) -> bool {
    !arg.is_positional()
        && (matches!(arg.get_action(), ArgAction::SetTrue)
            || arg.get_value_parser().type_id() == TypeId::of::<bool>())
}

fn with_value(arg: Arg) -> Arg {
    let has_default = !matches!(arg.get_action(), ArgAction::SetTrue);
    let arg = arg
        .action(ArgAction::Set)
        .value_parser(parse_bool)
        .value_name("BOOL")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true");
    match has_default {
        true => arg,
        false => arg.default_value("false"),
    }
}

/// Parses what Go's `strconv.ParseBool` parses, with its words for anything else.
fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!(
            "strconv.ParseBool: parsing {text:?}: invalid syntax"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, FromArgMatches, Parser};

    #[derive(clap::Args, Debug)]
    struct Flags {
        #[arg(short = 'w', long)]
        watch: bool,
        #[arg(short = 'q', long, global = true)]
        quiet: bool,
        #[arg(long, action = ArgAction::Set, default_value = "true")]
        wait: bool,
        #[arg(short = 't', long, action = ArgAction::Set)]
        tty: Option<bool>,
        names: Vec<String>,
    }

    #[derive(Parser)]
    enum Inner {
        Inner {
            #[arg(long)]
            deep: bool,
        },
    }

    fn command() -> Command {
        let command = Command::new("list").no_binary_name(true);
        with_boolean_values(Flags::augment_args(command)).args_override_self(true)
    }

    fn parse(line: &[&str]) -> Flags {
        let matches = command().try_get_matches_from(line).unwrap();
        Flags::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn every_form_of_kubectl_is_taken() {
        command().debug_assert();
        for (value, wanted) in [
            ("1", true),
            ("t", true),
            ("T", true),
            ("true", true),
            ("TRUE", true),
            ("True", true),
            ("0", false),
            ("f", false),
            ("F", false),
            ("false", false),
            ("FALSE", false),
            ("False", false),
        ] {
            for flag in ["--watch=", "-w="] {
                assert_eq!(parse(&[&format!("{flag}{value}")]).watch, wanted);
            }
            assert_eq!(parse(&[&format!("--wait={value}")]).wait, wanted);
            assert_eq!(parse(&[&format!("-t={value}")]).tty, Some(wanted));
        }
        for wrong in ["", "yes", "tRUE", "-1", "2"] {
            let line = [format!("--watch={wrong}")];
            assert!(command().try_get_matches_from(line).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_value_is_never_the_next_word_and_the_last_flag_counts() {
        let flags = parse(&["-wq", "alice", "--wait", "false", "-t"]);
        assert!(flags.watch && flags.quiet && flags.wait, "{flags:?}");
        assert_eq!(flags.tty, Some(true));
        assert_eq!(flags.names, ["alice", "false"]);
        let flags = parse(&["-qw=false"]);
        assert!(flags.quiet && !flags.watch);
        assert!(!parse(&["-w", "--watch=false"]).watch);
        let flags = parse(&[]);
        assert!(!flags.watch && flags.wait && flags.tty.is_none());
    }

    #[test]
    fn flags_of_subcommands_too() {
        let command = <Inner as clap::CommandFactory>::command().no_binary_name(true);
        let command = with_boolean_values(command);
        let matches = command.try_get_matches_from(["inner", "--deep=f"]).unwrap();
        let (_, inner) = matches.subcommand().unwrap();
        assert!(!inner.get_flag("deep"));
    }
}
