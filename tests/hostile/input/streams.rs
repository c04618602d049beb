//! Standard streams that are closed, full, or read by nobody; and what `--to` may write.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::process::Command;

use anyhow::{Result, ensure};
use session_support::Execution;
use sha2::{Digest, Sha256};

use super::scene::Scene;
use crate::attack::{Attack, attack};

/// Verbs whose output is what they are run for.
const PRINT: [&str; 13] = [
    "list",
    "list -o yaml",
    "list -o name",
    "status bob",
    "status bob -o json",
    "logs bob",
    "template list",
    "template show bare",
    "template render bare --set IMAGE=x",
    "template params bare",
    "snapshot list",
    "create carol --template bare --dry-run=client -o yaml",
    "help",
];

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            a_backup_to_a_closed_output_is_refused,
            "`snapshot create --to - >&-`, or with standard output open for reading only",
            "exit code 1 before any request: standard output is closed",
        ),
        attack!(
            a_backup_to_a_full_disk_is_no_backup,
            "`snapshot create --to -` to /dev/full, and into a pipe that closes early",
            "exit code 1 and 141, never \"saved\"",
        ),
        attack!(
            a_backup_to_dev_null_is_the_users_own_will,
            "`snapshot create --to - >/dev/null`",
            "exit code 0: a shell opens it for writing only, and that can be told from a closed stream",
        ),
        attack!(
            an_output_that_takes_nothing_is_an_error,
            "/dev/full as standard output of every verb that prints",
            "exit code 1",
        ),
        attack!(
            overwriting_replaces_regular_files_only,
            "`--to X --overwrite` where X is a FIFO, a socket, a device, a directory, or a link to one or to a file",
            "exit code 1 before any request, X is what it was",
        ),
        attack!(
            a_file_that_is_there_stays_unless_it_may_go,
            "`--to X` where X is there, and again with `--overwrite`",
            "exit code 1 and the old file; then the new one, whole and for its owner alone",
        ),
        attack!(
            a_device_is_never_a_hint,
            "`--to /dev/stdout`, as a careless hand writes it",
            "refused, with `--to -` as the hint and not `--overwrite`",
        ),
    ]
}

/// A scene whose sessions send an archive, and how many times they were asked for one.
fn with_files() -> Result<Scene> {
    let scene = Scene::new()?;
    let mut tar = tar::Builder::new(Vec::new());
    // More than a pipe takes, even packed.
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    let content: Vec<u8> = noise.take(500_000).collect();
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "./notes", content.as_slice())?;
    let stream = tar.into_inner()?;
    let sum: String = Sha256::digest(&stream)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    scene.api.execute(
        "tar -cf",
        Execution {
            stderr: format!("tar 0\nsum {sum}\n").into_bytes(),
            stdout: stream,
            ..Execution::default()
        },
    );
    Ok(scene)
}

/// Exit code and standard error of a shell line.
fn run(scene: &Scene, line: &str) -> Result<(Option<i32>, String)> {
    let output = scene.shell(line).output()?;
    Ok((output.status.code(), String::from_utf8(output.stderr)?))
}

fn a_backup_to_a_closed_output_is_refused() -> Result<()> {
    let scene = with_files()?;
    for output in [">&-", "1</dev/null", "1<&- 0<&- 2>@/err"] {
        let line = format!("session snapshot create bob --to - {output}");
        let (code, mut said) = run(&scene, &line)?;
        if said.is_empty() {
            said = fs::read_to_string(scene.path("err"))?;
        }
        ensure!(code == Some(1), "{line}: {said}");
        ensure!(said.contains("standard output is closed"), "{line}: {said}");
        ensure!(scene.api.lines().is_empty(), "{line}");
    }
    Ok(())
}

fn a_backup_to_a_full_disk_is_no_backup() -> Result<()> {
    let scene = with_files()?;
    for (line, wanted) in [
        ("session snapshot create bob --to - >/dev/full", 1),
        (
            "session snapshot create bob --to - | head -c 10 >/dev/null; exit ${PIPESTATUS[0]}",
            141,
        ),
    ] {
        let (code, said) = run(&scene, line)?;
        ensure!(code == Some(wanted), "{line}: {code:?}: {said}");
        ensure!(
            !said.contains("copied to standard output"),
            "{line}: {said}"
        );
    }
    Ok(())
}

