//! kubectl finds the suite however it is installed, and the suite finds itself.

use session_support::run_binary;

use crate::layout::{Layout, direct, script};
use crate::program::{kubectls, server};

#[test]
fn every_layout_answers_every_kubectl_alike() {
    let layouts = Layout::all();
    for words in [
        "create a --template tool --wait=false",
        "create alice --template tool",
        "list",
        "list nobody",
        "",
        "-n x list",
        "--bogus",
        "bogus",
        "list --bogus",
        "create --help",
    ] {
        let wanted = direct(words);
        assert_ne!(
            (wanted.stdout.as_str(), wanted.stderr.as_str()),
            ("", ""),
            "{words}"
        );
        for layout in &layouts {
            for kubectl in kubectls() {
                let api = server();
                let found = layout.kubectl(&kubectl, &api, &format!("session {words}"));
                assert_eq!(
                    found,
                    wanted,
                    "{} {} {words:?}",
                    layout.name,
                    kubectl.display()
                );
            }
        }
    }
}

#[test]
fn the_list_of_plugins_is_clean() {
    let heading = "The following compatible plugins are available:\n\n";
    for layout in [Layout::krews(), Layout::all_on_path()] {
        let entries = std::fs::read_dir(&layout.path).unwrap();
        let mut paths: Vec<String> = entries
            .map(|entry| entry.unwrap().path().display().to_string())
            .collect();
        paths.sort();
        assert_eq!(paths.len() == 1, layout.name == "C", "{paths:?}");
        for kubectl in kubectls() {
            let output = layout.kubectl(&kubectl, &server(), "plugin list");
            let said = (output.code, output.stderr.as_str());
            assert_eq!(said, (0, ""), "{} {}", layout.name, kubectl.display());
            let listed = output.stdout.strip_prefix(heading).unwrap();
            let mut listed: Vec<&str> = listed.lines().collect();
            listed.sort_unstable();
            assert_eq!(listed, paths, "{} {}", layout.name, kubectl.display());
        }
    }
}

#[test]
fn an_unknown_word_is_looked_for_beside_the_real_file_first() {
    for layout in [Layout::linked_from_elsewhere(), Layout::krews()] {
        script(&layout.real, "kubectl-session-hello_world", "beside");
        let elsewhere = tempfile::tempdir().unwrap();
        script(elsewhere.path(), "kubectl-session-hello_world", "elsewhere");
        script(elsewhere.path(), "kubectl-session-other", "other");
        let both = format!("{}:{}", layout.path.display(), elsewhere.path().display());
        let link = layout.path.join("kubectl-session");
        let run = |words: &[&str]| run_binary(&link, words, &[("PATH", &both)], "").stdout;
        assert_eq!(
            run(&["hello-world", "a b", "-n", "x"]),
            "beside a b -n x\n",
            "{}",
            layout.name
        );
        assert_eq!(run(&["other"]), "other\n", "{}", layout.name);
    }
}

#[test]
fn nothing_in_the_working_directory_is_run() {
    let decoys = tempfile::tempdir().unwrap();
    for name in [
        "kubectl-session",
        "kubectl-session-list",
        "kubectl-session-create",
        "kubectl-session-hello",
    ] {
        script(decoys.path(), name, "decoy");
    }
    let wanted = direct("--help").stdout;
    for layout in Layout::all() {
        script(&layout.real, "kubectl-session-hello", "real");
        for kubectl in kubectls() {
            let said = |words: &str| layout.kubectl_in(decoys.path(), &kubectl, words);
            let case = format!("{} {}", layout.name, kubectl.display());
            assert_eq!(said("session --help"), wanted, "{case}");
            assert_eq!(said("session hello you"), "real you\n", "{case}");
            assert_eq!(
                said("session list --help"),
                direct("list --help").stdout,
                "{case}"
            );
        }
    }
}
