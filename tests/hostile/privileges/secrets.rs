//! Passwords that somebody has typed into a manifest.

use anyhow::{Result, ensure};
use serde_json::json;
use session_support::run_binary;

use super::runs::{POD, SECRET, nothing_written, pod, program, server, session};
use crate::attack::{Attack, attack};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            comments_of_secrets_are_not_stored,
            "Leaves passwords in comments beside a Secret, and elsewhere the value itself",
            "the stored manifest has none of them, and what is left out is told",
        ),
        attack!(
            applied_copies_of_secrets_are_not_stored,
            "Creates a session from `kubectl get -o yaml` of a Secret, whose last-applied annotation repeats the data",
            "the stored manifest has neither, and what is left out is told",
        ),
        attack!(
            secrets_in_lists_and_json_are_moved,
            "Writes a Secret as an item of a List, as JSON, or behind other documents",
            "its values are in the parameters Secret and nowhere else",
        ),
        attack!(
            secrets_of_a_session_file_are_moved,
            "Creates a session from a Session object whose spec.manifest has a Secret with values",
            "its values are in the parameters Secret and nowhere else",
        ),
        attack!(
            passwords_in_plain_text_are_told,
            "Types passwords into env, args, a ConfigMap and a URL of a manifest",
            "`create`, `template lint` and `template apply` warn of each, without its value",
        ),
        attack!(
            printed_objects_hold_no_secret,
            "Prints what a manifest with a Secret would make (--dry-run=client, --rendered, template render)",
            "the Secret is left out and named; its value and its comments are nowhere",
        ),
        attack!(
            secret_parameters_stay_in_secrets,
            "Uses a declared secret parameter in env of a template",
            "the template is refused, with the place",
        ),
    ]
}

/// Creates a session from that text; returns the manifest as it is stored, and what was said. The values are in Secrets alone.
fn created(text: &str, secrets: &[&str]) -> Result<(String, String)> {
    let (api, server) = server();
    let words = ["create", "work", "-f", "-", "--wait=false"];
    let output = session(&server, &words, text);
    ensure!(output.code == 0, "{}", output.stderr);
    let mut manifest = String::new();
    for request in api.requests().iter().filter(|request| request.writes()) {
        if request.path.ends_with("/secrets") {
            continue;
        }
        let body = String::from_utf8_lossy(&request.body).into_owned();
        for secret in secrets {
            ensure!(
                !body.contains(secret),
                "{secret} is in {}: {body}",
                request.line()
            );
        }
        if request.path.ends_with("/sessions") {
            manifest = request.json()["spec"]["manifest"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
        }
    }
    let parameters = api.object("secrets", "default", "session-work-parameters");
    ensure!(parameters.is_some(), "no parameters Secret");
    ensure!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    Ok((manifest, output.stderr))
}

fn comments_of_secrets_are_not_stored() -> Result<()> {
    let secret = SECRET.replace("stringData", "# before it was swordfish\nstringData");
    let text = format!(
        "# head: swordfish\n{secret}# behind\n---\n# a Pod\n{POD}# with hunter2\n# the end\n"
    );
    let (manifest, said) = created(&text, &["hunter2", "swordfish"])?;
    ensure!(manifest.contains("# the end"), "{manifest}");
    ensure!(
        said.contains("a comment beside a Secret is removed"),
        "{said}"
    );
    ensure!(
        said.contains("a comment with the value of a Secret is removed"),
        "{said}"
    );
    Ok(())
}

fn applied_copies_of_secrets_are_not_stored() -> Result<()> {
    let text = format!(
        "apiVersion: v1\ndata: {{password: aHVudGVyMg==}}\nkind: Secret\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n      {{\"stringData\":{{\"password\":\"hunter2\"}}}}\n    hint: hunter2\n  name: s\n---\n{POD}"
    );
    let (manifest, said) = created(&text, &["hunter2", "aHVudGVyMg"])?;
    ensure!(manifest.contains("kind: Pod"), "{manifest}");
    ensure!(
        said.contains("last-applied-configuration of Secret \"s\" is removed"),
        "{said}"
    );
    Ok(())
}

fn secrets_in_lists_and_json_are_moved() -> Result<()> {
    let secret = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "hunter2"}, "data": {"q": "aHVudGVyMg=="}}"#;
    let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "b:1"}]}}"#;
    let list =
        format!("{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{pod}, {secret}]}}");
    for text in [
        list.clone(),
        format!("{pod}\n---\n{secret}\n"),
        format!("{POD}---\n{SECRET}"),
    ] {
        let (manifest, _) = created(&text, &["hunter2", "aHVudGVyMg"])?;
        ensure!(manifest.contains("${SECRET_P"), "{manifest}");
    }
    Ok(())
}

