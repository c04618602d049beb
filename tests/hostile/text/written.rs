//! What is written for ssh, shells and browsers.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use session_support::{Answer, FakeApi, Output, run_binary};

use super::{change, is_clean, is_refused, piped, program, run, running, ssh_as, words_of};

/// Users that ssh, its configuration or a shell would take for something else.
const USERS: [&str; 8] = [
    "lab\n  ProxyCommand touch /tmp/pwned",
    "lab\rHost *",
    "-oProxyCommand=id",
    "%r",
    "${HOME}",
    "$(id)",
    "a b",
    "l\u{202e}ab",
];

pub(super) fn an_ssh_user_with_a_line_break() -> Result<()> {
    for user in USERS {
        let done = run(&ssh_as(user), &["connect", "alice", "--ssh-config"])?;
        is_refused(
            &done,
            "cannot use method \"ssh\" of session \"alice\": invalid ssh user",
        )?;
        let hint = "hint: restart the session to restore its methods: kubectl session start alice -n default --restart\n";
        ensure!(done.stderr.ends_with(hint), "{done:?}");
    }
    let done = run(&ssh_as("lab"), &["connect", "alice", "--ssh-config"])?;
    let lines: Vec<&str> = done.stdout.lines().collect();
    ensure!(done.code == 0 && lines.len() == 6, "{done:?}");
    ensure!(lines[..2] == ["Host alice", "  User lab"], "{done:?}");
    Ok(())
}

pub(super) fn an_ssh_user_that_is_an_option() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ssh = folder.path().join("ssh");
    std::fs::write(&ssh, "#!/bin/sh\nprintf 'ssh %s\\n' \"$@\"\n")?;
    std::fs::set_permissions(&ssh, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let path = folder.path().to_str().context("a path is text")?;
    let connect = |user: &str| -> Result<Output> {
        let api = ssh_as(user);
        let listening = api.listen();
        let config = listening.kubeconfig().to_str().context("a path is text")?;
        let env = [("KUBECONFIG", config), ("PATH", path)];
        Ok(run_binary(
            program(),
            &["connect", "alice", "--ssh"],
            &env,
            "",
        ))
    };
    for user in USERS {
        is_refused(&connect(user)?, "invalid ssh user")?;
    }
    let done = connect("lab")?;
    ensure!(
        done.stdout.starts_with("ssh -o\nssh User=lab\n"),
        "{done:?}"
    );
    ensure!(done.stdout.ends_with("\nssh alice\n"), "{done:?}");
    Ok(())
}

pub(super) fn a_uid_that_is_a_setting() -> Result<()> {
    for uid in ["x\n  ProxyCommand touch /tmp/pwned", "*", "u-1,other"] {
        let api = FakeApi::stateful();
        let mut session = json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "alice", "namespace": "default"},
            "spec": {"userId": "alice", "template": "tool"},
        });
        session["metadata"]["uid"] = uid.into();
        let one = "/apis/streaming.platform/v1/namespaces/default/sessions/alice";
        api.on("GET", one, Answer::ok(session));
        let done = run(&api, &["connect", "alice", "--ssh-config"])?;
        is_refused(
            &done,
            "cannot pin the key of session \"alice\": invalid UID",
        )?;
    }
    Ok(())
}

/// The Host block for a kubeconfig of that name and context.
fn block_with(name: &str, context: Option<&str>) -> Result<(String, Output)> {
    let api = ssh_as("lab");
    let listening = api.listen();
    let folder = tempfile::tempdir()?;
    let config = folder.path().join(name);
    let mut text: Value = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": listening.url()}}], "users": [{"name": "fake", "user": {}}],
    });
    let context = context.unwrap_or("fake");
    text["contexts"] = json!([{"name": context, "context": {"cluster": "fake", "user": "fake", "namespace": "default"}}]);
    std::fs::write(&config, text.to_string())?;
    let config = config.to_str().context("a path is text")?;
    let context = format!("--context={context}");
    let words = [
        "connect",
        "alice",
        "--ssh-config",
        "--kubeconfig",
        config,
        &context,
    ];
    let done = run_binary(program(), &words, &[], "");
    Ok((config.to_owned(), done))
}

pub(super) fn a_kubeconfig_path_that_is_a_setting() -> Result<()> {
    for name in ["a\n  ProxyCommand id", "a\u{2028}b", "a\x1bb"] {
        let (_, done) = block_with(name, None)?;
        is_refused(&done, "cannot pass the argument")?;
    }
    let (_, done) = block_with("plain", None)?;
    ensure!(done.code == 0, "{done:?}");
    Ok(())
}

