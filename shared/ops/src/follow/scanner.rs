//! Position in a log that is opened several times, so that every byte is returned once.
//!
//! The log is requested with time stamps. After an interruption it is requested again from the second of its last line,
//! and the bytes of that second that were already returned are skipped.

use std::cmp::Ordering;

use jiff::Timestamp;

/// Most bytes kept of lines without a time stamp, which the server inserts.
const STRANGE_MAX: usize = 1024;
/// Length of the longest time stamp, `2006-01-02T15:04:05.000000000+07:00`, rounded up.
const STAMP_MAX: usize = 40;

/// A filter over a log that may be opened several times; returns only bytes that were not returned before.
#[derive(Debug)]
pub(super) struct Scanner {
    /// If true, time stamps are part of the output.
    stamped: bool,
    /// Bytes that may still be returned; `None` without a limit.
    room: Option<u64>,
    /// The beginning of a line whose time stamp is incomplete.
    head: Vec<u8>,
    line: Line,
    /// Text without a time stamp that the server sent between the lines, or instead of them.
    strange: Vec<u8>,
    /// The last line returned.
    last: Option<Mark>,
    /// Everything up to this position was returned before the log was reopened.
    known: Option<Mark>,
    /// Lines with the time stamp of `known` since the log was reopened.
    met: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// The time stamp is being read.
    Head,
    /// The line is returned after skipping this many bytes.
    Shown(u64),
    /// The line was returned before.
    Hidden,
    /// The line has no time stamp, so it comes from the server and not from the container.
    Strange,
}

/// A position in the log: the `lines`-th line with time stamp `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    at: Timestamp,
    lines: u64,
    /// Bytes of the line returned so far, if its end was not reached.
    open: Option<u64>,
}

impl Scanner {
    /// Creates a filter for an unread log that returns at most `room` bytes.
    pub(super) fn new(stamped: bool, room: Option<u64>) -> Self {
        Self {
            stamped,
            room,
            head: Vec::new(),
            line: Line::Head,
            strange: Vec::new(),
            last: None,
            known: None,
            met: 0,
        }
    }

    /// Prepares for reopening the log. Returns the time stamp to request it from; `None` for its beginning.
    pub(super) fn reopen(&mut self) -> Option<Timestamp> {
        self.head.clear();
        self.line = Line::Head;
        self.known = self.last;
        self.met = 0;
        self.last.map(|last| last.at)
    }

    /// True once the byte limit is reached.
    pub(super) fn is_full(&self) -> bool {
        self.room == Some(0)
    }

    /// Returns the part of `bytes` that was not returned before.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        while let Some(first) = bytes.first() {
            if self.line == Line::Head {
                bytes = &bytes[1..];
                self.head.push(*first);
                let complete = *first == b'\n' || *first == b' ' || self.head.len() >= STAMP_MAX;
                if complete {
                    self.begin(&mut out);
                }
                continue;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (text, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            self.body(text, end.is_some(), &mut out);
            bytes = rest;
        }
        self.limited(out)
    }

    /// Takes the kubelet's message that it sends in place of a log, such as a file that does not exist (yet). `None` if
    /// lines were read before, since the message then adds nothing.
    pub(super) fn refusal(&mut self) -> Option<String> {
        let mut text = std::mem::take(&mut self.strange);
        text.append(&mut self.head);
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        (self.last.is_none() && !text.is_empty()).then_some(text)
    }

    /// Handles the complete head of a line: a time stamp, or other text from the server.
    fn begin(&mut self, out: &mut Vec<u8>) {
        let head = std::mem::take(&mut self.head);
        let stamp = head
            .strip_suffix(b" ")
            .and_then(|text| std::str::from_utf8(text).ok());
        let Some(at) = stamp.and_then(|text| text.parse::<Timestamp>().ok()) else {
            self.line = Line::Strange;
            self.body(&head, head.ends_with(b"\n"), out);
            return;
        };
        let Some(line) = self.known_line(at) else {
            self.new_line(at, &head, out);
            return;
        };
        self.line = line;
    }

    fn new_line(&mut self, at: Timestamp, head: &[u8], out: &mut Vec<u8>) {
        self.line = Line::Shown(0);
        self.end_open_line(out);
        let lines = match self.last {
            Some(last) if last.at == at => last.lines + 1,
            _ => 1,
        };
        self.last = Some(Mark {
            at,
            lines,
            open: Some(0),
        });
        if self.stamped {
            out.extend_from_slice(head);
        }
    }

