//! What others have stored in the API, and who may run it.

mod record;
mod scene;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::attack::{Attack, attack};
use record::{
    a_machine_without_a_home_works, a_record_holds_for_its_own_server_only,
    a_record_that_others_may_write_is_not_believed, a_second_machine_is_asked_once,
    a_uid_that_is_a_path_leads_nowhere, an_answer_of_no_starts_nothing,
    an_ordinary_day_asks_nothing, the_record_holds_no_text,
};
use scene::{BINDINGS, MANIFEST, POLICIES, POLICY, Scene};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            a_manifest_changed_by_another_is_not_started,
            "Somebody who may patch sessions changes the manifest of another's stopped session, so that the owner's `start` mounts a Secret",
            "Without the admission policy `start`, `start --all` and a waking `connect` refuse: \"changed since you stored them: spec.manifest\"; nothing is written"
        ),
        attack!(
            a_parameter_changed_by_another_is_not_started,
            "The same with a parameter of the template: another image",
            "Refused, with the field and its value as it is now"
        ),
        attack!(
            a_template_chosen_by_another_is_not_started,
            "The same with the template that the session runs, its preset or its primary workload",
            "Refused"
        ),
        attack!(
            hooks_changed_by_another_are_not_run,
            "Somebody writes a command into the hooks of another's running session, for its owner's `stop`, `delete` or snapshot to execute",
            "Refused before anything is executed or written; `--skip-sync` is the way on"
        ),
        attack!(
            a_connect_command_changed_by_another_is_not_run,
            "Somebody changes the command by which the owner enters the session",
            "`connect` refuses; a command that the user types is run"
        ),
        attack!(
            cleanup_runs_no_changed_hooks,
            "Somebody lets another's session expire with hooks of his own, for an admin's `cleanup` to execute",
            "Refused, and told as the failure of this one session"
        ),
        attack!(
            a_session_made_anew_under_its_name_is_not_known,
            "Somebody deletes another's session and makes one of the same name and owner with a manifest of his own",
            "Refused: it has another UID"
        ),
        attack!(
            a_narrowed_policy_is_not_believed,
            "The admission policy is there, but its binding only audits, leaves a namespace out, is missing or younger than the session, or an expression is not ours",
            "Taken as absent: what others may have written is not run"
        ),
        attack!(
            a_policy_that_cannot_be_read_is_not_believed,
            "The caller may not read the admission policy, or the server does not serve its kind",
            "Taken as absent"
        ),
        attack!(
            another_users_manifest_is_not_run_under_the_policy,
            "With the policy in force, a user gets an admin to `start` the user's own manifest",
            "Refused: it is a manifest of another user"
        ),
        attack!(
            a_record_that_others_may_write_is_not_believed,
            "Another user of the machine may write the file or the folder in which the program remembers what was stored",
            "It counts as absent, and so do files that are damaged, cut off, too large or links"
        ),
        attack!(
            a_uid_that_is_a_path_leads_nowhere,
            "A hostile server names a session's UID `../../../.ssh/authorized_keys`",
            "Files are named by a digest: nothing outside of the folder is written or read"
        ),
        attack!(
            a_record_holds_for_its_own_server_only,
            "A hostile server shows a session with the UID and the text of one on another server",
            "Not known there: refused"
        ),
        attack!(
            a_bulk_start_agrees_to_nothing,
            "Somebody counts on `start --all` to take his text along",
            "What has changed is refused by name, with `--trust-manifest` as well; the other sessions start"
        ),
        attack!(
            a_privileged_manifest_needs_a_word_although_it_is_known,
            "A manifest that the user has stored asks for the node's network",
            "Refused until `--trust-manifest`"
        ),
        attack!(
            the_record_holds_no_text,
            "Somebody reads the files in which the program remembers what was stored",
            "Digests and names of fields, mode 0600 in a folder of mode 0700"
        ),
        attack!(
            an_answer_of_no_starts_nothing,
            "On a terminal the owner is asked about a changed session and says no, then yes",
            "After no nothing is written; after yes it starts, and is not asked about again"
        ),
        attack!(
            a_second_machine_is_asked_once,
            "A careless hand starts a session from a machine that does not know it",
            "Refused once; agreed to by `--trust-manifest`, never asked again"
        ),
        attack!(
            an_ordinary_day_asks_nothing,
            "The owner creates, lists, enters, stops, starts with other values, extends and deletes a session from one machine, without the policy",
            "No question, and no request about the policy"
        ),
        attack!(
            a_machine_without_a_home_works,
            "The program runs where nothing can be remembered",
            "`create` works; later commands are asked about without the policy, and not with it"
        ),
    ]
}

