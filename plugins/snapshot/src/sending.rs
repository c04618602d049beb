//! The tar stream of a file on its way into a container, without what stands in it of the directory it is unpacked in.

use std::io::{self, BufRead, Read};
use std::ops::Range;

use anyhow::{Result, bail};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Sender;

use crate::sealed::Stream;
use crate::tarball::{Contents, digits};

/// Bytes that are read at a time.
const CHUNK: usize = 64 * 1024;

/// So much of a file is sent.
pub(crate) fn length(contents: &Contents) -> u64 {
    let left_out: u64 = contents.itself.iter().map(|at| at.end - at.start).sum();
    contents.length.saturating_sub(left_out)
}

/// Sends it, and says its SHA-256; `None` if nobody takes it any more.
///
/// # Errors
/// A file that is not any more what it was when it was checked.
pub(crate) fn send(
    file: impl BufRead,
    contents: &Contents,
    to: &Sender<Bytes>,
) -> Result<Option<String>> {
    let mut stream = Stream::new(file)?;
    let (mut whole, mut sent, mut at) = (Sha256::new(), Sha256::new(), 0);
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let read = buffer.get(..count).unwrap_or_default();
        whole.update(read);
        for part in outside(&contents.itself, at, read) {
            sent.update(part);
            if to.blocking_send(Bytes::copy_from_slice(part)).is_err() {
                return Ok(None);
            }
        }
        at += count as u64;
    }
    if digits(whole) != contents.sha256 {
        bail!("it has changed since it was checked");
    }
    Ok(Some(digits(sent)))
}

/// The parts of `bytes`, which begin at `at`, that are in none of `ranges`; these are in order.
fn outside<'a>(ranges: &[Range<u64>], at: u64, bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let place = |position: u64| {
        let inside = position.saturating_sub(at);
        usize::try_from(inside).map_or(bytes.len(), |inside| inside.min(bytes.len()))
    };
    let (mut parts, mut from) = (Vec::new(), 0);
    for range in ranges {
        let (start, end) = (place(range.start), place(range.end));
        parts.push(bytes.get(from..start).unwrap_or_default());
        from = from.max(end);
    }
    parts.push(bytes.get(from..).unwrap_or_default());
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_may_lie_anywhere_in_what_is_read() {
        let bytes = b"0123456789";
        for (at, left) in [
            (0, vec!["01", "56", "89"]),
            (3, vec!["23", "56789"]),
            (5, vec!["01", "3456789"]),
            (100, vec!["0123456789"]),
        ] {
            let found = outside(&[2..5, 7..8], at, bytes);
            let left: Vec<&[u8]> = left.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(found, left, "{at}");
        }
    }
}
