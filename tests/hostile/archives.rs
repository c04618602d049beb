//! Archives of a session's files.
//!
//! Long because an archive is odd in many ways, and each is made by hand.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use session_shared::ops::container_archive::tarball::transcode;
use session_support::terminal::{Terminal, ended};
use session_support::{Execution, FakeApi, Output, run_binary};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use crate::attack::{Attack, attack};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            an_archive_with_two_readings,
            "A file for `restore --from` in which two tars see different entries: a PAX size or path that differs from the header, two records of one key, sparse files, global records, two long names, duplicates",
            "It is refused before anything is asked of the server"
        ),
        attack!(
            a_file_through_a_link,
            "An archive brings a symbolic link, a hard link to it, or both, and then a file through it",
            "It is refused: no entry is below a link, and a hard link leads to a file of the archive"
        ),
        attack!(
            a_name_that_leads_out,
            "Names that are absolute, hold `..`, come from a prefix, a long name or a PAX record, or end in a NUL",
            "They are refused; the name is shown with its control characters escaped"
        ),
        attack!(
            a_device_in_an_archive,
            "An archive brings a device node, a label or an entry of an unknown kind",
            "It is refused"
        ),
        attack!(
            an_archive_behind_the_end,
            "A second archive stands behind the end of the first, in the same or another piece of gzip, or behind its seal",
            "It is refused"
        ),
        attack!(
            an_archive_that_is_cut_off,
            "A file is cut off, a bit of it is turned, or its sizes say more than there is",
            "It is refused, wherever that is"
        ),
        attack!(
            what_is_sent_is_what_was_checked,
            "An archive with every odd name and header that is allowed",
            "What reaches the container is a plain copy: GNU tar and busybox tar unpack the same from it, and nothing outside"
        ),
        attack!(
            a_setuid_file_in_an_archive,
            "An archive brings a setuid program, to be unpacked by root",
            "The bits are left out, and that is said"
        ),
        attack!(
            a_seal_that_names_another_directory,
            "The seal of a file from a stranger says that it belongs below `/etc`, or `/`",
            "The directory and the first names are shown and confirmed on a terminal; without one it needs --yes or --path; nothing is sent before"
        ),
        attack!(
            a_seal_that_names_no_directory,
            "The seal's directory is relative, holds `..`, a line break or an escape sequence",
            "The file is refused before anything is asked of the server"
        ),
        attack!(
            a_bomb_for_the_home,
            "A file of some kilobytes unpacks to more than the file system of the home has free",
            "It is refused with both sizes, and nothing is sent"
        ),
        attack!(
            a_bomb_that_evicts_the_pod,
            "A file unpacks to more than an emptyDir or the Pod's ephemeral storage may hold, on a node with much room: the kubelet would evict the Pod, and its home would be lost",
            "It is refused with what is left of the limit, and nothing is sent"
        ),
        attack!(
            a_bomb_of_names,
            "An archive of many empty files for a file system with few inodes, and one in which every entry lies 1,000 directories deep",
            "They are refused, and nothing is sent"
        ),
        attack!(
            a_bomb_of_one_name,
            "A long name or a PAX record that is said to have 8 GiB",
            "It is refused by its size, and never kept in memory"
        ),
        attack!(
            a_container_that_tells_no_room,
            "The container has no df",
            "That is said, with the size that is needed; it is not refused"
        ),
        attack!(
            a_container_that_talks_too_much,
            "The container's answer to where its files are does not end",
            "It is given up after 64 KiB"
        ),
        attack!(
            a_container_that_sends_an_archive_of_lies,
            "`create --to` from a container whose tar sends names that lead out, sizes that lie, control characters, or zeros without end",
            "No file is left, the old one stays, and the name is shown escaped"
        ),
    ]
}

