//! Help pages: each is kept in a file, at the width that is used without a terminal.

use clap::{Arg, ArgAction, Command};
use session_shared::verb::command_line;
use session_support::{golden, run_binary};

use crate::program::program;

/// Columns without a terminal.
const WIDTH: usize = 80;

/// Every command of the suite with the words that call it: the suite itself, its verbs and their subcommands.
fn commands() -> Vec<(Vec<String>, Command)> {
    let mut all = vec![(Vec::new(), Command::new("session"))];
    for verb in kubectl_session::VERBS {
        let mut command = (verb.command)();
        command.build();
        let words = vec![verb.name.to_owned()];
        for inner in command.get_subcommands() {
            let words = [words.clone(), vec![inner.get_name().to_owned()]].concat();
            all.push((words, inner.clone()));
        }
        all.push((words, command));
    }
    all
}

/// The page of a command, as the program prints it.
fn page(words: &[String]) -> String {
    let args = words.iter().map(String::as_str).chain(["--help"]);
    let output = run_binary(program(), &args.collect::<Vec<_>>(), &[], "");
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{words:?}");
    output.stdout
}

/// Columns of a line; a tab stands at its beginning and counts eight.
fn columns(line: &str) -> usize {
    line.chars().map(|c| if c == '\t' { 8 } else { 1 }).sum()
}

#[test]
fn every_page_is_kept_and_fits_its_width() {
    for (words, _) in commands() {
        let text = page(&words);
        let name = words.join("-");
        let name = if name.is_empty() { "session" } else { &name };
        golden(&format!("help/{name}.txt"), &text);
        let first = text.lines().next().unwrap();
        assert!(
            !first.is_empty() && !first.ends_with('.'),
            "{name}: {first}"
        );
        for line in text.lines() {
            assert!(columns(line) <= WIDTH, "{name}: {line}");
        }
    }
    let text = run_binary(program(), &["options"], &[], "").stdout;
    golden("help/options.txt", &text);
    for line in text.lines() {
        assert!(columns(line) <= WIDTH, "options: {line}");
    }
}

#[test]
fn usage_lines_are_those_of_the_source() {
    for (words, command) in commands().split_off(1) {
        let words = words.join(" ");
        let text = page(&words.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let (_, shown) = text.split_once("\nUsage:\n").unwrap();
        let (shown, _) = shown.split_once("\n\n").unwrap();
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let source = command.clone().render_usage().to_string();
        let source = source.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(format!("Usage: {shown}"), source, "{words}");
        assert!(
            shown.starts_with(&format!("kubectl session {words}")),
            "{shown}"
        );
    }
}

/// A default that stands in a flag's text as well can differ from the real one.
#[test]
fn a_flag_with_a_default_shows_it_and_its_text_names_no_other() {
    for (words, command) in commands() {
        let text = page(&words);
        let visible = command.get_arguments().filter(|arg| !arg.is_hide_set());
        for arg in visible.filter(|arg| arg.get_help_heading() != Some("Connection")) {
            let listed = |long: &&str| !["help", "version"].contains(long);
            let Some(long) = arg.get_long().filter(listed) else {
                continue;
            };
            let at = text
                .find(&format!("--{long}{}:\n", default(arg)))
                .unwrap_or_else(|| panic!("{words:?} --{long}: {text}"));
            let about = text[at..].lines().skip(1);
            let about: Vec<&str> = about.take_while(|line| line.starts_with('\t')).collect();
            assert!(!about.is_empty(), "{words:?} --{long} has no text");
            let about = about.join(" ").to_lowercase();
            let has_default = default(arg).starts_with('=');
            let words: Vec<&str> = about.split_whitespace().collect();
            // "--wait-for defaults to ready" is about another flag.
            let names_one = words.windows(2).any(|pair| match pair {
                ["by", "default"] => true,
                [before, "defaults" | "default:"] => !before.starts_with("--"),
                _ => false,
            });
            assert!(!(has_default && names_one), "{words:?} --{long}: {about}");
        }
    }
}

/// What stands behind a flag's name.
fn default(arg: &Arg) -> String {
    match arg.get_action() {
        ArgAction::SetTrue => return "=false".into(),
        ArgAction::SetFalse => return "=true".into(),
        _ => {}
    }
    let name = arg.get_value_names().unwrap()[0].to_string();
    // Numbers and durations; a range such as 1-50 is neither.
    let bare = |text: &str| {
        let amount = text.trim_start_matches('-');
        ["true", "false"].contains(&text)
            || amount.starts_with(|c: char| c.is_ascii_digit()) && !amount.contains('-')
    };
    match arg.get_default_values() {
        [] if arg
            .get_num_args()
            .is_some_and(|range| range.min_values() == 0) =>
        {
            format!("[={name}]")
        }
        [] => format!(" {name}"),
        [value, ..] if bare(&value.to_string_lossy()) => format!("={}", value.display()),
        [value, ..] => format!("='{}'", value.display()),
    }
}

#[test]
fn pages_follow_the_width_that_is_there() {
    let stop = kubectl_session::VERBS
        .iter()
        .find(|verb| verb.name == "stop");
    let stop = (stop.unwrap().command)();
    for width in [60, 100, 132] {
        let text = command_line::help_page(&stop, "kubectl session stop", width);
        let longest = text.lines().map(columns).max().unwrap();
        assert!(
            longest <= width && longest > width - 12,
            "{width}: {longest}"
        );
    }
    let columns = [("COLUMNS", "60")];
    let narrow = run_binary(program(), &["stop", "--help"], &columns, "").stdout;
    let expected = command_line::help_page(&stop, "kubectl session stop", 60);
    assert_eq!(narrow, expected);
}

#[test]
fn every_verb_stands_in_one_group() {
    let grouped = kubectl_session::VERB_GROUPS
        .iter()
        .flat_map(|group| group.verbs);
    let mut grouped: Vec<&str> = grouped.copied().collect();
    let mut verbs: Vec<&str> = kubectl_session::VERBS
        .iter()
        .map(|verb| verb.name)
        .collect();
    grouped.sort_unstable();
    verbs.sort_unstable();
    assert_eq!(grouped, verbs);
    let text = page(&[]);
    for group in kubectl_session::VERB_GROUPS {
        for verb in group.verbs {
            let about = kubectl_session::VERBS
                .iter()
                .find(|known| known.name == *verb);
            let about = about.unwrap().about.lines().next().unwrap();
            let line = format!("\n  {verb:<8}   {about}\n");
            assert!(
                text.contains(&line),
                "{verb} takes more than a line: {text}"
            );
        }
        assert!(
            text.contains(&format!("\n{}:\n  {}", group.title, group.verbs[0])),
            "{text}"
        );
    }
}
