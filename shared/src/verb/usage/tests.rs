use clap::{Arg, ArgAction, Args as _, Command, value_parser};
use proptest::prelude::*;

use super::*;
use crate::flags::connection::Connection;
use crate::flags::output::{ListOutput, Talk};

fn list() -> Command {
    let command = Command::new("list")
        .after_long_help("# List the sessions of the namespace\nkubectl session list\n\n# Only names\nkubectl session list -o name\n")
        .arg(Arg::new("names").value_name("NAME").action(ArgAction::Append))
        .arg(Arg::new("watch").short('w').long("watch").action(ArgAction::SetTrue).help("Watch for changes"))
        .arg(
            Arg::new("chunk").long("chunk-size").value_name("N").value_parser(value_parser!(u32)).default_value("500")
                .help("Return large lists in chunks\nrather than all at once"),
        )
        .arg(Arg::new("all").long("all").action(ArgAction::SetTrue).conflicts_with("now"))
        .arg(Arg::new("now").long("now").action(ArgAction::SetTrue))
        .arg(Arg::new("secret").long("secret").hide(true));
    with_shared(command)
        .about("List sessions")
        .long_about("List sessions of a namespace.\n\n They are printed as kubectl prints them.\n")
}

fn create() -> Command {
    let command = Command::new("create")
        .arg(Arg::new("name").value_name("NAME").required(true))
        .arg(
            Arg::new("id")
                .long("user-id")
                .value_name("ID")
                .required(true),
        );
    with_shared(command)
}

fn template() -> Command {
    let lint = Command::new("lint")
        .about("Check a file")
        .visible_alias("check")
        .arg(
            Arg::new("file")
                .short('f')
                .long("filename")
                .value_name("FILE"),
        );
    let command = Command::new("template")
        .about("Templates")
        .subcommand_required(true)
        .subcommand(lint)
        .subcommand(Command::new("list").about("List them"));
    Connection::augment_args(command).about("Templates")
}

fn with_shared(command: Command) -> Command {
    Connection::augment_args(Talk::augment_args(ListOutput::augment_args(command)))
}

/// Standard output, standard error and exit code of a command line.
fn printed(command: &Command, line: &[&str]) -> (String, String, u8) {
    let command = command
        .clone()
        .no_binary_name(true)
        .disable_help_subcommand(true);
    let prefix = format!("kubectl session {}", command.get_name());
    let error = command
        .clone()
        .try_get_matches_from(line)
        .expect_err("the line is fine");
    let args: Vec<OsString> = line.iter().map(OsString::from).collect();
    let (mut console, captured) = Console::captured("", false);
    let code = report_for(&mut console, &command, &prefix, &error, &args);
    (captured.out(), captured.err(), code)
}

#[test]
fn bad_lines_are_answered_as_kubectl_answers_them() {
    let flag = "See 'kubectl session list --help' for usage.";
    let argument = "See 'kubectl session list -h' for help and examples";
    let cases: &[(&[&str], &str, &str)] = &[
        (&["--bogus"], "unknown flag: --bogus", flag),
        (&["--bogus=3"], "unknown flag: --bogus", flag),
        (&["-Z"], "unknown shorthand flag: 'Z' in -Z", flag),
        (&["-wZ"], "unknown shorthand flag: 'Z' in -Z", flag),
        (&["-wZx"], "unknown shorthand flag: 'Z' in -Zx", flag),
        (&["--sort-by"], "flag needs an argument: --sort-by", flag),
        (&["-n"], "flag needs an argument: 'n' in -n", flag),
        (&["-wn"], "flag needs an argument: 'n' in -n", flag),
        (
            &["--namespace"],
            "flag needs an argument: --namespace",
            flag,
        ),
        (
            &["--chunk-size=x"],
            "invalid argument \"x\" for \"--chunk-size\" flag: invalid digit found in string",
            flag,
        ),
        (
            &["--chunk-size", "-1"],
            "unknown shorthand flag: '1' in -1",
            flag,
        ),
        (
            &["-v=x"],
            "invalid argument \"x\" for \"-v, --v\" flag: strconv.ParseInt: parsing \"x\": invalid syntax",
            flag,
        ),
        (
            &["--color=blue"],
            "invalid argument \"blue\" for \"--color\" flag: must be \"auto\", \"always\", or \"never\"",
            flag,
        ),
        (
            &["--color="],
            "invalid argument \"\" for \"--color\" flag: must be \"auto\", \"always\", or \"never\"",
            flag,
        ),
        (
            &["--quiet=maybe"],
            "invalid argument \"maybe\" for \"-q, --quiet\" flag: must be \"true\" or \"false\"",
            flag,
        ),
        (
            &["--watch=true"],
            "invalid argument \"true\" for \"-w, --watch\" flag: it takes no value",
            flag,
        ),
        (
            &["--all", "--now"],
            "--all and --now cannot be specified together",
            argument,
        ),
        (
            &["--all", "--all"],
            "--all cannot be specified more than once",
            argument,
        ),
    ];
    for (line, message, pointer) in cases {
        let (out, err, code) = printed(&list(), line);
        assert_eq!((out.as_str(), code), ("", 1), "{line:?}");
        assert_eq!(err, format!("error: {message}\n{pointer}\n"), "{line:?}");
    }
}