fn evil() -> Value {
    MANIFEST.replace("tool:1", "evil:1").into()
}

fn a_manifest_changed_by_another_is_not_started() -> Result<()> {
    let scene = Scene::unguarded()?.stopped_manifest()?;
    scene.tamper("/spec/manifest", evil())?;
    let said = "changed since you stored them: spec.manifest";
    for words in ["start alice", "start --all", "connect alice"] {
        scene.refuses(words, &[said, "setup admission"])?;
    }
    scene.run("start alice --trust-manifest --wait=false")?;
    Ok(())
}

fn a_parameter_changed_by_another_is_not_started() -> Result<()> {
    let scene = Scene::unguarded()?.stopped()?;
    scene.tamper("/spec/parameters/IMAGE", json!("evil:1"))?;
    let said = "spec.parameters.IMAGE is \"evil:1\"";
    scene.refuses("start alice", &[said])?;
    // The attacker's value is not agreed to by giving another one for another parameter.
    scene.refuses("start alice --expires-in 2h", &[said])
}

fn a_template_chosen_by_another_is_not_started() -> Result<()> {
    for (pointer, value) in [
        ("/spec/template", json!("other")),
        ("/spec/application", json!("other")),
        ("/spec/preset", json!("large")),
        ("/spec/primary", json!({ "kind": "Pod", "name": "other" })),
    ] {
        let scene = Scene::unguarded()?.stopped()?;
        scene.tamper(pointer, value)?;
        let field = pointer.trim_start_matches('/').replace('/', ".");
        scene.refuses("start alice", &[&field])?;
    }
    Ok(())
}

fn hooks_changed_by_another_are_not_run() -> Result<()> {
    let scene = Scene::unguarded()?.running()?;
    let evil = json!({ "sync": { "command": ["evil"] } });
    scene.tamper("/status/applied/hooks", evil)?;
    let said = [
        "cannot run the hooks of session \"alice\" without confirmation",
        "--skip-sync",
    ];
    for words in [
        "stop alice -y",
        "stop --all -y",
        "delete alice -y",
        "start alice --restart -y",
    ] {
        scene.refuses(words, &said)?;
    }
    scene.run("stop alice -y --skip-sync")?;
    ensure!(
        scene.api.executed().is_empty(),
        "{:?}",
        scene.api.executed()
    );
    Ok(())
}

fn a_connect_command_changed_by_another_is_not_run() -> Result<()> {
    let scene = Scene::unguarded()?.running()?;
    let evil = json!([{ "name": "shell", "exec": ["evil"] }]);
    scene.tamper("/status/applied/connect", evil)?;
    scene.refuses("connect alice", &["cannot run the connect command"])?;
    scene.run("connect alice -- /bin/sh")?;
    let executed = scene.api.executed();
    ensure!(executed == [["/bin/sh"]], "{executed:?}");
    Ok(())
}

fn cleanup_runs_no_changed_hooks() -> Result<()> {
    let scene = Scene::unguarded()?.running()?;
    scene.tamper("/status/expiresAt", json!("2026-01-01T01:00:00Z"))?;
    let evil = json!({ "sync": { "command": ["evil"] } });
    scene.tamper("/status/applied/hooks", evil)?;
    scene.refuses("cleanup --expired -y", &["cannot run the hooks"])
}

fn a_session_made_anew_under_its_name_is_not_known() -> Result<()> {
    let scene = Scene::unguarded()?.stopped_manifest()?;
    scene.tamper(
        "/metadata/uid",
        json!("11111111-2222-3333-4444-555555555555"),
    )?;
    scene.tamper("/spec/manifest", evil())?;
    scene.refuses("start alice", &["not known to this machine"])
}

