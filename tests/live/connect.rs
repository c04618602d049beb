//! Commands, ports and addresses of sessions.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::world::{World, run};
use crate::{Live, kubelet};
use session_support::terminal::{ended, signal};

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet("connect_ends_as_the_command_does", ends_as_the_command_does),
        kubelet("connect_leaves_a_loop_its_input", leaves_a_loop_its_input),
        kubelet("connect_passes_100_mb_both_ways", passes_100_mb_both_ways),
        kubelet("connect_enters_its_own_pods_only", enters_its_own_pods_only),
        kubelet("connect_leads_to_ports", leads_to_ports),
        kubelet("connect_names_missing_rights", names_missing_rights),
    ]
}

fn ends_as_the_command_does() -> Result<()> {
    let world = World::installed("code")?;
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    let connect = |words: &[&str]| world.session(&[&["connect", "alice", "--"], words].concat());
    let both = connect(&["sh", "-c", "echo out; echo err >&2; exit 3"])?.exits(3)?;
    ensure!(
        (both.stdout.as_str(), both.stderr.as_str()) == ("out\n", "err\n"),
        "{both:?}"
    );
    for (words, code, said) in [
        (&["true"][..], 0, ""),
        (&["sh", "-c", "kill -9 $$"], 137, ""),
        (
            &["no-such-command"],
            127,
            "error: command \"no-such-command\" not found in container \"shell\" of pod \"shell-alice\"\n",
        ),
        (
            &["/etc/passwd"],
            126,
            "error: cannot run command \"/etc/passwd\" in container \"shell\" of pod \"shell-alice\"\n",
        ),
        // It has no standard input.
        (&["cat"], 0, ""),
    ] {
        let done = connect(words)?.exits(code)?;
        ensure!(done.stderr == said && done.stdout.is_empty(), "{done:?}");
    }
    let unknown = world.session(&["connect", "bob"])?.exits(1)?;
    ensure!(
        unknown.stderr
            == "Error from server (NotFound): sessions.streaming.platform \"bob\" not found\n",
        "{unknown:?}"
    );
    Ok(())
}

fn leaves_a_loop_its_input() -> Result<()> {
    let world = World::installed("loop")?;
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    let connect = world.command(&["connect", "alice", "--", "echo"]);
    let mut shell = std::process::Command::new("sh");
    shell
        .args([
            "-c",
            "printf '1\n2\n3\n' | while read n; do \"$@\" $n; done",
        ])
        .arg("sh")
        .arg(connect.get_program())
        .args(connect.get_args());
    let environment = connect.get_envs();
    shell.envs(environment.filter_map(|(name, value)| Some((name, value?))));
    let done = run(&mut shell)?.exits(0)?;
    ensure!(done.stdout == "1\n2\n3\n", "{done:?}");
    Ok(())
}

fn passes_100_mb_both_ways() -> Result<()> {
    let world = World::installed("pipe")?;
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    let folder = tempfile::tempdir()?;
    let (sent, got) = (folder.path().join("sent"), folder.path().join("got"));
    let mut bytes = Vec::with_capacity(100_000_000);
    File::open("/dev/urandom")?
        .take(100_000_000)
        .read_to_end(&mut bytes)?;
    std::fs::write(&sent, &bytes)?;
    let mut command = world.command(&["connect", "alice", "-i", "--", "cat"]);
    command
        .stdin(File::open(&sent)?)
        .stdout(File::create(&got)?);
    let done = command.stderr(Stdio::inherit()).status()?;
    ensure!(done.success(), "{done}");
    ensure!(std::fs::read(&got)? == bytes, "not the same bytes");
    Ok(())
}

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: \"web-${SESSION_ID}\"}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: main, image: localhost/busybox:1, imagePullPolicy: Never, command: [sh, -c, \"trap 'exit 0' TERM; while :; do sleep 1; done\"]}
";

fn enters_its_own_pods_only() -> Result<()> {
    let world = World::installed("chain")?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("deployment.yaml");
    std::fs::write(&file, DEPLOYMENT)?;
    // First of all by name, ready, and with every label of ours.
    let stranger = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "aaa", "labels": {
            "app": "other", "streaming.platform/session": "alice", "streaming.platform/primary": "true"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": "localhost/pause:1", "imagePullPolicy": "Never"}]}});
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(&stranger.to_string()))?;
    world.namespace.kubectl(
        &["wait", "--for=condition=Ready", "pod/aaa", "--timeout=60s"],
        None,
    )?;
    let file = file.to_str().context("a path is text")?;
    world.session(&["create", "alice", "-f", file])?.exits(0)?;
    let host = world
        .session(&["connect", "alice", "--", "hostname"])?
        .exits(0)?;
    ensure!(host.stdout.starts_with("web-alice-"), "{host:?}");
    Ok(())
}

