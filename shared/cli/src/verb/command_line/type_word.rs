//! The word for sessions before a session's name, as kubectl's TYPE stands before names: `delete session alice`.

use std::ffi::OsString;

use clap::Command;

use super::argument_value::value_name;
use super::command_path::CommandPath;

/// The words for sessions that kubectl takes.
pub const TYPE_WORDS: [&str; 3] = ["session", "sessions", "sess"];

/// Returns the arguments without a leading word for sessions. A word that is the only argument stays, because it may be
/// a session's name, unless a selector or `--all` says which sessions are meant. `session/session` is always the name.
pub(crate) fn without_type_word(
    command: &Command,
    prefix: &str,
    mut args: Vec<OsString>,
) -> Vec<OsString> {
    // Looking for the place costs as much as building the command.
    if !args.iter().any(is_type_word) {
        return args;
    }
    let words: Vec<String> = args
        .iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let path = CommandPath::of(command, prefix, &words);
    let first = path.command.get_positionals().next();
    let takes_sessions = first.is_some_and(|arg| !arg.is_last_set() && value_name(arg) == "NAME");
    // The names of `template` are those of templates.
    if !takes_sessions || path.prefix.contains(" template ") {
        return args;
    }
    let positionals = path.positionals();
    let [at, rest @ ..] = positionals.as_slice() else {
        return args;
    };
    let is_selected = ["--all", "--selector", "--selector=", "-l"];
    let is_selected = !rest.is_empty() || is_selected.iter().any(|flag| path.was_typed(flag));
    if is_selected && is_type_word(&args[*at]) {
        args.remove(*at);
    }
    args
}

fn is_type_word(arg: &OsString) -> bool {
    TYPE_WORDS.iter().any(|word| arg == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, ArgAction};

    fn left(line: &str) -> String {
        let names = Arg::new("names").value_name("NAME").num_args(0..);
        let delete = Command::new("delete")
            .arg(names.clone())
            .arg(Arg::new("namespace").short('n').long("namespace"))
            .arg(Arg::new("selector").short('l').long("selector"))
            .arg(Arg::new("all").long("all").action(ArgAction::SetTrue));
        let connect = Command::new("connect")
            .arg(Arg::new("name").required(true))
            .arg(Arg::new("command").last(true).num_args(0..));
        let template = Command::new("template").subcommand(Command::new("show").arg(names));
        let suite = Command::new("session").subcommands([delete, connect, template]);
        let args = line.split(' ').map(OsString::from).collect();
        let left = without_type_word(&suite, "kubectl session", args);
        let left: Vec<_> = left.iter().map(|arg| arg.to_string_lossy()).collect();
        left.join(" ")
    }

    #[test]
    fn the_type_before_names_is_dropped() {
        for (line, wanted) in [
            ("delete session alice", "delete alice"),
            ("delete sessions alice bob", "delete alice bob"),
            ("delete -n x sess alice", "delete -n x alice"),
            ("delete -n session alice", "delete -n session alice"),
            ("delete session session", "delete session"),
            ("delete sessions --all", "delete --all"),
            ("delete sessions -l a=b", "delete -l a=b"),
            ("connect session alice -- ls", "connect alice -- ls"),
            // Names.
            ("delete session", "delete session"),
            ("delete alice session", "delete alice session"),
            ("connect session -- ls", "connect session -- ls"),
            ("connect alice -- session x", "connect alice -- session x"),
            ("template show session alice", "template show session alice"),
        ] {
            assert_eq!(left(line), wanted);
        }
    }
}