pub(super) fn a_context_that_is_a_command() -> Result<()> {
    for context in [
        "$(touch pwned)",
        "`touch pwned`",
        "x; touch pwned #",
        "it's \"quoted\" \\ & > pwned",
        "%h%p%r %% %d",
        "=ls",
        "-oProxyCommand=id",
        "* ~ !x {a,b}",
    ] {
        let (config, done) = block_with("it's 5% $HOME", Some(context))?;
        ensure!(
            done.code == 0 && done.stdout.lines().count() == 6,
            "{done:?}"
        );
        is_clean(&done.stdout)?;
        let line = done.stdout.lines().last().unwrap_or_default();
        let proxy = line
            .strip_prefix("  ProxyCommand ")
            .context("the last line is no ProxyCommand")?;
        // ssh takes `%%` for `%` and knows no other token in it.
        let bare = proxy.replace("%%", "");
        ensure!(!bare.contains('%'), "a token of ssh: {proxy}");
        let words = words_of(&proxy.replace("%%", "%"))?;
        let program = program().to_str().context("a path is text")?;
        let wanted = [
            program,
            "connect",
            "alice",
            "--stdio=22",
            "--namespace=default",
            &format!("--kubeconfig={config}"),
            &format!("--context={context}"),
            "--quiet",
        ];
        let (keys, words) = words.split_last().context("no words")?;
        let is_path = |keys: &str| {
            let file = keys.strip_prefix("--known-hosts=").unwrap_or_default();
            std::path::Path::new(file)
                .parent()
                .is_some_and(|folder| folder.ends_with("kubectl-session/host_keys"))
        };
        ensure!(is_path(keys), "{keys}");
        ensure!(words == wanted, "{words:#?}");
    }
    Ok(())
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: tool-${SESSION_ID}\n";
const CONTAINERS: &str = "spec:\n  containers:\n  - {name: main, image: busybox}\n";

/// A SessionTemplate with a method `ssh` of that user, as JSON, and more of its spec.
fn template(user: &str, more: Value) -> Value {
    let mut template = json!({
        "apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": "tool"},
        "spec": {"connect": [{"name": "ssh", "ssh": {"port": 22, "user": user}}], "manifest": format!("{POD}{CONTAINERS}")},
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        template["spec"][key] = value.clone();
    }
    template
}

/// Templates with an ssh user that nobody may have.
fn templates() -> Vec<Value> {
    let parameter = |rest: Value| {
        let mut parameter = json!({"name": "LOGIN", "type": "string"});
        for (key, value) in rest.as_object().into_iter().flatten() {
            parameter[key] = value.clone();
        }
        json!({"parameters": [parameter]})
    };
    let mut all: Vec<Value> = USERS
        .iter()
        .filter(|user| **user != "${HOME}")
        .map(|user| template(user, json!({})))
        .collect();
    all.push(template("${LOGIN:-a b}", json!({})));
    all.push(template("-${LOGIN}", parameter(json!({}))));
    all.push(template(
        "${LOGIN}",
        parameter(json!({"default": "-oProxyCommand=id"})),
    ));
    all.push(template(
        "${LOGIN}",
        parameter(json!({"default": "lab", "options": ["lab", "a\nb"]})),
    ));
    let mut preset = parameter(json!({"default": "lab"}));
    preset["presets"] = json!({"root": {"LOGIN": "root; id"}});
    all.push(template("${LOGIN}", preset));
    all
}

pub(super) fn a_template_with_such_a_user() -> Result<()> {
    for template in templates() {
        let text = template.to_string();
        let found = piped(&FakeApi::new(), &["template", "lint", "-f", "-"], &text)?;
        let told = found.code == 1 && found.stdout.contains("error: invalid ssh user ");
        ensure!(told, "{text}: {found:?}");
        is_clean(&found.stdout)?;
        let api = FakeApi::stateful();
        let applied = piped(&api, &["template", "apply", "-f", "-"], &text)?;
        is_refused(&applied, "invalid ssh user ")?;
        ensure!(api.requests().is_empty(), "{:?}", api.lines());
    }
    for user in ["-oProxyCommand=id", "a b", "${LOGIN:-a;b}"] {
        let methods = json!([{"name": "ssh", "ssh": {"port": 22, "user": user}}]);
        let annotations = format!("  annotations:\n    streaming.platform/connect: '{methods}'\n");
        let manifest = format!("{POD}{annotations}{CONTAINERS}");
        let found = piped(&FakeApi::new(), &["template", "lint", "-f", "-"], &manifest)?;
        let error = "invalid annotation streaming.platform/connect: in connection method \"ssh\": invalid ssh user ";
        ensure!(found.code == 1 && found.stdout.contains(error), "{found:?}");
        let api = FakeApi::stateful();
        let made = piped(&api, &["create", "alice", "-f", "-"], &manifest)?;
        is_refused(&made, "in connection method \"ssh\": invalid ssh user ")?;
        ensure!(api.writes().is_empty(), "{:?}", api.lines());
    }
    let good = template("${LOGIN:-lab}", json!({})).to_string();
    let found = piped(&FakeApi::new(), &["template", "lint", "-f", "-"], &good)?;
    ensure!(found.code == 0, "{found:?}");
    Ok(())
}

pub(super) fn a_parameter_that_makes_such_a_user() -> Result<()> {
    for user in [
        "lab\n  ProxyCommand id",
        "-oProxyCommand=id",
        "a b",
        "lab\u{200b}",
    ] {
        let api = FakeApi::stateful();
        api.put(template(
            "${LOGIN}",
            json!({"parameters": [{"name": "LOGIN", "type": "string"}]}),
        ));
        let value = format!("LOGIN={user}");
        let made = run(
            &api,
            &["create", "alice", "--template", "tool", "--set", &value],
        )?;
        is_refused(
            &made,
            "cannot use the connection methods: in connection method \"ssh\": invalid ssh user ",
        )?;
        ensure!(api.writes().is_empty(), "{:?}", api.lines());
    }
    Ok(())
}

pub(super) fn a_method_that_is_a_command() -> Result<()> {
    for name in ["x; touch pwned", "$(touch pwned)", "it's", "`id`"] {
        let api =
            running(json!([{"name": "first", "exec": ["sh"]}, {"name": name, "exec": ["sh"]}]));
        let done = run(&api, &["status", "alice", "-o", "json"])?;
        let status: Value = serde_json::from_str(&done.stdout)?;
        let command = status["connect"][1]["command"]
            .as_str()
            .context("no command")?;
        let words = words_of(command)?;
        let wanted = [
            "kubectl", "session", "connect", "alice", "-n", "default", "--method", name,
        ];
        ensure!(words == wanted, "{command}");
    }
    let api = running(
        json!([{"name": "first", "exec": ["sh"]}, {"name": "a\nhint: rm -rf ~\x1b[8m", "exec": ["sh"]}]),
    );
    let done = run(&api, &["status", "alice"])?;
    ensure!(done.code == 0, "{done:?}");
    is_clean(&done.stdout)?;
    ensure!(!done.stdout.contains("\nhint:"), "{}", done.stdout);
    Ok(())
}

pub(super) fn a_port_that_is_a_command() -> Result<()> {
    for port in ["$(id)", "22 --kubeconfig=/evil", "-1", "a\nb", "99999", ""] {
        let api = running(json!([{"name": "ssh", "ssh": {"port": port, "user": "lab"}}]));
        let done = run(&api, &["connect", "alice", "--ssh-config"])?;
        is_refused(
            &done,
            "cannot use method \"ssh\" of session \"alice\": invalid port",
        )?;
    }
    Ok(())
}

pub(super) fn a_path_that_names_a_host() -> Result<()> {
    for path in [
        "@evil.example/",
        "//evil.example/",
        "/\\evil.example",
        ".evil.example",
        ":80@evil.example",
        "/\nhttp://evil.example",
        "/$(id)`id`'\"; id",
        "/a\u{202e}b",
    ] {
        let page = json!({"port": "web", "path": path});
        let api = running(json!([{"name": "page", "http": page}, {"name": "ws", "http": page}]));
        change(&api, |session| {
            session["status"]["endpoint"] = "https://labs.example.com/alice".into()
        })?;
        let done = run(&api, &["connect", "alice", "--print"])?;
        let url = done.stdout.strip_suffix('\n').context("no line")?;
        ensure!(
            url.starts_with("https://labs.example.com/alice/"),
            "{path:?}: {url}"
        );
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._~/?#&=+,:@%".contains(c);
        ensure!(url.chars().all(legal), "{path:?}: {url}");
        let done = run(&api, &["connect", "alice", "--print", "-o", "json"])?;
        let answer: Value = serde_json::from_str(&done.stdout)?;
        let socket = answer["ws_url"].as_str().unwrap_or_default();
        ensure!(
            socket.starts_with("ws://10.1.2.3:8080/") && socket.chars().all(legal),
            "{answer}"
        );
    }
    Ok(())
}

pub(super) fn an_endpoint_that_is_no_page() -> Result<()> {
    for endpoint in [
        "javascript:alert(1)//",
        "file:///etc/passwd",
        "https://labs.example.com@evil.example",
        "http://a\nb/",
        "http://a b:80",
        "-oProxyCommand=id",
        "\u{202e}moc.live",
    ] {
        for methods in [
            json!([{"name": "page", "http": {"port": "web"}}]),
            json!([{"name": "shell", "exec": ["sh"]}]),
        ] {
            let api = running(methods);
            change(&api, |session| {
                session["status"]["endpoint"] = endpoint.into()
            })?;
            for words in [
                &["connect", "alice", "--print"][..],
                &["connect", "alice", "--print", "-o", "json"],
            ] {
                is_refused(
                    &run(&api, words)?,
                    "cannot use the endpoint of session \"alice\": invalid address",
                )?;
            }
        }
    }
    Ok(())
}

pub(super) fn an_address_that_is_a_path() -> Result<()> {
    let api = running(json!([{"name": "page", "http": {"port": "web"}}]));
    let mut pod = api
        .object("pods", "default", "tool-alice")
        .context("no Pod")?;
    pod["status"]["podIP"] = "evil.example/@10.0.0.1".into();
    api.put(pod);
    let done = run(&api, &["connect", "alice", "--print", "-o", "json"])?;
    is_refused(&done, "the server reported an invalid pod IP")
}
