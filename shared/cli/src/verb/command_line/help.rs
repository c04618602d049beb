//! Help pages in kubectl's layout: description, aliases, examples, subcommands, arguments, options, usage.
//!
//! A command's description is its long (or short) about, its examples are its `after_long_help` (or `after_help`): lines of
//! `# comment` and `kubectl session …`. Its usage line is its `override_usage` if it has one. Flags stand in the order of
//! their declaration, under their heading; [`FIRST`] comes first, headings that verbs share (see [`SHARED_HEADINGS`]) come after a
//! verb's own. Flags under `Connection` belong to every command: a page only names them, and `kubectl session options`
//! describes them.

use clap::builder::Resettable;
use clap::{Arg, ArgAction, Command};

use super::argument_value::{takes_many, value_name};
use super::wrap::{self, TAB_COLUMNS, wrap_paragraph};

/// Heading of the flags that every command takes.
const CONNECTION_HEADING: &str = "Connection";
/// Heading of the flags that select objects, before all others.
const FIRST: &str = "Selection";
/// Headings of flags that verbs share, in the order in which they stand, behind a verb's own.
const SHARED_HEADINGS: [&str; 3] = ["Waiting", "Request", "Output"];
/// The name of the suite in usage lines of the source.
const SUITE_NAME: &str = "kubectl session";

/// A heading of the umbrella's help, and the verbs below it, in order.
#[derive(Clone, Copy, Debug)]
pub struct VerbGroup {
    /// Title without a colon: `Basic Commands`.
    pub title: &'static str,
    /// Names of verbs.
    pub verbs: &'static [&'static str],
}

/// The help page of a command that was called as `prefix` (`kubectl session list`), in lines of at most `width` columns.
pub fn help_page(command: &Command, prefix: &str, width: usize) -> String {
    render_page(command, prefix, width, &[])
}

/// The help_page page of the umbrella: as [`help_page`], with its subcommands in groups.
pub fn suite_help_page(
    command: &Command,
    prefix: &str,
    width: usize,
    groups: &[VerbGroup],
) -> String {
    render_page(command, prefix, width, groups)
}

fn render_page(command: &Command, prefix: &str, width: usize, groups: &[VerbGroup]) -> String {
    let mut command = command.clone();
    command.build();
    let mut sections = Vec::new();
    if let Some(text) = command.get_long_about().or(command.get_about()) {
        sections.push(wrap::wrap_text(text.to_string().trim(), width).join("\n"));
    }
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    if !aliases.is_empty() {
        let names = format!("{}, {}", command.get_name(), aliases.join(", "));
        sections.push(format!("Aliases:\n{names}"));
    }
    if let Some(text) = command.get_after_long_help().or(command.get_after_help()) {
        sections.push(format!("Examples:\n{}", examples(&text.to_string(), width)));
    }
    sections.extend(subcommands(&command, groups, width));
    let has_subcommands = command.get_subcommands().any(is_visible);
    sections.extend(arguments(&command, width));
    let flags = flag_sections(&command, width);
    let has_flags = !flags.is_empty();
    sections.extend(flags);
    if prefix != suite(prefix) {
        sections.extend(global_names(&command, width));
    }
    let usage = usage(&command, prefix, has_flags);
    let usage = usage
        .iter()
        .flat_map(|line| wrap_paragraph(line, "  ", "    ", width));
    sections.push(format!("Usage:\n{}", usage.collect::<Vec<_>>().join("\n")));
    let mut tips = Vec::new();
    if has_subcommands {
        tips.push(format!(
            "Use \"{prefix} <command> --help\" for more information about a given command."
        ));
    }
    tips.push(format!(
        "Use \"{} options\" for a list of global command-line options (applies to all commands).",
        suite(prefix)
    ));
    let tips = tips
        .iter()
        .flat_map(|tip| wrap_paragraph(tip, "", "", width));
    sections.push(tips.collect::<Vec<_>>().join("\n"));
    format!("{}\n", sections.join("\n\n"))
}

/// The page of `options`: the flags that every command takes.
pub fn options_page(command: &Command, width: usize) -> String {
    let mut command = command.clone();
    command.build();
    let all = command.get_arguments();
    let flags: Vec<String> = all
        .filter(|arg| arg.get_help_heading() == Some(CONNECTION_HEADING))
        .filter_map(|arg| render_flag(arg, width))
        .collect();
    format!(
        "The following options can be passed to any command:\n\n{}\n",
        flags.join("\n\n")
    )
}