/// A page on port `web`, and how to get to it.
fn page(world: &World) -> Result<String> {
    let name = format!("page-{}", world.namespace.name());
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"page-${SESSION_ID}\"}\nspec:\n  terminationGracePeriodSeconds: 1\n  containers:\n  - {name: main, image: localhost/http-page:1, imagePullPolicy: Never, ports: [{name: web, containerPort: 8080}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: \"page-${SESSION_ID}\"}\nspec:\n  selector: {app: page}\n  ports: [{port: 80, targetPort: web}]\n";
    let manifest = manifest.replace(
        "metadata: {name: \"page-${SESSION_ID}\"}\nspec:\n  term",
        "metadata: {name: \"page-${SESSION_ID}\", labels: {app: page}}\nspec:\n  term",
    );
    let template = json!({"apiVersion": "streaming.platform/v1", "kind": "SessionTemplate", "metadata": {"name": name},
        "spec": {"connect": [{"name": "page", "http": {"port": "web", "path": "/index.html"}}], "manifest": manifest}});
    world
        .namespace
        .kubectl(&["create", "-f", "-"], Some(&template.to_string()))?;
    let created = world.session(&["create", "alice", "--template", &name]);
    world
        .namespace
        .kubectl(&["delete", "sessiontemplate", &name], None)?;
    created?.exits(0)?;
    Ok(name)
}

fn leads_to_ports() -> Result<()> {
    let world = World::installed("port")?;
    page(&world)?;
    by_hand(&world)?;
    addresses(&world)?;
    in_a_browser(&world)
}

/// HTTP by hand; the end of our input is not the end of the answer.
fn by_hand(world: &World) -> Result<()> {
    let mut command = world.command(&["connect", "alice", "--stdio", "web"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("it has an input")?;
    input.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    drop(input);
    let mut answer = String::new();
    let mut output = child.stdout.take().context("it has an output")?;
    output.read_to_string(&mut answer)?;
    ensure!(
        answer.contains("200 OK") && answer.ends_with("A page from inside the cluster.</p>\n"),
        "{answer}"
    );
    ensure!(ended(child)? == 0);
    Ok(())
}

fn addresses(world: &World) -> Result<()> {
    let namespace = world.namespace.name();
    let url = format!("http://page-alice.{namespace}.svc:80/index.html");
    let text = world.session(&["connect", "alice", "--print"])?.exits(0)?;
    ensure!(
        text.stdout == format!("{url}\n") && text.stderr.contains("inside the cluster"),
        "{text:?}"
    );
    let json = world
        .session(&["connect", "alice", "--print", "-o", "json"])?
        .exits(0)?;
    let json: Value = serde_json::from_str(&json.stdout)?;
    let ip = world.namespace.kubectl(
        &["get", "pod", "page-alice", "-o", "jsonpath={.status.podIP}"],
        None,
    )?;
    let expected = json!({"session_id": "alice", "pod_ip": ip, "ready": true, "url": url,
        "ws_url": null});
    ensure!(json == expected, "{json}");
    Ok(())
}

/// The browser is a script that says what it was to open.
fn in_a_browser(world: &World) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    let (script, asked) = (folder.path().join("browser"), folder.path().join("asked"));
    std::fs::write(
        &script,
        format!("#!/bin/sh\necho \"$1\" > {}\n", asked.display()),
    )?;
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755))?;
    for browser in [script.as_path(), std::path::Path::new("/no/such/browser")] {
        let mut command = world.command(&["connect", "alice"]);
        command.env("BROWSER", browser).env("PATH", "/nowhere");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut said = BufReader::new(child.stdout.take().context("it has an output")?);
        let mut url = String::new();
        said.read_line(&mut url)?;
        let mut told = BufReader::new(child.stderr.take().context("it has an error stream")?);
        let mut notes = String::new();
        let fails = browser.starts_with("/no/such");
        while !notes.contains("press Ctrl-C to stop forwarding")
            || (fails && !notes.contains("failed to open a browser"))
        {
            ensure!(told.read_line(&mut notes)? > 0, "{url} {notes}");
        }
        let address = url
            .trim()
            .strip_prefix("http://")
            .and_then(|rest| rest.strip_suffix("/index.html"));
        let address = address.with_context(|| format!("no address in {url:?}"))?;
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            ensure!(answer.contains("A page from inside"), "{answer}");
        }
        signal(child.id(), rustix::process::Signal::INT)?;
        ensure!(ended(child)? == 130);
        told.read_to_string(&mut notes)?;
        ensure!(
            fails == notes.contains("failed to open a browser"),
            "{notes}"
        );
    }
    let opened = std::fs::read_to_string(asked)?;
    ensure!(opened.ends_with("/index.html\n"), "{opened}");
    Ok(())
}

fn names_missing_rights() -> Result<()> {
    let world = World::installed("rights")?;
    let user = format!("{}@example.com", world.namespace.name());
    world
        .session(&["create", "alice", "--template", "shell"])?
        .exits(0)?;
    let kubeconfig = world.cluster.user_kubeconfig(&user, &[])?;
    let connect = |words: &[&str]| {
        run(&mut world.command_as(&kubeconfig, &[&["connect", "alice"], words].concat()))
    };
    let bind = |role: &str| world.cluster.bind_role(world.namespace.name(), &user, role);
    bind("view")?;
    for (words, right) in [
        (&["--", "true"][..], "pods/exec"),
        (&["--stdio", "80"], "pods/portforward"),
    ] {
        let refused = connect(words)?.exits(1)?;
        ensure!(
            refused
                .stderr
                .starts_with("Error from server (Forbidden): pods \"shell-alice\" is forbidden")
                && refused.stderr.contains(&format!(
                    "hint: ask an administrator to grant get and create on {right} in namespace"
                ))
                && refused.stderr.contains("session-user"),
            "{refused:?}"
        );
    }
    bind("session-user")?;
    connect(&["--", "true"])?.exits(0)?;
    Ok(())
}
