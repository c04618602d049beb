use clap::{Arg, ArgAction, Command};

use super::super::tests::{create, list, printed, template};
use super::*;

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
    let text = help_page(&command, "ks copy", 60);
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
    let text = help_page(&command, "kubectl session x", 80);
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
        let text = help_page(&command, "kubectl session x", 80);
        assert!(
            text.contains(&format!("\n    --flag{shown}:\n\tText\n")),
            "{shown}: {text}"
        );
    }
}

#[test]
fn options_are_the_flags_of_every_command() {
    let text = options_page(&list(), 80);
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
    assert!(help_page(&create(), "ks create", 80).contains("Use \"ks options\" for a list"));
    assert!(help_page(&create(), "ks create", 80).contains("Usage:\n  ks create NAME [options]\n"));
}

#[test]
fn verbs_stand_in_their_groups() {
    let groups = [VerbGroup {
        title: "Basic Commands",
        verbs: &["list", "absent"],
    }];
    let text = suite_help_page(&template(), "kubectl session", 80, &groups);
    let list =
        "\n\nBasic Commands:\n  list   List them\n\nAvailable Commands:\n  lint   Check a file\n\n";
    assert!(text.contains(list), "{text}");
}
