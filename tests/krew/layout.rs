//! The ways the suite may lie on a machine, and the kubectls that are to find it there.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use session_cluster::Krew;
use session_krew::platform::Platform;
use session_krew::release::{Release, Rules};
use session_support::{FakeApi, Output, run_binary};
use tempfile::TempDir;

use crate::program::{program, server};

/// The suite's release: that in the folder `SESSION_RELEASE`, else one of this build, packed once.
pub fn release() -> &'static Release {
    static PACKED: OnceLock<(TempDir, Release)> = OnceLock::new();
    let (_, release) = PACKED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        if let Some(given) = std::env::var_os("SESSION_RELEASE") {
            return (folder, Release::in_folder(given.into()).unwrap());
        }
        let release = Release::in_folder(folder.path().to_owned()).unwrap();
        release.pack(Platform::host().unwrap(), program()).unwrap();
        release.write_papers(None).unwrap();
        release.check(Rules::AnyProgram).unwrap();
        (folder, release)
    });
    release
}

/// The suite, installed in one way.
pub struct Layout {
    pub name: &'static str,
    /// The only folder on PATH.
    pub path: PathBuf,
    /// Where the dispatcher really is.
    pub real: PathBuf,
    _folder: TempDir,
}

impl Layout {
    /// B: the dispatcher is linked from elsewhere, verb files lie beside its target.
    pub fn linked_from_elsewhere() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (suite, path) = (folder.path().join("suite"), folder.path().join("bin"));
        files_of_the_suite(&suite);
        std::fs::create_dir(&path).unwrap();
        symlink(suite.join("kubectl-session"), path.join("kubectl-session")).unwrap();
        Self {
            name: "B",
            path,
            real: suite,
            _folder: folder,
        }
    }

    /// C: what krew installs.
    pub fn krews() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let krew = Krew::at(folder.path().to_owned()).unwrap();
        let archive = release().archive(Platform::host().unwrap());
        krew.install(&release().manifest(), &archive).unwrap();
        let program = krew.bin().join("kubectl-session").canonicalize().unwrap();
        Self {
            name: "C",
            path: krew.bin(),
            real: program.parent().unwrap().to_owned(),
            _folder: folder,
        }
    }

    /// D: the dispatcher and a file for each verb on PATH.
    pub fn all_on_path() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bin");
        files_of_the_suite(&path);
        Self {
            name: "D",
            real: path.clone(),
            path,
            _folder: folder,
        }
    }

    pub fn all() -> [Self; 3] {
        [
            Self::linked_from_elsewhere(),
            Self::krews(),
            Self::all_on_path(),
        ]
    }

    /// `kubectl WORDS`, with nothing but this layout on PATH, against a server.
    pub fn kubectl(&self, kubectl: &Path, api: &FakeApi, words: &str) -> Output {
        let listening = api.listen();
        let path = self.path.to_str().unwrap();
        let config = listening.kubeconfig().to_str().unwrap();
        let args: Vec<&str> = words.split_whitespace().collect();
        run_binary(
            kubectl,
            &args,
            &[("PATH", path), ("KUBECONFIG", config)],
            "",
        )
    }

    /// The same, started in a folder of somebody else's.
    pub fn kubectl_in(&self, folder: &Path, kubectl: &Path, words: &str) -> String {
        let mut command = Command::new(kubectl);
        command
            .args(words.split(' '))
            .env_clear()
            .env("PATH", &self.path);
        command.env("HOME", folder).current_dir(folder);
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The dispatcher itself, and a link to it for each verb, as packages may have them.
fn files_of_the_suite(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let dispatcher = folder.join("kubectl-session");
    std::fs::copy(program(), &dispatcher).unwrap();
    for verb in kubectl_session::VERBS {
        let link = folder.join(format!("kubectl-session-{}", verb.name));
        symlink("kubectl-session", link).unwrap();
    }
}

/// A program of somebody else, that says what it is.
pub fn script(folder: &Path, name: &str, says: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\necho {says} \"$@\"\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// What the program answers when it is called directly.
pub fn direct(words: &str) -> Output {
    let api = server();
    let listening = api.listen();
    let config = listening.kubeconfig().to_str().unwrap();
    let args: Vec<&str> = words.split_whitespace().collect();
    run_binary(program(), &args, &[("KUBECONFIG", config)], "")
}
