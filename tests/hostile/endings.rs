//! Verbs that end a session or take objects away.

mod leftovers;
mod scene;

use anyhow::{Result, ensure};
use serde_json::json;
use session_support::Answer;
use session_support::terminal::{Terminal, ended};

use crate::attack::{Attack, attack};
use scene::{CLAIMS, SESSIONS, Scene, claim_volume, empty_dir, foreign_pod};

pub(crate) fn attacks() -> Vec<Attack> {
    let mut attacks = vec![
        attack!(
            a_deletion_takes_no_empty_dir_unasked,
            "a script deletes a session whose home is an emptyDir",
            "the volume is named, exit code 1, nothing is written; with `-y` it goes, and what was destroyed is printed"
        ),
        attack!(
            a_bulk_deletion_from_a_script_destroys_nothing,
            "`delete --all </dev/null` over six sessions without claims",
            "one error that names what each holds; all six stay"
        ),
        attack!(
            a_no_at_the_terminal_deletes_nothing,
            "somebody types `delete alice`, sees what would be lost and answers n",
            "the volume stands in the question; nothing is written"
        ),
        attack!(
            every_verb_that_ends_a_pod_asks_alike,
            "stop, start --restart and cleanup of a session without claims, without a terminal",
            "each names what is lost or shows it as destroyed, exit code 1, nothing is written"
        ),
        attack!(
            a_home_beside_a_claim_is_not_forgotten,
            "a session has a claim for its database and an emptyDir as home; a script deletes it",
            "the home is named, exit code 1; scratch space beside a claim is never asked about"
        ),
        attack!(
            a_dry_run_names_what_would_be_lost,
            "a careful hand rehearses stop and delete",
            "what would be destroyed is printed, nothing is written"
        ),
        attack!(
            a_refused_deletion_destroys_nothing,
            "a user may delete Pods but not Sessions, and deletes one",
            "kubectl's forbidden message with the missing right; the Pod runs on"
        ),
        attack!(
            a_deletion_against_an_admission_policy_destroys_nothing,
            "A user who may delete Pods and sessions deletes another's session, which the admission policy forbids",
            "Error 403 from a rehearsal before the first write; the Pod runs on",
        ),
        attack!(
            a_refused_stop_or_restart_stops_nothing,
            "a user may delete Pods, but neither write the status of a session nor create Pods",
            "stop and start --restart refuse before their first write"
        ),
        attack!(
            a_right_to_one_object_is_enough,
            "a Role allows deletes of one session by its name alone, and its user deletes that",
            "it is deleted: rights are asked by name before anything is refused"
        ),
        attack!(
            rights_that_cannot_be_asked_refuse_nothing,
            "a server refuses SelfSubjectAccessReviews",
            "what is not checked is named on stderr, and the deletion goes on"
        ),
        attack!(
            data_that_anothers_pod_uses_is_not_deleted,
            "`delete --delete-data -y` while somebody else's Pod has the claim mounted",
            "the claim and the Pod are named, exit code 1, nothing is written"
        ),
        attack!(
            others_pods_with_our_labels_stay,
            "somebody labels an own Pod as one of the session, and the session is deleted",
            "Pods are found by owner UIDs alone: it runs on"
        ),
        attack!(
            a_session_made_anew_is_not_cleaned_up,
            "a session is deleted and created again between the plan of a cleanup and its turn",
            "the new one has another UID and is left alone"
        ),
        attack!(
            a_selector_that_means_nothing_deletes_nothing,
            "`delete -l` and `stop -l` with a label that no session has",
            "`No resources found`, exit code 0, nothing is written"
        ),
        attack!(
            a_cleanup_of_everything_needs_the_right_to_see,
            "`cleanup --all -A -y` by somebody who may list in one namespace only",
            "kubectl's forbidden message, exit code 1, nothing is written"
        ),
        attack!(
            a_finalizer_that_never_goes_is_told,
            "a Pod's finalizer is never removed, and the session is deleted",
            "the wait ends with what holds the Pod and the command that goes on; the session is there for it"
        ),
        attack!(
            a_namespace_that_goes_meanwhile_is_no_error,
            "the namespace is deleted while `delete` is at work: Pod and Session vanish under it",
            "what is gone counts as deleted, exit code 0"
        ),
    ];
    attacks.extend(leftovers::attacks());
    attacks
}

/// A session whose home is an emptyDir.
fn bare() -> Scene {
    let scene = Scene::new();
    scene.session("alice", &[empty_dir("/home/me")]);
    scene
}

fn a_deletion_takes_no_empty_dir_unasked() -> Result<()> {
    let scene = bare();
    let lost = "pod/tool-alice (emptyDir home, container files)";
    scene.refuses("delete alice", &["deleting would destroy data", lost, "-y"])?;
    let done = scene.does("delete alice -y")?;
    ensure!(
        done.stderr.contains(&format!("destroyed: {lost}")),
        "{done:?}"
    );
    ensure!(!scene.has(SESSIONS, "alice"), "it is still there");
    Ok(())
}

