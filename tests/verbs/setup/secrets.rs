//! Tests of `setup secrets NAME`: keys set one by one, those of others kept, values shown nowhere.

use kubectl_session_setup::Setup;
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, golden};

use crate::cluster::{lines, sent, setup};
use crate::play::{Play, Played};

const PATH: &str = "/api/v1/namespaces/default/secrets/keys";
/// A value, and what it is in base64.
const VALUE: &str = "hunter2";
const ENCODED: &str = "aHVudGVyMg==";

fn secret(api: &FakeApi) -> Value {
    api.object("secrets", "default", "keys").unwrap()
}

fn keys(api: &FakeApi) -> Vec<String> {
    let secret = secret(api);
    let data = secret["data"].as_object();
    let mut keys: Vec<String> = data
        .into_iter()
        .flatten()
        .map(|(key, _)| key.clone())
        .collect();
    keys.sort_unstable();
    keys
}

fn piped(api: &FakeApi, input: &str, words: &str) -> Played {
    Play::on(api).piped(input).run::<Setup>(words)
}

/// Adds a key to the Secret, as another client does.
fn add_foreign_key(api: &FakeApi, key: &str) {
    let mut secret = secret(api);
    secret["data"][key] = ENCODED.into();
    api.put(secret);
}

#[test]
fn keys_are_set_and_those_of_others_kept() {
    let api = FakeApi::stateful();
    let made = piped(&api, VALUE, "secrets keys --from-file A=-");
    add_foreign_key(&api, "THEIRS");
    let env = "# comment\nB=2\nC=\"quoted\"\n";
    let more = piped(&api, env, "secrets keys --from-env-file -");
    assert_eq!(keys(&api), ["A", "B", "C", "THEIRS"]);
    let again = piped(&api, env, "secrets keys --from-env-file -");
    let changed = setup(&api, "secrets keys --from-literal A=3");
    let stored = secret(&api);
    assert_eq!(stored["data"]["A"], "Mw==");
    assert_eq!(stored["data"]["THEIRS"], ENCODED);
    let removed = setup(&api, "secrets keys --remove-key A --remove-key B");
    assert_eq!(keys(&api), ["C", "THEIRS"]);
    let fields: Vec<&Value> = stored["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["fieldsV1"].get("f:data"))
        .collect();
    assert!(
        !fields.iter().any(|owned| owned.get("f:THEIRS").is_some()),
        "{fields:?}"
    );
    let requests = lines(&sent(&api));
    let gone = setup(&api, "secrets keys --remove");
    assert_eq!(api.objects("secrets").len(), 0);
    let nothing = setup(&api, "secrets keys --remove");
    let texts = [made, more, again, changed, removed, gone, nothing].map(|played| played.text());
    golden(
        "setup-secrets-set.txt",
        &format!("{}--- requests\n{requests}", texts.join("")),
    );
}

#[test]
fn who_sets_another_key_at_the_same_time_loses_none() {
    let api = FakeApi::stateful();
    setup(&api, "secrets keys --from-literal A=1").done();
    let older = secret(&api);
    setup(&api, "secrets keys --from-literal B=2").done();
    let newer = secret(&api);
    // The first look is older than the other command's write.
    api.on("GET", PATH, Answer::ok(older))
        .on("GET", PATH, Answer::ok(newer));
    setup(&api, "secrets keys --from-literal C=3").done();
    assert_eq!(keys(&api), ["A", "B", "C"]);
}

#[test]
fn no_output_has_a_value_that_is_stored() {
    let api = FakeApi::stateful();
    let mut text = String::new();
    setup(&api, "secrets keys --from-literal A=x").done();
    add_foreign_key(&api, "THEIRS");
    let mut annotated = secret(&api);
    annotated["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
        format!("{{\"data\":{{\"A\":\"{ENCODED}\"}}}}").into();
    api.put(annotated);
    for words in [
        "secrets keys",
        "secrets keys -o yaml",
        "secrets keys -o json --show-managed-fields",
        "secrets keys -o jsonpath={.data}{.keys[*].name}",
        "secrets keys -o name",
        "secrets keys --for sindri",
        "secrets keys --from-file A=- -o yaml",
        "secrets keys --from-file A=- --dry-run=server -o json",
        "secrets keys --from-file A=- --dry-run=client",
        "secrets other",
    ] {
        let played = piped(&api, VALUE, words);
        let shown = played.text();
        assert!(
            !shown.contains(VALUE) && !shown.contains(ENCODED),
            "{shown}"
        );
        let volatile = ["uid: ", "\"uid\": ", "creationTimestamp", "resourceVersion"];
        let stable = shown
            .lines()
            .filter(|line| !volatile.iter().any(|one| line.contains(one)));
        text += &format!(
            "$ setup {words}\n{}\n",
            stable.collect::<Vec<_>>().join("\n")
        );
    }
    golden("setup-secrets-view.txt", &text);
}

#[test]
fn a_client_dry_run_prints_the_values_of_its_own_command_line_only() {
    let api = FakeApi::stateful();
    setup(&api, "secrets keys --from-literal A=stored").done();
    add_foreign_key(&api, "THEIRS");
    let before = sent(&api).len();
    let printed = piped(
        &api,
        VALUE,
        "secrets keys --from-file B=- --dry-run=client -o yaml",
    );
    assert_eq!(sent(&api).len(), before);
    golden("setup-secrets-dry-run.txt", &printed.text());
}

#[test]
fn secrets_of_others_are_refused_without_force_and_keep_everything_else() {
    let managed = json!({"app.kubernetes.io/managed-by": "kubectl-session"});
    let mut of_session = managed.clone();
    of_session["streaming.platform/session"] = "alice".into();
    let owner = json!([{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "keys", "uid": "u"}]);
    let mut text = String::new();
    for (labels, owners) in [
        (json!({"app.kubernetes.io/managed-by": "Helm"}), json!([])),
        (managed, json!([])),
        (of_session, json!([])),
        (json!({}), owner),
    ] {
        let api = FakeApi::stateful();
        let theirs = api.put(json!({"apiVersion": "v1", "kind": "Secret", "type": "example.com/own",
            "metadata": {"name": "keys", "namespace": "default", "labels": labels, "ownerReferences": owners},
            "data": {"THEIRS": ENCODED}}));
        let refused = setup(&api, "secrets keys --from-literal A=1");
        refused.failed();
        let kept = setup(&api, "secrets keys --remove");
        kept.failed();
        assert_eq!(sent(&api).len(), 0);
        assert_eq!(secret(&api), theirs);
        let forced = setup(&api, "secrets keys --from-literal A=1 --force");
        forced.done();
        let mut expected = theirs.clone();
        expected["data"]["A"] = "MQ==".into();
        for field in ["labels", "ownerReferences"] {
            assert_eq!(secret(&api)["metadata"][field], expected["metadata"][field]);
        }
        assert_eq!(secret(&api)["data"], expected["data"]);
        assert_eq!(secret(&api)["type"], expected["type"]);
        // A key that the command has set can be removed by it.
        setup(&api, "secrets keys --remove-key A --force").done();
        assert_eq!(keys(&api), ["THEIRS"]);
        text += &format!(
            "--- {labels}\n{}{}{}",
            refused.text(),
            kept.text(),
            forced.text()
        );
    }
    golden("setup-secrets-others.txt", &text);
}

#[test]
fn mistakes_are_told_before_a_write() {
    let api = FakeApi::stateful();
    setup(&api, "secrets keys --from-literal A=1").done();
    add_foreign_key(&api, "THEIRS");
    api.forget_requests();
    let mut text = String::new();
    for (words, input) in [
        ("secrets", ""),
        ("secrets Keys --from-literal A=1", ""),
        ("secrets keys --from-literal hunter2", ""),
        ("secrets keys --from-literal =hunter2", ""),
        ("secrets keys --from-literal A=", ""),
        ("secrets keys --from-literal A/B=1", ""),
        ("secrets keys --from-literal ..=1", ""),
        ("secrets keys --from-literal A=1 --from-file A=-", "2"),
        ("secrets keys --from-file no-such-file", ""),
        ("secrets keys --from-file A=no-such-file", ""),
        ("secrets keys --from-file src", ""),
        ("secrets keys --from-file A=", ""),
        ("secrets keys --from-file -", ""),
        ("secrets keys --from-file A=- --from-file B=/dev/stdin", ""),
        ("secrets keys --from-file A=/dev/zero", ""),
        ("secrets keys --from-file A=-", ""),
        (
            "secrets keys --from-env-file /dev/stdin --from-file A=Cargo.toml",
            "",
        ),
        ("secrets keys --from-env-file -", "A=1\nhunter2\n"),
        ("secrets keys --from-env-file -", "1A=1\n"),
        ("secrets keys --from-env-file -", "export A=1\n"),
        ("secrets keys --from-env-file -", "A=1\nA=2\n"),
        ("secrets keys --from-env-file -", "# nothing\n"),
        ("secrets keys --from-env-file src", ""),
        ("secrets keys --remove --from-literal A=1", ""),
        ("secrets keys --remove-key A --from-literal A=1", ""),
        ("secrets keys --remove-key A --dry-run=client -o yaml", ""),
        ("secrets keys --remove-key THEIRS", ""),
        ("secrets keys --remove-key NONE", ""),
        ("secrets other --remove-key NONE", ""),
        ("secrets keys --force", ""),
        (
            "secrets keys --type kubernetes.io/tls --from-literal A=1",
            "",
        ),
        ("secrets keys --store s", ""),
        ("secrets keys --external --from-literal A=1", ""),
        ("secrets --for sindri --from-literal git.user=1", ""),
        ("secrets --for nvim", ""),
    ] {
        let refused = piped(&api, input, words);
        text += &format!("$ setup {words}\n{}", refused.text());
        refused.failed();
        assert_eq!(sent(&api).len(), 0, "{words}");
    }
    golden("setup-secrets-illegal.txt", &text);
}

#[test]
fn a_secret_has_at_most_a_mebibyte_with_the_keys_that_are_there() {
    let api = FakeApi::stateful();
    let half = "x".repeat(600 << 10);
    piped(&api, &half, "secrets keys --from-file A=-").done();
    piped(&api, &half, "secrets keys --from-file A=-").done();
    let refused = piped(&api, &half, "secrets keys --from-file B=-");
    assert_eq!(
        refused.failed(),
        "error: Secret \"keys\" would have 1228800 bytes: at most 1048576 (1 MiB) are possible\n"
    );
    assert_eq!(keys(&api), ["A"]);
}

#[test]
fn a_namespace_that_does_not_exist_is_told_with_the_command_that_makes_it() {
    let api = FakeApi::stateful();
    api.on("PATCH", PATH, Answer::not_found("namespaces", "default"));
    let refused = setup(&api, "secrets keys --from-literal A=1");
    let hint = "hint: create the namespace first: kubectl create namespace default\n";
    assert!(refused.failed().ends_with(hint), "{refused:?}");
}
