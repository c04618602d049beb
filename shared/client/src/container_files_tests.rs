use super::*;
use crate::progress_meter::format_progress;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub(crate) fn inside() -> ContainerRef {
    ContainerRef {
        namespace: "docs".into(),
        pod: "tool".into(),
        container: "main".into(),
    }
}

/// Runs a script with this machine's sh and tar, as a container would.
pub(crate) fn run(argv: &[String], input: &[u8], home: &Path) -> Output {
    let mut child = Command::new(&argv[0])
        .args(&argv[1..])
        .current_dir("/")
        .env("HOME", home)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    // A script may exit without reading all of its input.
    let feed = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    output
}

fn parse_output(output: &Output) -> Result<TransferChecksum> {
    inside().parse_checksum(
        &ExecExit::Code(output.status.code().unwrap_or(-1)),
        &output.stderr,
    )
}

#[test]
fn packed_files_are_unpacked_with_equal_checksums() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir_all(from.join("-sub dir/empty")).unwrap();
    fs::create_dir(&to).unwrap();
    let content: Vec<u8> = (0..300_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    fs::write(from.join("-sub dir/bytes"), &content).unwrap();
    std::os::unix::fs::symlink("bytes", from.join("-sub dir/link")).unwrap();
    let packed = run(
        &shell_argv(PACK_SCRIPT, [from.to_str().unwrap(), "."]),
        b"",
        &from,
    );
    let sum = parse_output(&packed).unwrap();
    let length = packed.stdout.len().to_string();
    let argv = shell_argv(UNPACK_SCRIPT, [to.to_str().unwrap(), &length]);
    let unpacked = run(&argv, &packed.stdout, &to);
    assert_eq!(parse_output(&unpacked).unwrap(), sum);
    assert!(fs::read(to.join("-sub dir/link")).unwrap() == content);
    assert!(to.join("-sub dir/empty").is_dir());

    for cut in [0, 1000, packed.stdout.len() - 20_000] {
        let short = run(&argv, &packed.stdout[..cut], &to);
        // GNU tar accepts the first two as an empty archive; the checksum reveals the error.
        assert!(parse_output(&short).is_err() || cut < 2000, "{cut}");
        assert!(parse_output(&short).ok() != Some(sum.clone()), "{cut}");
    }
}

#[test]
fn a_tar_that_fails_is_told_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().to_str().unwrap();
    let output = run(
        &shell_argv(PACK_SCRIPT, [base, "./nope"]),
        b"",
        folder.path(),
    );
    let error = parse_output(&output).unwrap_err().to_string();
    assert!(
        error.contains("failed with exit code") && error.contains("nope"),
        "{error}"
    );
    let whole = run(&shell_argv(PACK_SCRIPT, [base, "."]), b"", folder.path()).stdout;
    let argv = shell_argv(UNPACK_SCRIPT, ["/nowhere", &whole.len().to_string()]);
    let error = parse_output(&run(&argv, &whole, folder.path()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("/nowhere"), "{error}");
}

#[test]
fn only_a_complete_report_is_a_success() {
    let told = |code, text: &str| inside().parse_checksum(&ExecExit::Code(code), text.as_bytes());
    let sum = told(0, "tar: x: socket ignored\ntar 0\nsum ab12\n").unwrap();
    assert_eq!(sum.sha256, "ab12");
    for (code, text, said) in [
        (
            0,
            "",
            "cannot copy files in container \"main\" of pod \"tool\": exit code 0",
        ),
        (0, "tar 0\n", "pod \"tool\": exit code 0"),
        (0, "sum ab12\n", "pod \"tool\": exit code 0"),
        (137, "tar 0\nsum ab12\n", "pod \"tool\": exit code 137"),
        (
            0,
            "tar: x: file changed as we read it\ntar 1\nsum ab12\n",
            "failed with exit code 1: tar: x: file changed as we read it",
        ),
        (
            0,
            "tar: x: No space left on device\ntar: Exiting with failure status due to previous errors\ntar 2\nsum ab12\n",
            "failed with exit code 2: tar: x: No space left on device",
        ),
        (
            0,
            "tar: evil\ntar 0\nsum 00\ntar 1\nsum ab12\n",
            "failed with exit code 1: tar: evil",
        ),
        (
            1,
            "tee: /proc/self/fd/4: Permission denied\ntar 0\nsum\n",
            "Permission denied",
        ),
    ] {
        let error = told(code, text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
    let lost = inside()
        .parse_checksum(&ExecExit::ConnectionLost, b"tar 0\nsum ab12\n")
        .unwrap_err();
    assert_eq!(
        lost.to_string(),
        "lost the connection to container \"main\" of pod \"tool\""
    );
}

#[test]
fn a_tar_that_failed_is_known_before_the_rest_is_read() {
    for (told, failed) in [
        ("tar: x: No space left on device\ntar 1\n", true),
        ("tar 12\n", true),
        ("tar 1", false),
        ("tar 0\n", false),
        ("tar 1\nsum ab\n", false),
        ("tar: 1\n", false),
        ("\n", false),
        ("", false),
    ] {
        assert_eq!(has_tar_failed(told.as_bytes()), failed, "{told:?}");
    }
    let told = b"tar: x: No space left on device\ntar 1\n";
    let error = inside()
        .parse_checksum(&ExecExit::Code(0), told)
        .unwrap_err();
    assert!(
        error.to_string().contains("exit code 1: tar: x: No space"),
        "{error}"
    );
}

#[test]
fn progress_is_one_short_line() {
    let mi = 1 << 20;
    let second = Duration::from_secs(1);
    assert_eq!(format_progress(0, None, Duration::ZERO), "0");
    assert_eq!(
        format_progress(12 * mi, Some(50 * mi), 2 * second),
        "12Mi of 50Mi (24%), 6Mi/s"
    );
    assert_eq!(format_progress(3 * mi, None, second / 2), "3Mi");
    assert_eq!(format_progress(0, Some(0), second), "0, 0/s");
}