#[test]
fn arguments_are_counted_as_kubectl_counts_them() {
    let pointer = "See 'kubectl session create -h' for help and examples";
    let cases: &[(&[&str], &str)] = &[
        (&["--user-id", "u"], "exactly one NAME is required, got 0"),
        (
            &["a", "b", "--user-id", "u"],
            "exactly one NAME is required, got 2",
        ),
        (
            &["a", "-n", "x", "--user-id=u", "b", "--", "c"],
            "exactly one NAME is required, got 3",
        ),
        (&["a"], "required flag(s) \"user-id\" not set"),
    ];
    for (line, message) in cases {
        let (_, err, code) = printed(&create(), line);
        assert_eq!(
            (err, code),
            (format!("error: {message}\n{pointer}\n"), 1),
            "{line:?}"
        );
    }
    let many = Command::new("stop").arg(
        Arg::new("names")
            .value_name("NAME")
            .num_args(1..)
            .required(true),
    );
    assert!(
        printed(&many, &[])
            .1
            .starts_with("error: at least one NAME is required, got 0\n")
    );
    let two = Command::new("copy")
        .arg(Arg::new("from").required(true))
        .arg(Arg::new("to").required(true));
    assert!(
        printed(&two, &[])
            .1
            .starts_with("error: FROM and TO are required\n")
    );
    assert!(
        printed(&Command::new("options"), &["x"])
            .1
            .starts_with("error: unexpected arguments: [x]\n")
    );
}

#[test]
fn near_names_are_suggested() {
    let (_, err, _) = printed(&list(), &["--namespce", "x"]);
    assert_eq!(
        err,
        "error: unknown flag: --namespce\nSee 'kubectl session list --help' for usage.\n\nDid you mean this?\n\t--namespace\n"
    );
    let (_, err, _) = printed(&template(), &["lintt"]);
    assert_eq!(
        err,
        "error: unknown command \"lintt\" for \"kubectl session template\"\n\
         See 'kubectl session template -h' for help and examples\n\nDid you mean this?\n\tlint\n\tlist\n"
    );
}

#[test]
fn a_complaint_names_the_subcommand_it_is_about() {
    for line in [
        &["lint", "--bogus"][..],
        &["-n", "list", "lint", "--bogus"],
        &["check", "--bogus"],
        &["template", "lint", "--bogus"],
    ] {
        let place = Place::of(
            &template(),
            "kubectl session template",
            &line.iter().map(ToString::to_string).collect::<Vec<_>>(),
        );
        assert_eq!(place.prefix, "kubectl session template lint", "{line:?}");
    }
    let (_, err, _) = printed(&template(), &["lint", "-f"]);
    assert_eq!(
        err,
        "error: flag needs an argument: 'f' in -f\nSee 'kubectl session template lint --help' for usage.\n"
    );
    let (out, err, code) = printed(&template(), &["lint", "-h"]);
    assert!(
        out.starts_with(
            "Check a file\n\nAliases:\nlint, check\n\nOptions:\n    -f, --filename FILE:\n"
        ),
        "{out}"
    );
    assert!(
        out.contains("Usage:\n  kubectl session template lint [options]\n"),
        "{out}"
    );
    assert_eq!((err.as_str(), code), ("", 0));
}