    /// Returns the state of a line that was returned before, completely or in part; `None` for a new line.
    fn known_line(&mut self, at: Timestamp) -> Option<Line> {
        let known = self.known?;
        if at < known.at {
            return Some(Line::Hidden);
        }
        if at > known.at {
            self.known = None;
            return None;
        }
        self.met += 1;
        match (self.met.cmp(&known.lines), known.open) {
            (Ordering::Less, _) | (Ordering::Equal, None) => Some(Line::Hidden),
            (Ordering::Equal, Some(given)) => Some(Line::Shown(given)),
            (Ordering::Greater, _) => None,
        }
    }

    fn body(&mut self, text: &[u8], ends: bool, out: &mut Vec<u8>) {
        if self.line == Line::Strange {
            let room = STRANGE_MAX.saturating_sub(self.strange.len());
            self.strange.extend(text.iter().take(room));
        }
        if let Line::Shown(skip) = self.line {
            let skipped = text.len().min(usize::try_from(skip).unwrap_or(usize::MAX));
            let new = &text[skipped..];
            out.extend_from_slice(new);
            self.line = Line::Shown(skip - skipped as u64);
            if let Some(last) = &mut self.last {
                last.open = last.open.map(|given| given + new.len() as u64);
            }
        }
        if ends {
            if let (Line::Shown(_), Some(last)) = (self.line, &mut self.last) {
                last.open = None;
            }
            self.line = Line::Head;
        }
    }

    /// Ends an incomplete line, so that the next one starts on a line of its own.
    fn end_open_line(&mut self, out: &mut Vec<u8>) {
        if let Some(last) = &mut self.last
            && last
                .open
                .take()
                .is_some_and(|given| given > 0 || self.stamped)
        {
            out.push(b'\n');
        }
    }

    fn limited(&mut self, mut out: Vec<u8>) -> Vec<u8> {
        if let Some(room) = &mut self.room {
            out.truncate(usize::try_from(*room).unwrap_or(usize::MAX));
            *room -= out.len() as u64;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "2026-03-01T12:00:00.000000001Z";
    const B: &str = "2026-03-01T14:00:00.000000002+02:00";

    fn log(lines: &[(&str, &str)]) -> Vec<u8> {
        let lines = lines.iter().map(|(at, text)| format!("{at} {text}"));
        lines.collect::<String>().into_bytes()
    }

    #[test]
    fn every_cut_is_mended_to_the_byte() {
        let whole = log(&[
            (A, "one\n"),
            (A, "one\n"),
            (B, "two\n"),
            (B, ""),
            (B, "two\n"),
        ]);
        let whole = [whole, log(&[(B, "\0\u{fffd}\n")])].concat();
        for stamped in [false, true] {
            let expected = Scanner::new(stamped, None).take(&whole);
            for cut in 0..=whole.len() {
                for again in 0..=whole.len() {
                    let mut scanner = Scanner::new(stamped, None);
                    let mut out = scanner.take(&whole[..cut]);
                    scanner.reopen();
                    out.extend(scanner.take(&whole[..again]));
                    scanner.reopen();
                    out.extend(scanner.take(&whole));
                    assert_eq!(out, expected, "cut at {cut}, then at {again}");
                }
            }
        }
    }

    #[test]
    fn times_are_taken_off_and_everything_else_passes() {
        let mut scanner = Scanner::new(false, None);
        let mut out = scanner.take(&log(&[(A, "\u{1b}[1m \0")]));
        out.extend(scanner.take(b"\xff\xfe\n"));
        assert_eq!(out, b"\x1b[1m \0\xff\xfe\n");
    }

    #[test]
    fn what_the_kubelet_says_is_no_log() {
        let mut scanner = Scanner::new(false, None);
        assert!(scanner.take(b"failed to open the file").is_empty());
        assert_eq!(scanner.refusal().unwrap(), "failed to open the file");
        scanner.reopen();
        assert_eq!(scanner.take(&log(&[(A, "one\n")])), b"one\n");
        assert!(scanner.take(b"short").is_empty());
        assert_eq!(scanner.refusal(), None);
    }

    #[test]
    fn only_so_many_bytes_are_given() {
        let mut scanner = Scanner::new(true, Some(40));
        let out = scanner.take(&log(&[(A, "one\n"), (B, "two\n")]));
        assert_eq!(out, format!("{A} one\n2026-").into_bytes());
        assert!(scanner.is_full());
    }

    #[test]
    fn a_line_whose_end_is_lost_is_ended() {
        let mut scanner = Scanner::new(false, None);
        let mut out = scanner.take(&log(&[(A, "half")]));
        scanner.reopen();
        out.extend(scanner.take(&log(&[(B, "next\n")])));
        assert_eq!(out, b"half\nnext\n");
    }
}
