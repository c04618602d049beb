//! Text that the suite writes for other programs, or shows on a terminal.

mod shown;
mod written;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use session_support::{FakeApi, Output, run_binary};

use crate::attack::{Attack, attack};
use shown::*;
use written::*;

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            an_ssh_user_with_a_line_break,
            "`status.applied.connect[].ssh.user` holds a line break and a ProxyCommand, for `connect --ssh-config`",
            "It is refused; nothing stands on standard output"
        ),
        attack!(
            an_ssh_user_that_is_an_option,
            "The user of a method is `-oProxyCommand=id`, a token, a variable or a command, for `connect --ssh`",
            "It is refused; ssh is not run"
        ),
        attack!(
            a_uid_that_is_a_setting,
            "A hostile server's metadata.uid holds a line break and a setting, for HostKeyAlias",
            "It is refused: a UID is a UUID"
        ),
        attack!(
            a_kubeconfig_path_that_is_a_setting,
            "The kubeconfig's path holds a line break and a ProxyCommand",
            "It is refused: ssh_config(5) cannot carry it"
        ),
        attack!(
            a_context_that_is_a_command,
            "The kubeconfig's context is a shell command with quotes and ssh's tokens",
            "The shell that ssh calls gives it to us as one word, unchanged"
        ),
        attack!(
            a_template_with_such_a_user,
            "A template or a manifest's annotation has such an ssh user, by itself or by a default, an option or a preset",
            "`template lint` says where, `template apply` and `create -f` send nothing"
        ),
        attack!(
            a_parameter_that_makes_such_a_user,
            "A parameter's value makes an ssh user with a line break at create",
            "It is refused before the first write"
        ),
        attack!(
            a_method_that_is_a_command,
            "The name of a stored method is a shell command, for the commands that `status` shows to be copied",
            "It is quoted as one word, on its line"
        ),
        attack!(
            a_port_that_is_a_command,
            "The port of a stored method is a shell command or an option",
            "It is refused"
        ),
        attack!(
            a_path_that_names_a_host,
            "The path of a page is `@evil`, `//evil`, `\\evil` or holds a line break, for the URL that is printed and opened",
            "Host and port stay those of the endpoint, everything else is written in percent"
        ),
        attack!(
            an_endpoint_that_is_no_page,
            "`status.endpoint` is `javascript:`, `file:`, has a user or a line break",
            "It is refused: an endpoint is HOST:PORT or an URL with http or https"
        ),
        attack!(
            an_address_that_is_a_path,
            "A hostile server's podIP is `evil.example/@10.0.0.1`, for `--print -o json`",
            "It is refused: it is no address"
        ),
        attack!(
            escapes_in_names_and_messages,
            "Escapes that clear the screen, set the clipboard (OSC 52) and make links (OSC 8) in fields, messages and annotations",
            "`list`, `status` and errors show them as `^[`, on a terminal and in a pipe"
        ),
        attack!(
            rows_in_a_cell,
            "A phase and a user id with line breaks make rows of sessions that are not there",
            "One session is one row"
        ),
        attack!(
            text_that_runs_backwards,
            "Bidirectional controls, zero-width characters, tags and variation selectors in a user id, a message and an error",
            "They are shown as escapes in tables, status, errors, notes and hints"
        ),
        attack!(
            data_stays_data,
            "The same text in `-o json`, `-o yaml` and `-o jsonpath`",
            "It is there unchanged: programs get what the server has"
        ),
        attack!(
            an_error_of_the_logs,
            "The server's refusal of a log holds escapes and overrides, and standard error is a file",
            "They are shown as escapes; the container's own lines are passed on byte by byte"
        ),
        attack!(
            an_owner_that_looks_like_another,
            "`--user-id` or spec.userId has an invisible character, an unusual blank, letters of two scripts, or is another form of a text",
            "create and template render refuse it with the reason, and say how to find the right one"
        ),
        attack!(
            a_zero_byte,
            "A name, a user id or a parameter of a file holds a zero byte",
            "It is refused before any request"
        ),
    ]
}

/// The program.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kubectl-session"))
}

/// A server with session `alice` and its Pod, both ready, entered by `methods`.
pub(crate) fn running(methods: Value) -> FakeApi {
    let api = FakeApi::stateful();
    let mut session = api.put(json!({
        "apiVersion": "streaming.platform/v1", "kind": "Session", "metadata": {"name": "alice", "namespace": "default"},
        "spec": {"userId": "alice", "template": "tool", "startRequest": "2026-03-01T10:00:00Z", "state": "running"},
    }));
    let pod = api.put(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "tool-alice", "namespace": "default",
            "labels": {"streaming.platform/session": "alice", "streaming.platform/primary": "true"},
            "ownerReferences": [{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": "alice",
                "uid": session["metadata"]["uid"], "controller": true}],
        },
        "spec": {"containers": [{"name": "main", "ports": [{"name": "web", "containerPort": 8080}]}]},
        "status": {"phase": "Running", "podIP": "10.1.2.3", "conditions": [
            {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]},
    }));
    session["status"] = json!({
        "phase": "running", "startRequest": "2026-03-01T10:00:00Z", "startTime": "2026-03-01T10:00:00Z", "template": "tool",
        "applied": {
            "primary": {"kind": "Pod", "name": "tool-alice", "container": "main"}, "connect": methods,
            "objects": [{"apiVersion": "v1", "kind": "Pod", "name": "tool-alice", "uid": pod["metadata"]["uid"]}],
        },
    });
    api.put(session);
    api
}

fn ssh_as(user: &str) -> FakeApi {
    running(json!([{"name": "ssh", "ssh": {"port": 22, "user": user}}]))
}

/// Changes the session that is there.
fn change(api: &FakeApi, change: impl FnOnce(&mut Value)) -> Result<()> {
    let session = api.object("sessions.streaming.platform", "default", "alice");
    let mut session = session.context("there is no session")?;
    change(&mut session);
    api.put(session);
    Ok(())
}

/// Runs the program against a server.
fn run(api: &FakeApi, words: &[&str]) -> Result<Output> {
    piped(api, words, "")
}

fn piped(api: &FakeApi, words: &[&str], input: &str) -> Result<Output> {
    let listening = api.listen();
    let config = listening.kubeconfig().to_str().context("a path is text")?;
    Ok(run_binary(
        program(),
        words,
        &[("KUBECONFIG", config)],
        input,
    ))
}

/// The command failed with a message that holds `part`, and printed nothing for others.
fn is_refused(done: &Output, part: &str) -> Result<()> {
    let refused = done.code == 1 && done.stdout.is_empty() && done.stderr.contains(part);
    ensure!(refused, "not refused with {part:?}: {done:?}");
    is_clean(&done.stderr)
}

/// Nothing in a text that a terminal obeys or that nobody sees.
fn is_clean(text: &str) -> Result<()> {
    let hidden = |c: &char| {
        (c.is_control() && !"\n\t".contains(*c)) || session_shared::unicode::is_invisible(*c)
    };
    let found = text.chars().find(hidden);
    ensure!(found.is_none(), "{found:?} is in {text:?}");
    Ok(())
}

/// What a shell makes of a command line.
fn words_of(line: &str) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let script = format!("set -- {line}\nprintf '%s\\n' \"$@\"");
    let output = Command::new("/bin/sh")
        .args(["-c", &script])
        .current_dir(&folder)
        .output()?;
    ensure!(output.status.success(), "{line}: {output:?}");
    let made = std::fs::read_dir(&folder)?.count();
    ensure!(made == 0, "the line made a file: {line}");
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().map(str::to_owned).collect())
}