fn a_bulk_deletion_from_a_script_destroys_nothing() -> Result<()> {
    let (scene, names) = (Scene::new(), ["a", "b", "c", "d", "e", "f"]);
    for name in names {
        scene.session(name, &[empty_dir("/work")]);
    }
    let all = names.map(|name| format!("pod/tool-{name} (emptyDir home, container files)"));
    scene.refuses("delete --all", &all.each_ref().map(String::as_str))?;
    ensure!(scene.api.objects(SESSIONS).len() == 6, "some are gone");
    Ok(())
}

fn a_no_at_the_terminal_deletes_nothing() -> Result<()> {
    let scene = bare();
    let mut command = std::process::Command::new(Scene::binary());
    command
        .args(["delete", "alice"])
        .env("KUBECONFIG", scene.kubeconfig());
    let mut terminal = Terminal::new(120, 40)?;
    let child = terminal.run(&command)?;
    terminal.shows("emptyDir home, container files): data is destroyed")?;
    terminal.shows("(y/N): ")?;
    terminal.types("n\r")?;
    terminal.shows("deletion is cancelled")?;
    ensure!(ended(child)? == 0, "exit code");
    scene.is_untouched()
}

fn every_verb_that_ends_a_pod_asks_alike() -> Result<()> {
    let scene = bare();
    let lost = "pod/tool-alice (emptyDir home, container files)";
    scene.refuses("stop alice", &[lost, "nothing has been stopped"])?;
    let restart = "start alice --restart --skip-checks";
    scene.refuses(restart, &[lost, "nothing has been restarted"])?;
    let mut session = scene.api.object(SESSIONS, "default", "alice").unwrap();
    session["status"]["expiresAt"] = "2026-03-01T11:00:00Z".into();
    session["status"]["applied"]["onExpiry"] = "delete".into();
    scene.api.put(session);
    let output = scene.run("cleanup --expired");
    ensure!(output.stdout.contains("destroyed"), "{output:?}");
    scene.refuses("cleanup --expired", &["-y"])
}

fn a_home_beside_a_claim_is_not_forgotten() -> Result<()> {
    let scene = Scene::new();
    scene.session("alice", &[claim_volume("db"), empty_dir("/home/me")]);
    scene.refuses("delete alice", &["pod/tool-alice (emptyDir home)"])?;
    let scene = Scene::new();
    scene.session("alice", &[claim_volume("db"), empty_dir("/tmp")]);
    scene.does("delete alice")?;
    ensure!(scene.has(CLAIMS, "db"), "the claim is gone");
    Ok(())
}

fn a_dry_run_names_what_would_be_lost() -> Result<()> {
    let scene = bare();
    for words in ["stop alice", "delete alice"] {
        for strategy in ["client", "server"] {
            let output = scene.does(&format!("{words} --dry-run={strategy}"))?;
            let lost = "destroyed: pod/tool-alice (emptyDir home, container files)";
            ensure!(output.stderr.contains(lost), "{output:?}");
        }
    }
    scene.is_untouched()
}

fn a_refused_deletion_destroys_nothing() -> Result<()> {
    let scene = bare();
    scene.deny(|verb, resource, _, _| verb == "delete" && resource == "sessions");
    let said = [
        "Error from server (Forbidden): sessions.streaming.platform \"alice\" is forbidden: User \"alice\" cannot delete \
         resource \"sessions\" in API group \"streaming.platform\" in the namespace \"default\"",
        "nothing has been deleted",
    ];
    scene.refuses("delete alice -y", &said)?;
    ensure!(scene.has("pods", "tool-alice"), "the Pod is gone");
    Ok(())
}

fn a_deletion_against_an_admission_policy_destroys_nothing() -> Result<()> {
    let scene = bare();
    let session = "/apis/streaming.platform/v1/namespaces/default/sessions/alice";
    let denied = "sessions.streaming.platform \"alice\" is forbidden: ValidatingAdmissionPolicy 'session-owner' denied request";
    let answer = Answer::status(403, "Forbidden", denied, json!({}));
    scene.api.on("DELETE", session, answer);
    scene.refuses("delete alice -y", &[denied, "nothing has been deleted"])?;
    ensure!(scene.has("pods", "tool-alice"), "the Pod is gone");
    Ok(())
}

fn a_refused_stop_or_restart_stops_nothing() -> Result<()> {
    let scene = bare();
    scene.deny(|verb, _, part, _| verb == "patch" && part == "status");
    scene.refuses(
        "stop alice -y",
        &["cannot patch resource \"sessions/status\""],
    )?;
    let scene = bare();
    scene.deny(|verb, resource, _, _| verb == "create" && resource == "pods");
    let restart = "start alice --restart --skip-checks -y";
    scene.refuses(
        restart,
        &[
            "cannot create resource \"pods\"",
            "nothing has been restarted",
        ],
    )?;
    ensure!(scene.has("pods", "tool-alice"), "the Pod is gone");
    Ok(())
}

