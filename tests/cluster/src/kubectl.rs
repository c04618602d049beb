//! Running our own kubectl.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::folder::Folder;
use crate::settings::Settings;

/// What a kubectl call left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubectlOutput {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Its standard output; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl KubectlOutput {
    /// Whether it ended with 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.code == 0
    }
}

/// kubectl as the admin, not started yet.
pub(crate) fn command(folder: &Folder, settings: &Settings, args: &[&str]) -> Command {
    let mut command = Command::new(settings.program("kubectl"));
    command
        .arg("--kubeconfig")
        .arg(folder.admin_kubeconfig())
        .args(args);
    // The user's own cache and preferences are none of the cluster's business, nor the other way round.
    command
        .env("KUBECACHEDIR", folder.path("kubectl-cache"))
        .env("KUBERC", "off")
        .env_remove("KUBECONFIG");
    command
}

/// Whether the API server, the controller manager or the scheduler on this port says that it is well.
pub(crate) fn is_well(folder: &Folder, settings: &Settings, port: u16, path: &str) -> bool {
    let server = format!("--server=https://127.0.0.1:{port}");
    let args = [&server, "--request-timeout=5s", "get", "--raw", path];
    run(folder, settings, &args, None).is_ok_and(|output| output.success())
}

/// Runs kubectl as the admin, with text for its standard input.
///
/// # Errors
/// When it cannot be started or fed. A call that fails is no error here: see the exit code.
pub(crate) fn run(
    folder: &Folder,
    settings: &Settings,
    args: &[&str],
    stdin: Option<&str>,
) -> Result<KubectlOutput> {
    let mut command = command(folder, settings, args);
    command
        .stdin(if stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start kubectl")?;
    // A thread feeds it: kubectl may write more than a pipe holds before it has read everything.
    let feeder = child
        .stdin
        .take()
        .zip(stdin.map(str::to_owned))
        .map(|(mut pipe, text)| std::thread::spawn(move || pipe.write_all(text.as_bytes())));
    let output = child
        .wait_with_output()
        .context("cannot wait for kubectl")?;
    if let Some(feeder) = feeder {
        // kubectl that ends without reading everything tells why itself.
        let _ = feeder.join();
    }
    Ok(KubectlOutput {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The same, with a failed call as an error that says what kubectl said.
///
/// # Errors
/// When the call fails.
pub(crate) fn must(
    folder: &Folder,
    settings: &Settings,
    args: &[&str],
    stdin: Option<&str>,
) -> Result<String> {
    let output = run(folder, settings, args, stdin)?;
    if !output.success() {
        anyhow::bail!(
            "kubectl {} ended with {}: {}",
            args.join(" "),
            output.code,
            output.stderr.trim()
        );
    }
    Ok(output.stdout)
}
