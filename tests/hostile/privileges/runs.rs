//! Runs of the program against a fake API, and what they must come to.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use session_support::{FakeApi, Listening, Output, run_binary};

pub(super) const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"p-${SESSION_ID}\"}\nspec:\n  containers:\n  - {name: main, image: \"tool:1\"}\n";

pub(super) const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: \"s-${SESSION_ID}\"}\nstringData: {password: hunter2}\n";

/// Kilobytes of address space that a run gets where memory is attacked.
const MEMORY: u32 = 1_000_000;

pub(super) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kubectl-session"))
}

pub(super) fn server() -> (FakeApi, Listening) {
    let api = FakeApi::stateful();
    api.user("alice", &[]);
    let listening = api.listen();
    (api, listening)
}

/// Runs the program against a server.
pub(super) fn session(server: &Listening, words: &[&str], stdin: &str) -> Output {
    let kubeconfig = server.kubeconfig().to_string_lossy().into_owned();
    run_binary(program(), words, &[("KUBECONFIG", &kubeconfig)], stdin)
}

/// Runs the program with little memory.
pub(super) fn session_in_little_memory(
    server: &Listening,
    words: &[&str],
    stdin: Option<&Path>,
) -> Result<Output> {
    let home = tempfile::tempdir()?;
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"")])
        .arg(program())
        .args(words)
        .env_clear()
        .env("HOME", home.path())
        .env("KUBECONFIG", server.kubeconfig())
        .stdin(match stdin {
            Some(file) => Stdio::from(std::fs::File::open(file)?),
            None => Stdio::null(),
        });
    let done = command.output()?;
    Ok(Output {
        stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
        code: done.status.code().unwrap_or(-1),
    })
}

/// The requests that change something.
pub(super) fn written(api: &FakeApi) -> Vec<String> {
    let all = api.requests().into_iter();
    let writes = all.filter(|request| request.writes() && !request.path.ends_with("reviews"));
    writes.map(|request| request.line()).collect()
}

pub(super) fn fails_with(output: &Output, text: &str) -> Result<()> {
    ensure!(
        output.code == 1 && output.stderr.contains(text),
        "exit code {}, not {text:?}: {}",
        output.code,
        output.stderr
    );
    Ok(())
}

pub(super) fn nothing_written(api: &FakeApi) -> Result<()> {
    let written = written(api);
    ensure!(written.is_empty(), "{written:?}");
    Ok(())
}

/// The Pod with more in its spec, or in its container.
pub(super) fn pod(spec: &str, container: &str) -> String {
    POD.replace("  containers:", &format!("{spec}  containers:"))
        .replace(
            "image: \"tool:1\"",
            &format!("image: \"tool:1\"{container}"),
        )
}
