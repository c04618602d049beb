//! `create --roster --at` and `--ready-by`: what is refused, and leaves nothing behind.

use kubectl_session_create::Create;
use serde_json::json;
use session_support::{Answer, golden};

use crate::play::Play;
use crate::roster::{CLASS, server};
use crate::roster_schedule::{ClassFile, NAME, count, piped};

#[test]
fn every_row_is_checked_before_the_cron_job_is_written() {
    let api = server();
    let text = "user,name,namespace,PASSWORD,SIZE\nalice,lab-1,,s3cret,\nbob,lab-2,other,,\ncarol,Lab,,,\ndave,lab-4,,,1GB\nerin,lab-5,,s3cret,\n";
    api.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}));
    let played = piped(&api, text, &["--template", "tool", "--at", "07:45"]);
    golden("create-roster-at-errors.txt", played.failed());
    assert!(!played.err.contains("s3cret"), "{played:?}");
    assert!(api.writes().is_empty());
    api.put(json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "class", "namespace": "default"},
        "spec": {"hard": {"pods": "10"}}, "status": {"hard": {"pods": "10"}, "used": {"pods": "8"}}}));
    let full = piped(&api, CLASS, &["--template", "tool", "--at", "07:45"]);
    assert!(
        full.failed().contains("3 new sessions do not fit"),
        "{full:?}"
    );
    assert!(api.writes().is_empty());
}

#[test]
fn a_roster_that_no_config_map_holds_is_refused() {
    let api = server();
    let text = format!("user,SIZE\nalice,1Gi\n{}", "\n".repeat(1 << 20));
    let refused = piped(&api, &text, &["--template", "tool", "--at", "07:45"]);
    let error = "error: cannot schedule roster \"standard input\": 1025 KiB, and a ConfigMap holds 1024 KiB\n";
    assert!(refused.failed().contains(error), "{refused:?}");
    assert!(api.writes().is_empty());
}

#[test]
fn who_may_not_give_rights_gets_them_printed_and_who_may_not_create_cron_jobs_leaves_nothing() {
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    for (path, kind) in [("roles", "roles"), ("rolebindings", "rolebindings")] {
        let (api, file) = (server(), ClassFile::new(kind, CLASS));
        let refusal = Answer::forbidden("alice", "create", kind, "default");
        api.on("POST", &format!("{rbac}/{path}"), refusal);
        let played = file.schedule(&api, &["--template", "tool", "--at", "07:45"]);
        assert_eq!(played.code, 0, "{played:?}");
        let begin = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n";
        assert!(played.out.starts_with(begin), "{played:?}");
        assert_eq!(played.out.matches("\nkind: RoleBinding\n").count(), 1);
        assert!(played.out.contains("- assign\n"), "{played:?}");
    }
    let (api, file) = (server(), ClassFile::new("no-jobs", CLASS));
    let refusal = Answer::forbidden("alice", "create", "cronjobs", "default");
    api.on(
        "POST",
        "/apis/batch/v1/namespaces/default/cronjobs",
        refusal,
    );
    let played = file.schedule(&api, &["--template", "tool", "--at", "07:45"]);
    assert!(
        played
            .failed()
            .contains("cannot create resource \"cronjobs\""),
        "{played:?}"
    );
    assert_eq!(count(&api), 0, "{:?}", api.lines());
}

#[test]
fn somebody_elses_config_map_is_left_alone() {
    let (api, file) = (server(), ClassFile::new("foreign", CLASS));
    let metadata = json!({"name": NAME, "namespace": "default"});
    api.put(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}),
    );
    let refused = file.schedule(&api, &["--template", "tool", "--at", "07:45"]);
    let error = format!(
        "error: ConfigMap {NAME:?} already exists and is not part of the schedule of sessions \"--roster class.csv\"\n"
    );
    assert!(refused.failed().contains(&error), "{refused:?}");
    assert!(api.writes().is_empty());
}

#[test]
fn what_cannot_be_is_told_before_any_request() {
    let mut text = String::new();
    let api = server();
    let roster = ["--roster", "-", "--template", "tool"];
    for (class, words) in [
        (
            &[][..],
            &["alice", "--template", "tool", "--at", "07:45"][..],
        ),
        (&roster[..], &["--at", "25:00"]),
        (&roster[..], &["--at", "07:45 Mon-Fri"]),
        (&roster[..], &["--at", "2026-02-28 07:45"]),
        (&roster[..], &["--at", "2027-03-01 07:45"]),
        (
            &roster[..],
            &["--at", "2026-03-29 02:30", "--time-zone", "Europe/Berlin"],
        ),
        (
            &roster[..],
            &["--at", "07:45", "--time-zone", "Mars/Olympus"],
        ),
        (&roster[..], &["--at", "07:45", "--image", "a b"]),
        (&roster[..], &["--at", "07:45", "--ready-by", "08:00"]),
        (&roster[..], &["--at", "07:45", "--create-namespace"]),
        (&roster[..], &["--ready-by", "07:45", "--wait"]),
        (&roster[..], &["--time-zone", "Europe/Berlin"]),
        (&roster[..], &["--at", "07:45", "-o", "csv"]),
    ] {
        let words = [class, words].concat();
        let played = Play::on(&api).piped(CLASS).run_args::<Create>(&words);
        text.push_str(&format!("$ {words:?}\n{}", played.failed()));
        assert!(api.lines().is_empty(), "{words:?}");
    }
    golden("create-roster-at-refused.txt", &text);
    let near = ["--template", "tool", "--ready-by", "12:05"];
    let refused = piped(&api, CLASS, &near);
    assert!(
        refused
            .failed()
            .contains("too near; the earliest time is 2026-03-01 12:08 (Etc/UTC)"),
        "{refused:?}"
    );
    assert!(api.writes().is_empty());
}
