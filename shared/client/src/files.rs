//! Copies of files out of and into a container, as one tar stream. The container counts and hashes the stream with tools
//! that every small image has; a copy is complete only if both ends agree on the checksum.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender};

use super::Cluster;
use super::attach::{Ending, Remote, Running, Said};
use super::meter::Meter;
use session_model::failure::{Failure, FailureKind, with_hint};
use session_model::progress::ProgressSink;

/// Longest time without any data before a copy is aborted.
const STILL: Duration = Duration::from_secs(120);
/// Bytes of a script's standard error that are kept, from the end.
const TOLD: usize = 16 * 1024;

/// Shell script that writes the paths `$2…`, relative to directory `$1`, as a tar stream to standard output. The pipe to
/// sha256sum belongs to the script itself, so that /proc/self/fd can open it.
const PACK: &str = r#"b=$1; shift
echo "run $$" >&2
exec 3>&1
{ { tar -cf - -C "$b" "$@"; echo "tar $?" >&2; } | tee /proc/self/fd/4 >&3; } 4>&1 | { s=$(sha256sum); echo "sum ${s%% *}" >&2; }"#;
/// Shell script that unpacks `$2` bytes of standard input below directory `$1`. The count replaces the end of input,
/// which servers before 1.30 cannot signal. After a failed tar the rest is still read: the output of a command that exits
/// before its input ends is lost.
const UNPACK: &str = r#"b=$1 n=$2
{ head -c "$n" | tee /proc/self/fd/4 | { tar -xpf - -C "$b" >&2; echo "tar $?" >&2; cat >/dev/null; }; } 4>&1 | { s=$(sha256sum); echo "sum ${s%% *}" >&2; }"#;
/// Shell script that kills the process group of process `$1`: an exec starts its own session, which is a process group.
const END: &str = r#"kill -9 -- "-$1" 2>/dev/null || kill -9 "$1""#;
/// Time limit for killing a script.
const ENDING: Duration = Duration::from_secs(5);
/// Programs that the scripts need besides a shell.
pub(super) const TOOLS: [&str; 5] = ["tar", "tee", "sha256sum", "head", "cat"];

/// A container, identified by namespace, Pod and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Namespace of the Pod.
    pub namespace: String,
    /// Name of the Pod.
    pub pod: String,
    /// Name of the container.
    pub container: String,
}

/// The process id of a script inside its container; unset until the script has printed it.
#[derive(Debug, Default)]
pub struct Script(OnceLock<String>);