#[test]
fn what_a_verb_says_through_clap_is_kept() {
    let error = list().error(ErrorKind::Io, "the disk is full");
    let place = Place::of(&list(), "kubectl session list", &[]);
    assert_eq!(
        complaint(&place, &error),
        "error: the disk is full\nSee 'kubectl session list -h' for help and examples"
    );
}

#[test]
fn help_has_kubectls_order() {
    let (out, err, code) = printed(&list(), &["--help"]);
    let expected_start = "\
List sessions of a namespace.

 They are printed as kubectl prints them.

Examples:
  # List the sessions of the namespace
  kubectl session list

  # Only names
  kubectl session list -o name

Options:
    -w, --watch=false:
\tWatch for changes

    --chunk-size=500:
\tReturn large lists in chunks
\trather than all at once

    --all=false:


    --now=false:


Output Options:
    -o, --output FORMAT:
\tOutput format.";
    assert!(out.starts_with(expected_start), "{out}");
    let expected_end = "

Usage:
  kubectl session list [NAME...] [options]

Use \"kubectl session options\" for a list of global command-line options (applies
to all commands).
";
    assert!(out.ends_with(expected_end), "{out}");
    let names = "

Global Options:
  -n, --namespace  --kubeconfig  --context  --cluster  --user  -s, --server
";
    assert!(out.contains(names), "{out}");
    assert!(out.contains("\n    --color='auto':\n\t"), "{out}");
    assert!(
        out.contains("\n    -L, --label-columns LABEL:\n\t"),
        "{out}"
    );
    assert!(out.contains("\n    -q, --quiet=false:\n\t"), "{out}");
    for left_out in ["--kubeconfig FILE", "--secret", "--help", "Connection"] {
        assert!(!out.contains(left_out), "{left_out}");
    }
    assert_eq!((err.as_str(), code), ("", 0));
}

#[test]
fn usage_lines_are_those_of_the_source_under_the_name_that_was_typed() {
    let command = Command::new("copy").override_usage(
        "kubectl session copy NAME (--to FILE | --from FILE | --with-a-flag-that-is-long) [options]
  kubectl session copy --list",
    );
    let text = help(&command, "ks copy", 60);
    let usage = "Usage:\n  ks copy NAME (--to FILE | --from FILE |\n    \
        --with-a-flag-that-is-long) [options]\n  ks copy --list\n\n";
    assert!(text.contains(usage), "{text}");
}

#[test]
fn headings_of_a_verb_stand_before_those_that_verbs_share() {
    let flag = |name: &'static str| Arg::new(name).long(name).help("Text");
    let command = Command::new("x")
        .arg(flag("format").help_heading("Output"))
        .arg(flag("claims").help_heading("Data"))
        .arg(flag("wait").help_heading("Waiting"))
        .arg(flag("plain"))
        .arg(flag("server").help_heading("Connection"))
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .help("Name of the session"),
        );
    let text = help(&command, "kubectl session x", 80);
    let titles: Vec<&str> = text.lines().filter(|line| line.ends_with(':')).collect();
    assert_eq!(
        titles,
        [
            "Arguments:",
            "    NAME:",
            "Options:",
            "    --plain PLAIN:",
            "Data Options:",
            "    --claims CLAIMS:",
            "Waiting Options:",
            "    --wait WAIT:",
            "Output Options:",
            "    --format FORMAT:",
            "Global Options:",
            "Usage:"
        ]
    );
}

