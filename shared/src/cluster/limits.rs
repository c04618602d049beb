//! How much is read of what others send: servers, proxies, credential plugins, files that the configuration names.
//!
//! Everything that is kept whole has a [`Limit`] here; everything else (logs, the streams of commands and ports, archives) is
//! passed on piece by piece, and the reader's pace is the sender's. Compressed answers are measured as they are read, so a
//! small one that grows ends at the same limit.
//!
//! Headers have limits of their own where they are read: 400 KiB an answer, and 100 headers with HTTP/1.1 (hyper), 8 KiB for
//! a proxy's answer to CONNECT (hyper-util), 16 MiB for a message of a WebSocket that carries ports, 64 MiB for one that
//! carries a command (tungstenite).

use std::io::{self, Read};
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::answer::unreadable;
use crate::failure::{Failure, Kind};

const MIB: usize = 1 << 20;

/// The most that is read of one kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// What kind of thing, as an error names it.
    what: &'static str,
    /// Bytes of its text.
    pub(super) bytes: usize,
    /// Bytes of memory that the values in it may take: a text of brackets alone would take eighty times its length.
    memory: u64,
}

const fn limit(what: &'static str, bytes: usize, memory: usize) -> Limit {
    Limit {
        what,
        bytes,
        memory: memory as u64,
    }
}

/// One object, and every answer that has no limit of its own. No API server stores more than some 3 MiB.
pub(super) const OBJECT: Limit = limit("an object", 16 * MIB, 128 * MIB);
/// A page of a list or Table: 500 sessions with the longest manifests are 100 MiB.
pub(super) const PAGE: Limit = limit("a page of a list", 128 * MIB, 512 * MIB);
/// A list that comes all at once.
pub(super) const LIST: Limit = limit("a list in one piece", 512 * MIB, 2048 * MIB);
/// The types of an API group.
pub(super) const DISCOVERY: Limit = limit("the list of an API's types", 16 * MIB, 128 * MIB);
/// One event of a watch.
pub(super) const EVENT: Limit = limit("an event of a watch", 16 * MIB, 128 * MIB);
/// What an answer says that is no success; longer ones are cut.
pub(super) const REFUSAL: Limit = limit("a refusal", MIB, 64 * MIB);
/// The last lines of a log, as evidence.
pub(super) const LOG_TAIL: Limit = limit("the end of a log", 64 << 10, 0);
/// How a command in a container ended.
pub(super) const EXEC_STATUS: Limit = limit("the status of a command", MIB, 64 * MIB);
/// What a credential plugin writes to its standard output.
pub(super) const PLUGIN: Limit = limit("the output of a credential plugin", MIB, 64 * MIB);
/// A kubeconfig or kuberc.
pub(super) const KUBECONFIG: Limit = limit("a kubeconfig", 16 * MIB, 0);
/// Certificates or a key.
pub(super) const PEM: Limit = limit("a file of certificates", 4 * MIB, 0);
/// A bearer token.
pub(super) const TOKEN: Limit = limit("a token", MIB, 0);

/// The memory that the objects of one list or watch may take, all pages together.
pub(super) const COLLECTION_MEMORY: u64 = 2 << 30;
/// Pages in a row without an object: no server has a reason for more.
pub(super) const EMPTY_PAGES: u32 = 100;

impl Limit {
    /// The error for something that is larger; `about` is the request, ` (get pods x)`, or empty.
    pub(super) fn exceeded(&self, about: &str) -> anyhow::Error {
        let message = format!(
            "cannot read the server's answer{about}: {} is larger than {}",
            self.what,
            self.size()
        );
        Failure::local(Kind::Server, message).into()
    }

    /// `16 MiB`.
    pub(super) fn size(&self) -> String {
        size(self.bytes as u64)
    }

    /// The JSON value in `text`, and the memory it takes.
    ///
    /// # Errors
    /// No JSON, or JSON that takes more memory than this kind of thing may.
    pub(super) fn json(&self, text: &[u8], about: &str) -> Result<(Value, u64)> {
        let memory = memory_of(text);
        if memory > self.memory {
            let message = format!(
                "cannot read the server's answer{about}: the values of {} take more than {} of memory",
                self.what,
                size(self.memory)
            );
            return Err(Failure::local(Kind::Server, message).into());
        }
        let value = serde_json::from_slice(text).map_err(|error| unreadable(&error))?;
        Ok((value, memory))
    }

    /// A whole file.
    ///
    /// # Errors
    /// Those of the system; of kind FileTooLarge where it is larger.
    pub(super) fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let most = self.bytes as u64;
        std::fs::File::open(path)?
            .take(most + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() > self.bytes {
            let message = format!("{} is larger than {}", self.what, self.size());
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(bytes)
    }

    /// A whole file of text.
    ///
    /// # Errors
    /// As [`Limit::read_file`]; of kind InvalidData where it is not UTF-8.
    pub(super) fn read_text(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read_file(path)?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "invalid UTF-8"))
    }
}

/// The error for a list or watch whose objects take too much memory; `verb` is list or watch.
pub(super) fn collection_exceeded(verb: &str, plural: &str) -> anyhow::Error {
    let message = format!(
        "cannot {verb} {plural}: the objects take more than {} of memory",
        size(COLLECTION_MEMORY)
    );
    Failure::local(Kind::Server, message).into()
}

/// `16 MiB`.
fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 30 => format!("{} GiB", bytes >> 30),
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes => format!("{} KiB", bytes >> 10),
    }
}

/// Memory that the values of a JSON text take once they are read, in bytes, from what opens and separates them: an estimate
/// that is never far too low. An object with a single field allocates room for four.
pub(super) fn memory_of(text: &[u8]) -> u64 {
    const OBJECT: u64 = 512;
    const ARRAY: u64 = 320;
    const NEXT: u64 = 160;
    let mut memory = text.len() as u64;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        memory += match byte {
            b'{' => OBJECT,
            b'[' => ARRAY,
            b',' => NEXT,
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
                0
            }
            _ => 0,
        };
    }
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_weigh_more_than_text() {
        assert_eq!(memory_of(br#""a,[{\"{""#), 9);
        assert_eq!(memory_of(br#"{"a,":[0,1]}"#), 12 + 512 + 320 + 160);
        assert!(memory_of(&b"[0,".repeat(1000)) > 400_000);
    }

    #[test]
    fn what_takes_too_much_memory_is_not_read() {
        let hostile = format!("[{}0]", "{\"\":0},".repeat(300_000));
        let error = OBJECT
            .json(hostile.as_bytes(), " (get pods x)")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read the server's answer (get pods x): the values of an object take more than 128 MiB of memory"
        );
        assert!(PAGE.json(hostile.as_bytes(), "").is_ok());
    }

    #[test]
    fn files_are_read_up_to_their_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "x".repeat(MIB)).unwrap();
        assert_eq!(TOKEN.read_text(&path).unwrap().len(), MIB);
        let endless = TOKEN.read_file(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(endless.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(endless.to_string(), "a token is larger than 1 MiB");
        std::fs::write(&path, b"\xff").unwrap();
        assert!(TOKEN.read_text(&path).is_err());
    }
}
