//! Child processes with nothing inherited.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// Its exit code; 128 + the signal that ended it.
    pub code: i32,
}

/// Runs a program with exactly `env`, a fresh empty HOME that is also its working directory, and `stdin` as its whole input.
///
/// # Panics
/// If it cannot be run.
pub fn run_binary<A: AsRef<OsStr>>(
    path: &Path,
    args: &[A],
    env: &[(&str, &str)],
    stdin: &str,
) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(path);
    command
        .args(args)
        .env_clear()
        .env("HOME", home.path())
        .envs(env.iter().copied())
        .current_dir(home.path());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut input = child.stdin.take().unwrap();
    let text = stdin.to_owned();
    // A child that reads nothing must not make the test hang or fail.
    let writer = std::thread::spawn(move || drop(input.write_all(text.as_bytes())));
    let output = child.wait_with_output().unwrap();
    drop(writer.join());
    Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output
            .status
            .code()
            .unwrap_or_else(|| signal(&output.status)),
    }
}

#[cfg(unix)]
fn signal(status: &std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    128 + status.signal().unwrap_or_default()
}

#[cfg(not(unix))]
fn signal(_status: &std::process::ExitStatus) -> i32 {
    -1
}
