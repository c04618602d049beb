//! krew's mechanics, step by step.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use super::*;
use crate::archive::Content;
use crate::platform::{Platform, RELEASED};

/// A root, and archives and manifests to install there.
struct Bench {
    folder: tempfile::TempDir,
    krew: Krew,
}

fn linux() -> Platform {
    RELEASED
        .into_iter()
        .find(|one| (one.os, one.arch) == ("linux", "amd64"))
        .unwrap()
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let krew = Krew::at(folder.path().join("root"), "linux", "amd64");
        Self { folder, krew }
    }

    /// A plugin of a version, with files named so.
    fn plugin(&self, version: &str, files: &[&str]) -> (String, PathBuf) {
        let source = self.folder.path().join(format!("text-{version}"));
        std::fs::write(&source, version).unwrap();
        let contents: Vec<Content> = files
            .iter()
            .map(|name| Content::program((*name).to_owned(), source.clone()))
            .collect();
        let archive = self.folder.path().join(format!("{version}.tar.gz"));
        archive::pack(&contents, &archive).unwrap();
        let sha256 = archive::sha256(&archive).unwrap();
        let release = crate::manifest::Release {
            platform: linux(),
            uri: "https://example.com/x".to_owned(),
            sha256,
        };
        (
            crate::manifest::render(version, "https://example.com", &[release]),
            archive,
        )
    }

    fn whole(&self, version: &str) -> (String, PathBuf) {
        self.plugin(version, &["kubectl-session", "LICENSE", "README.md"])
    }

    fn path(&self, below: &str) -> PathBuf {
        self.krew.root().join(below)
    }

    /// Everything in the root that is no folder.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        for depth in 1..6 {
            for path in glob::matches(self.krew.root(), &vec!["*"; depth].join("/")).unwrap() {
                if path.is_symlink() || path.is_file() {
                    found.push(
                        path.strip_prefix(self.krew.root())
                            .unwrap()
                            .display()
                            .to_string(),
                    );
                }
            }
        }
        found
    }
}

#[test]
fn an_install_makes_a_folder_a_link_and_a_receipt() {
    let bench = Bench::new();
    let (manifest, archive) = bench.whole("0.1.0");
    let folder = bench.krew.install(&manifest, DETACHED, &archive).unwrap();
    assert_eq!(folder, bench.path("store/session/v0.1.0"));
    validate::licence(&folder).unwrap();
    // README.md is in the archive, and not in the manifest's files.
    let wanted = [
        "bin/kubectl-session",
        "receipts/session.yaml",
        "store/session/v0.1.0/LICENSE",
        "store/session/v0.1.0/kubectl-session",
    ];
    assert_eq!(bench.files(), wanted);
    let link = std::fs::read_link(bench.path("bin/kubectl-session")).unwrap();
    assert_eq!(link, bench.path("store/session/v0.1.0/kubectl-session"));
    assert!(link.is_absolute());
    assert_eq!(bench.krew.installed().unwrap(), ["detached/session"]);
    let again = bench
        .krew
        .install(&manifest, "other", &archive)
        .unwrap_err();
    assert_eq!(
        again.to_string(),
        "Skipping plugin \"session\", it is already installed"
    );
}

#[test]
fn an_upgrade_moves_the_link_and_an_uninstall_leaves_nothing() {
    let bench = Bench::new();
    let (old, new) = (bench.whole("0.1.0"), bench.whole("0.2.0"));
    bench.krew.install(&old.0, "session", &old.1).unwrap();
    // What a user links beside krew's link follows the upgrade, since it names the link and not the store.
    let beside = bench.path("bin/kubectl_complete-session");
    symlink(Path::new("kubectl-session"), &beside).unwrap();
    bench.krew.upgrade(&new.0, &new.1).unwrap();
    assert_eq!(
        std::fs::read_to_string(bench.path("bin/kubectl-session")).unwrap(),
        "0.2.0"
    );
    assert_eq!(std::fs::read_to_string(&beside).unwrap(), "0.2.0");
    assert!(!bench.path("store/session/v0.1.0").exists());
    assert_eq!(bench.krew.installed().unwrap(), ["session/session"]);
    let again = bench.krew.upgrade(&new.0, &new.1).unwrap_err();
    assert_eq!(
        again.to_string(),
        "can't upgrade, the newest version is already installed"
    );
    bench.krew.uninstall("session").unwrap();
    assert_eq!(bench.files(), ["bin/kubectl_complete-session"]);
    let gone = bench.krew.uninstall("session").unwrap_err();
    assert_eq!(gone.to_string(), "plugin \"session\" is not installed");
}