/// The section that names the flags of every command, with their letters.
fn global_names(command: &Command, width: usize) -> Option<String> {
    let all = command.get_arguments();
    let flags =
        all.filter(|arg| !arg.is_hide_set() && arg.get_help_heading() == Some(CONNECTION_HEADING));
    let names: Vec<String> = flags
        .filter_map(|arg| {
            let letter = arg.get_short().map(|letter| format!("-{letter}, "));
            // `-v, --v` says the same twice.
            match (arg.get_long()?, letter) {
                (long, Some(_)) if long.len() == 1 => Some(format!("-{long}")),
                (long, letter) => Some(format!("{}--{long}", letter.unwrap_or_default())),
            }
        })
        .collect();
    if names.is_empty() {
        return None;
    }
    let lines = fill_list(&names, width);
    Some(format!("Global Options:\n{}", lines.join("\n")))
}

/// Names behind each other, two blanks apart.
fn fill_list(names: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + name.chars().count() <= width => {
                line.push_str("  ");
                line.push_str(name);
            }
            _ => lines.push(format!("  {name}")),
        }
    }
    lines
}

/// A section for every heading that has visible flags.
fn flag_sections(command: &Command, width: usize) -> Vec<String> {
    let mut sections: Vec<(Option<&str>, Vec<String>)> = Vec::new();
    for arg in command.get_arguments() {
        let heading = arg.get_help_heading();
        if heading == Some(CONNECTION_HEADING) {
            continue;
        }
        let Some(text) = render_flag(arg, width) else {
            continue;
        };
        match sections.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, flags)) => flags.push(text),
            None => sections.push((heading, vec![text])),
        }
    }
    // The sort is stable: a verb's own headings keep their order.
    sections.sort_by_key(|(heading, _)| heading_rank(*heading));
    let titled = sections.into_iter().map(|(heading, flags)| {
        let title = heading.map_or_else(|| "Options".to_owned(), |name| format!("{name} Options"));
        format!("{title}:\n{}", flags.join("\n\n"))
    });
    titled.collect()
}

/// Where the flags of a heading stand: [`FIRST`], then those without one, then a verb's own, then those that verbs share.
fn heading_rank(heading: Option<&str>) -> usize {
    match heading {
        Some(FIRST) => 0,
        None => 1,
        Some(name) => match SHARED_HEADINGS.iter().position(|last| *last == name) {
            Some(at) => at + 3,
            None => 2,
        },
    }
}

/// `    -o, --output FORMAT:`, and what it does, indented by a tab; `None` for what no page shows.
fn render_flag(arg: &Arg, width: usize) -> Option<String> {
    let long = arg.get_long()?;
    if arg.is_hide_set() || ["help", "version"].contains(&long) {
        return None;
    }
    let letter = arg.get_short().map(|letter| format!("-{letter}, "));
    let letter = letter.unwrap_or_default();
    Some(format!(
        "    {letter}--{long}{}:\n{}",
        default_or_value_name(arg),
        render_description(arg, width)
    ))
}

