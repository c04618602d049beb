//! What is in the package, and what becomes of it on a machine.

use std::path::Path;
use std::process::Command;

use session_krew::archive::{self, entries};
use session_krew::install::Krew;
use session_krew::manifest::Plugin;
use session_krew::platform::Platform;
use session_krew::release::{Release, Rules};
use session_krew::validate;

use crate::layout::release;
use crate::program::{kubectls, program, run_as, server};

fn host() -> Platform {
    Platform::host().unwrap()
}

#[test]
fn the_archive_holds_the_program_a_licence_and_nothing_that_krew_refuses() {
    let archive = release().archive(host());
    let entries = entries(&archive).unwrap();
    let listed = entries
        .iter()
        .map(|entry| (entry.path.to_str().unwrap(), entry.mode));
    let wanted = [
        ("LICENSE", 0o644),
        ("README.md", 0o644),
        ("kubectl-session", 0o755),
    ];
    assert_eq!(listed.collect::<Vec<_>>(), wanted);
    assert!(
        entries
            .iter()
            .all(|entry| entry.owner == (0, 0) && !entry.folder)
    );
    let output = Command::new("tar")
        .arg("tvzf")
        .arg(&archive)
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.lines().filter(|line| line.starts_with('-')).count(),
        3,
        "{text}"
    );
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn the_archive_is_the_same_when_it_is_packed_again() {
    let folder = tempfile::tempdir().unwrap();
    let again = Release::in_folder(folder.path().to_owned()).unwrap();
    again.pack(host(), program()).unwrap();
    again.write_papers(None).unwrap();
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    assert!(bytes(&again.archive(host())) == bytes(&release().archive(host())));
    assert_eq!(bytes(&again.manifest()), bytes(&release().manifest()));
}

#[test]
fn the_manifest_names_only_commands_that_exist() {
    let plugin = Plugin::read(&std::fs::read_to_string(release().manifest()).unwrap()).unwrap();
    validate::manifest("session", &plugin).unwrap();
    validate::texts(&plugin).unwrap();
    let commands = plugin.spec.caveats.split("kubectl session ").skip(1);
    let words: Vec<&str> = commands
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    assert!(!words.is_empty());
    let known = |word: &str| {
        word.starts_with('-') || kubectl_session::VERBS.iter().any(|verb| verb.name == word)
    };
    assert!(words.iter().all(|word| known(word)), "{words:?}");
    // One command installs completion; it is named from the day there is one.
    let named = plugin
        .spec
        .caveats
        .matches("session completion install")
        .count();
    let exists = kubectl_session::VERBS
        .iter()
        .any(|verb| verb.name == "completion");
    assert_eq!(named, usize::from(exists), "{}", plugin.spec.caveats);
}

/// The repository that `kubectl krew index add` takes.
fn repository(release: &Release, folder: &Path) {
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null");
        git.args(["-c", "user.name=x", "-c", "user.email=x@example.com"]);
        let output = git.args(words).current_dir(folder).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    std::fs::create_dir_all(folder.join("plugins")).unwrap();
    let manifest = "plugins/session.yaml";
    std::fs::copy(release.index().join(manifest), folder.join(manifest)).unwrap();
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message=session"]);
}

#[test]
fn the_index_offers_what_was_built() {
    let folder = tempfile::tempdir().unwrap();
    repository(release(), &folder.path().join("repository"));
    let krew = Krew::at(folder.path().join("root"), host().os, host().arch);
    krew.add_index("own", &folder.path().join("repository"))
        .unwrap();
    assert_eq!(krew.plugins_of("own").unwrap(), ["session"]);
    let manifest = krew.offered("own", "session").unwrap();
    let plugin = Plugin::read(&manifest).unwrap();
    let package = plugin.package_for(host().os, host().arch).unwrap();
    let archive = release().archive(host());
    assert_eq!(package.sha256, archive::sha256(&archive).unwrap());
    assert!(package.uri.ends_with(&format!(
        "/{}",
        archive.file_name().unwrap().to_str().unwrap()
    )));
    krew.install(&manifest, "own", &archive).unwrap();
    assert_eq!(krew.installed().unwrap(), ["own/session"]);
}

#[test]
fn it_works_from_install_over_upgrade_until_it_is_uninstalled() {
    let folder = tempfile::tempdir().unwrap();
    let krew = Krew::at(folder.path().join("root"), host().os, host().arch);
    let old = Release::of_version(folder.path().join("old"), "0.0.1").unwrap();
    old.pack(host(), program()).unwrap();
    old.write_papers(None).unwrap();
    old.check(Rules::AnyProgram).unwrap();
    let text = |release: &Release| std::fs::read_to_string(release.manifest()).unwrap();
    let path = krew.bin().display().to_string();
    let creates = |wanted: i32| {
        for kubectl in kubectls() {
            let api = server();
            let listening = api.listen();
            let config = listening.kubeconfig().to_str().unwrap();
            let words = [
                "session",
                "create",
                "bob",
                "--template",
                "tool",
                "--wait=false",
            ];
            let env = [("PATH", path.as_str()), ("KUBECONFIG", config)];
            let output = session_support::run_binary(&kubectl, &words, &env, "");
            assert_eq!(output.code, wanted, "{} {output:?}", kubectl.display());
        }
    };
    krew.install(&text(&old), "own", &old.archive(host()))
        .unwrap();
    creates(0);
    krew.upgrade(&text(release()), &release().archive(host()))
        .unwrap();
    creates(0);
    // Called through krew's link and from the store it is the same program.
    let api = server();
    let listening = api.listen();
    let store = krew.bin().join("kubectl-session").canonicalize().unwrap();
    assert!(store.starts_with(krew.root().canonicalize().unwrap().join("store")));
    let linked = run_as(
        &krew.bin().join("kubectl-session"),
        &listening,
        "list -o name",
    );
    assert_eq!(linked, run_as(&store, &listening, "list -o name"));
    krew.uninstall("session").unwrap();
    creates(1);
    let left = Command::new("find")
        .arg(krew.root())
        .args(["!", "-type", "d"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(left.stdout).unwrap(), "");
}
