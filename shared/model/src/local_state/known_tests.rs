use super::*;

fn known(folder: &Path) -> KnownSessions {
    KnownSessions::new(Some(folder.to_owned()), "https://one")
}

fn digests(text: &str) -> Digests {
    [("spec.manifest".to_owned(), sha256_hex(text))].into()
}

#[test]
fn what_was_remembered_is_known_to_the_next_call_on_this_server_alone() {
    let home = tempfile::tempdir().unwrap();
    known(home.path())
        .store_digests("u-1", &[("spec.", digests("a"))])
        .unwrap();
    assert_eq!(known(home.path()).digests_of("u-1"), digests("a"));
    assert_eq!(known(home.path()).digests_of("u-2"), Digests::new());
    let other = KnownSessions::new(Some(home.path().to_owned()), "https://two");
    assert_eq!(other.digests_of("u-1"), Digests::new());
}

#[test]
fn an_area_is_replaced_and_the_others_stay() {
    let known = KnownSessions::default();
    let two = |first: &str, second: &str| -> Digests {
        [
            ("spec.a".to_owned(), sha256_hex(first)),
            ("status.b".to_owned(), sha256_hex(second)),
        ]
        .into()
    };
    known.store_digests("u", &[("", two("1", "2"))]).unwrap();
    let changed: Digests = [("spec.c".to_owned(), sha256_hex("3"))].into();
    known.store_digests("u", &[("spec.", changed)]).unwrap();
    let found = known.digests_of("u");
    assert_eq!(found.get("spec.a"), None);
    assert_eq!(found["spec.c"], sha256_hex("3"));
    assert_eq!(found["status.b"], sha256_hex("2"));
}

#[cfg(unix)]
#[test]
fn files_and_folders_are_the_users_alone_and_others_are_not_believed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = tempfile::tempdir().unwrap();
    known(home.path())
        .store_digests("u", &[("", digests("a"))])
        .unwrap();
    let file = known(home.path()).file("u").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    let set =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for path in [file.as_path(), file.parent().unwrap()] {
        let before = mode(path);
        set(path, 0o777);
        assert_eq!(
            known(home.path()).digests_of("u"),
            Digests::new(),
            "{path:?}"
        );
        set(path, before);
    }
    assert_eq!(known(home.path()).digests_of("u"), digests("a"));
    let elsewhere = home.path().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert_eq!(known(home.path()).digests_of("u"), Digests::new());
}

#[test]
fn a_file_that_is_damaged_is_as_if_it_were_not_there() {
    let line = format!("{} spec.manifest\n", sha256_hex("a"));
    let whole = format!("{HEAD}\n{line}");
    assert_eq!(parse(&whole), Some(digests("a")));
    for text in [
        "",
        HEAD,
        &whole[..whole.len() - 1],
        &whole[1..],
        &whole.replace("known", "other"),
        &format!("{whole}short spec.x\n"),
        &format!("{whole}{}\n", sha256_hex("b")),
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
}

#[test]
fn many_writers_leave_one_whole_file() {
    let home = tempfile::tempdir().unwrap();
    let texts = ["a", "b", "c", "d"];
    std::thread::scope(|scope| {
        for text in texts {
            let home = home.path();
            scope.spawn(move || {
                for _ in 0..50 {
                    known(home)
                        .store_digests("u", &[("", digests(text))])
                        .unwrap();
                    assert_eq!(known(home).digests_of("u").len(), 1);
                }
            });
        }
    });
    let found = known(home.path()).digests_of("u");
    assert!(texts.iter().any(|text| found == digests(text)));
    let files = fs::read_dir(home.path().join("known_sessions")).unwrap();
    assert_eq!(files.count(), 1);
}

#[test]
fn a_file_that_is_too_large_is_neither_written_nor_read() {
    let home = tempfile::tempdir().unwrap();
    let many: Digests = (0..5000)
        .map(|number| (format!("spec.parameters.P{number}"), sha256_hex("a")))
        .collect();
    assert!(
        known(home.path())
            .store_digests("u", &[("", many)])
            .is_err()
    );
    known(home.path())
        .store_digests("u", &[("", digests("a"))])
        .unwrap();
    let file = known(home.path()).file("u").unwrap();
    let mut text = fs::read_to_string(&file).unwrap();
    text.push_str(&format!("{} spec.x\n", sha256_hex("b")).repeat(4000));
    fs::write(&file, text).unwrap();
    assert_eq!(known(home.path()).digests_of("u"), Digests::new());
}

#[test]
fn the_oldest_go_where_there_are_too_many() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("known_sessions");
    create_private_folder(&folder).unwrap();
    for number in 0..SESSIONS_MAX {
        fs::write(folder.join(format!("{number}")), "").unwrap();
    }
    known(home.path())
        .store_digests("u", &[("", digests("a"))])
        .unwrap();
    let count = fs::read_dir(&folder).unwrap().count();
    assert!(count <= SESSIONS_MAX, "{count}");
    assert_eq!(known(home.path()).digests_of("u"), digests("a"));
}

#[test]
fn areas_of_one_write_replace_their_own() {
    let known = KnownSessions::default();
    let area = |key: &str, text: &str| -> Digests { [(key.to_owned(), sha256_hex(text))].into() };
    let (spec, hooks) = (area("spec.a", "1"), area("hooks.a", "2"));
    known
        .store_digests("u", &[("spec.", spec), ("hooks.", hooks)])
        .unwrap();
    known
        .store_digests(
            "u",
            &[("spec.", area("spec.b", "3")), ("hooks.", Digests::new())],
        )
        .unwrap();
    assert_eq!(known.digests_of("u"), area("spec.b", "3"));
}

#[test]
fn a_class_stays_near_the_number_that_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let known = known(home.path());
    for session in 0..SESSIONS_MAX + 2 * WRITES_PER_PRUNE {
        let area = ("", digests("a"));
        known.store_digests(&session.to_string(), &[area]).unwrap();
        if session % WRITES_PER_PRUNE == 0 {
            let count = fs::read_dir(home.path().join("known_sessions"))
                .unwrap()
                .count();
            assert!(count <= SESSIONS_MAX, "{count}");
        }
    }
}
