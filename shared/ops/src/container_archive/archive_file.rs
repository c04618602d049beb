//! The archive format: a gzip-compressed tar stream that every tar reads, followed by a footer. The footer is an empty gzip
//! member whose comment names the session and directory and holds length and SHA-256 of the tar stream. It is written last,
//! so an archive without it was never verified.

use std::io::{self, BufRead, Read, Write};

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes};
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use session_client::ContainerRef;
use session_model::names::SessionName;
use session_model::objects::Untyped;

use super::tarball::{ArchiveContents, HashingStream, hex_digest, transcode};

/// Compression level: nearly the size of the default level, in half the time.
const COMPRESSION_LEVEL: u32 = 3;
/// Buffer size in bytes for sending.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Value of `kind` in a footer.
const FOOTER_KIND: &str = "SessionFiles";

/// Footer of an archive: origin and checksum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchiveFooter {
    /// Name of the session.
    pub session: String,
    /// Its namespace.
    pub namespace: String,
    /// Directory in the container that the names are relative to.
    pub directory: String,
    /// Time of the export, in RFC 3339.
    pub created: String,
    /// Length of the tar stream in bytes.
    pub length: u64,
    /// SHA-256 of the tar stream in lower-case hexadecimal.
    pub sha256: String,
}

impl ArchiveFooter {
    /// Returns the footer of an archive of `directory` in a container of `session`.
    pub fn new(
        session: &SessionName,
        container: &ContainerRef,
        directory: &str,
        contents: &ArchiveContents,
        created: Timestamp,
    ) -> Self {
        Self {
            session: session.to_string(),
            namespace: container.namespace.clone(),
            directory: directory.to_owned(),
            created: created.to_string(),
            length: contents.stream_bytes,
            sha256: contents.sha256.clone(),
        }
    }

    /// Encodes the footer as a gzip member.
    ///
    /// # Errors
    /// None in practice: the writer is memory.
    pub fn to_gzip_member(&self) -> io::Result<Vec<u8>> {
        let object = json!({
            "apiVersion": "streaming.platform/v1", "kind": FOOTER_KIND,
            "session": self.session, "namespace": self.namespace, "directory": self.directory,
            "made": self.created, "bytes": self.length, "sha256": self.sha256,
        });
        let member = GzBuilder::new().comment(object.to_string());
        member.write(Vec::new(), Compression::none()).finish()
    }

    /// Parses a gzip comment; `None` for a comment that is not a footer.
    fn parse(comment: &[u8]) -> Option<Self> {
        let object: Value = serde_json::from_slice(comment).ok()?;
        if Untyped(&object).kind() != FOOTER_KIND {
            return None;
        }
        // A footer that lacks a field is still one: its values are checked, and an archive with it is refused.
        let text = |key: &str| object[key].as_str().map_or_else(String::new, str::to_owned);
        Some(Self {
            session: text("session"),
            namespace: text("namespace"),
            directory: text("directory"),
            created: text("made"),
            length: object["bytes"].as_u64().unwrap_or_default(),
            sha256: text("sha256"),
        })
    }
}

/// Compresses the tar stream received from `chunks` to `file`, and checks it on the way. Returns the contents and the writer.
///
/// # Errors
/// A failed write; a stream that is truncated or could not be restored.
pub(super) fn compress_checked<W: Write>(
    chunks: mpsc::Receiver<Bytes>,
    file: W,
) -> Result<(ArchiveContents, W)> {
    let mut compressor = CompressingReader {
        chunks,
        chunk: Bytes::new(),
        gzip: GzEncoder::new(file, Compression::new(COMPRESSION_LEVEL)),
        write_error: None,
    };
    // An archive that could not be restored is an error now, not at the restore.
    let contents = transcode(&mut compressor, &mut io::sink());
    if let Some(error) = compressor.write_error {
        return Err(error.into());
    }
    Ok((contents?, compressor.gzip.finish()?))
}

/// A reader that compresses to a file what it reads from a channel.
struct CompressingReader<W: Write> {
    chunks: mpsc::Receiver<Bytes>,
    chunk: Bytes,
    gzip: GzEncoder<W>,
    /// Error of a failed write, which a [`Read`] cannot return unchanged.
    write_error: Option<io::Error>,
}