/// A header of 512 bytes, as odd as `edit` makes it, its content and its padding.
fn edited(kind: u8, name: &[u8], content: &[u8], edit: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(EntryType::new(kind));
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(content.len() as u64);
    edit(header.as_mut_bytes());
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn entry(kind: u8, name: &[u8], content: &[u8]) -> Vec<u8> {
    edited(kind, name, content, |_| {})
}

fn file(name: &str) -> Vec<u8> {
    entry(b'0', name.as_bytes(), b"content")
}

fn linked(kind: u8, name: &str, target: &str) -> Vec<u8> {
    edited(kind, name.as_bytes(), b"", |header| {
        header[157..157 + target.len()].copy_from_slice(target.as_bytes());
    })
}

/// A PAX header of records that are given whole.
fn pax(records: &[u8]) -> Vec<u8> {
    entry(b'x', b"pax", records)
}

fn long(name: &[u8]) -> Vec<u8> {
    entry(b'L', b"././@LongLink", &[name, b"\0"].concat())
}

/// A whole tar stream of these entries.
fn stream(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

fn sum(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The seal of a stream, as anybody can write it.
fn seal(stream: &[u8], directory: &str) -> Result<Vec<u8>> {
    let comment = json!({"apiVersion": "streaming.platform/v1", "kind": "SessionFiles", "session": "alice",
        "namespace": "default", "directory": directory, "made": "2026-03-01T12:00:00Z", "bytes": stream.len(), "sha256": sum(stream)});
    let piece = GzBuilder::new().comment(comment.to_string());
    Ok(piece.write(Vec::new(), Compression::none()).finish()?)
}

const LOOK: &str = "command -v";
const UNPACK: &str = "tar -xpf";

/// What a container says of its directory, with 100 MiB and 100 files free.
const ROOM: &str = "room /dev/sda 200000 97600 102400 50% /home/dev\nnames /dev/sda 200 100 100 50% /home/dev\nin /home/dev\n";

/// A session that runs, in a container that has the directory it is asked for.
fn server(look: &str, pod: &Value) -> FakeApi {
    let api = FakeApi::stateful();
    let session = api.put(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "alice", "namespace": "default"},
        "spec": {"userId": "fake", "template": "tool", "startRequest": "2026-03-01T10:00:00Z", "state": "running"},
        "status": {"phase": "running", "startRequest": "2026-03-01T10:00:00Z", "startTime": "2026-03-01T10:00:00Z",
            "template": "tool", "applied": {"primary": {"kind": "Pod", "name": "tool-alice", "container": "main"}, "objects": []}},
    }));
    let mut running = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "tool-alice", "namespace": "default",
            "labels": {"app.kubernetes.io/managed-by": "kubectl-session", "streaming.platform/session": "alice", "streaming.platform/primary": "true"},
            "annotations": {"streaming.platform/user-id": "fake"},
            "ownerReferences": [{"apiVersion": session["apiVersion"], "kind": "Session", "name": "alice",
                "uid": session["metadata"]["uid"], "controller": true}]},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    if !pod.is_null() {
        running["spec"] = pod.clone();
    }
    api.put(running);
    let says = |text: &str| Execution {
        stdout: text.as_bytes().to_vec(),
        ..Execution::default()
    };
    api.execute(LOOK, says(look));
    api
}

fn usual(look: &str) -> FakeApi {
    server(look, &Value::Null)
}

/// The container takes `sent`, and says so.
fn takes(api: &FakeApi, sent: &[u8]) {
    let told = format!("tar 0\nsum {}\n", sum(sent));
    let execution = Execution {
        echo: true,
        stderr: told.into_bytes(),
        ..Execution::default()
    };
    api.execute(UNPACK, execution);
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-session");

/// Restores `file` into the session.
fn restore(api: &FakeApi, bytes: &[u8], flags: &[&str]) -> Result<Output> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("a.tar.gz");
    std::fs::write(&path, bytes)?;
    let path = path.to_str().context("a path is text")?;
    let listening = api.listen();
    let kubeconfig = listening.kubeconfig().to_str().context("a path is text")?;
    let args = [&["snapshot", "restore", "alice", "--from", path], flags].concat();
    Ok(run_binary(
        Path::new(PROGRAM),
        &args,
        &[("KUBECONFIG", kubeconfig)],
        "",
    ))
}

/// The file is refused with these words, and the server is asked nothing.
fn refused(what: &str, bytes: &[u8], words: &str) -> Result<()> {
    let api = usual(ROOM);
    let output = restore(&api, bytes, &["-y"])?;
    let is_told =
        output.stderr.starts_with("error: cannot restore file ") && output.stderr.contains(words);
    ensure!(
        output.code == 1 && is_told && output.stdout.is_empty(),
        "{what}: {output:?}"
    );
    ensure!(api.lines().is_empty(), "{what}: {:?}", api.lines());
    Ok(())
}