fn secrets_of_a_session_file_are_moved() -> Result<()> {
    let object = json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "work"},
        "spec": {"userId": "alice", "manifest": format!("{POD}---\n# swordfish\n{SECRET}")},
    });
    let (manifest, _) = created(&object.to_string(), &["hunter2", "swordfish"])?;
    ensure!(manifest.contains("${SECRET_PASSWORD}"), "{manifest}");
    Ok(())
}

fn passwords_in_plain_text_are_told() -> Result<()> {
    let container = ", env: [{name: DB_PASSWORD, value: hunter2}, {name: DB, value: \"postgres://u:hunter2@db/x\"}], args: [--token, hunter2, \"--api-key=hunter2\"]";
    let config = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {app.ini: \"password = hunter2\"}\n";
    let text = format!("{}{config}# password: hunter2\n", pod("", container));
    let wanted = [
        "DB_PASSWORD is in plain text in /spec/containers/0/env/0/value of a Pod",
        "a URL with a password is in plain text in /spec/containers/0/env/1/value of a Pod",
        "--token is in plain text in /spec/containers/0/args/1 of a Pod",
        "--api-key is in plain text in /spec/containers/0/args/2 of a Pod",
        "password is in plain text in /data/app.ini of a ConfigMap",
        "password is in plain text in a comment",
    ];
    let (_api, server) = server();
    for words in [
        &["create", "work", "-f", "-", "--wait=false"][..],
        &["template", "lint", "-f", "-"],
        &["template", "apply", "-f", "-", "--name", "t"],
    ] {
        let output = session(&server, words, &text);
        let said = format!("{}{}", output.stdout, output.stderr);
        ensure!(
            output.code == 0 && !said.contains("hunter2"),
            "{words:?}: {said}"
        );
        for line in wanted {
            ensure!(
                said.contains(line),
                "{words:?} does not say {line:?}: {said}"
            );
        }
    }
    Ok(())
}

fn printed_objects_hold_no_secret() -> Result<()> {
    let text = format!("# swordfish\n{SECRET}---\n{POD}");
    let (api, server) = server();
    for words in [
        &[
            "create",
            "work",
            "-f",
            "-",
            "--dry-run=client",
            "-o",
            "yaml",
        ][..],
        &[
            "create",
            "work",
            "-f",
            "-",
            "--dry-run=client",
            "--rendered",
            "-o",
            "yaml",
        ],
        &["template", "render", "-f", "-"],
    ] {
        let output = session(&server, words, &text);
        let said = format!("{}{}", output.stdout, output.stderr);
        ensure!(output.code == 0, "{words:?}: {said}");
        ensure!(
            !said.contains("hunter2") && !said.contains("swordfish"),
            "{words:?}: {said}"
        );
        let session = words.contains(&"--dry-run=client") && !words.contains(&"--rendered");
        ensure!(
            session || said.contains("omitted: secret"),
            "{words:?}: {said}"
        );
    }
    nothing_written(&api)
}

fn secret_parameters_stay_in_secrets() -> Result<()> {
    let manifest = pod("", ", env: [{name: A, value: \"${PW}\"}]").replace('\n', "\n    ");
    let template = format!(
        "apiVersion: streaming.platform/v1\nkind: SessionTemplate\nmetadata: {{name: t}}\nspec:\n  parameters: [{{name: PW, type: secret}}]\n  manifest: |\n    {manifest}"
    );
    for words in [
        &["template", "lint", "-f", "-"][..],
        &["template", "render", "-f", "-"],
    ] {
        let output = run_binary(program(), words, &[], &template);
        let said = format!("{}{}", output.stdout, output.stderr);
        ensure!(output.code == 1, "{said}");
        ensure!(
            said.contains("secret parameter PW is used in /spec/containers/0/env/0/value of a Pod"),
            "{said}"
        );
    }
    Ok(())
}
