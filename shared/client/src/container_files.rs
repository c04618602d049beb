//! Copies of files out of and into a container, as one tar stream. The container counts and hashes the stream with tools
//! that every small image has; a copy is complete only if both ends agree on the checksum.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender};

use super::exec::{append_tail, last_line_suffix};
use super::progress_meter::ProgressMeter;
use super::remote_command::{ExecExit, ExecOutput, ExecRequest, RemoteCommand};
use super::{Cluster, ContainerRef};
use session_model::failure::{Failure, FailureKind, with_hint};
use session_model::progress::ProgressSink;

/// Longest time without any data before a copy is aborted.
pub(super) const STALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Shell script that writes the paths `$2…`, relative to directory `$1`, as a tar stream to standard output. The pipe to
/// sha256sum belongs to the script itself, so that /proc/self/fd can open it.
const PACK_SCRIPT: &str = r#"b=$1; shift
echo "run $$" >&2
exec 3>&1
{ { tar -cf - -C "$b" "$@"; echo "tar $?" >&2; } | tee /proc/self/fd/4 >&3; } 4>&1 | { s=$(sha256sum); echo "sum ${s%% *}" >&2; }"#;
/// Shell script that unpacks `$2` bytes of standard input below directory `$1`. The count replaces the end of input,
/// which servers before 1.30 cannot signal. After a failed tar the rest is still read: the output of a command that exits
/// before its input ends is lost.
const UNPACK_SCRIPT: &str = r#"b=$1 n=$2
{ head -c "$n" | tee /proc/self/fd/4 | { tar -xpf - -C "$b" >&2; echo "tar $?" >&2; cat >/dev/null; }; } 4>&1 | { s=$(sha256sum); echo "sum ${s%% *}" >&2; }"#;
/// Shell script that kills the process group of process `$1`: an exec starts its own session, which is a process group.
const KILL_SCRIPT: &str = r#"kill -9 -- "-$1" 2>/dev/null || kill -9 "$1""#;
/// Time limit for killing a script.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// Programs that the scripts need besides a shell.
pub(super) const REQUIRED_PROGRAMS: [&str; 5] = ["tar", "tee", "sha256sum", "head", "cat"];

/// The process id of a script inside its container; unset until the script has printed it.
#[derive(Debug, Default)]
pub struct ScriptPid(OnceLock<String>);

impl ScriptPid {
    /// Reads the process id from the first line of the script's standard error.
    fn read_from(&self, told: &[u8]) {
        let text = String::from_utf8_lossy(told);
        let first = text.split_once('\n').map(|(first, _)| first);
        let number = first.and_then(|line| line.strip_prefix("run "));
        if let Some(number) = number.filter(|number| number.parse::<u32>().is_ok()) {
            self.0.get_or_init(|| number.to_owned());
        }
    }
}

/// The checksum that the container computed over a complete stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferChecksum {
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
}

impl Cluster {
    /// Sends `paths`, relative to the directory `base`, to `to` as a tar stream; returns when the container confirms that
    /// everything was sent. Returns `None` if the receiver was dropped. A caller that cancels the future must call
    /// [`Cluster::kill_script`].
    ///
    /// # Errors
    /// A tar that fails, with its own message; a lost or stalled connection; whatever the server refuses.
    pub async fn pack_tar(
        &self,
        inside: &ContainerRef,
        base: &str,
        paths: &[String],
        to: Sender<Bytes>,
        running: &ScriptPid,
        sink: &mut dyn ProgressSink,
    ) -> Result<Option<TransferChecksum>> {
        let words = [base].into_iter().chain(paths.iter().map(String::as_str));
        let argv = shell_argv(PACK_SCRIPT, words);
        let mut remote = self.start_exec(&inside.exec_request(&argv, false)).await?;
        let (mut told, mut meter) = (Vec::new(), ProgressMeter::new(&inside.pod, None));
        let ending = loop {
            match next_output(&mut remote).await? {
                ExecOutput::Stdout(bytes) => {
                    meter.add(bytes.len(), sink);
                    if to.send(bytes).await.is_err() {
                        return Ok(None);
                    }
                }
                ExecOutput::Stderr(bytes) => {
                    append_tail(&mut told, &bytes);
                    running.read_from(&told);
                }
                ExecOutput::Exited(ending) => break ending,
            }
        };
        inside.parse_checksum(&ending, &told).map(Some)
    }

    /// Kills a script whose output is no longer read. Container runtimes keep a command running after the client
    /// disconnects, so it would block on its output until the Pod ends. Errors are ignored.
    pub async fn kill_script(&self, inside: &ContainerRef, running: &ScriptPid) {
        let Some(number) = running.0.get() else {
            return;
        };
        let argv = shell_argv(KILL_SCRIPT, [number.as_str()]);
        drop(self.exec(inside, &argv, KILL_TIMEOUT).await);
    }

