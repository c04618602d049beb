//! What is in the package, and what becomes of it on a machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use session_cluster::Krew;
use session_krew::archive::entries;
use session_krew::platform::{Platform, RELEASED};
use session_krew::release::{Release, Rules};

use crate::layout::{Layout, release};
use crate::program::{kubectls, run_as, server};

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
            .all(|entry| entry.owner == (0, 0) && !entry.content.is_empty())
    );
}

#[test]
fn the_manifest_names_only_commands_that_exist() {
    let manifest = std::fs::read_to_string(release().manifest()).unwrap();
    let commands = manifest.split("kubectl session ").skip(1);
    let words: Vec<&str> = commands
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    assert!(!words.is_empty());
    let known = |word: &str| {
        word.starts_with('-') || kubectl_session::VERBS.iter().any(|verb| verb.name == word)
    };
    assert!(words.iter().all(|word| known(word)), "{words:?}");
    // One command installs completion; it is named from the day there is one.
    let named = manifest.matches("session completion install").count();
    let exists = kubectl_session::VERBS
        .iter()
        .any(|verb| verb.name == "completion");
    assert_eq!(named, usize::from(exists), "{manifest}");
}

/// Serves the files of a folder over HTTP until the tests end; its address.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            // `GET /kubectl-session_v0.1.0_linux_amd64.tar.gz HTTP/1.1`, and headers up to an empty line.
            let mut lines = stream.by_ref().lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            let headers = lines.take_while(|line| !line.is_empty()).count();
            let name = request.split(['/', ' ']).nth(2).unwrap_or_default();
            let content = std::fs::read(folder.join(name)).unwrap_or_default();
            let code = if content.is_empty() || headers == 0 {
                "404 Not Found"
            } else {
                "200 OK"
            };
            let length = content.len();
            let head =
                format!("HTTP/1.1 {code}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let answer = [head.into_bytes(), content].concat();
            drop(stream.get_mut().write_all(&answer));
        }
    });
    address
}

/// A release with the archives that `pack` puts into it, for download.
fn served(folder: &Path, version: &str, pack: impl Fn(&Release)) -> Release {
    let release = Release::of_version(folder.to_owned(), version).unwrap();
    pack(&release);
    let address = serve(folder.to_owned());
    release.write_papers(Some(&address)).unwrap();
    release.check(Rules::AnyProgram).unwrap();
    release
}

/// Another version of the suite's archive, which holds nothing of its version.
fn another(folder: &Path, version: &str) -> Release {
    served(folder, version, |other| {
        std::fs::copy(release().archive(host()), other.archive(host())).unwrap();
    })
}

#[test]
fn the_release_passes_krews_validator_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let krew = Krew::at(folder.path().to_owned()).unwrap();
    krew.validate(&release().manifest(), false).unwrap();
    let kubectl = session_cluster::kubectl_program().unwrap();
    let listed = Layout::krews().kubectl(&kubectl, &server(), "session list -o name");
    assert_eq!(
        listed.stdout, "session.streaming.platform/alice\n",
        "{listed:?}"
    );
}

#[test]
fn krews_validator_installs_every_platform_and_wants_a_licence() {
    let folder = tempfile::tempdir().unwrap();
    let krew = Krew::at(folder.path().join("root")).unwrap();
    let small = folder.path().join("program");
    std::fs::write(&small, "program").unwrap();
    let release = served(&folder.path().join("release"), "0.1.0", |release| {
        for platform in RELEASED {
            release.pack(platform, &small).unwrap();
        }
    });
    let said = krew.validate(&release.manifest(), true).unwrap();
    assert!(
        said.contains("all 5 spec.platforms installed fine"),
        "{said}"
    );
    let manifest = std::fs::read_to_string(release.manifest()).unwrap();
    let without = manifest.replace("    - from: LICENSE\n      to: .\n", "");
    std::fs::write(release.manifest(), without).unwrap();
    let error = format!(
        "{:#}",
        krew.validate(&release.manifest(), true).unwrap_err()
    );
    assert!(
        error.contains("could not find license file among [kubectl-session]"),
        "{error}"
    );
}

/// Commits a release's index into the repository that `kubectl krew index add` takes.
fn publish(release: &Release, repository: &Path) {
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null");
        git.args(["-c", "user.name=x", "-c", "user.email=x@example.com"]);
        let output = git.args(words).current_dir(repository).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    std::fs::create_dir_all(repository.join("plugins")).unwrap();
    let manifest = "plugins/session.yaml";
    std::fs::copy(release.index().join(manifest), repository.join(manifest)).unwrap();
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message=session"]);
}

#[test]
fn it_works_from_install_over_upgrade_until_it_is_uninstalled() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let krew = Krew::at(path("root")).unwrap();
    let bin = krew.bin().display().to_string();
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
            let env = [("PATH", bin.as_str()), ("KUBECONFIG", config)];
            let output = session_support::run_binary(&kubectl, &words, &env, "");
            assert_eq!(output.code, wanted, "{} {output:?}", kubectl.display());
        }
    };
    let installed = |version: &str| {
        assert_eq!(krew.run(&["list"]).unwrap(), "own/session\n");
        let link = std::fs::read_link(krew.bin().join("kubectl-session")).unwrap();
        let store = path("root/store/session").join(version);
        assert_eq!(link, store.join("kubectl-session"));
        creates(0);
    };
    let old = another(&path("old"), "0.0.1");
    publish(&old, &path("index"));
    krew.run(&["index", "add", "own", path("index").to_str().unwrap()])
        .unwrap();
    krew.run(&["install", "own/session"]).unwrap();
    installed("v0.0.1");
    // A user's own link, for completion say, follows the upgrade, since it names krew's link and not the store.
    let own = path("kubectl_complete-session");
    std::os::unix::fs::symlink(krew.bin().join("kubectl-session"), &own).unwrap();
    publish(&another(&path("new"), "0.0.2"), &path("index"));
    krew.run(&["upgrade", "session"]).unwrap();
    installed("v0.0.2");
    let store = krew.root().join("store/session");
    assert!(!store.join("v0.0.1").exists());
    // Called through either link and from the store, it is the same program.
    let api = server();
    let listening = api.listen();
    let program = store.join("v0.0.2/kubectl-session");
    let linked = krew.bin().join("kubectl-session");
    assert_eq!(
        run_as(&linked, &listening, "list -o name"),
        run_as(&program, &listening, "list -o name")
    );
    assert_eq!(own.canonicalize().unwrap(), program.canonicalize().unwrap());
    krew.run(&["uninstall", "session"]).unwrap();
    creates(1);
    krew.run(&["index", "remove", "own"]).unwrap();
    let left = Command::new("find")
        .arg(krew.root())
        .args(["!", "-type", "d"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(left.stdout).unwrap(), "");
}