fn a_right_to_one_object_is_enough() -> Result<()> {
    let scene = bare();
    scene.deny(|verb, resource, _, name| {
        verb == "delete" && resource == "sessions" && name != "alice"
    });
    scene.does("delete alice -y")?;
    ensure!(!scene.has(SESSIONS, "alice"), "it is still there");
    Ok(())
}

fn rights_that_cannot_be_asked_refuse_nothing() -> Result<()> {
    let scene = bare();
    scene.deny_reviews();
    let output = scene.does("delete alice -y")?;
    let note = "note: cannot check rights (delete pods, ";
    ensure!(output.stderr.contains(note), "{output:?}");
    Ok(())
}

fn data_that_anothers_pod_uses_is_not_deleted() -> Result<()> {
    let scene = Scene::new();
    scene.session("alice", &[claim_volume("db")]);
    let (volume, _) = claim_volume("db");
    scene
        .api
        .put(foreign_pod(json!({"containers": [], "volumes": [volume]})));
    let said = ["\"db\" is used by pod/theirs", "--keep-data"];
    scene.refuses("delete alice --delete-data -y", &said)?;
    ensure!(scene.has(CLAIMS, "db"), "the claim is gone");
    Ok(())
}

fn others_pods_with_our_labels_stay() -> Result<()> {
    let scene = bare();
    let mut pod = foreign_pod(json!({"containers": []}));
    pod["metadata"]["labels"] =
        scene.api.object("pods", "default", "tool-alice").unwrap()["metadata"]["labels"].clone();
    scene.api.put(pod);
    scene.does("delete alice -y")?;
    ensure!(
        scene.has("pods", "theirs") && !scene.has("pods", "tool-alice"),
        "the wrong one"
    );
    Ok(())
}

fn a_session_made_anew_is_not_cleaned_up() -> Result<()> {
    let scene = bare();
    let mut session = scene.api.object(SESSIONS, "default", "alice").unwrap();
    session["status"]["expiresAt"] = "2026-03-01T11:00:00Z".into();
    session["status"]["applied"]["onExpiry"] = "delete".into();
    let mut anew = scene.api.put(session);
    anew["metadata"]["uid"] = "9ec5a8a4-0d0e-4b1c-8a55-000000000000".into();
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions/alice";
    scene.api.on("GET", path, Answer::ok(anew));
    let output = scene.does("cleanup --expired -y")?;
    ensure!(output.stdout.ends_with("1 left alone\n"), "{output:?}");
    scene.is_untouched()
}

fn a_selector_that_means_nothing_deletes_nothing() -> Result<()> {
    let scene = bare();
    for words in ["delete -l team=nobody -y", "stop -l team=nobody -y"] {
        let output = scene.does(words)?;
        ensure!(output.stderr.contains("No resources found"), "{output:?}");
    }
    scene.is_untouched()
}

fn a_cleanup_of_everything_needs_the_right_to_see() -> Result<()> {
    let scene = bare();
    let forbidden = Answer::forbidden("alice", "list", "pods", "");
    scene.api.on("GET", "/api/v1/pods", forbidden);
    scene.refuses(
        "cleanup --all -A -y",
        &["Error from server (Forbidden): pods is forbidden"],
    )
}

fn a_finalizer_that_never_goes_is_told() -> Result<()> {
    let scene = bare();
    let mut pod = scene.api.object("pods", "default", "tool-alice").unwrap();
    pod["metadata"]["finalizers"] = json!(["example.com/never"]);
    scene.api.put(pod);
    let output = scene.run("delete alice -y --timeout=1s");
    ensure!(output.code == 1, "{output:?}");
    for part in [
        "example.com/never",
        "finish it with: kubectl session delete alice",
    ] {
        ensure!(output.stderr.contains(part), "{part:?}: {output:?}");
    }
    ensure!(
        scene.has(SESSIONS, "alice"),
        "the session is gone before its Pod"
    );
    Ok(())
}

fn a_namespace_that_goes_meanwhile_is_no_error() -> Result<()> {
    let scene = bare();
    let pod = "/api/v1/namespaces/default/pods/tool-alice";
    scene
        .api
        .on("DELETE", pod, Answer::not_found("pods", "tool-alice"));
    scene
        .api
        .on("GET", pod, Answer::not_found("pods", "tool-alice"));
    let path = "/apis/streaming.platform/v1/namespaces/default/sessions/alice";
    scene
        .api
        .on("DELETE", path, Answer::not_found(SESSIONS, "alice"));
    scene.api.on(
        "GET",
        path,
        Answer::ok(scene.api.object(SESSIONS, "default", "alice").unwrap()),
    );
    scene
        .api
        .on("GET", path, Answer::not_found(SESSIONS, "alice"));
    scene.does("delete alice -y").map(drop)
}
