//! Where a session's files are written: a file that has its name only once it is whole, or standard output.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use session_shared::failure::hinted;
use session_shared::report::console::Console;
use session_shared::report::terminal::Outlet;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

/// What can be done where no file can be made.
const ELSEWHERE: &str = "name a file, or redirect standard output: --to -";
const LINK: &str = "symbolic links are not followed";
/// Pieces that may wait for whoever reads standard output.
const WAITING: usize = 16;

/// What `--to` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Output,
    File { path: PathBuf, overwrite: bool },
}

impl Target {
    /// Where it is, and that it may be written.
    ///
    /// # Errors
    /// A file that is there already, or cannot be replaced; no such folder; a terminal, which no archive is for; standard output
    /// that is closed.
    pub(crate) fn of(word: &str, overwrite: bool, console: &Console) -> Result<Self> {
        if word == "-" {
            if console.is_terminal() {
                return Err(anyhow!(
                    "standard output is a terminal: name a file, or a pipe"
                ));
            }
            if console.is_closed() {
                let error = anyhow!("cannot write the files: standard output is closed");
                return Err(hinted(error, "name a file, or a pipe"));
            }
            return Ok(Self::Output);
        }
        let path = PathBuf::from(word);
        let is_folder = path.is_dir();
        if is_folder || path.file_name().is_none() || word.ends_with('/') {
            return Err(anyhow!("{word:?} is a directory: name a file"));
        }
        if let Some((why, hint)) = obstacle(&path) {
            return Err(hinted(anyhow!("cannot write {word:?}: {why}"), hint));
        }
        if path.symlink_metadata().is_ok() && !overwrite {
            let error = anyhow!("file {word:?} is there already");
            return Err(hinted(
                error,
                "choose another name, or replace it: --overwrite",
            ));
        }
        if !folder(&path).is_dir() {
            let folder = folder(&path).display().to_string();
            return Err(anyhow!("directory {folder:?} does not exist"));
        }
        Ok(Self::File { path, overwrite })
    }

    /// As a sentence names it.
    pub(crate) fn named(&self) -> String {
        match self {
            Self::Output => "standard output".to_owned(),
            Self::File { path, .. } => format!("{:?}", path.display().to_string()),
        }
    }

    /// Begins to write.
    ///
    /// # Errors
    /// A folder that takes no file.
    pub(crate) fn open(&self, console: &Console) -> Result<(Opened, Writer)> {
        match self {
            Self::Output => {
                let (send, receive) = mpsc::channel(WAITING);
                let (out, _) = console.outlets();
                let passing = tokio::spawn(pass(receive, out));
                Ok((Opened::Output(passing), Writer::Output(send)))
            }
            Self::File { path, overwrite } => {
                let mut builder = tempfile::Builder::new();
                let builder = builder.prefix(".kubectl-session-").suffix(".part");
                let file = builder
                    .tempfile_in(folder(path))
                    .context(self.unwritten())?;
                let writer = file.as_file().try_clone().context(self.unwritten())?;
                let (path, overwrite) = (path.clone(), *overwrite);
                let opened = Opened::File {
                    file,
                    path,
                    overwrite,
                };
                Ok((opened, Writer::File(io::BufWriter::new(writer))))
            }
        }
    }

    /// What has gone wrong where it could not be written.
    pub(crate) fn unwritten(&self) -> String {
        format!("failed to write {}", self.named())
    }
}

/// Why a new file must not take the place of what is there, and what to do instead: a device, a FIFO, or a link to what somebody
/// else may have chosen.
fn obstacle(path: &Path) -> Option<(&'static str, String)> {
    let found = path.symlink_metadata().ok()?;
    match path.canonicalize() {
        _ if found.is_file() => None,
        Ok(real) if found.is_symlink() && real.is_file() => {
            Some((LINK, format!("name the file itself: {real:?}")))
        }
        _ if found.is_symlink() => Some((LINK, ELSEWHERE.to_owned())),
        _ => Some(("not a regular file", ELSEWHERE.to_owned())),
    }
}

fn folder(path: &Path) -> &Path {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

async fn pass(mut pieces: mpsc::Receiver<Bytes>, out: Outlet) -> Result<u64> {
    let mut count = 0;
    while let Some(piece) = pieces.recv().await {
        count += piece.len() as u64;
        out.write(piece).await?;
    }
    Ok(count)
}

/// What is being written. Dropped before [`Opened::finish`], a file leaves nothing behind.
#[derive(Debug)]
pub(crate) enum Opened {
    Output(JoinHandle<Result<u64>>),
    File {
        file: NamedTempFile,
        path: PathBuf,
        overwrite: bool,
    },
}

impl Opened {
    /// Writes the end, and gives the file its name; its size in bytes. Only its owner may read it.
    ///
    /// # Errors
    /// What cannot be written; a file of that name that has come up meanwhile.
    pub(crate) async fn finish(self, mut writer: Writer, end: Vec<u8>) -> Result<u64> {
        let ended = spawn_blocking(move || {
            writer.write_all(&end)?;
            writer.flush()
        });
        match self {
            Self::Output(passing) => {
                let ended = ended.await?;
                // Whoever reads says why the end could not be written.
                let passed = passing.await??;
                ended?;
                Ok(passed)
            }
            Self::File {
                file,
                path,
                overwrite,
            } => {
                ended.await??;
                let named = spawn_blocking(move || {
                    file.as_file().sync_all()?;
                    // It may have come since the command began.
                    if let Some((why, _)) = obstacle(&path) {
                        return Err(io::Error::other(why));
                    }
                    let file = if overwrite {
                        file.persist(&path)
                    } else {
                        file.persist_noclobber(&path)
                    };
                    file.map_err(|error| error.error)?.metadata()
                });
                Ok(named.await??.len())
            }
        }
    }

    /// Why nobody takes what is written to standard output, if that is so.
    pub(crate) async fn given_up(self) -> Option<anyhow::Error> {
        match self {
            Self::Output(passing) => passing.await.ok()?.err(),
            Self::File { .. } => None,
        }
    }
}

/// The way there, for a thread that may wait.
#[derive(Debug)]
pub(crate) enum Writer {
    Output(mpsc::Sender<Bytes>),
    File(io::BufWriter<std::fs::File>),
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Output(send) => {
                let piece = Bytes::copy_from_slice(bytes);
                let sent = send.blocking_send(piece);
                sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Output(_) => Ok(()),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_come_into_its_place_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let (console, _) = Console::captured("", false);
        let target = Target::of(path.to_str().unwrap(), true, &console).unwrap();
        let (opened, writer) = target.open(&console).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        let error = opened.finish(writer, Vec::new()).await.unwrap_err();
        assert_eq!(error.to_string(), LINK);
        assert!(path.is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
