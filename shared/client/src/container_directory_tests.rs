use super::*;
use crate::container_files::tests::{inside, run};
use session_model::failure::{Failure, FailureKind};
use std::fs;
use std::path::Path;

fn look(path: &str, home: &Path) -> Result<ContainerDirectory> {
    let output = run(
        &shell_argv(INSPECT_SCRIPT, [path].into_iter().chain(REQUIRED_PROGRAMS)),
        b"",
        home,
    );
    inside().parse_directory(&String::from_utf8_lossy(&output.stdout))
}

#[test]
fn a_directory_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    let empty = look("", folder.path()).unwrap();
    assert_eq!(
        (empty.path.as_str(), empty.is_empty),
        (home, true),
        "home, as / is no place to copy"
    );
    fs::write(folder.path().join(".hidden"), "").unwrap();
    assert!(!look(home, folder.path()).unwrap().is_empty);
    let error = look("/no/such", folder.path()).unwrap_err().to_string();
    assert_eq!(
        error,
        "directory \"/no/such\" not found in container \"main\" of pod \"tool\""
    );
}

#[test]
fn missing_programs_are_named() {
    let error = inside()
        .parse_directory("without tar\nwithout tee\nin /home\n")
        .unwrap_err();
    let text = "cannot copy files: container \"main\" of pod \"tool\" has no tar, tee";
    assert_eq!(error.to_string(), text);
    let error = inside()
        .parse_directory("closed /root\n")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "cannot read directory \"/root\" in container \"main\" of pod \"tool\""
    );
    assert!(inside().parse_directory("").is_err());
    let not_started = ExecExit::NotStarted {
        code: 127,
        failure: Failure::client_side(FailureKind::OtherStatus, "no sh"),
    };
    let error = inside().script_error(&not_started, b"").to_string();
    assert!(error.contains("has no shell"), "{error}");
}

#[test]
fn df_lines_are_parsed_from_the_end() {
    for (line, free_of) in [
        (
            "/dev/vda  264212084 42159784  53341480      45% /",
            Some((53_341_480, "/")),
        ),
        ("a device 100 1 99 1% /mnt/a b", Some((99, "/mnt/a b"))),
        ("overlay 100 100 0 100% /home", Some((0, "/home"))),
        ("proc 0 0 0 0% /proc", None),
        ("proc 0 0 0 - /proc", None),
        ("tmpfs - - - 1% /x", None),
        (
            "Filesystem 1024-blocks Used Available Capacity Mounted on",
            None,
        ),
        ("", None),
    ] {
        let free_of = free_of.map(|(free, mount)| (free, mount.to_owned()));
        assert_eq!(parse_df_line(line), free_of, "{line}");
    }
}

#[test]
fn without_df_free_space_is_unknown() {
    let found = inside().parse_directory("usual\nin /home\n").unwrap();
    assert!(found.free_space.is_none() && found.is_default && !found.is_empty);
    let all = "room x 100 1 99 1% /home\nnames x 10 1 9 1% /home\nempty /home/a\n";
    let found = inside().parse_directory(all).unwrap();
    let room = FreeSpace {
        bytes: 99 * 1024,
        inodes: Some(9),
        mount_point: "/home".into(),
    };
    assert_eq!(found.free_space, Some(room));
    assert!(!found.is_default);
}
