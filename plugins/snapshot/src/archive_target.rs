//! Destination of an exported archive: standard output, or a file that gets its name only when it is complete.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use session_shared::failure::with_hint;
use session_shared::report::console::Console;
use session_shared::report::terminal::RawOutput;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

/// Hint for a path that cannot be replaced by a regular file.
const OTHER_TARGET_HINT: &str = "name a regular file, or write to standard output with --to -";
const SYMLINK_REFUSED: &str = "symbolic links are not followed";
/// Capacity, in chunks, of the channel to standard output.
const MAX_QUEUED_CHUNKS: usize = 16;

/// Destination named by `--to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArchiveTarget {
    Stdout,
    File { path: PathBuf, overwrite: bool },
}

impl ArchiveTarget {
    /// Parses the value of `--to` and checks that it can be written.
    ///
    /// # Errors
    /// An existing file without `overwrite`, or one that is not a regular file; a missing directory; standard output that
    /// is a terminal or closed.
    pub(crate) fn parse(word: &str, overwrite: bool, console: &Console) -> Result<Self> {
        if word == "-" {
            if console.stdout_is_terminal() {
                return Err(anyhow!(
                    "cannot write the archive to a terminal: name a file, or use a pipe"
                ));
            }
            if console.stdout_is_closed() {
                let error = anyhow!("cannot write the archive: standard output is closed");
                return Err(with_hint(error, "name a file, or use a pipe"));
            }
            return Ok(Self::Stdout);
        }
        let path = PathBuf::from(word);
        let is_folder = path.is_dir();
        if is_folder || path.file_name().is_none() || word.ends_with('/') {
            return Err(anyhow!("cannot write {word:?}: path is a directory"));
        }
        if let Some((why, hint)) = replace_obstacle(&path) {
            return Err(with_hint(anyhow!("cannot write {word:?}: {why}"), hint));
        }
        if path.symlink_metadata().is_ok() && !overwrite {
            let error = anyhow!("file {word:?} already exists");
            return Err(with_hint(
                error,
                "choose another name, or replace the file with --overwrite",
            ));
        }
        if !parent_directory(&path).is_dir() {
            let folder = parent_directory(&path).display().to_string();
            return Err(anyhow!(
                "cannot write {word:?}: directory {folder:?} does not exist"
            ));
        }
        Ok(Self::File { path, overwrite })
    }

    /// Returns the destination as messages name it.
    pub(crate) fn display_name(&self) -> String {
        match self {
            Self::Stdout => "standard output".to_owned(),
            Self::File { path, .. } => format!("{:?}", path.display().to_string()),
        }
    }

    /// Opens the destination: a temporary file in the same directory, or a task that feeds standard output.
    ///
    /// # Errors
    /// A directory in which no file can be created.
    pub(crate) fn open(&self, console: &Console) -> Result<(OpenTarget, TargetWriter)> {
        match self {
            Self::Stdout => {
                let (send, receive) = mpsc::channel(MAX_QUEUED_CHUNKS);
                let (out, _) = console.raw_outputs();
                let passing = tokio::spawn(write_chunks(receive, out));
                Ok((OpenTarget::Stdout(passing), TargetWriter::Stdout(send)))
            }
            Self::File { path, overwrite } => {
                let mut builder = tempfile::Builder::new();
                let builder = builder.prefix(".kubectl-session-").suffix(".part");
                let file = builder
                    .tempfile_in(parent_directory(path))
                    .context(self.write_error_context())?;
                let writer = file
                    .as_file()
                    .try_clone()
                    .context(self.write_error_context())?;
                let (path, overwrite) = (path.clone(), *overwrite);
                let opened = OpenTarget::File {
                    file,
                    path,
                    overwrite,
                };
                Ok((opened, TargetWriter::File(io::BufWriter::new(writer))))
            }
        }
    }

    /// Returns the error context for a failed write.
    pub(crate) fn write_error_context(&self) -> String {
        format!("failed to write {}", self.display_name())
    }
}

/// Returns the reason and a hint if the existing object at `path` must not be replaced: a device, a FIFO, or a symbolic
/// link whose target another user may have chosen.
fn replace_obstacle(path: &Path) -> Option<(&'static str, String)> {
    let found = path.symlink_metadata().ok()?;
    match path.canonicalize() {
        _ if found.is_file() => None,
        Ok(real) if found.is_symlink() && real.is_file() => {
            Some((SYMLINK_REFUSED, format!("name the file itself: {real:?}")))
        }
        _ if found.is_symlink() => Some((SYMLINK_REFUSED, OTHER_TARGET_HINT.to_owned())),
        _ => Some(("not a regular file", OTHER_TARGET_HINT.to_owned())),
    }
}

fn parent_directory(path: &Path) -> &Path {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

async fn write_chunks(mut pieces: mpsc::Receiver<Bytes>, out: RawOutput) -> Result<u64> {
    let mut count = 0;
    while let Some(piece) = pieces.recv().await {
        count += piece.len() as u64;
        out.write(piece).await?;
    }
    Ok(count)
}

/// An open destination. A file that is dropped before `OpenTarget::finish` is removed.
#[derive(Debug)]
pub(crate) enum OpenTarget {
    Stdout(JoinHandle<Result<u64>>),
    File {
        file: NamedTempFile,
        path: PathBuf,
        overwrite: bool,
    },
}

impl OpenTarget {
    /// Writes the last bytes and renames the temporary file. Returns the size of the archive in bytes. Only the owner can
    /// read the file.
    ///
    /// # Errors
    /// A failed write; a file of the same name that has been created in the meantime.
    pub(crate) async fn finish(self, mut writer: TargetWriter, end: Vec<u8>) -> Result<u64> {
        let ended = spawn_blocking(move || {
            writer.write_all(&end)?;
            writer.flush()
        });
        match self {
            Self::Stdout(passing) => {
                let ended = ended.await?;
                // The error of standard output is the cause if the end could not be written.
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
                    // A link or device may have been created since the command started.
                    if let Some((why, _)) = replace_obstacle(&path) {
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

    /// Returns the error that closed standard output, if any.
    pub(crate) async fn output_error(self) -> Option<anyhow::Error> {
        match self {
            Self::Stdout(passing) => passing.await.ok()?.err(),
            Self::File { .. } => None,
        }
    }
}

/// Blocking writer to the destination.
#[derive(Debug)]
pub(crate) enum TargetWriter {
    Stdout(mpsc::Sender<Bytes>),
    File(io::BufWriter<std::fs::File>),
}

impl Write for TargetWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(send) => {
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
            Self::Stdout(_) => Ok(()),
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
        let (console, _) = Console::for_test("", false);
        let target = ArchiveTarget::parse(path.to_str().unwrap(), true, &console).unwrap();
        let (opened, writer) = target.open(&console).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        let error = opened.finish(writer, Vec::new()).await.unwrap_err();
        assert_eq!(error.to_string(), SYMLINK_REFUSED);
        assert!(path.is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
