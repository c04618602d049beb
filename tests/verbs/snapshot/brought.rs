//! `restore --from`: archives that are accepted, confirmation, complete transfer; and archives refused in both directions.

use std::fs;

use kubectl_session_snapshot::Snapshot;
use session_support::{Execution, golden};

use crate::files::{IN, LOOK, UNPACK, names, play, saved, sent, server, steps, sum, takes, usual};
use crate::play::Play;
use crate::scene::{Scene, snapshot};

#[test]
fn what_cannot_be_meant_is_told_without_a_request() {
    let folder = saved();
    let mut text = String::new();
    for words in [
        "create alice --to @/a.tar.gz",
        "create alice --to @",
        "create alice --to @/no/a.tar.gz",
        "create alice --to @/b --name x",
        "create alice --to @/b --class cuts",
        "create alice --to @/b --wait=false",
        "create alice --to @/b --path home",
        "create alice --to @/b --path /",
        "create alice --to @/b --path /home/../..",
        "create alice --to @/b -o wide",
        "create alice --to - -o json",
        "create alice --path /home",
        "create alice --overwrite",
        "restore alice --from @/a.tar.gz --in-place",
        "restore alice --from @/a.tar.gz --into bob",
        "restore alice --from @/a.tar.gz --storage 1Gi",
        "restore alice --from @/a.tar.gz --path ../x",
        "restore alice --from @/no.tar.gz",
        "restore alice --from @",
        "restore alice -y",
        "restore volumesnapshot/alice --from @/a.tar.gz",
    ] {
        let api = usual();
        let played = play(&api, &folder, words);
        played.failed();
        assert!(api.lines().is_empty(), "{words}");
        text.push_str(&format!("$ snapshot {words}\n{}", played.text()));
    }
    assert_eq!(names(&folder), ["a.tar.gz"]);
    golden("snapshot-files-refused.txt", &text);
}

#[test]
fn sessions_whose_files_are_out_of_reach_are_told() {
    let folder = saved();
    let stopped = || {
        Scene {
            runs: false,
            claims: &[],
            ..Scene::default()
        }
        .server()
    };
    let mut text = String::new();
    for (api, words) in [
        (stopped(), "create alice --to @/b"),
        (stopped(), "restore alice --from @/a.tar.gz"),
        (usual(), "create bob --to @/b"),
        (usual(), "restore bob --from @/a.tar.gz"),
        (usual(), "create alice --to @/b -c sidecar"),
    ] {
        let played = play(&api, &folder, words);
        played.failed();
        assert!(api.executed().is_empty(), "{words}");
        text.push_str(&format!("$ snapshot {words}\n{}", played.text()));
    }
    golden("snapshot-files-unreachable.txt", &text);
}

#[test]
fn files_come_back_and_the_directory_itself_stays_as_it_is() {
    let (folder, api) = (saved(), usual());
    let played = play(&api, &folder, "restore alice --from @/a.tar.gz -y");
    golden("snapshot-bring.txt", &played.text());
    assert_eq!(steps(&api), [LOOK, "freeze", UNPACK, "thaw"]);
    let argv = &api.executed()[2];
    let sent = sent();
    assert_eq!(argv[4..], ["/home/dev".to_owned(), sent.len().to_string()]);
    let heard = api
        .heard()
        .into_iter()
        .max_by_key(|heard| heard.input.len());
    assert!(heard.unwrap().input == sent);
    assert!(api.writes().is_empty());
}

#[test]
fn files_that_are_there_are_replaced_by_the_users_word_alone() {
    let folder = saved();
    let path = folder.path().to_str().unwrap();
    let words = format!("restore alice --from {path}/a.tar.gz");
    let api = usual();
    let refused = snapshot(&api, &words);
    refused.failed();
    let no = Play::on(&api).at_terminal("n\n").run::<Snapshot>(&words);
    assert_eq!(no.code, 0);
    assert_eq!(steps(&api), [LOOK, LOOK]);
    golden(
        "snapshot-bring-word.txt",
        &format!("{}{}", refused.text(), no.out),
    );
    let yes = Play::on(&api).at_terminal("y\n").run::<Snapshot>(&words);
    assert!(
        yes.out
            .ends_with("session.streaming.platform/alice restored\n"),
        "{yes:?}"
    );
    let empty = server("empty /srv\n", Execution::default(), takes(0, &sent()));
    snapshot(&empty, &format!("{words} --path /srv")).done();
    assert_eq!(empty.executed()[2][4], "/srv", "nothing to ask there");
}

