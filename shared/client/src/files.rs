//! A container's files as one tar stream, out of it and into it. What passes is counted and hashed in the container itself, by
//! tools that every small image has: a copy is whole only if both ends say the same.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender};

use super::Cluster;
use super::attach::{Ending, Remote, Running, Said};
use super::meter::Meter;
use session_model::failure::{Failure, Kind, hinted};
use session_model::progress::Sink;

/// A connection on which nothing moves for so long is given up.
const STILL: Duration = Duration::from_secs(120);
/// So much of what a script says on its standard error is kept: the end of it.
const TOLD: usize = 16 * 1024;

/// Writes `$2…` below `$1` to its standard output. The pipe to sha256sum is the script's own, so that it may be opened by name.
const PACK: &str = r#"b=$1; shift
echo "run $$" >&2
exec 3>&1
{ { tar -cf - -C "$b" "$@"; echo "tar $?" >&2; } | tee /proc/self/fd/4 >&3; } 4>&1 | { s=$(sha256sum); echo "sum ${s%% *}" >&2; }"#;
/// Unpacks `$2` bytes of its standard input below `$1`. The count stands for an end of input, which old servers cannot tell.
/// After a tar that failed the rest is read all the same: a command that ends before its input does is never heard to its end.
const UNPACK: &str = r#"b=$1 n=$2
{ head -c "$n" | tee /proc/self/fd/4 | { tar -xpf - -C "$b" >&2; echo "tar $?" >&2; cat >/dev/null; }; } 4>&1 | { s=$(sha256sum); echo "sum ${s%% *}" >&2; }"#;
/// Ends the script `$1` and all it has started: a container's exec begins a session of its own, which is a process group.
const END: &str = r#"kill -9 -- "-$1" 2>/dev/null || kill -9 "$1""#;
/// So long the end of a script is waited for.
const ENDING: Duration = Duration::from_secs(5);
/// What the scripts need beside a shell.
pub(super) const TOOLS: [&str; 5] = ["tar", "tee", "sha256sum", "head", "cat"];

/// The container whose files are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Namespace of the Pod.
    pub namespace: String,
    /// The Pod.
    pub pod: String,
    /// The container.
    pub container: String,
}

/// The script that writes a stream, as its container counts processes; unknown until it has said so.
#[derive(Debug, Default)]
pub struct Script(OnceLock<String>);

impl Script {
    /// Reads its number from the beginning of what it says.
    fn hear(&self, told: &[u8]) {
        let text = String::from_utf8_lossy(told);
        let first = text.split_once('\n').map(|(first, _)| first);
        let number = first.and_then(|line| line.strip_prefix("run "));
        if let Some(number) = number.filter(|number| number.parse::<u32>().is_ok()) {
            self.0.get_or_init(|| number.to_owned());
        }
    }
}

/// What the container says of a stream that has passed whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// SHA-256 of it, as lower-case hexadecimal digits.
    pub sha256: String,
}

impl Cluster {
    /// Writes `paths`, which are relative to the directory `base`, to `to` as a tar stream; ends when its container says that
    /// all was sent. `None` if nobody takes it any more. Whoever ends it before that has to [`Cluster::end`] what runs.
    ///
    /// # Errors
    /// A tar that fails, with its own words; a connection that is lost, or on which nothing moves; what the server refuses.
    pub async fn pack(
        &self,
        inside: &Inside,
        base: &str,
        paths: &[String],
        to: Sender<Bytes>,
        running: &Script,
        sink: &mut dyn Sink,
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

    /// Ends a script that nobody listens to any more: it would stand still at what it cannot write until its Pod ends, because a
    /// container runtime keeps what it runs when the client goes. What cannot be ended is left.
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

    /// Unpacks the tar stream that comes from `from`, `length` bytes, below the directory `base`.
    ///
    /// # Errors
    /// As [`Cluster::pack`]; what was unpacked by then stays. A stream that is shorter than it should be fails.
    pub async fn unpack(
        &self,
        inside: &Inside,
        base: &str,
        length: u64,
        from: &mut Receiver<Bytes>,
        sink: &mut dyn Sink,
    ) -> Result<Passed> {
        let argv = script(UNPACK, [base, &length.to_string()]);
        let mut remote = self.attach(&inside.running(&argv, true)).await?;
        let (input, mut told) = (remote.input(), Vec::new());
        let mut meter = Meter::new(&inside.pod, Some(length));
        let feed = async {
            while let Some(piece) = from.recv().await {
                if !timely(input.write(&piece)).await? {
                    // Why shows where the connection is read.
                    return Ok(());
                }
                meter.count(piece.len(), sink);
            }
            if meter.passed() < length {
                return Err(anyhow!("the stream ended after {} bytes", meter.passed()));
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
                            // What is still on its way is of no use.
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

    pub(super) fn named(&self) -> String {
        format!("container {:?} of pod {:?}", self.container, self.pod)
    }

    /// A container that holds too little to copy files with.
    pub(super) fn unfit(&self, lacks: &str) -> anyhow::Error {
        let error = anyhow!("{} has {lacks}: its files cannot be copied", self.named());
        hinted(
            error,
            format!(
                "name another container that mounts the same files with -c, or use an image with sh, {}",
                TOOLS.join(", ")
            ),
        )
    }

    /// The checksum at the end of what a script has said, after a tar that went well.
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
                    "copying in {} ended with exit code {code}{said}",
                    self.named()
                )
            }
        }
    }
}

/// True once a script has said that its tar did not do all it should.
fn has_failed(told: &[u8]) -> bool {
    let mut lines = told.split(|byte| *byte == b'\n').rev();
    // Behind the last line's end there is nothing.
    let last = lines.nth(1).and_then(|line| line.strip_prefix(b"tar "));
    told.ends_with(b"\n") && last.is_some_and(|code| code != b"0")
}

/// The most telling line a script has written: the last that neither the script itself nor tar's habit has added.
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

pub(super) fn script<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let shell = ["sh", "-c", text, "sh"];
    let all = shell.into_iter().map(str::to_owned);
    all.chain(words.into_iter().map(str::to_owned)).collect()
}

pub(super) async fn next(remote: &mut Remote) -> Result<Said> {
    timely(remote.next()).await?
}

async fn timely<T>(work: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(STILL, work).await.map_err(|_| {
        let message = format!("nothing was copied for {} s", STILL.as_secs());
        Failure::local(Kind::TimedOut, message).into()
    })
}

/// Keeps the end of what is said.
pub(super) fn keep(told: &mut Vec<u8>, bytes: &[u8]) {
    told.extend_from_slice(bytes);
    let over = told.len().saturating_sub(TOLD);
    told.drain(..over);
}

#[cfg(test)]
#[path = "files_tests.rs"]
pub(super) mod tests;
