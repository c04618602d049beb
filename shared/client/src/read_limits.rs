//! Limits on data from outside: servers, proxies, credential plugins, and files that the configuration names.
//!
//! Everything that is kept in memory as a whole has a [`ReadLimit`] here. Everything else (logs, streams of commands and
//! ports, archives) is passed on piece by piece at the reader's pace. Compressed responses are measured after
//! decompression, so a decompression bomb ends at the same limit.
//!
//! Further limits apply where data is read: 400 KiB of headers per response, and 100 headers with HTTP/1.1 (hyper), 8 KiB for a proxy's
//! answer to CONNECT (hyper-util), 16 MiB for a WebSocket message of a port-forward and 64 MiB for one of a command
//! (tungstenite).

use std::io::{self, Read};
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use session_model::failure::{Failure, FailureKind};

const MIB: usize = 1 << 20;

/// The limit for one kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadLimit {
    /// The kind of data, as errors name it.
    what: &'static str,
    /// Most bytes of text.
    pub(super) bytes: usize,
    /// Most bytes of memory for the parsed values: text consisting of brackets takes eighty times its length. 0 for data
    /// that is not parsed.
    memory: u64,
}

const fn limit(what: &'static str, bytes: usize, memory: usize) -> ReadLimit {
    ReadLimit {
        what,
        bytes,
        memory: memory as u64,
    }
}

/// One object, and every response without a limit of its own. API servers store no more than about 3 MiB.
pub(super) const OBJECT_LIMIT: ReadLimit = limit("an object", 16 * MIB, 128 * MIB);
/// A page of a list or Table: 500 sessions with the longest manifests are 100 MiB.
pub(super) const PAGE_LIMIT: ReadLimit = limit("a page of a list", 128 * MIB, 512 * MIB);
/// A list without pages.
pub(super) const LIST_LIMIT: ReadLimit = limit("an unpaged list", 512 * MIB, 2048 * MIB);
/// The resource types of an API version.
pub(super) const DISCOVERY_LIMIT: ReadLimit =
    limit("the list of resource types", 16 * MIB, 128 * MIB);
/// One event of a watch.
pub(super) const WATCH_EVENT_LIMIT: ReadLimit = limit("a watch event", 16 * MIB, 128 * MIB);
/// An error response; longer ones are truncated.
pub(super) const ERROR_BODY_LIMIT: ReadLimit = limit("an error response", MIB, 64 * MIB);
/// The last lines of a log, as evidence.
pub(super) const LOG_TAIL_LIMIT: ReadLimit = limit("the tail of a log", 64 << 10, 0);
/// The Status at the end of an exec.
pub(super) const EXEC_STATUS_LIMIT: ReadLimit = limit("the status of a command", MIB, 64 * MIB);
/// The standard output of a credential plugin.
pub(super) const PLUGIN_OUTPUT_LIMIT: ReadLimit =
    limit("the output of a credential plugin", MIB, 64 * MIB);
/// A kubeconfig or kuberc.
pub(super) const KUBECONFIG_LIMIT: ReadLimit = limit("a kubeconfig", 16 * MIB, 0);
/// Certificates or a key.
pub(super) const PEM_LIMIT: ReadLimit = limit("a certificate file", 4 * MIB, 0);
/// A bearer token.
pub(super) const TOKEN_LIMIT: ReadLimit = limit("a token", MIB, 0);

/// Most bytes of memory for the objects of one list or watch, over all pages.
pub(super) const COLLECTION_MEMORY_MAX: u64 = 2 << 30;
/// Most consecutive pages without an object; no server has a reason for more.
pub(super) const EMPTY_PAGES_MAX: u32 = 100;

impl ReadLimit {
    /// Returns the error for data beyond the limit. `about` is the request, ` (get pods x)`, or empty.
    pub(super) fn exceeded_error(&self, about: &str) -> anyhow::Error {
        let message = format!(
            "cannot read the server's response{about}: {} is larger than {}",
            self.what,
            self.size()
        );
        Failure::client_side(FailureKind::OtherStatus, message).into()
    }

    /// `16 MiB`.
    pub(super) fn size(&self) -> String {
        format_size(self.bytes as u64)
    }

    /// Parses JSON; returns the value and an estimate of the memory it takes, in bytes.
    ///
    /// # Errors
    /// Invalid JSON, or values that take more memory than the limit allows.
    pub(super) fn parse_json(&self, text: &[u8], about: &str) -> Result<(Value, u64)> {
        let memory = estimate_json_memory(text);
        if memory > self.memory {
            let message = format!(
                "cannot read the server's response{about}: {} takes more than {} of memory",
                self.what,
                format_size(self.memory)
            );
            return Err(Failure::client_side(FailureKind::OtherStatus, message).into());
        }
        let value = serde_json::from_slice(text).map_err(|error| invalid_json_error(&error))?;
        Ok((value, memory))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The operating system's; kind FileTooLarge beyond the limit.
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

    /// Reads a text file.
    ///
    /// # Errors
    /// As [`ReadLimit::read_file`]; kind InvalidData for text that is not UTF-8.
    pub(super) fn read_text(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read_file(path)?)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "invalid UTF-8"))
    }
}

/// Returns the error for a list or watch whose objects take too much memory; `verb` is list or watch.
pub(super) fn collection_exceeded_error(verb: &str, plural: &str) -> anyhow::Error {
    let message = format!(
        "cannot {verb} {plural}: the objects take more than {} of memory",
        format_size(COLLECTION_MEMORY_MAX)
    );
    Failure::client_side(FailureKind::OtherStatus, message).into()
}

/// `16 MiB`.
fn format_size(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 30 => format!("{} GiB", bytes >> 30),
        bytes if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        bytes => format!("{} KiB", bytes >> 10),
    }
}

/// Estimates the memory of a JSON text's values in bytes, from its opening and separating characters. Never far too low:
/// an object with a single field allocates room for four.
pub(super) fn estimate_json_memory(text: &[u8]) -> u64 {
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

/// The error for a successful response that is not JSON, usually a login page of a proxy between client and server.
pub(super) fn invalid_json_error(error: &serde_json::Error) -> anyhow::Error {
    Failure::client_side(
        FailureKind::Unreachable,
        format!("the server returned invalid JSON: {error}"),
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_weigh_more_than_text() {
        assert_eq!(estimate_json_memory(br#""a,[{\"{""#), 9);
        assert_eq!(
            estimate_json_memory(br#"{"a,":[0,1]}"#),
            12 + 512 + 320 + 160
        );
        assert!(estimate_json_memory(&b"[0,".repeat(1000)) > 400_000);
    }

    #[test]
    fn what_takes_too_much_memory_is_not_read() {
        let hostile = format!("[{}0]", "{\"\":0},".repeat(300_000));
        let error = OBJECT_LIMIT
            .parse_json(hostile.as_bytes(), " (get pods x)")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read the server's response (get pods x): an object takes more than 128 MiB of memory"
        );
        assert!(PAGE_LIMIT.parse_json(hostile.as_bytes(), "").is_ok());
    }

    #[test]
    fn files_are_read_up_to_their_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "x".repeat(MIB)).unwrap();
        assert_eq!(TOKEN_LIMIT.read_text(&path).unwrap().len(), MIB);
        let endless = TOKEN_LIMIT.read_file(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(endless.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(endless.to_string(), "a token is larger than 1 MiB");
        std::fs::write(&path, b"\xff").unwrap();
        assert!(TOKEN_LIMIT.read_text(&path).is_err());
    }
}
