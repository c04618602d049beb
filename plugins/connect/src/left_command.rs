//! A command that runs on in its container after this program has ended.
//!
//! The protocol has no message that ends a command: the server only closes its standard input and its terminal. For
//! `--kill-on-exit` the command therefore starts with a mark in its environment, which everything that it starts inherits, and a
//! second command sends signals to all processes with that mark. Both need only a shell in the container.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use session_shared::client::ContainerRef;
use session_shared::client::remote_command::{ExecOutput, RemoteCommand};
use session_shared::encode::shell;
use session_shared::ops::Cluster;

/// Time that a command gets to end by itself after the end of its input or a signal.
pub(crate) const END_GRACE: Duration = Duration::from_millis(500);
/// Time limit for sending signals.
const SIGNAL_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between the first signals and SIGKILL.
const KILL_AFTER: Duration = Duration::from_secs(2);

/// Starts a command with the mark; `$0` is the mark.
const MARK_SCRIPT: &str = "KUBECTL_SESSION_EXEC=$0; export KUBECTL_SESSION_EXEC; exec \"$@\"";

/// Sends the signals to every process with the mark `$0`, and to the groups that they lead. Uses only what POSIX shells have
/// built in: an image may have no other program. `read` drops the NUL bytes between the variables.
const KILL_SCRIPT: &str = r#"for process in /proc/[0-9]*; do
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in *"KUBECTL_SESSION_EXEC=$0"*)
      number=${process#/proc/}
      for signal in "$@"; do
        kill -s "$signal" -- "-$number" || kill -s "$signal" "$number"
      done
      break;;
    esac
  done < "$process/environ"
done 2>/dev/null
:"#;

/// Returns the words that start `argv` with a mark.
pub(crate) fn marked_command(mark: &str, argv: &[String]) -> Vec<String> {
    let start = ["sh", "-c", MARK_SCRIPT, mark].map(str::to_owned);
    start.into_iter().chain(argv.iter().cloned()).collect()
}

/// Ends a marked command and everything that it started: by SIGTERM and SIGHUP, which an interactive shell heeds, then SIGKILL.
///
/// # Errors
/// Signals that could not be sent.
pub(crate) async fn kill_command(
    cluster: &Cluster,
    container: &ContainerRef,
    mark: &str,
    remote: &mut RemoteCommand,
) -> Result<()> {
    send_signals(cluster, container, mark, &["TERM", "HUP"]).await?;
    if tokio::time::timeout(KILL_AFTER, wait_exited(remote))
        .await
        .is_err()
    {
        send_signals(cluster, container, mark, &["KILL"]).await?;
    }
    Ok(())
}

async fn send_signals(
    cluster: &Cluster,
    container: &ContainerRef,
    mark: &str,
    signals: &[&str],
) -> Result<()> {
    let start = ["sh", "-c", KILL_SCRIPT, mark];
    let argv: Vec<String> = start
        .iter()
        .chain(signals)
        .map(|word| (*word).to_owned())
        .collect();
    let sent = cluster.exec(container, &argv, SIGNAL_TIMEOUT).await;
    let code = sent.and_then(|sent| sent.code());
    match code.context("failed to end the command")? {
        0 => Ok(()),
        code => bail!("failed to end the command: sh ended with exit code {code}"),
    }
}

/// Waits until the command has exited or its connection is lost.
async fn wait_exited(remote: &mut RemoteCommand) {
    while !matches!(
        remote.next_output().await,
        Ok(ExecOutput::Exited(_)) | Err(_)
    ) {}
}

/// Returns what the user is told about a command that may still run.
pub(crate) fn still_running_note(session: &str, container: &ContainerRef, program: &str) -> String {
    let ContainerRef {
        namespace,
        pod,
        container,
    } = container;
    let look = [
        "kubectl", "session", "connect", session, "-n", namespace, "-c", container, "--", "ps",
    ];
    format!(
        "command {program:?} may still run in container {container:?} of pod {pod:?}; to list its processes: {}",
        shell::quote_command(&look)
    )
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// Runs both scripts in every shell that is installed.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_marked_process_and_what_it_started_end_and_no_other() {
        let argv = ["sh", "-c", "sleep 60 & wait"].map(str::to_owned);
        let start = |mark: &str| {
            let argv = marked_command(mark, &argv);
            let mut command = Command::new(&argv[0]);
            command
                .args(&argv[1..])
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.spawn().unwrap()
        };
        for words in [&["dash"][..], &["bash"], &["busybox", "sh"]] {
            let kill = |mark: &str| {
                let mut shell = Command::new(words[0]);
                shell
                    .args(&words[1..])
                    .args(["-c", KILL_SCRIPT, mark, "KILL"]);
                shell.status()
            };
            let mark = format!("{}-{}", words[0], std::process::id());
            let other_mark = format!("other-{mark}");
            if kill(&mark).is_err() {
                // Not installed here.
                continue;
            }
            let (mut ours, mut other) = (start(&mark), start(&other_mark));
            // Until the mark is in the environment.
            for (child, mark) in [(&ours, &mark), (&other, &other_mark)] {
                let environ = format!("/proc/{}/environ", child.id());
                while !std::fs::read_to_string(&environ)
                    .unwrap_or_default()
                    .contains(mark.as_str())
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            assert!(kill(&mark).unwrap().success(), "{words:?}");
            assert!(!ours.wait().unwrap().success(), "{words:?}");
            assert!(
                other.try_wait().unwrap().is_none(),
                "{words:?}: the other was ended, too"
            );
            assert!(kill(&other_mark).unwrap().success(), "{words:?}");
            assert!(!other.wait().unwrap().success(), "{words:?}");
        }
    }
}