impl Script {
    /// Reads the process id from the first line of the script's standard error.
    fn hear(&self, told: &[u8]) {
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
pub struct Passed {
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
    pub async fn pack(
        &self,
        inside: &Inside,
        base: &str,
        paths: &[String],
        to: Sender<Bytes>,
        running: &Script,
        sink: &mut dyn ProgressSink,
    ) -> Result<Option<Passed>> {
        let words = [base].into_iter().chain(paths.iter().map(String::as_str));
        let argv = script(PACK, words);
        let mut remote = self.attach(&inside.running(&argv, false)).await?;
        let (mut told, mut meter) = (Vec::new(), Meter::new(&inside.pod, None));
        let ending = loop {
            match next(&mut remote).await? {
                Said::Out(bytes) => {
                    meter.count(bytes.len(), sink);
                    if to.send(bytes).await.is_err() {
                        return Ok(None);
                    }
                }
                Said::Err(bytes) => {
                    keep(&mut told, &bytes);
                    running.hear(&told);
                }
                Said::Ended(ending) => break ending,
            }
        };
        inside.passed(&ending, &told).map(Some)
    }

    /// Kills a script whose output is no longer read. Container runtimes keep a command running after the client
    /// disconnects, so it would block on its output until the Pod ends. Errors are ignored.
    pub async fn end(&self, inside: &Inside, running: &Script) {
        let Some(number) = running.0.get() else {
            return;
        };
        let argv = script(END, [number.as_str()]);
        let killed = async {
            let mut remote = self.attach(&inside.running(&argv, false)).await?;
            while !matches!(remote.next().await?, Said::Ended(_)) {}
            anyhow::Ok(())
        };
        drop(tokio::time::timeout(ENDING, killed).await);
    }

    /// Unpacks the tar stream from `from`, `length` bytes, below the directory `base`.
    ///
    /// # Errors
    /// As [`Cluster::pack_tar`]; a stream shorter than `length`. Files that were unpacked by then stay.
    pub async fn unpack(
        &self,
        inside: &Inside,
        base: &str,
        length: u64,
        from: &mut Receiver<Bytes>,
        sink: &mut dyn ProgressSink,
    ) -> Result<Passed> {
        let argv = script(UNPACK, [base, &length.to_string()]);
        let mut remote = self.attach(&inside.running(&argv, true)).await?;
        let (input, mut told) = (remote.input(), Vec::new());
        let mut meter = Meter::new(&inside.pod, Some(length));
        let feed = async {
            while let Some(piece) = from.recv().await {
                if !timely(input.write(&piece)).await? {
                    // The reading side reports the reason.
                    return Ok(());
                }
                meter.count(piece.len(), sink);
            }
            if meter.passed() < length {
                return Err(anyhow!("the archive ended after {} bytes", meter.passed()));
            }
            input.close().await;
            Ok(())
        };
        let hear = async {
            loop {
                match remote.next().await? {
                    Said::Out(_) => {}
                    Said::Err(bytes) => {
                        keep(&mut told, &bytes);
                        if has_failed(&told) {
                            // The rest of the stream is useless after a failed tar.
                            return Ok(Ending::Code(0));
                        }
                    }
                    Said::Ended(ending) => return Ok::<_, anyhow::Error>(ending),
                }
            }
        };
        let ending = {
            let (mut feed, mut hear) = (std::pin::pin!(feed), std::pin::pin!(hear));
            tokio::select! {
                ending = &mut hear => ending?,
                fed = &mut feed => {
                    fed?;
                    timely(hear).await??
                }
            }
        };
        inside.passed(&ending, &told)
    }
}

impl Inside {
    /// Builds the request to run `argv` in the container, without a terminal.
    pub(super) fn running<'a>(&'a self, argv: &'a [String], stdin: bool) -> Running<'a> {
        Running {
            namespace: &self.namespace,
            pod: &self.pod,
            container: &self.container,
            argv,
            stdin,
            tty: false,
        }
    }

    /// Returns `container "C" of pod "P"`, for messages.
    pub(super) fn named(&self) -> String {
        format!("container {:?} of pod {:?}", self.container, self.pod)
    }

    /// The error for a container that lacks the programs to copy files.
    pub(super) fn unfit(&self, lacks: &str) -> anyhow::Error {
        let error = anyhow!("cannot copy files: {} has {lacks}", self.named());
        with_hint(
            error,
            format!(
                "select another container that mounts the same files with -c, or use an image with sh, {}",
                TOOLS.join(", ")
            ),
        )
    }

    /// Parses the checksum that the script printed last, after a tar that succeeded.
    fn passed(&self, ending: &Ending, told: &[u8]) -> Result<Passed> {
        let text = String::from_utf8_lossy(told);
        let mut lines = text.lines().rev().peekable();
        let sum = lines.next_if(|line| line.starts_with("sum"));
        let sum = sum.and_then(|line| line.strip_prefix("sum "));
        let code = lines.next().and_then(|line| line.strip_prefix("tar "));
        match (ending, code, sum) {
            (Ending::Code(0), Some("0"), Some(sum)) => Ok(Passed {
                sha256: sum.to_owned(),
            }),
            (Ending::Code(_), Some(code), _) if code != "0" => Err(anyhow!(
                "tar in {} failed with exit code {code}{}",
                self.named(),
                complaint(&text)
            )),
            _ => Err(self.failed(ending, told)),
        }
    }

    /// Converts the end of a script that did not succeed into an error, with the last line of its standard error.
    pub(super) fn failed(&self, ending: &Ending, told: &[u8]) -> anyhow::Error {
        let said = complaint(&String::from_utf8_lossy(told));
        match ending {
            Ending::NotRun(_) => self.unfit("no shell"),
            Ending::Lost => {
                let message = format!("lost the connection to {}", self.named());
                anyhow!(message)
            }
            Ending::Code(code) => {
                anyhow!(
                    "cannot copy files in {}: exit code {code}{said}",
                    self.named()
                )
            }
        }
    }
}

/// True once the script has printed that its tar failed.
fn has_failed(told: &[u8]) -> bool {
    let mut lines = told.split(|byte| *byte == b'\n').rev();
    // The part after the last line end is empty.
    let last = lines.nth(1).and_then(|line| line.strip_prefix(b"tar "));
    told.ends_with(b"\n") && last.is_some_and(|code| code != b"0")
}

/// Returns the last line that neither the script itself nor tar's usual closing remark added, as `: LINE`; empty if there
/// is none.
fn complaint(text: &str) -> String {
    let ours = |line: &str| {
        ["tar ", "sum ", "run "]
            .iter()
            .any(|word| line.starts_with(word))
            || line == "sum"
    };
    let habit = |line: &str| line.contains("previous errors") || line.contains("not recoverable");
    let lines = text.lines().rev().map(str::trim);
    let told = lines.filter(|line| !line.is_empty() && !ours(line));
    let mut told = told.filter(|line| !habit(line));
    told.next()
        .map_or(String::new(), |line| format!(": {line}"))
}

/// Returns the arguments that run a shell script with positional parameters from `$1` on.
pub(super) fn script<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let shell = ["sh", "-c", text, "sh"];
    let all = shell.into_iter().map(str::to_owned);
    all.chain(words.into_iter().map(str::to_owned)).collect()
}

/// Waits for the next output of a script.
///
/// # Errors
/// TimedOut if there is none for two minutes.
pub(super) async fn next(remote: &mut Remote) -> Result<Said> {
    timely(remote.next()).await?
}

/// Limits work to the longest time without data.
async fn timely<T>(work: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(STILL, work).await.map_err(|_| {
        let message = format!("the copy stalled: no data for {} s", STILL.as_secs());
        Failure::client_side(FailureKind::TimedOut, message).into()
    })
}

/// Appends bytes and drops the beginning beyond the limit.
pub(super) fn keep(told: &mut Vec<u8>, bytes: &[u8]) {
    told.extend_from_slice(bytes);
    let over = told.len().saturating_sub(TOLD);
    told.drain(..over);
}

#[cfg(test)]
#[path = "files_tests.rs"]
pub(super) mod tests;