impl<W: Write> Read for CompressingReader<W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let count = self.chunk.len().min(buffer.len());
        let (read, _) = buffer.split_at_mut(count);
        self.chunk.copy_to_slice(read);
        if let Err(error) = self.gzip.write_all(read) {
            let kind = error.kind();
            self.write_error = Some(error);
            return Err(kind.into());
        }
        Ok(count)
    }
}

/// Result of checking an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedArchive {
    /// Contents of the archive.
    pub contents: ArchiveContents,
    /// Footer; `None` for an archive of another program.
    pub footer: Option<ArchiveFooter>,
    /// Bytes of the plain tar stream that is sent to the container.
    pub plain_bytes: u64,
}

/// Reads an archive to its end and checks it.
///
/// # Errors
/// An archive that is not a gzip file, is truncated or damaged, does not match its footer, or has entries outside its
/// directory.
pub fn check_archive(file: impl BufRead) -> Result<CheckedArchive> {
    let mut stream = ArchiveReader::new(file)?;
    let mut sent = ByteCounter(0);
    let contents = transcode(&mut stream, &mut sent)?;
    let footer = stream.footer;
    if let Some(footer) = &footer
        && (footer.length, &footer.sha256) != (contents.stream_bytes, &contents.sha256)
    {
        bail!(
            "the archive is damaged: its checksum is {} instead of {}",
            contents.sha256,
            footer.sha256
        );
    }
    Ok(CheckedArchive {
        contents,
        footer,
        plain_bytes: sent.0,
    })
}

/// A writer that counts bytes and discards them.
struct ByteCounter(u64);

impl Write for ByteCounter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends the entries of an archive as a plain tar stream, and checks them again on the way. Returns the SHA-256 of the sent
/// stream, or `None` if the receiver has been dropped.
///
/// # Errors
/// An archive that has changed since it was checked.
pub(super) fn send_plain(
    file: impl BufRead,
    checked: &ArchiveContents,
    to: &mpsc::Sender<Bytes>,
) -> Result<Option<String>> {
    let mut passing = ChannelWriter {
        to,
        is_closed: false,
    };
    let mut out = io::BufWriter::with_capacity(SEND_BUFFER_BYTES, HashingStream::new(&mut passing));
    let contents = transcode(ArchiveReader::new(file)?, &mut out);
    let (hashed, _) = out.into_parts();
    let sum = hex_digest(hashed.hash);
    if passing.is_closed {
        return Ok(None);
    }
    if contents? != *checked {
        bail!("the archive has changed since it was checked");
    }
    Ok(Some(sum))
}

/// A writer that sends to a channel and remembers whether the receiver has been dropped.
struct ChannelWriter<'a> {
    to: &'a mpsc::Sender<Bytes>,
    is_closed: bool,
}

impl Write for ChannelWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.to.blocking_send(Bytes::copy_from_slice(bytes));
        self.is_closed = sent.is_err();
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reader of the tar stream in a file of one or more gzip members.
struct ArchiveReader<R: BufRead> {
    member: Option<GzDecoder<R>>,
    /// Footer, once read. No data may follow it.
    footer: Option<ArchiveFooter>,
}

impl<R: BufRead> ArchiveReader<R> {
    /// Opens an archive.
    ///
    /// # Errors
    /// A file that does not start with the gzip magic number.
    fn new(mut file: R) -> Result<Self> {
        let start = file.fill_buf().context("failed to read")?;
        if !start.starts_with(&[0x1f, 0x8b]) {
            bail!("the archive is not a gzip file");
        }
        let member = Some(GzDecoder::new(file));
        Ok(Self {
            member,
            footer: None,
        })
    }
}

impl<R: BufRead> Read for ArchiveReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(mut member) = self.member.take() {
            let read = member.read(buffer);
            if !matches!(read, Ok(0)) || buffer.is_empty() {
                self.member = Some(member);
                return read;
            }
            let comment = member.header().and_then(|header| header.comment());
            self.footer = comment.and_then(ArchiveFooter::parse);
            self.member = remaining(member.into_inner())?.map(GzDecoder::new);
            if self.footer.is_some() && self.member.is_some() {
                let message = "data follows the footer";
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(0)
    }
}

/// Returns the reader if it is not at its end.
fn remaining<R: BufRead>(mut rest: R) -> io::Result<Option<R>> {
    let ended = rest.fill_buf()?.is_empty();
    Ok((!ended).then_some(rest))
}

#[cfg(test)]
#[path = "archive_file_tests.rs"]
mod tests;