#[test]
fn a_default_is_shown_as_kubectl_shows_it() {
    let switch = |arg: Arg| arg.num_args(0..=1).require_equals(true).value_name("BOOL");
    for (arg, shown) in [
        (Arg::new("a"), " NAME"),
        (Arg::new("a").default_value("5m"), "=5m"),
        (Arg::new("a").default_value("1h30m"), "=1h30m"),
        (Arg::new("a").default_value("-1"), "=-1"),
        (Arg::new("a").default_value("none"), "='none'"),
        (Arg::new("a").action(ArgAction::Append), " NAME"),
        (switch(Arg::new("a").default_value("true")), "=true"),
        (switch(Arg::new("a")), "[=BOOL]"),
    ] {
        let arg = match arg.get_value_names() {
            None => arg.value_name("NAME"),
            Some(_) => arg,
        };
        let command = Command::new("x").arg(arg.long("flag").help("Text"));
        let text = help(&command, "kubectl session x", 80);
        assert!(
            text.contains(&format!("\n    --flag{shown}:\n\tText\n")),
            "{shown}: {text}"
        );
    }
}

#[test]
fn options_are_the_flags_of_every_command() {
    let text = options(&list(), 80);
    assert!(
        text.starts_with(
            "The following options can be passed to any command:\n\n    -n, --namespace NAME:\n\t"
        ),
        "{text}"
    );
    assert!(text.contains("\n    -n, --namespace NAME:\n\t"));
    assert!(text.contains("\n    --as-group GROUP:\n\t"));
    assert!(text.contains("\n    --insecure-skip-tls-verify[=BOOL]:\n\t"));
    assert!(!text.contains("--chunk-size"));
}

#[test]
fn commands_are_listed_and_the_suite_is_named_as_it_was_called() {
    let (out, _, code) = printed(&template(), &[]);
    assert_eq!(code, 0);
    let globals = out.find("Global Options:").zip(out.find("Usage:"));
    let (from, to) = globals.expect("the flags of every command are named before the usage");
    assert!(out[from..to].contains("-n, --namespace"), "{out}");
    assert_eq!(
        format!("{}{}", &out[..from], &out[to..]),
        "Templates\n\nAvailable Commands:\n  lint   Check a file\n  list   List them\n\n\
         Usage:\n  kubectl session template COMMAND\n\n\
         Use \"kubectl session template <command> --help\" for more information about a\n\
         given command.\n\
         Use \"kubectl session options\" for a list of global command-line options (applies\n\
         to all commands).\n"
    );
    assert!(help(&create(), "ks create", 80).contains("Use \"ks options\" for a list"));
    assert!(help(&create(), "ks create", 80).contains("Usage:\n  ks create NAME [options]\n"));
}

#[test]
fn verbs_stand_in_their_groups() {
    let groups = [VerbGroup {
        title: "Basic Commands",
        verbs: &["list", "absent"],
    }];
    let text = suite_help(&template(), "kubectl session", 80, &groups);
    let list =
        "\n\nBasic Commands:\n  list   List them\n\nAvailable Commands:\n  lint   Check a file\n\n";
    assert!(text.contains(list), "{text}");
}

#[test]
fn a_closed_pipe_ends_help_quietly() {
    let (mut console, captured) = Console::captured("", false);
    captured.close_out();
    let error = list().try_get_matches_from(["list", "-h"]).unwrap_err();
    assert_eq!(
        report_for(&mut console, &list(), "kubectl session list", &error, &[]),
        141
    );
    assert_eq!(captured.err(), "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_line_panics_or_lets_clap_speak(
        line in prop::collection::vec(prop_oneof![
            "\\PC{0,4}", "-{1,2}[a-zA-Z=]{0,5}",
            prop::sample::select(vec!["-n", "--", "--all", "--now", "-o", "lint", "--color=x", "-wé", "--chunk-size=é", "-v"])
                .prop_map(str::to_owned),
        ], 0..6),
        which in 0..3_usize,
    ) {
        let command = [list(), create(), template()][which].clone().no_binary_name(true);
        if let Err(error) = command.clone().try_get_matches_from(&line) {
            let args: Vec<OsString> = line.iter().map(OsString::from).collect();
            let (mut console, captured) = Console::captured("", false);
            let code = report_for(&mut console, &command, "kubectl session x", &error, &args);
            prop_assert!(code <= 1);
            let err = captured.err();
            prop_assert!(code == 0 || err.starts_with("error: "), "{}", err);
            prop_assert!(!err.contains("For more information") && !err.contains("Usage:"), "{}", err);
        }
    }
}
