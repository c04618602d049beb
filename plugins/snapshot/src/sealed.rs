//! The file of a session's files: a tar stream as gzip, which every tar reads, and behind it an empty piece of gzip whose
//! comment says of what the file is and what it must amount to. It is written last: a file without it was never verified.

use std::io::{self, BufRead, Read, Write};

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes};
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use session_shared::objects::resource::text;
use tokio::sync::mpsc;

use crate::tarball::{Contents, Hashed, digits, transcode};

/// About as small as by default, in half the time.
const LEVEL: u32 = 3;
/// Bytes that are sent at a time.
const CHUNK: usize = 64 * 1024;
/// What a seal calls itself.
const KIND: &str = "SessionFiles";

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) session: String,
    pub(crate) namespace: String,
    /// The directory that its names are relative to.
    pub(crate) directory: String,
    /// When, in RFC 3339.
    pub(crate) made: String,
    pub(crate) length: u64,
    pub(crate) sha256: String,
}

impl Seal {
    /// The piece of gzip that ends the file.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let object = json!({
            "apiVersion": "streaming.platform/v1", "kind": KIND,
            "session": self.session, "namespace": self.namespace, "directory": self.directory,
            "made": self.made, "bytes": self.length, "sha256": self.sha256,
        });
        let piece = GzBuilder::new().comment(object.to_string());
        piece.write(Vec::new(), Compression::none()).finish()
    }

    /// Reads a comment; `None` for anybody else's.
    fn parse(comment: &[u8]) -> Option<Self> {
        let object: Value = serde_json::from_slice(comment).ok()?;
        let said = |pointer: &str| text(&object, pointer).to_owned();
        (said("/kind") == KIND).then(|| Self {
            session: said("/session"),
            namespace: said("/namespace"),
            directory: said("/directory"),
            made: said("/made"),
            length: object["bytes"].as_u64().unwrap_or_default(),
            sha256: said("/sha256"),
        })
    }
}

/// Writes the tar stream that comes from `pieces` to `file`, and says what it was.
///
/// # Errors
/// What cannot be written; a stream that is cut off, or could not be restored.
pub(crate) fn record<W: Write>(pieces: mpsc::Receiver<Bytes>, file: W) -> Result<(Contents, W)> {
    let mut recording = Recording {
        pieces,
        piece: Bytes::new(),
        gzip: GzEncoder::new(file, Compression::new(LEVEL)),
        failed: None,
    };
    // Only what could be restored is kept.
    let examined = transcode(&mut recording, &mut io::sink());
    if let Some(error) = recording.failed {
        return Err(error.into());
    }
    Ok((examined?, recording.gzip.finish()?))
}

/// A stream that is written down as it is read.
struct Recording<W: Write> {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
    gzip: GzEncoder<W>,
    /// Why it could not be written down.
    failed: Option<io::Error>,
}

impl<W: Write> Read for Recording<W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(buffer.len());
        let (read, _) = buffer.split_at_mut(count);
        self.piece.copy_to_slice(read);
        if let Err(error) = self.gzip.write_all(read) {
            let kind = error.kind();
            self.failed = Some(error);
            return Err(kind.into());
        }
        Ok(count)
    }
}

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) contents: Contents,
    /// `None` for a file that something else has made.
    pub(crate) seal: Option<Seal>,
    /// Bytes that are sent of it.
    pub(crate) sent: u64,
}

/// Reads a file to its end.
///
/// # Errors
/// One that is no gzip file, is cut off or damaged, is not what its seal says, or leads out of its directory.
pub(crate) fn check(file: impl BufRead) -> Result<Checked> {
    let mut stream = Stream::new(file)?;
    let mut sent = Counted(0);
    let contents = transcode(&mut stream, &mut sent)?;
    let seal = stream.seal;
    if let Some(seal) = &seal
        && (seal.length, &seal.sha256) != (contents.length, &contents.sha256)
    {
        bail!(
            "the archive is damaged: its checksum is {} instead of {}",
            contents.sha256,
            seal.sha256
        );
    }
    Ok(Checked {
        contents,
        seal,
        sent: sent.0,
    })
}

/// Bytes that are counted, and go nowhere.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends the entries of a file in plain form, checked once more on their way, and says the SHA-256 of what was sent; `None` if
/// nobody takes it any more.
///
/// # Errors
/// A file that is not any more what it was when it was checked.
pub(crate) fn send(
    file: impl BufRead,
    checked: &Contents,
    to: &mpsc::Sender<Bytes>,
) -> Result<Option<String>> {
    let mut passing = Passing {
        to,
        is_closed: false,
    };
    let mut out = io::BufWriter::with_capacity(CHUNK, Hashed::new(&mut passing));
    let contents = transcode(Stream::new(file)?, &mut out);
    let (hashed, _) = out.into_parts();
    let sum = digits(hashed.hash);
    if passing.is_closed {
        return Ok(None);
    }
    if contents? != *checked {
        bail!("the file has changed since it was checked");
    }
    Ok(Some(sum))
}

/// The way to a container.
struct Passing<'a> {
    to: &'a mpsc::Sender<Bytes>,
    is_closed: bool,
}

impl Write for Passing<'_> {
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

/// The tar stream in a file of one or more pieces of gzip.
pub(crate) struct Stream<R: BufRead> {
    piece: Option<GzDecoder<R>>,
    /// Nothing comes after it.
    seal: Option<Seal>,
}

impl<R: BufRead> Stream<R> {
    /// # Errors
    /// A file that does not begin as gzip does.
    pub(crate) fn new(mut file: R) -> Result<Self> {
        let start = file.fill_buf().context("failed to read")?;
        if !start.starts_with(&[0x1f, 0x8b]) {
            bail!("the archive is no gzip file");
        }
        let piece = Some(GzDecoder::new(file));
        Ok(Self { piece, seal: None })
    }
}

impl<R: BufRead> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(mut piece) = self.piece.take() {
            let read = piece.read(buffer);
            if !matches!(read, Ok(0)) || buffer.is_empty() {
                self.piece = Some(piece);
                return read;
            }
            let comment = piece.header().and_then(|header| header.comment());
            self.seal = comment.and_then(Seal::parse);
            self.piece = more(piece.into_inner())?.map(GzDecoder::new);
            if self.seal.is_some() && self.piece.is_some() {
                let message = "there is more behind its seal";
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(0)
    }
}

/// The rest of a file, if there is more of it.
fn more<R: BufRead>(mut rest: R) -> io::Result<Option<R>> {
    let ended = rest.fill_buf()?.is_empty();
    Ok((!ended).then_some(rest))
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