    /// Unpacks the tar stream from `from`, `length` bytes, below the directory `base`.
    ///
    /// # Errors
    /// As [`Cluster::pack_tar`]; a stream shorter than `length`. Files that were unpacked by then stay.
    pub async fn unpack_tar(
        &self,
        inside: &ContainerRef,
        base: &str,
        length: u64,
        from: &mut Receiver<Bytes>,
        sink: &mut dyn ProgressSink,
    ) -> Result<TransferChecksum> {
        let argv = shell_argv(UNPACK_SCRIPT, [base, &length.to_string()]);
        let mut remote = self.start_exec(&inside.exec_request(&argv, true)).await?;
        let (input, mut told) = (remote.input(), Vec::new());
        let mut meter = ProgressMeter::new(&inside.pod, Some(length));
        let feed = async {
            while let Some(piece) = from.recv().await {
                if !with_stall_timeout(input.write(&piece)).await? {
                    // The reading side reports the reason.
                    return Ok(());
                }
                meter.add(piece.len(), sink);
            }
            if meter.copied() < length {
                return Err(anyhow!("the archive ended after {} bytes", meter.copied()));
            }
            input.close().await;
            Ok(())
        };
        let hear = async {
            loop {
                match remote.next_output().await? {
                    ExecOutput::Stdout(_) => {}
                    ExecOutput::Stderr(bytes) => {
                        append_tail(&mut told, &bytes);
                        if has_tar_failed(&told) {
                            // The rest of the stream is useless after a failed tar.
                            return Ok(ExecExit::Code(0));
                        }
                    }
                    ExecOutput::Exited(ending) => return Ok::<_, anyhow::Error>(ending),
                }
            }
        };
        let ending = {
            let (mut feed, mut hear) = (std::pin::pin!(feed), std::pin::pin!(hear));
            tokio::select! {
                ending = &mut hear => ending?,
                fed = &mut feed => {
                    fed?;
                    with_stall_timeout(hear).await??
                }
            }
        };
        inside.parse_checksum(&ending, &told)
    }
}

impl ContainerRef {
    /// Builds the request to run `argv` in the container, without a terminal.
    fn exec_request<'a>(&'a self, argv: &'a [String], stdin: bool) -> ExecRequest<'a> {
        ExecRequest {
            container: self,
            argv,
            stdin,
            tty: false,
        }
    }

    /// The error for a container that lacks the programs to copy files.
    pub(super) fn missing_programs_error(&self, lacks: &str) -> anyhow::Error {
        let error = anyhow!("cannot copy files: {} has {lacks}", self.display_name());
        with_hint(
            error,
            format!(
                "select another container that mounts the same files with -c, or use an image with sh, {}",
                REQUIRED_PROGRAMS.join(", ")
            ),
        )
    }

    /// Parses the checksum that the script printed last, after a tar that succeeded.
    fn parse_checksum(&self, ending: &ExecExit, told: &[u8]) -> Result<TransferChecksum> {
        let text = String::from_utf8_lossy(told);
        let mut lines = text.lines().rev().peekable();
        let sum = lines.next_if(|line| line.starts_with("sum"));
        let sum = sum.and_then(|line| line.strip_prefix("sum "));
        let code = lines.next().and_then(|line| line.strip_prefix("tar "));
        match (ending, code, sum) {
            (ExecExit::Code(0), Some("0"), Some(sum)) => Ok(TransferChecksum {
                sha256: sum.to_owned(),
            }),
            (ExecExit::Code(_), Some(code), _) if code != "0" => Err(anyhow!(
                "tar in {} failed with exit code {code}{}",
                self.display_name(),
                last_error_line(told)
            )),
            _ => Err(self.script_error(ending, told)),
        }
    }

    /// Converts the end of a script that did not succeed into an error, with the last line of its standard error.
    pub(super) fn script_error(&self, ending: &ExecExit, told: &[u8]) -> anyhow::Error {
        let said = last_error_line(told);
        match ending {
            ExecExit::NotStarted { .. } => self.missing_programs_error("no shell"),
            ExecExit::ConnectionLost => {
                let message = format!("lost the connection to {}", self.display_name());
                anyhow!(message)
            }
            ExecExit::Code(code) => {
                anyhow!(
                    "cannot copy files in {}: exit code {code}{said}",
                    self.display_name()
                )
            }
        }
    }
}

/// True once the script has printed that its tar failed.
fn has_tar_failed(told: &[u8]) -> bool {
    let mut lines = told.split(|byte| *byte == b'\n').rev();
    // The part after the last line end is empty.
    let last = lines.nth(1).and_then(|line| line.strip_prefix(b"tar "));
    told.ends_with(b"\n") && last.is_some_and(|code| code != b"0")
}

/// Returns the last line that neither the script itself nor tar's usual closing remark added, as `: LINE`; empty if there
/// is none.
fn last_error_line(told: &[u8]) -> String {
    let ours = |line: &str| {
        ["tar ", "sum ", "run "]
            .iter()
            .any(|word| line.starts_with(word))
            || line == "sum"
    };
    let habit = |line: &str| line.contains("previous errors") || line.contains("not recoverable");
    last_line_suffix(told, |line| ours(line) || habit(line))
}

/// Returns the arguments that run a shell script with positional parameters from `$1` on.
pub(super) fn shell_argv<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let shell = ["sh", "-c", text, "sh"];
    let all = shell.into_iter().map(str::to_owned);
    all.chain(words.into_iter().map(str::to_owned)).collect()
}

/// Waits for the next output of a script.
///
/// # Errors
/// TimedOut if there is none for two minutes.
async fn next_output(remote: &mut RemoteCommand) -> Result<ExecOutput> {
    with_stall_timeout(remote.next_output()).await?
}

/// Limits work to the longest time without data.
async fn with_stall_timeout<T>(work: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(STALL_TIMEOUT, work)
        .await
        .map_err(|_| {
            let message = format!(
                "the copy stalled: no data for {} s",
                STALL_TIMEOUT.as_secs()
            );
            Failure::client_side(FailureKind::TimedOut, message).into()
        })
}

#[cfg(test)]
#[path = "container_files_tests.rs"]
pub(super) mod tests;