/// Each stream is refused with its words.
fn all_refused(streams: &[(&str, Vec<Vec<u8>>)]) -> Result<()> {
    for (words, entries) in streams {
        refused(words, &gzip(&stream(entries))?, words)?;
    }
    Ok(())
}

fn nothing_sent(api: &FakeApi) -> Result<()> {
    let ran = api.executed();
    ensure!(
        !ran.iter().any(|argv| argv.concat().contains(UNPACK)),
        "{ran:?}"
    );
    Ok(())
}

fn an_archive_with_two_readings() -> Result<()> {
    let inner = stream(&[linked(b'2', "evil", "/etc")]);
    let deep = [b'n'; 150];
    all_refused(&[
        (
            "has two sizes: 0 and 1024",
            vec![pax(b"13 size=1024\n"), file(""), file("a")]
                .into_iter()
                .enumerate()
                .map(|(at, bytes)| {
                    if at == 1 {
                        entry(b'0', b"a", b"")
                    } else {
                        bytes
                    }
                })
                .collect(),
        ),
        (
            "has two sizes",
            vec![pax(b"10 size=0\n"), entry(b'0', b"a", &inner)],
        ),
        (
            "has two names: \"a\" and \"b\"",
            vec![pax(b"10 path=b\n"), file("a")],
        ),
        (
            "has two names",
            vec![pax(b"17 linkpath=/etc\n"), linked(b'2', "a", "x")],
        ),
        (
            "appears twice for one entry",
            vec![pax(b"10 path=a\n10 path=b\n"), file("a")],
        ),
        (
            "two extended headers",
            vec![pax(b"10 path=a\n"), pax(b"10 path=a\n"), file("a")],
        ),
        (
            "not supported by all tar programs",
            vec![pax(b"22 GNU.sparse.major=1\n"), file("a")],
        ),
        ("sparse file", vec![entry(b'S', b"a", b"")]),
        (
            "global PAX record",
            vec![entry(b'g', b"pax", b"10 path=b\n"), file("a")],
        ),
        (
            "two extended headers",
            vec![long(&deep), long(b"b"), file("a")],
        ),
        ("has two names", vec![long(b"b"), file("a")]),
        (
            "two long names",
            vec![long(&deep), pax(b"10 path=a\n"), file("a")],
        ),
        ("appears twice", vec![file("a"), file("./a")]),
        (
            "not a file but has content",
            vec![entry(b'5', b"d", &inner)],
        ),
        (
            "size that is not a number",
            vec![edited(b'0', b"a", b"", |header| {
                header[124..136].copy_from_slice(b"\x80\0\0\x01\0\0\0\0\0\0\0\x07")
            })],
        ),
        (
            "neither in GNU nor in POSIX format",
            vec![edited(b'0', b"a", b"", |header| header[257..265].fill(0))],
        ),
    ])
}

fn a_file_through_a_link() -> Result<()> {
    all_refused(&[
        (
            "\"a/passwd\" is below a symbolic link",
            vec![linked(b'2', "a", "/etc"), file("a/passwd")],
        ),
        (
            "is a hard link to \"a\"",
            vec![
                linked(b'2', "a", "/etc"),
                linked(b'1', "b", "a"),
                file("b/passwd"),
            ],
        ),
        (
            "\"a\" appears twice",
            vec![linked(b'2', "a", "/etc/passwd"), file("a")],
        ),
        (
            "\"a\" appears twice",
            vec![file("a/x"), linked(b'2', "a", "/etc"), file("a/passwd")],
        ),
        (
            "is a hard link to \"a/shadow\"",
            vec![linked(b'2', "a", "/etc"), linked(b'1', "b", "a/shadow")],
        ),
        (
            "is a hard link to \"bin/sh\"",
            vec![linked(b'1', "b", "bin/sh")],
        ),
        (
            "\"/etc/shadow\" has an absolute path",
            vec![linked(b'1', "b", "/etc/shadow")],
        ),
    ])
}

