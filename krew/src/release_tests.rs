//! A release of every platform, and what is found when something is not right with it.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use super::*;

/// A release with an archive for each of these platforms, of the same few bytes.
fn release(folder: &Path, platforms: &[Platform]) -> Release {
    let program = folder.join("program");
    std::fs::write(&program, "program").unwrap();
    let release = Release::of_version(folder.join("out"), "0.3.0").unwrap();
    for platform in platforms {
        release.pack(*platform, &program).unwrap();
    }
    release.write_papers(None).unwrap();
    release
}

#[test]
fn every_platform_is_packed_and_described() {
    let folder = tempfile::tempdir().unwrap();
    let release = release(folder.path(), &RELEASED);
    release.check(Rules::AnyProgram).unwrap();
    let text = std::fs::read_to_string(release.manifest()).unwrap();
    let base = "https://github.com/streaming-platform/kubectl-session/releases/download/v0.3.0";
    let uri = format!("uri: {base}/kubectl-session_v0.3.0_linux_amd64.tar.gz\n");
    assert!(text.contains(&uri), "{text}");
    for platform in RELEASED {
        let sha256 = archive::sha256(&release.archive(platform)).unwrap();
        assert!(text.contains(&format!("sha256: {sha256}\n")), "{text}");
    }
    let names: Vec<String> = release
        .archives()
        .unwrap()
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(names.len(), RELEASED.len());
    assert!(names.is_sorted());
}

#[test]
fn archives_may_be_downloaded_from_a_place_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let release = release(folder.path(), &RELEASED[2..3]);
    release
        .write_papers(Some("https://files.example.com/session/"))
        .unwrap();
    release.check(Rules::AnyProgram).unwrap();
    let text = std::fs::read_to_string(release.manifest()).unwrap();
    let uri = "uri: https://files.example.com/session/kubectl-session_v0.3.0_linux_amd64.tar.gz\n";
    assert!(text.contains(uri), "{text}");
}

#[test]
fn the_checksums_are_those_sha256sum_reads() {
    let folder = tempfile::tempdir().unwrap();
    let release = release(folder.path(), &RELEASED[..2]);
    release
        .pack_verbs(RELEASED[2], &[folder.path().join("program")])
        .unwrap();
    assert_eq!(
        release.check(Rules::AnyProgram).unwrap_err().to_string(),
        "checksums.txt does not fit the archives"
    );
    release.write_papers(None).unwrap();
    release.check(Rules::AnyProgram).unwrap();
    let mut command = std::process::Command::new("sha256sum");
    let output = command
        .args(["--check", "checksums.txt"])
        .current_dir(folder.path().join("out"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches(": OK").count(), 3, "{said}");
}

#[test]
fn a_release_that_does_not_fit_together_is_refused() {
    let refused = |change: &dyn Fn(&Release)| {
        let folder = tempfile::tempdir().unwrap();
        let release = release(folder.path(), &RELEASED[2..3]);
        release.check(Rules::AnyProgram).unwrap();
        change(&release);
        format!("{:#}", release.check(Rules::AnyProgram).unwrap_err())
    };
    let edit = |from: &'static str, to: &'static str| {
        move |release: &Release| {
            for path in [
                release.manifest(),
                release.index().join("plugins/session.yaml"),
            ] {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(text.contains(from));
                std::fs::write(&path, text.replace(from, to)).unwrap();
            }
        }
    };
    let other = "session.yaml does not fit the archives: run cargo release-archives --gather";
    assert_eq!(refused(&edit("v0.3.0", "v0.4.0")), other);
    assert_eq!(refused(&edit("arch: amd64", "arch: arm")), other);
    assert_eq!(refused(&edit("/kubectl-session_", "/session_")), other);
    assert_eq!(
        refused(&edit("uri: ", "url: ")),
        "session.yaml names no archive"
    );
    let index = refused(&|release| {
        std::fs::write(release.index().join("plugins/session.yaml"), "x").unwrap()
    });
    assert_eq!(index, "the index has another manifest than session.yaml");
    let gone = refused(&|release| std::fs::remove_file(release.archive(RELEASED[2])).unwrap());
    assert!(gone.starts_with("no archive of 0.3.0 in "), "{gone}");
    let foreign = refused(&|release| {
        archive::pack(
            &[Content::text("LICENSE", release.manifest())],
            &release.archive(RELEASED[2]),
        )
        .unwrap();
        release.write_papers(None).unwrap();
    });
    assert!(
        foreign.starts_with("linux/amd64: the archive holds "),
        "{foreign}"
    );
}

#[test]
fn an_empty_folder_has_no_papers() {
    let folder = tempfile::tempdir().unwrap();
    let release = Release::of_version(folder.path().to_owned(), "0.3.0").unwrap();
    assert!(
        release
            .write_papers(None)
            .unwrap_err()
            .to_string()
            .starts_with("no archive of 0.3.0 in ")
    );
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
fn a_program_that_is_not_static_is_not_released() {
    let folder = tempfile::tempdir().unwrap();
    let release = Release::of_version(folder.path().to_owned(), "0.3.0").unwrap();
    release
        .pack(RELEASED[2], Path::new("/proc/self/exe"))
        .unwrap();
    release.write_papers(None).unwrap();
    release.check(Rules::AnyProgram).unwrap();
    let error = format!("{:#}", release.check(Rules::Release).unwrap_err());
    assert!(
        error.starts_with("linux/amd64: the program is not static: it asks for "),
        "{error}"
    );
}