#[test]
fn a_file_that_is_no_good_is_told_before_anything_is_asked() {
    let folder = saved();
    let file = fs::read(folder.path().join("a.tar.gz")).unwrap();
    let mut damaged = file.clone();
    damaged[file.len() / 3] ^= 1;
    fs::write(folder.path().join("cut"), &file[..file.len() / 2]).unwrap();
    fs::write(folder.path().join("damaged"), damaged).unwrap();
    fs::write(folder.path().join("text"), "hello\n").unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    let api = usual();
    let mut text = String::new();
    for name in ["cut", "text", "empty"] {
        let played = play(&api, &folder, &format!("restore alice --from @/{name} -y"));
        played.failed();
        text.push_str(&played.text());
    }
    golden("snapshot-bring-broken.txt", &text);
    let played = play(&api, &folder, "restore alice --from @/damaged -y");
    assert!(
        played
            .failed()
            .contains("cannot restore file \"@/damaged\": the archive is "),
        "{played:?}"
    );
    let piped = Play::on(&api)
        .piped("hello")
        .run::<Snapshot>("restore alice --from - -y");
    assert_eq!(
        piped.failed(),
        "error: cannot restore standard input: the archive is not a gzip file\n"
    );
    assert!(api.lines().is_empty());
}

#[test]
fn a_restore_that_fails_says_what_may_be_there() {
    let folder = saved();
    let sent = sent();
    let full = Execution {
        stderr: format!(
            "tar: write error: No space left on device\ntar 1\nsum {}\n",
            sum(&sent)
        )
        .into_bytes(),
        ..takes(1, &sent)
    };
    let lost = Execution {
        cut: true,
        ..takes(0, &sent)
    };
    // The error comes while most of the stream has not been sent yet.
    let early = Execution {
        stderr: b"tar: write error: No space left on device\ntar 1\n".to_vec(),
        cut: true,
        ..Execution::default()
    };
    let mut text = String::new();
    for execution in [full, early, lost, takes(0, b"another")] {
        let api = server(IN, Execution::default(), execution);
        let played = play(&api, &folder, "restore alice --from @/a.tar.gz -y");
        played.failed();
        assert_eq!(steps(&api), [LOOK, "freeze", UNPACK, "thaw"]);
        text.push_str(&played.text());
    }
    golden("snapshot-bring-failed.txt", &text);
}

#[test]
fn what_has_no_room_is_told_and_nothing_is_sent() {
    let folder = saved();
    let mut text = String::new();
    for look in [
        "usual\nroom /dev/sda 9 0 9 0% /home\nin /home/dev\n",
        "usual\nroom /dev/sda 2000 0 2000 0% /home\nnames /dev/sda 9 9 0 100% /home\nempty /home/dev\n",
    ] {
        let api = server(look, Execution::default(), takes(0, &sent()));
        let played = play(&api, &folder, "restore alice --from @/a.tar.gz -y");
        played.failed();
        assert_eq!(steps(&api), [LOOK]);
        text.push_str(&played.text());
    }
    golden("snapshot-bring-room.txt", &text);
}

#[test]
fn where_only_the_file_wants_it_is_a_word_of_the_users() {
    let folder = saved();
    let path = folder.path().to_str().unwrap();
    let words = format!("restore alice --from {path}/a.tar.gz");
    let strange = "room /dev/sda 2000000 0 2000000 0% /\nempty /home/dev\n";
    let api = server(strange, Execution::default(), takes(0, &sent()));
    let refused = play(&api, &folder, "restore alice --from @/a.tar.gz");
    refused.failed();
    let no = Play::on(&api).at_terminal("n\n").run::<Snapshot>(&words);
    assert_eq!(steps(&api), [LOOK, LOOK]);
    golden(
        "snapshot-bring-where.txt",
        &format!("{}{}", refused.text(), no.out),
    );
    snapshot(&api, &format!("{words} --path /home/dev")).done();
    snapshot(&api, &format!("{words} --yes")).done();
}
