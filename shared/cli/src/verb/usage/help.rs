//! Help in kubectl's order: text, aliases, examples, subcommands, options, usage, where the rest is.
//!
//! A command's text is its long (or short) description, its examples are its `after_long_help` (or `after_help`):
//! lines of `# what it does` and `kubectl session …`. Flags under the heading `Connection` are those of every command:
//! they are listed by `options` alone.

use clap::{Arg, ArgAction, Command};

use super::{takes_many, value_name};

/// Heading of the flags that every command takes.
const CONNECTION: &str = "Connection";

/// The help of a command that was called as `prefix` (`kubectl session list`).
pub fn help(command: &Command, prefix: &str) -> String {
    let mut command = command.clone();
    command.build();
    let mut sections = Vec::new();
    if let Some(text) = command.get_long_about().or(command.get_about()) {
        sections.push(text.to_string().trim().to_owned());
    }
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    if !aliases.is_empty() {
        sections.push(format!(
            "Aliases:\n{}, {}",
            command.get_name(),
            aliases.join(", ")
        ));
    }
    if let Some(examples) = command.get_after_long_help().or(command.get_after_help()) {
        sections.push(format!("Examples:\n{}", indented(&examples.to_string())));
    }
    let subcommands = subcommands(&command);
    if !subcommands.is_empty() {
        sections.push(format!("Available Commands:\n{subcommands}"));
    }
    let flags = flags(&command, |heading| heading != Some(CONNECTION));
    if !flags.is_empty() {
        sections.push(format!("Options:\n{}", flags.join("\n\n")));
    }
    let names = global_names(&command);
    if !names.is_empty() && prefix != suite(prefix) {
        sections.push(format!("Global Options:\n{names}"));
    }
    let options = if flags.is_empty() { "" } else { " [options]" };
    sections.push(format!(
        "Usage:\n  {prefix}{}{options}",
        arguments(&command)
    ));
    let mut tips = String::new();
    if !subcommands.is_empty() {
        tips.push_str(&format!(
            "Use \"{prefix} <command> --help\" for more information about a given command.\n"
        ));
    }
    let suite = suite(prefix);
    tips.push_str(&format!(
        "Use \"{suite} options\" for a list of global command-line options (applies to all commands).\n"
    ));
    sections.push(tips);
    sections.join("\n\n")
}

/// The flags that every command takes: what `options` prints.
pub fn options(command: &Command, _prefix: &str) -> String {
    let mut command = command.clone();
    command.build();
    let flags = flags(&command, |heading| heading == Some(CONNECTION));
    format!(
        "The following options can be passed to any command:\n\n{}\n",
        flags.join("\n\n")
    )
}

/// The names of the flags that every command takes, in lines of at most 80 columns: enough to know that they are there.
fn global_names(command: &Command) -> String {
    const WIDTH: usize = 80;
    let is_global = |arg: &&Arg| !arg.is_hide_set() && arg.get_help_heading() == Some(CONNECTION);
    let longs = command
        .get_arguments()
        .filter(is_global)
        .filter_map(Arg::get_long);
    let mut names: Vec<String> = longs.map(|name| format!("--{name}")).collect();
    names.sort_unstable();
    let (mut lines, mut line) = (Vec::new(), String::new());
    for name in names {
        if !line.is_empty() && line.len() + name.len() + 2 > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(if line.is_empty() { "  " } else { " " });
        line.push_str(&name);
    }
    lines.push(line);
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// Visible flags under headings that are wanted, sorted by name.
fn flags(command: &Command, wanted: impl Fn(Option<&str>) -> bool) -> Vec<String> {
    let mut flags: Vec<(&str, String)> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && wanted(arg.get_help_heading()))
        .filter_map(|arg| Some((arg.get_long()?, flag(arg)?)))
        .filter(|(long, _)| !["help", "version"].contains(long))
        .collect();
    flags.sort_unstable();
    flags.into_iter().map(|(_, text)| text).collect()
}

/// `    -o, --output='':`, and what it does after a tab.
fn flag(arg: &Arg) -> Option<String> {
    let letter = arg
        .get_short()
        .map_or_else(String::new, |letter| format!("-{letter}, "));
    let about = arg
        .get_long_help()
        .or(arg.get_help())
        .map(ToString::to_string)
        .unwrap_or_default();
    let about = about.trim().replace('\n', "\n\t");
    Some(format!(
        "    {letter}--{}={}:\n\t{about}",
        arg.get_long()?,
        value(arg)
    ))
}

/// The default as kubectl shows it: texts in quotes, lists in brackets, numbers and truth values bare.
fn value(arg: &Arg) -> String {
    let default = arg
        .get_default_values()
        .first()
        .map(|value| value.to_string_lossy().into_owned());
    match arg.get_action() {
        ArgAction::SetTrue => return "false".into(),
        ArgAction::SetFalse => return "true".into(),
        ArgAction::Count => return "0".into(),
        ArgAction::Append => return format!("[{}]", default.unwrap_or_default()),
        _ => {}
    }
    // A flag that may stand without a value and has no other default is a switch.
    let switch = arg.is_require_equals_set()
        && arg
            .get_num_args()
            .is_some_and(|range| range.min_values() == 0);
    match default {
        None if switch => "false".into(),
        None => "''".into(),
        Some(text) if ["true", "false"].contains(&text.as_str()) => text,
        Some(text) if is_amount(&text) => text,
        Some(text) => format!("'{text}'"),
    }
}

/// True for numbers and for amounts of time: `500`, `-1`, `30s`.
fn is_amount(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let number = digits.trim_end_matches(['s', 'm', 'h']);
    !number.is_empty()
        && digits.len() - number.len() <= 1
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// What follows the command in its usage line.
fn arguments(command: &Command) -> String {
    let mut text = String::new();
    for arg in command.get_positionals().filter(|arg| !arg.is_hide_set()) {
        let name = value_name(arg);
        let repeated = if takes_many(arg) {
            format!("{name} ...")
        } else {
            name
        };
        let dashes = if arg.is_last_set() { "-- " } else { "" };
        if arg.is_required_set() {
            text.push_str(&format!(" {dashes}{repeated}"));
        } else {
            text.push_str(&format!(" [{dashes}{repeated}]"));
        }
    }
    if command.get_subcommands().any(is_visible) {
        text.push_str(" COMMAND");
    }
    text
}

fn subcommands(command: &Command) -> String {
    let visible: Vec<&Command> = command
        .get_subcommands()
        .filter(|inner| is_visible(inner))
        .collect();
    let width = visible
        .iter()
        .map(|inner| inner.get_name().chars().count())
        .max()
        .unwrap_or(0);
    let lines = visible.iter().map(|inner| {
        let about = inner
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        format!("  {:<width$}   {about}", inner.get_name())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_visible(command: &Command) -> bool {
    !command.is_hide_set() && !["help", "options"].contains(&command.get_name())
}

/// Examples, every line indented by two at least.
fn indented(examples: &str) -> String {
    let trimmed = examples.trim_matches('\n').trim_end();
    let flush = trimmed
        .lines()
        .any(|line| !line.is_empty() && !line.starts_with("  "));
    let lines = trimmed.lines().map(|line| match line.trim_end() {
        "" => String::new(),
        line if flush => format!("  {line}"),
        line => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The program of which the command is a part: `kubectl session`, or the one word of another name.
fn suite(prefix: &str) -> String {
    let words = if prefix.starts_with("kubectl ") { 2 } else { 1 };
    prefix.split(' ').take(words).collect::<Vec<_>>().join(" ")
}