fn a_backup_to_dev_null_is_the_users_own_will() -> Result<()> {
    let scene = with_files()?;
    let (code, said) = run(&scene, "session snapshot create bob --to - >/dev/null")?;
    ensure!(
        code == Some(0) && said.contains("copied to standard output"),
        "{said}"
    );
    Ok(())
}

fn an_output_that_takes_nothing_is_an_error() -> Result<()> {
    let scene = Scene::new()?;
    for line in PRINT {
        let (code, said) = run(&scene, &format!("session {line} >/dev/full"))?;
        ensure!(code == Some(1), "{line}: {code:?}: {said}");
        ensure!(!said.contains("panicked"), "{line}: {said}");
    }
    Ok(())
}

/// What a path is: its kind, its number, and where it leads.
fn is_what(path: &std::path::Path) -> Result<String> {
    let found = fs::symlink_metadata(path)?;
    let kind = found.file_type();
    let special = kind.is_fifo() || kind.is_socket() || kind.is_char_device();
    let text = if special || kind.is_dir() {
        String::new()
    } else {
        fs::read_to_string(path).unwrap_or_default()
    };
    Ok(format!("{kind:?} {} {text}", found.ino()))
}

fn overwriting_replaces_regular_files_only() -> Result<()> {
    let scene = with_files()?;
    let path = |name: &str| scene.path(name);
    ensure!(Command::new("mkfifo").arg(path("fifo")).status()?.success());
    let _socket = std::os::unix::net::UnixListener::bind(path("socket"))?;
    fs::create_dir(path("folder"))?;
    symlink(path("notes"), path("to-file"))?;
    symlink("/dev/null", path("to-device"))?;
    symlink(path("folder"), path("to-folder"))?;
    symlink(path("missing"), path("to-nothing"))?;
    let mut names = vec![
        "fifo",
        "socket",
        "folder",
        "to-file",
        "to-device",
        "to-folder",
        "to-nothing",
    ];
    // Only root may make one; /dev/null itself is not for a test that may fail.
    let device = Command::new("mknod")
        .arg(path("device"))
        .args(["c", "1", "3"])
        .output()?;
    if device.status.success() {
        names.push("device");
    }
    for name in names {
        let before = is_what(&path(name))?;
        for flag in ["", "--overwrite"] {
            let line = format!("session snapshot create bob --to @/{name} {flag}");
            let (code, said) = run(&scene, &line)?;
            ensure!(code == Some(1), "{line}: {said}");
            ensure!(said.contains(name), "{line}: {said}");
            ensure!(!said.contains("--overwrite"), "{line}: {said}");
            ensure!(scene.api.lines().is_empty(), "{line}");
        }
        let after = is_what(&path(name))?;
        ensure!(after == before, "{name}: {before} {after}");
    }
    ensure!(!path("missing").exists());
    Ok(())
}

fn a_file_that_is_there_stays_unless_it_may_go() -> Result<()> {
    let scene = with_files()?;
    let file = scene.path("backup");
    fs::write(&file, "old")?;
    let line = "session snapshot create bob --to @/backup";
    let (code, said) = run(&scene, line)?;
    ensure!(code == Some(1) && said.contains("--overwrite"), "{said}");
    ensure!(fs::read(&file)? == b"old" && scene.api.lines().is_empty());
    let (code, said) = run(&scene, &format!("{line} --overwrite"))?;
    ensure!(code == Some(0), "{said}");
    ensure!(fs::read(&file)?.starts_with(&[0x1f, 0x8b]));
    ensure!(fs::metadata(&file)?.mode() & 0o777 == 0o600);
    let (code, said) = run(
        &scene,
        "session snapshot restore bob --from @/backup --dry-run=client",
    )?;
    ensure!(code == Some(0), "{said}");
    Ok(())
}

fn a_device_is_never_a_hint() -> Result<()> {
    let scene = with_files()?;
    for device in ["/dev/stdout", "/dev/null", "/dev/full"] {
        let line = format!("session snapshot create bob --to {device}");
        let (code, said) = run(&scene, &format!("{line} | cat; exit ${{PIPESTATUS[0]}}"))?;
        ensure!(code == Some(1), "{line}: {said}");
        ensure!(said.contains("--to -"), "{line}: {said}");
        ensure!(!said.contains("--overwrite"), "{line}: {said}");
        ensure!(scene.api.lines().is_empty(), "{line}");
    }
    Ok(())
}