fn a_name_that_leads_out() -> Result<()> {
    let deep = [b"n/".repeat(80).as_slice(), b"../../x"].concat();
    all_refused(&[
        ("\"../x\" leaves the target directory", vec![file("../x")]),
        (
            "\"a/../../x\" leaves the target directory",
            vec![file("a/../../x")],
        ),
        (
            "\"/etc/passwd\" has an absolute path",
            vec![file("/etc/passwd")],
        ),
        (
            "leaves the target directory",
            vec![long(&deep), entry(b'0', &deep[..100], b"")],
        ),
        (
            "\"../ä\" leaves the target directory",
            vec![pax("14 path=../ä\n".as_bytes()), file("a")],
        ),
        ("has no name", vec![file("")]),
        (
            "\"../x\" leaves the target directory",
            vec![edited(b'0', b"x", b"", |header| {
                header[257..265].copy_from_slice(b"ustar\x0000");
                header[345..347].copy_from_slice(b"..");
            })],
        ),
        (
            "record is malformed",
            vec![pax(b"15 path=b\0/../x\n"), file("b")],
        ),
        (
            "\"../\\u{1b}[2J\\n\" leaves the target directory",
            vec![file("../\x1b[2J\n")],
        ),
        (
            "too long",
            vec![long(&[b'a'; 300]), entry(b'0', &[b'a'; 100], b"")],
        ),
    ])
}

fn a_device_in_an_archive() -> Result<()> {
    all_refused(&[
        ("\"null\" is a device", vec![entry(b'3', b"null", b"")]),
        ("\"disk\" is a device", vec![entry(b'4', b"disk", b"")]),
        (
            "has a type that not all tar programs support",
            vec![entry(b'V', b"label", b"")],
        ),
        (
            "has a type that not all tar programs support",
            vec![entry(b'Z', b"a", b"")],
        ),
    ])
}

fn an_archive_behind_the_end() -> Result<()> {
    let (one, two) = (stream(&[file("a")]), stream(&[file("/etc/passwd")]));
    let goes_on = "has data after its end marker";
    refused(
        "in one piece",
        &gzip(&[one.as_slice(), &two].concat())?,
        goes_on,
    )?;
    refused("in two", &[gzip(&one)?, gzip(&two)?].concat(), goes_on)?;
    let half = one.get(..one.len() - 512).unwrap_or_default();
    refused("behind one block", &gzip(&[half, &two].concat())?, goes_on)?;
    let sealed = [gzip(&one)?, seal(&one, "/home/dev")?].concat();
    let behind = "data follows the footer";
    refused(
        "behind the seal",
        &[sealed.clone(), gzip(&two)?].concat(),
        behind,
    )?;
    refused(
        "two seals",
        &[sealed.clone(), seal(&one, "/etc")?].concat(),
        behind,
    )?;
    refused(
        "no gzip",
        &[sealed, b"garbage".to_vec()].concat(),
        "the archive is ",
    )
}

fn an_archive_that_is_cut_off() -> Result<()> {
    let whole = stream(&[file("a"), file("b")]);
    let sealed = [gzip(&whole)?, seal(&whole, "/home/dev")?].concat();
    for length in [0, 1, 10, sealed.len() / 2, sealed.len() - 1] {
        refused(
            "cut",
            sealed.get(..length).unwrap_or_default(),
            "the archive is ",
        )?;
    }
    for length in [100, 512, 1024, whole.len() - 512] {
        let part = whole.get(..length).unwrap_or_default();
        refused("cut inside", &gzip(part)?, "the archive is truncated")?;
    }
    let mut other = whole.clone();
    other[600] ^= 1;
    let forged = [gzip(&other)?, seal(&whole, "/home/dev")?].concat();
    refused("another content", &forged, "its checksum is ")?;
    let lie = edited(b'0', b"a", b"content", |header| {
        header[124..136].copy_from_slice(b"00000010000\0")
    });
    refused(
        "a size that lies",
        &gzip(&stream(&[lie]))?,
        "the archive is truncated",
    )
}