#[test]
fn what_came_from_a_manifest_is_not_upgraded() {
    let bench = Bench::new();
    let (old, new) = (bench.whole("0.1.0"), bench.whole("0.2.0"));
    let missing = bench.krew.upgrade(&new.0, &new.1).unwrap_err();
    assert_eq!(missing.to_string(), "plugin \"session\" is not installed");
    bench.krew.install(&old.0, DETACHED, &old.1).unwrap();
    let error = bench.krew.upgrade(&new.0, &new.1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin \"session\" came from a manifest: no index upgrades it"
    );
}

#[test]
fn a_file_in_the_links_place_stops_it() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.krew.bin()).unwrap();
    let place = bench.path("bin/kubectl-session");
    std::fs::write(&place, "somebody's own").unwrap();
    let (manifest, archive) = bench.whole("0.1.0");
    let error = bench
        .krew
        .install(&manifest, DETACHED, &archive)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} is not a symlink", place.display())
    );
    assert_eq!(std::fs::read_to_string(&place).unwrap(), "somebody's own");
}

#[test]
fn another_digest_another_platform_and_missing_files_are_refused() {
    let bench = Bench::new();
    let (manifest, archive) = bench.whole("0.1.0");
    let other = bench.whole("0.2.0").1;
    let refused = |manifest: &str, archive: &Path| {
        bench
            .krew
            .install(manifest, DETACHED, archive)
            .unwrap_err()
            .to_string()
    };
    let (want, got) = (
        archive::sha256(&archive).unwrap(),
        archive::sha256(&other).unwrap(),
    );
    assert_eq!(
        refused(&manifest, &other),
        format!("checksum does not match, want: {want}, got {got}")
    );
    let elsewhere = manifest.replace("arch: amd64", "arch: arm64");
    assert_eq!(
        refused(&elsewhere, &archive),
        "plugin \"session\" does not offer installation for linux/amd64"
    );
    let lost = manifest.replace("from: LICENSE", "from: COPYING*");
    assert_eq!(
        refused(&lost, &archive),
        "no files in the plugin archive matched the glob pattern=COPYING*"
    );
    let program = manifest.replace("bin: kubectl-session", "bin: session");
    assert_eq!(
        refused(&program, &archive),
        "\"session\" is not among the installed files"
    );
    assert!(!bench.path("bin").exists() && !bench.path("receipts").exists());
    assert!(!bench.path("unpacked").exists());
}

#[test]
fn an_archive_without_licence_is_found_by_installing_it() {
    let bench = Bench::new();
    let (manifest, archive) = bench.plugin("0.1.0", &["kubectl-session"]);
    // No entry for LICENSE: everything in the archive.
    let manifest = manifest.replace("    - from: LICENSE\n      to: .\n", "");
    let folder = bench.krew.install(&manifest, DETACHED, &archive).unwrap();
    let error = validate::licence(&folder).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no licence among the installed files: LICENSE or COPYING is wanted"
    );
}

#[test]
fn dashes_of_a_name_are_underscores_of_its_link() {
    let bench = Bench::new();
    let (manifest, archive) = bench.whole("0.1.0");
    let manifest = manifest.replace("name: session", "name: session-create");
    bench.krew.install(&manifest, DETACHED, &archive).unwrap();
    assert!(bench.path("bin/kubectl-session_create").is_symlink());
}

#[test]
fn an_index_is_a_repository_with_manifests() {
    let bench = Bench::new();
    let (manifest, archive) = bench.whole("0.1.0");
    let repository = bench.folder.path().join("repository");
    std::fs::create_dir_all(repository.join("plugins")).unwrap();
    std::fs::write(repository.join("plugins/session.yaml"), &manifest).unwrap();
    let git = |words: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null");
        git.args(["-c", "user.name=x", "-c", "user.email=x@example.com"])
            .args(words)
            .current_dir(&repository);
        let output = git.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    git(&["init", "--quiet"]);
    assert!(
        bench.krew.add_index("early", &repository).is_err(),
        "nothing is committed yet"
    );
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message=session v0.1.0"]);
    bench.krew.add_index("own", &repository).unwrap();
    assert_eq!(bench.krew.plugins_of("own").unwrap(), ["session"]);
    assert_eq!(bench.krew.offered("own", "session").unwrap(), manifest);
    let none = bench.krew.offered("own", "other").unwrap_err();
    assert_eq!(
        none.to_string(),
        "plugin \"other\" does not exist in the index \"own\""
    );
    bench.krew.install(&manifest, "own", &archive).unwrap();
    let used = bench.krew.remove_index("own").unwrap_err();
    assert_eq!(
        used.to_string(),
        "there are still plugins installed from this index: own/session"
    );
    bench.krew.uninstall("session").unwrap();
    bench.krew.remove_index("own").unwrap();
    assert_eq!(
        bench.krew.remove_index("own").unwrap_err().to_string(),
        "index \"own\" does not exist"
    );
}
