use clap::{Arg, ArgAction, Args as _, Command, value_parser};
use proptest::prelude::*;

use super::*;
use crate::flags::connection::ConnectionFlags;
use crate::flags::output::{ListOutputFlags, VerbosityFlags};

pub(super) fn list() -> Command {
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

pub(super) fn create() -> Command {
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

pub(super) fn template() -> Command {
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
    ConnectionFlags::augment_args(command).about("Templates")
}

fn with_shared(command: Command) -> Command {
    ConnectionFlags::augment_args(VerbosityFlags::augment_args(ListOutputFlags::augment_args(
        command,
    )))
}

/// Standard output, standard error and exit code of a command line.
pub(super) fn printed(command: &Command, line: &[&str]) -> (String, String, u8) {
    let command = with_boolean_values(command.clone())
        .no_binary_name(true)
        .disable_help_subcommand(true);
    let prefix = format!("kubectl session {}", command.get_name());
    let error = command
        .clone()
        .try_get_matches_from(line)
        .expect_err("the line is fine");
    let args: Vec<OsString> = line.iter().map(OsString::from).collect();
    let (mut console, captured) = Console::for_test("", false);
    let code = report_clap_error_for(&mut console, &command, &prefix, &error, &args);
    (captured.stdout(), captured.stderr(), code)
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
            "invalid argument \"maybe\" for \"-q, --quiet\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            flag,
        ),
        (
            &["-w=no"],
            "invalid argument \"no\" for \"-w, --watch\" flag: strconv.ParseBool: parsing \"no\": invalid syntax",
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
    let optional = Command::new("set").arg(Arg::new("name"));
    assert!(
        printed(&optional, &["a", "b"])
            .1
            .starts_with("error: at most one NAME is allowed, got 2\n")
    );
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
    let exec = Command::new("connect")
        .arg(Arg::new("name").required(true))
        .arg(Arg::new("command").last(true).num_args(0..));
    assert!(
        printed(&exec, &["alice", "ls", "-l"])
            .1
            .starts_with("error: unexpected argument \"ls\": put -- before the command to run\n")
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
        let place = CommandPath::of(
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
    let place = CommandPath::of(&list(), "kubectl session list", &[]);
    assert_eq!(
        usage_error_text(&place, &error),
        "error: the disk is full\nSee 'kubectl session list -h' for help and examples"
    );
}

#[test]
fn a_closed_pipe_ends_help_quietly() {
    let (mut console, captured) = Console::for_test("", false);
    captured.close_stdout();
    let error = list().try_get_matches_from(["list", "-h"]).unwrap_err();
    assert_eq!(
        report_clap_error_for(&mut console, &list(), "kubectl session list", &error, &[]),
        141
    );
    assert_eq!(captured.stderr(), "");
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
            let (mut console, captured) = Console::for_test("", false);
            let code = report_clap_error_for(&mut console, &command, "kubectl session x", &error, &args);
            prop_assert!(code <= 1);
            let err = captured.stderr();
            prop_assert!(code == 0 || err.starts_with("error: "), "{}", err);
            prop_assert!(!err.contains("For more information") && !err.contains("Usage:"), "{}", err);
        }
    }
}
