//! `create --to`: an archive is complete, or does not exist.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use kubectl_session_snapshot::Snapshot;
use session_shared::client::interrupt::Interrupt;
use session_support::{Answer, Execution, FakeApi, golden};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::play::{Play, Played};
use crate::scene::{Scene, snapshot};

/// Parts by which the three scripts are told apart.
pub const LOOK: &str = "command -v";
pub const PACK: &str = "tar -cf";
pub const UNPACK: &str = "tar -xpf";

/// Output of a container whose working directory is not empty and has free space.
pub const IN: &str = "usual\nroom /dev/sda 2000000 1000000 1000000 50% /home\nnames /dev/sda 2000 1000 1000 50% /home\nin /home/dev\n";

/// The stream sent to the container for [`stream`]: the same entries in plain form, without the base directory.
pub fn sent() -> Vec<u8> {
    let mut plain = Vec::new();
    session_shared::ops::container_archive::tarball::transcode(stream().as_slice(), &mut plain)
        .unwrap();
    plain
}

/// A tar stream with the base directory and one file.
pub fn stream() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let content = "work\n".repeat(20_000);
    for (path, kind, content) in [
        ("./", tar::EntryType::Directory, ""),
        ("./notes", tar::EntryType::Regular, content.as_str()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    tar.into_inner().unwrap()
}

pub fn sum(bytes: &[u8]) -> String {
    let bytes = Sha256::digest(bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn says(text: &str) -> Execution {
    Execution {
        stdout: text.as_bytes().to_vec(),
        ..Execution::default()
    }
}

/// A container that sends `stream` and reports the checksum of `told`.
pub fn sends(stream: &[u8], code: u8, told: &[u8]) -> Execution {
    Execution {
        stdout: stream.to_vec(),
        stderr: format!("tar {code}\nsum {}\n", sum(told)).into_bytes(),
        ..Execution::default()
    }
}

/// A container that receives a stream and reports the checksum of `told`.
pub fn takes(code: u8, told: &[u8]) -> Execution {
    Execution {
        echo: true,
        ..sends(b"", code, told)
    }
}

/// A session without claims, whose container answers with these scripts.
pub fn server(look: &str, pack: Execution, unpack: Execution) -> FakeApi {
    let api = Scene {
        claims: &[],
        ..Scene::default()
    }
    .server();
    api.execute(LOOK, says(look))
        .execute(PACK, pack)
        .execute(UNPACK, unpack);
    api
}

pub fn usual() -> FakeApi {
    server(IN, sends(&stream(), 0, &stream()), takes(0, &sent()))
}

/// The kinds of the scripts that were run, in order.
pub fn steps(api: &FakeApi) -> Vec<&'static str> {
    let name = |command: &Vec<String>| {
        let line = command.join(" ");
        let all = [LOOK, PACK, UNPACK, "freeze", "thaw"];
        all.into_iter().find(|part| line.contains(part)).unwrap()
    };
    api.executed().iter().map(name).collect()
}

/// Runs `snapshot` with arguments in which `@` stands for a directory; returns the output, with `@` in its place again.
pub fn play(api: &FakeApi, folder: &TempDir, words: &str) -> Played {
    let path = folder.path().to_str().unwrap();
    let played = snapshot(api, &words.replace('@', path));
    Played {
        out: played.out.replace(path, "@"),
        err: played.err.replace(path, "@"),
        code: played.code,
    }
}

pub fn names(folder: &TempDir) -> Vec<String> {
    let all = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> = all
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A directory with an exported archive.
pub fn saved() -> TempDir {
    let folder = folder();
    play(&usual(), &folder, "create alice --to @/a.tar.gz").done();
    folder
}

#[test]
fn files_are_copied_while_the_session_pauses() {
    let (api, folder) = (usual(), folder());
    let played = play(&api, &folder, "create alice --to @/a.tar.gz");
    let lines: Vec<String> = api.lines().iter().map(|line| shortened(line)).collect();
    let text = format!("{}--- requests\n{}\n", played.text(), lines.join("\n"));
    golden("snapshot-save.txt", &text);
    assert_eq!(steps(&api), [LOOK, "freeze", PACK, "thaw"]);
    assert_eq!(names(&folder), ["a.tar.gz"]);
    let file = folder.path().join("a.tar.gz");
    let mut held = Vec::new();
    MultiGzDecoder::new(fs::File::open(&file).unwrap())
        .read_to_end(&mut held)
        .unwrap();
    assert!(held == stream());
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(
        mode & 0o777,
        0o600,
        "whose files they are, nobody else reads"
    );
    let argv = &api.executed()[2];
    assert_eq!(argv[4..], ["/home/dev", "."]);
}

/// Returns a request line without the script.
fn shortened(line: &str) -> String {
    match line.split_once("&command=") {
        Some((before, _)) => format!("{before}&command=…"),
        None => line.to_owned(),
    }
}

#[test]
fn directories_and_a_container_may_be_named() {
    let (api, folder) = (usual(), folder());
    let words = "create alice --to @/a.tar.gz --path /home/dev --path /srv/x/ -c main --skip-hooks -q -o name";
    let played = play(&api, &folder, words);
    assert_eq!(played.done(), "session.streaming.platform/alice\n");
    assert_eq!(played.err, "");
    assert_eq!(steps(&api), [LOOK, PACK]);
    assert_eq!(
        api.executed()[0][4],
        "/",
        "looked for where all of them are"
    );
    assert_eq!(api.executed()[1][5..], ["./home/dev", "./srv/x"]);
}

#[test]
fn of_a_stream_that_is_not_whole_no_file_is_left() {
    let whole = stream();
    let lost = Execution {
        cut: true,
        ..sends(&whole[..50_000], 0, &whole)
    };
    let full = Execution {
        stderr: format!(
            "tar: ./notes: Cannot open: Permission denied\ntar: Exiting with failure status due to previous errors\ntar 2\nsum {}\n",
            sum(&whole)
        )
        .into_bytes(),
        ..sends(&whole, 2, &whole)
    };
    let killed = Execution {
        code: 137,
        ..sends(&whole, 0, &whole)
    };
    let hostile = {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..4].copy_from_slice(b"../x");
        header.set_size(0);
        header.set_cksum();
        tar.append(&header, &b""[..]).unwrap();
        tar.into_inner().unwrap()
    };
    let mut text = String::new();
    for (what, execution) in [
        ("the connection is lost", lost),
        ("tar fails", full),
        ("it is killed", killed),
        ("some of it is missing", sends(&whole[..50_000], 0, &whole)),
        (
            "its end is missing",
            sends(&whole[..whole.len() - 1024], 0, &whole),
        ),
        ("it is another", sends(&whole, 0, b"another")),
        ("nothing comes", sends(b"", 0, b"")),
        ("it leads out", sends(&hostile, 0, &hostile)),
    ] {
        let api = server(IN, execution, Execution::default());
        let folder = folder();
        fs::write(folder.path().join("old.tar.gz"), "precious").unwrap();
        let played = play(&api, &folder, "create alice --to @/a.tar.gz");
        played.failed();
        assert_eq!(names(&folder), ["old.tar.gz"], "{what}");
        assert_eq!(steps(&api), [LOOK, "freeze", PACK, "thaw"], "{what}");
        text.push_str(&format!("{what}\n{}", played.text()));
        let again = play(&api, &folder, "create alice --to @/old.tar.gz --overwrite");
        again.failed();
        let old = fs::read_to_string(folder.path().join("old.tar.gz")).unwrap();
        assert_eq!(old, "precious", "{what}");
    }
    golden("snapshot-save-broken.txt", &text);
}

#[test]
fn containers_that_cannot_copy_are_named() {
    let no_shell = Execution {
        refused: Some("failed to exec in container: OCI runtime exec failed: exec failed: unable to start container process: exec: \"sh\": executable file not found in $PATH: unknown".into()),
        ..Execution::default()
    };
    let mut text = String::new();
    for look in [
        no_shell,
        says("without tar\nwithout sha256sum\nin /\n"),
        says("in /\n"),
        says("nowhere /home/dev\n"),
        says("closed /home/dev\n"),
    ] {
        let api = Scene::default().server();
        api.execute(LOOK, look);
        let folder = folder();
        let played = play(&api, &folder, "create alice --to @/a.tar.gz");
        played.failed();
        assert_eq!(steps(&api), [LOOK]);
        assert!(names(&folder).is_empty());
        text.push_str(&played.text());
    }
    golden("snapshot-save-unfit.txt", &text);
}

#[test]
fn rights_that_are_missing_are_named() {
    let (api, folder) = (usual(), folder());
    let path = "/api/v1/namespaces/default/pods/tool-alice/exec";
    let no = Answer::forbidden("alice", "get", "pods/exec", "default");
    api.on("GET", path, no);
    let played = play(&api, &folder, "create alice --to @/a.tar.gz --skip-hooks");
    assert!(
        played
            .failed()
            .contains("hint: ask an administrator to grant get and create on pods/exec"),
        "{played:?}"
    );
}

#[test]
fn a_session_that_cannot_be_quiesced_is_not_copied() {
    let folder = saved();
    let failing = Execution {
        stderr: b"database is locked\n".to_vec(),
        code: 3,
        ..Execution::default()
    };
    let mut text = String::new();
    for words in [
        "create alice --to @/b",
        "restore alice --from @/a.tar.gz -y",
    ] {
        let api = Scene::default().server_with("freeze", failing.clone());
        api.execute(LOOK, says(IN));
        let played = play(&api, &folder, words);
        played.failed();
        assert_eq!(steps(&api), [LOOK, "freeze", "thaw"]);
        text.push_str(&played.text());
    }
    assert_eq!(names(&folder), ["a.tar.gz"]);
    golden("snapshot-files-hooks.txt", &text);
}

#[test]
fn a_dry_run_runs_nothing() {
    let folder = saved();
    for (words, verb) in [
        ("create alice --to @/b", "saved"),
        ("restore alice --from @/a.tar.gz", "restored"),
    ] {
        for (strategy, suffix) in [("client", "dry run"), ("server", "server dry run")] {
            let api = usual();
            let played = play(&api, &folder, &format!("{words} --dry-run={strategy}"));
            let line = format!("session.streaming.platform/alice {verb} ({suffix})\n");
            assert_eq!(played.done(), line);
            assert!(api.executed().is_empty() && api.writes().is_empty());
        }
    }
    assert_eq!(names(&folder), ["a.tar.gz"]);
}

#[test]
fn standard_output_is_the_file_and_nothing_else() {
    let api = usual();
    let path = saved();
    let played = Play::on(&api).run::<Snapshot>("create alice --to - --skip-hooks");
    assert_eq!(played.code, 0, "{}", played.err);
    assert!(
        played.err.contains(" copied to standard output ("),
        "{}",
        played.err
    );
    // The decoded text may differ from the bytes, but its length is the same.
    let file = fs::read(path.path().join("a.tar.gz")).unwrap();
    assert_eq!(played.out, String::from_utf8_lossy(&file));
    let terminal = Play::on(&api)
        .at_terminal("")
        .run::<Snapshot>("create alice --to -");
    assert!(
        terminal
            .err
            .contains("cannot write the archive to a terminal"),
        "{terminal:?}"
    );
}

#[test]
fn ctrl_c_and_a_time_that_is_over_leave_no_file_and_the_session_goes_on() {
    let endless = Execution {
        delay: Duration::from_secs(3600),
        ..Execution::default()
    };
    let folder = folder();
    let path = folder.path().to_str().unwrap();
    let words = format!("create alice --to {path}/a.tar.gz");
    let api = server(IN, endless.clone(), endless);
    let interrupt = Interrupt::default();
    let played =
        Play::on(&api)
            .stopped_by(&interrupt)
            .meanwhile::<Snapshot>(&words, |_, interrupt| {
                let begun = std::time::Instant::now();
                while !steps(&api).contains(&PACK) {
                    assert!(begun.elapsed().as_secs() < 10, "nothing is copied");
                    std::thread::sleep(Duration::from_millis(1));
                }
                interrupt.trigger();
            });
    assert_eq!(played.code, 130, "{played:?}");
    assert_eq!(steps(&api), [LOOK, "freeze", PACK, "thaw"]);
    assert!(names(&folder).is_empty());
    let played = snapshot(&api, &format!("{words} --timeout=50ms"));
    assert_eq!(
        played.failed(),
        "error: timed out after 50ms while copying files\n"
    );
    assert_eq!(
        steps(&api).iter().filter(|step| **step == "thaw").count(),
        2
    );
    assert!(names(&folder).is_empty());
}

#[test]
fn a_session_with_claims_may_be_copied_too() {
    let api = Scene::default().server();
    api.execute(LOOK, says(IN))
        .execute(PACK, sends(&stream(), 0, &stream()));
    let folder = folder();
    play(&api, &folder, "create alice --to @/a.tar.gz").done();
    assert_eq!(names(&folder), ["a.tar.gz"]);
    assert!(api.writes().is_empty());
}