fn a_narrowed_policy_is_not_believed() -> Result<()> {
    let scene = Scene::guarded()?.stopped_manifest()?;
    scene.tamper("/spec/manifest", evil())?;
    let object = |kind| scene.api.object(kind, "", POLICY).unwrap_or_default();
    let (policy, binding) = (object(POLICIES), object(BINDINGS));
    let spec = |object: &Value, field: &str, value: Value| {
        let mut other = object.clone();
        other["spec"][field] = value;
        other
    };
    let left_out = json!({ "namespaceSelector": { "matchLabels": { "guarded": "yes" } } });
    for other in [
        spec(&binding, "validationActions", json!(["Audit"])),
        spec(&binding, "matchResources", left_out),
        spec(&binding, "policyName", json!("another")),
        spec(&policy, "failurePolicy", json!("Ignore")),
        spec(&policy, "validations", json!([{ "expression": "true" }])),
    ] {
        scene.api.put(other.clone());
        let refused = scene.refuses("start alice", &["spec.manifest"]);
        ensure!(refused.is_ok(), "{refused:?} with {other:#}");
        scene.api.put(policy.clone());
        scene.api.put(binding.clone());
    }
    scene.api.remove(BINDINGS, "", POLICY);
    scene.refuses("start alice", &["spec.manifest"])?;
    // What is older than the policy may have been written before it.
    let mut later = binding.clone();
    later["metadata"]["creationTimestamp"] = json!("2999-01-01T00:00:00Z");
    scene.api.put(later);
    scene.refuses("start alice", &["spec.manifest"])?;
    scene.api.remove(BINDINGS, "", POLICY);
    // The whole policy is believed: only the owner and managers can have written it.
    scene.api.put(binding);
    scene.run("start alice --wait=false")?;
    Ok(())
}

fn a_policy_that_cannot_be_read_is_not_believed() -> Result<()> {
    let scene = Scene::guarded()?.stopped_manifest()?;
    scene.tamper("/spec/manifest", evil())?;
    let path = "/apis/admissionregistration.k8s.io/v1/**";
    let forbidden = session_support::Answer::forbidden("alice", "get", POLICIES, "");
    scene.api.on("GET", path, forbidden);
    scene.refuses("start alice", &["spec.manifest"])?;
    scene.api.forget_answers();
    scene.api.unserve(POLICIES).unserve(BINDINGS);
    scene.refuses("start alice", &["spec.manifest"])
}

fn another_users_manifest_is_not_run_under_the_policy() -> Result<()> {
    let scene = Scene::guarded()?.stopped_manifest()?;
    scene.api.user("admin", &["system:masters"]);
    let elsewhere = tempfile::tempdir()?;
    let before = scene.writes();
    let refused = scene.call(elsewhere.path(), "start alice");
    let said = "session \"alice\" has a manifest of user \"alice\", but you are \"admin\"";
    ensure!(
        refused.code == 1 && refused.stderr.contains(said),
        "{refused:?}"
    );
    ensure!(scene.writes() == before);
    Ok(())
}

fn a_bulk_start_agrees_to_nothing() -> Result<()> {
    let scene = Scene::unguarded()?.stopped()?;
    scene.run("create bob --template tool")?;
    scene.run("stop bob -y")?;
    scene.tamper("/spec/parameters/IMAGE", json!("evil:1"))?;
    let done = scene.call(scene.machine.path(), "start --all --wait=false");
    ensure!(
        done.code == 1 && done.stdout.contains("bob started"),
        "{done:?}"
    );
    ensure!(
        done.stderr
            .contains("start alice -n default --trust-manifest"),
        "{done:?}"
    );
    scene.refuses("start --all --trust-manifest", &["requires a NAME"])
}

fn a_privileged_manifest_needs_a_word_although_it_is_known() -> Result<()> {
    let scene = Scene::unguarded()?.stopped_manifest()?;
    let text = MANIFEST.replace("spec: {", "spec: {hostNetwork: true, ");
    scene.tamper("/spec/manifest", text.into())?;
    scene.run("start alice --trust-manifest")?;
    scene.run("stop alice -y")?;
    scene.refuses("start alice", &["asks for privileges"])
}