/// The text of a flag or an argument in lines that begin with a tab.
fn render_description(arg: &Arg, width: usize) -> String {
    let about = arg.get_long_help().or(arg.get_help());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let lines = wrap::wrap_text(about.trim(), width.saturating_sub(TAB_COLUMNS));
    let lines = lines.into_iter().map(|line| match line.is_empty() {
        true => line,
        false => format!("\t{line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What follows a flag's name: its default as kubectl shows it (texts in quotes, numbers, durations and truth values
/// bare), or the name of its value where it has no default.
fn default_or_value_name(arg: &Arg) -> String {
    match arg.get_action() {
        ArgAction::SetTrue => return "=false".into(),
        ArgAction::SetFalse => return "=true".into(),
        ArgAction::Count => return "=0".into(),
        _ => {}
    }
    let defaults = arg.get_default_values();
    match defaults.first().map(|value| value.to_string_lossy()) {
        Some(text) if text == "true" || text == "false" || is_amount(&text) => format!("={text}"),
        Some(text) => format!("='{text}'"),
        None if may_stand_alone(arg) => format!("[={}]", value_name(arg)),
        None => format!(" {}", value_name(arg)),
    }
}

/// True for a flag whose value may be left out.
fn may_stand_alone(arg: &Arg) -> bool {
    arg.get_num_args()
        .is_some_and(|range| range.min_values() == 0)
}

/// True for numbers and durations: `500`, `-1`, `30s`, `1h30m`, `7d`.
fn is_amount(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .chars()
            .all(|c| c.is_ascii_digit() || ['s', 'm', 'h', 'd'].contains(&c))
}

/// The arguments that are no flags, and what they are; hidden ones are left out.
fn arguments(command: &Command, width: usize) -> Option<String> {
    let visible = command
        .get_positionals()
        .filter(|arg| !arg.is_hide_set() && arg.get_help().is_some());
    let texts: Vec<String> = visible
        .map(|arg| {
            format!(
                "    {}:\n{}",
                value_name(arg),
                render_description(arg, width)
            )
        })
        .collect();
    (!texts.is_empty()).then(|| format!("Arguments:\n{}", texts.join("\n\n")))
}

/// Usage lines: those of the source, under the name by which the suite was called, or a line made of the arguments.
fn usage(command: &Command, prefix: &str, has_flags: bool) -> Vec<String> {
    let rendered = |command: &mut Command| command.render_usage().to_string();
    let text = rendered(&mut command.clone());
    let own = rendered(&mut command.clone().override_usage(Resettable::Reset));
    if text == own {
        let options = if has_flags { " [options]" } else { "" };
        return vec![format!("{prefix}{}{options}", argument_words(command))];
    }
    let text = text.trim_start_matches("Usage:").trim();
    text.lines()
        .map(|line| match line.trim().strip_prefix(SUITE_NAME) {
            Some(rest) => format!("{}{rest}", suite(prefix)),
            None => line.trim().to_owned(),
        })
        .collect()
}

/// The arguments of a usage line.
fn argument_words(command: &Command) -> String {
    let mut text = String::new();
    for arg in command.get_positionals().filter(|arg| !arg.is_hide_set()) {
        let name = value_name(arg);
        let repeated = if takes_many(arg) {
            format!("{name}...")
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

/// The visible subcommands, one line each: in groups, then those that are in none.
fn subcommands(command: &Command, groups: &[VerbGroup], width: usize) -> Vec<String> {
    let visible: Vec<&Command> = command
        .get_subcommands()
        .filter(|inner| is_visible(inner))
        .collect();
    let names = visible.iter().map(|inner| inner.get_name());
    let longest = names.map(|name| name.chars().count()).max().unwrap_or(0);
    let line = |inner: &Command| {
        let name = format!("  {:<longest$}   ", inner.get_name());
        match inner.get_about() {
            Some(about) => {
                let indent = " ".repeat(name.chars().count());
                wrap_paragraph(&about.to_string(), &name, &indent, width).join("\n")
            }
            None => name.trim_end().to_owned(),
        }
    };
    let mut sections = Vec::new();
    for group in groups {
        let members = group
            .verbs
            .iter()
            .filter_map(|verb| visible.iter().find(|inner| inner.get_name() == *verb));
        let lines: Vec<String> = members.map(|inner| line(inner)).collect();
        if !lines.is_empty() {
            sections.push(format!("{}:\n{}", group.title, lines.join("\n")));
        }
    }
    let grouped = |inner: &Command| {
        groups
            .iter()
            .any(|group| group.verbs.contains(&inner.get_name()))
    };
    let others = visible.iter().filter(|inner| !grouped(inner));
    let lines: Vec<String> = others.map(|inner| line(inner)).collect();
    if !lines.is_empty() {
        sections.push(format!("Available Commands:\n{}", lines.join("\n")));
    }
    sections
}

fn is_visible(command: &Command) -> bool {
    !command.is_hide_set() && !["help", "options"].contains(&command.get_name())
}

/// Examples, every line indented by two at least; comments and commands that are too long are broken as a shell allows.
fn examples(text: &str, width: usize) -> String {
    let trimmed = text.trim_matches('\n').trim_end();
    let flush = trimmed
        .lines()
        .any(|line| !line.is_empty() && !line.starts_with("  "));
    let lines = trimmed.lines().flat_map(|line| {
        let line = match line.trim_end() {
            "" => return vec![String::new()],
            line if flush => format!("  {line}"),
            line => line.to_owned(),
        };
        match line.trim_start().strip_prefix("# ") {
            Some(comment) => wrap_paragraph(comment, "  # ", "  # ", width),
            None => wrap::wrap_command(&line, width),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The program of which the command is a part: `kubectl session`, or the one word of another name.
fn suite(prefix: &str) -> String {
    let words = if prefix.starts_with("kubectl ") { 2 } else { 1 };
    prefix.split(' ').take(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