fn what_is_sent_is_what_was_checked() -> Result<()> {
    let deep = [b'n'; 150];
    let odd = stream(&[
        entry(b'5', b"./", b""),
        file("-rf"),
        file("back\\slash"),
        file("line\nbreak"),
        file("d//./x"),
        pax("11 path=ä\n".as_bytes()),
        file("a"),
        long(&deep),
        entry(b'0', &deep[..100], b"long"),
        linked(b'2', "link", "/etc/passwd"),
        linked(b'1', "hard", "./-rf"),
        entry(b'7', b"old", b""),
    ]);
    let mut plain = Vec::new();
    transcode(odd.as_slice(), &mut plain)?;
    let api = usual(&format!("usual\n{ROOM}"));
    takes(&api, &plain);
    let output = restore(&api, &gzip(&odd)?, &["-y"])?;
    ensure!(output.code == 0, "{output:?}");
    let heard = api
        .heard()
        .into_iter()
        .max_by_key(|heard| heard.input.len());
    let sent = heard.context("nothing was sent")?.input;
    ensure!(
        sent == plain,
        "{} bytes instead of {}",
        sent.len(),
        plain.len()
    );
    let expected = "./-rf 7 2\n./back\\slash 7 1\n./d/x 7 1\n./hard 7 2\n./line\nbreak 7 1\n./link 11 1 /etc/passwd\n";
    for tar in [&["tar"][..], &["busybox", "tar"]] {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(tar[0])
            .args(&tar[1..])
            .args(["-xpf", "-", "-C"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no input")?.write_all(&sent)?;
        ensure!(child.wait()?.success(), "{tar:?}");
        let list =
            "find . -mindepth 1 ! -type d -printf '%p %s %n %l\\n' | sed 's/ $//' | LC_ALL=C sort";
        let found = Command::new("sh")
            .args(["-c", list])
            .current_dir(folder.path())
            .output()?;
        let found = String::from_utf8_lossy(&found.stdout).into_owned();
        let mut expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        expected.push(format!("./{} 4 1", "n".repeat(150)));
        expected.push("./old 0 1".to_owned());
        expected.push("./ä 7 1".to_owned());
        expected.sort();
        let mut lines: Vec<&str> = found.lines().collect();
        lines.sort_unstable();
        ensure!(lines == expected, "{tar:?}: {found}");
    }
    Ok(())
}

fn a_setuid_file_in_an_archive() -> Result<()> {
    let bytes = stream(&[edited(b'0', b"su", b"content", |header| {
        header[100..108].copy_from_slice(b"0006755\0");
    })]);
    let mut plain = Vec::new();
    transcode(bytes.as_slice(), &mut plain)?;
    let api = usual(&format!("usual\n{ROOM}"));
    takes(&api, &plain);
    let output = restore(&api, &gzip(&bytes)?, &["-y"])?;
    ensure!(
        output.code == 0
            && output
                .stderr
                .contains("note: setuid and setgid bits removed from 1 file"),
        "{output:?}"
    );
    let mut modes = tar::Archive::new(plain.as_slice());
    let mode = modes
        .entries()?
        .next()
        .context("no entry")??
        .header()
        .mode()?;
    ensure!(mode == 0o755, "{mode:o}");
    Ok(())
}

fn a_seal_that_names_another_directory() -> Result<()> {
    let bytes = stream(&[file("cron.d/evil")]);
    let mut plain = Vec::new();
    transcode(bytes.as_slice(), &mut plain)?;
    for directory in ["/etc", "/"] {
        let sealed = [gzip(&bytes)?, seal(&bytes, directory)?].concat();
        let look = format!("room /dev/sda 200000 100000 100000 50% /\nempty {directory}\n");
        let api = usual(&look);
        takes(&api, &plain);
        let output = restore(&api, &sealed, &[])?;
        ensure!(output.code == 1 && output.stdout.is_empty(), "{output:?}");
        let told = format!("the archive names directory {directory:?}");
        ensure!(
            output.stderr.contains(&told) && output.stderr.contains("--path DIR"),
            "{output:?}"
        );
        nothing_sent(&api)?;
        at_a_terminal(&api, &sealed, directory)?;
        nothing_sent(&api)?;
        ensure!(restore(&api, &sealed, &["--yes"])?.code == 0);
        ensure!(restore(&api, &sealed, &["--path", "/srv"])?.code == 0);
        let below: Vec<Vec<String>> = api
            .executed()
            .into_iter()
            .filter(|argv| argv.concat().contains(UNPACK))
            .collect();
        ensure!(below.len() == 2 && below[0][4] == directory, "{below:?}");
    }
    // Where it says what would be taken without it, there is nothing to ask.
    let sealed = [gzip(&bytes)?, seal(&bytes, "/home/dev")?].concat();
    let api = usual("usual\nempty /home/dev\n");
    takes(&api, &plain);
    ensure!(restore(&api, &sealed, &[])?.code == 0);
    Ok(())
}

/// The question shows where, and what; `n` is no.
fn at_a_terminal(api: &FakeApi, sealed: &[u8], directory: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("a.tar.gz");
    std::fs::write(&path, sealed)?;
    let listening = api.listen();
    let mut terminal = Terminal::new(200, 40)?;
    let mut command = Command::new(PROGRAM);
    command
        .args(["snapshot", "restore", "alice", "--from"])
        .arg(&path);
    command
        .env("KUBECONFIG", listening.kubeconfig())
        .env("HOME", folder.path());
    let child = terminal.run(&command)?;
    terminal.shows(&format!("names directory {directory:?}"))?;
    terminal.shows("The archive contains \"cron.d\"")?;
    terminal.shows("(y/N)")?;
    terminal.types("n\r")?;
    terminal.shows("restore is cancelled")?;
    ensure!(ended(child)? == 0);
    Ok(())
}

fn a_seal_that_names_no_directory() -> Result<()> {
    let bytes = stream(&[file("a")]);
    for directory in ["etc", "", "/home/../etc", "/a\nb", "/\u{1b}[2J"] {
        let sealed = [gzip(&bytes)?, seal(&bytes, directory)?].concat();
        let words = format!("archive footer names invalid directory {directory:?}");
        refused(directory, &sealed, &words)?;
    }
    Ok(())
}

/// 200 MiB of zeros: some hundred kilobytes as gzip.
fn bomb() -> Result<Vec<u8>> {
    gzip(&stream(&[entry(b'0', b"zeros", &vec![0; 200 << 20])]))
}

/// It is refused with these words once the container was looked at.
fn has_no_room(api: &FakeApi, bytes: &[u8], words: &str) -> Result<()> {
    let output = restore(api, bytes, &["-y"])?;
    ensure!(
        output.code == 1 && output.stderr.contains(words),
        "{output:?}"
    );
    ensure!(
        output.stderr.contains("hint: ") && output.stdout.is_empty(),
        "{output:?}"
    );
    nothing_sent(api)
}

fn a_bomb_for_the_home() -> Result<()> {
    let bytes = bomb()?;
    ensure!(bytes.len() < 2 << 20, "{}", bytes.len());
    has_no_room(
        &usual(&format!("usual\n{ROOM}")),
        &bytes,
        "200Mi needed, 100Mi free",
    )
}

fn a_bomb_that_evicts_the_pod() -> Result<()> {
    let much = |mount: &str| {
        format!("usual\nroom /dev/sda 900000000 1 800000000 1% {mount}\nin /home/dev\n")
    };
    let pod = |limits: Value, empty: Value| {
        json!({
            "containers": [{"name": "main", "resources": {"limits": limits}, "volumeMounts": [{"name": "home", "mountPath": "/home/dev"}]}],
            "volumes": [{"name": "home", "emptyDir": empty}],
        })
    };
    let used = Execution {
        stdout: b"102400\t/home/dev\n".to_vec(),
        ..Execution::default()
    };
    let bytes = bomb()?;
    let limited = server(
        &much("/home/dev"),
        &pod(json!({}), json!({"sizeLimit": "256Mi"})),
    );
    limited.execute("du -sk", used.clone());
    has_no_room(&limited, &bytes, "200Mi needed, 156Mi free")?;
    let ephemeral = pod(json!({"ephemeral-storage": "128Mi"}), json!({}));
    let of_pod = server(&much("/home/dev"), &ephemeral);
    of_pod.execute("du -sk", used);
    has_no_room(&of_pod, &bytes, "200Mi needed, 28Mi free")?;
    has_no_room(
        &server(&much("/"), &ephemeral),
        &bytes,
        "200Mi needed, 128Mi free",
    )
}

fn a_bomb_of_names() -> Result<()> {
    let many: Vec<Vec<u8>> = (0..200)
        .map(|number| entry(b'0', format!("f{number}").as_bytes(), b""))
        .collect();
    let api = usual(&format!("usual\n{ROOM}"));
    has_no_room(
        &api,
        &gzip(&stream(&many))?,
        "200 files to create, 100 inodes free",
    )?;
    let deep = [b"a/".repeat(1000), b"a".to_vec()].concat();
    let entries = [long(&deep), entry(b'0', &deep[..100], b"")];
    refused(
        "deep",
        &gzip(&stream(&entries))?,
        "has a name that is too long",
    )
}

fn a_bomb_of_one_name() -> Result<()> {
    for kind in *b"LKxg" {
        let header = edited(kind, b"././@LongLink", b"", |header| {
            header[124..136].copy_from_slice(b"77777777777\0");
        });
        // All of what it says would be zeros; a tenth of a megabyte of them is enough.
        let bytes = stream(&[header, vec![0; 100_000]]);
        refused(
            "8 GiB",
            &gzip(&bytes)?,
            "has an extended header that is too large: 8589934591 bytes",
        )?;
    }
    Ok(())
}

fn a_container_that_tells_no_room() -> Result<()> {
    let bytes = stream(&[file("a")]);
    let mut plain = Vec::new();
    transcode(bytes.as_slice(), &mut plain)?;
    let api = usual("usual\nempty /home/dev\n");
    takes(&api, &plain);
    let output = restore(&api, &gzip(&bytes)?, &[])?;
    ensure!(output.code == 0, "{output:?}");
    ensure!(
        output.stderr.contains(
            "free space below \"/home/dev\" in container \"main\" is unknown: 4Ki needed"
        ),
        "{output:?}"
    );
    Ok(())
}

fn a_container_that_talks_too_much() -> Result<()> {
    let api = usual(&"usual\n".repeat(100_000));
    let output = restore(&api, &gzip(&stream(&[file("a")]))?, &["-y"])?;
    ensure!(
        output.code == 1 && output.stderr.contains("printed more than 64 KiB"),
        "{output:?}"
    );
    nothing_sent(&api)
}

fn a_container_that_sends_an_archive_of_lies() -> Result<()> {
    let mut endless = stream(&[file("a")]);
    endless.resize(4 << 20, 0);
    let lie = edited(b'0', b"a", b"content", |header| {
        header[124..136].copy_from_slice(b"77777777777\0")
    });
    for (words, bytes) in [
        (
            "entry \"../x\" leaves the target directory",
            stream(&[file("../x")]),
        ),
        (
            "entry \"../\\u{1b}[2J\" leaves the target directory",
            stream(&[file("../\x1b[2J")]),
        ),
        ("the archive is truncated", stream(&[lie])),
        ("has data after its end marker", endless),
        ("is a device", stream(&[entry(b'3', b"null", b"")])),
        (
            "is a hard link",
            stream(&[linked(b'2', "a", "/etc"), linked(b'1', "b", "a")]),
        ),
    ] {
        let api = usual(&format!("usual\n{ROOM}"));
        let told = format!("tar 0\nsum {}\n", sum(&bytes));
        api.execute(
            "tar -cf",
            Execution {
                stdout: bytes,
                stderr: told.into_bytes(),
                ..Execution::default()
            },
        );
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("old.tar.gz");
        std::fs::write(&path, "precious")?;
        let name = path.to_str().context("a path is text")?;
        let listening = api.listen();
        let kubeconfig = listening.kubeconfig().to_str().context("a path is text")?;
        let args = ["snapshot", "create", "alice", "--to", name, "--overwrite"];
        let output = run_binary(Path::new(PROGRAM), &args, &[("KUBECONFIG", kubeconfig)], "");
        ensure!(
            output.code == 1 && output.stderr.contains(words),
            "{words}: {output:?}"
        );
        ensure!(!output.stderr.contains('\x1b'), "{output:?}");
        ensure!(std::fs::read(&path)? == b"precious", "{words}");
        ensure!(std::fs::read_dir(folder.path())?.count() == 1, "{words}");
    }
    Ok(())
}
