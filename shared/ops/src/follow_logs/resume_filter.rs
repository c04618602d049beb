//! Position in a log that is opened several times, so that every byte is returned once.
//!
//! The log is requested with time stamps. After an interruption it is requested again from the second of its last line,
//! and the bytes of that second that were already returned are skipped.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::log_gap::LogGap;

/// Most bytes kept of lines without a time stamp, which the server inserts.
const SERVER_MESSAGE_MAX: usize = 1024;
/// Length of the longest time stamp, `2006-01-02T15:04:05.000000000+07:00`, rounded up.
const TIMESTAMP_MAX: usize = 40;

/// A filter over a log that may be opened several times; returns only bytes that were not returned before.
#[derive(Clone, Debug)]
pub(super) struct ResumeFilter {
    /// If true, time stamps are part of the output.
    with_timestamps: bool,
    /// Bytes that may still be returned; `None` without a limit.
    bytes_left: Option<u64>,
    /// The beginning of a line whose time stamp is incomplete.
    head: Vec<u8>,
    line: LineState,
    /// Text without a time stamp that the server sent between the lines, or instead of them.
    server_message: Vec<u8>,
    /// The last line returned.
    last: Option<LogPosition>,
    /// Everything up to this position was returned before the log was reopened.
    resume_at: Option<LogPosition>,
    /// Lines with the time stamp of `known` since the log was reopened.
    lines_at_resume: u64,
    /// True if `last` is a line of the container's current run, so that the reopened log contains it unless it was rotated away.
    is_last_of_run: bool,
    /// Time stamps around lines that may be missing.
    gap: Option<LogGap>,
    /// End of the gap that was reported although no line has followed it yet.
    reported_until: Option<Timestamp>,
    /// True if the log was reopened since `reported_until`, so that further lines may be missing.
    is_reopened: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineState {
    /// The time stamp is being read.
    Timestamp,
    /// The line is returned after skipping this many bytes.
    Returned(u64),
    /// The line was returned before.
    Skipped,
    /// The line has no time stamp, so it comes from the server and not from the container.
    ServerMessage,
}

/// A position in the log: the `lines`-th line with time stamp `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LogPosition {
    timestamp: Timestamp,
    line_number: u64,
    /// Bytes of the line returned so far, if its end was not reached.
    partial_bytes: Option<u64>,
}

impl ResumeFilter {
    /// Creates a filter for an unread log that returns at most `room` bytes.
    pub(super) fn new(stamped: bool, room: Option<u64>) -> Self {
        Self {
            with_timestamps: stamped,
            bytes_left: room,
            head: Vec::new(),
            line: LineState::Timestamp,
            server_message: Vec::new(),
            last: None,
            resume_at: None,
            lines_at_resume: 0,
            is_last_of_run: false,
            gap: None,
            reported_until: None,
            is_reopened: false,
        }
    }

    /// Prepares for the log of another run of the container, which does not contain the last line.
    pub(super) fn start_run(&mut self) {
        self.is_last_of_run = false;
    }

    /// Takes the gap that was found since the last call.
    pub(super) fn take_gap(&mut self) -> Option<LogGap> {
        self.gap.take()
    }

    /// True if the reopened log has not shown its last line yet, and no gap was reported since that line.
    pub(super) fn misses_last_line(&self) -> bool {
        self.reported_until.is_none() && self.may_find_gap()
    }

    /// True if the reopened log may turn out not to contain its last line.
    pub(super) fn may_find_gap(&self) -> bool {
        self.open_gap(Timestamp::MAX).is_some()
    }

    /// Takes the gap of a reopened log that ends or falls silent at `now` without its last line.
    pub(super) fn take_open_gap(&mut self, now: Timestamp) -> Option<LogGap> {
        let gap = self.open_gap(now)?;
        self.reported_until = Some(now);
        self.is_reopened = false;
        Some(gap)
    }

    /// Takes the gap from the last line, or from `begun` if there is none, to `now`, for a log that cannot be read any more.
    pub(super) fn take_lost_rest(&mut self, begun: Timestamp, now: Timestamp) -> LogGap {
        let last = self.last.map(|last| last.timestamp);
        let after = self.reported_until.or(last).unwrap_or(begun);
        self.reported_until = Some(now);
        self.is_reopened = false;
        LogGap { after, before: now }
    }

    fn open_gap(&self, before: Timestamp) -> Option<LogGap> {
        let known = self.resume_at?;
        let is_lost = self.is_last_of_run && self.lines_at_resume < known.line_number;
        let is_reported = self.reported_until.is_some() && !self.is_reopened;
        let after = self.reported_until.unwrap_or(known.timestamp);
        (is_lost && !is_reported).then_some(LogGap { after, before })
    }

    /// Prepares for reopening the log. Returns the time stamp to request it from; `None` for its beginning.
    pub(super) fn reopen(&mut self) -> Option<Timestamp> {
        self.head.clear();
        self.line = LineState::Timestamp;
        self.resume_at = self.last;
        self.lines_at_resume = 0;
        self.is_reopened = true;
        self.last.map(|last| last.timestamp)
    }

    /// True once the byte limit is reached.
    pub(super) fn is_limit_reached(&self) -> bool {
        self.bytes_left == Some(0)
    }

    /// Returns the part of `bytes` that was not returned before.
    pub(super) fn filter(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        while let Some(first) = bytes.first() {
            if self.line == LineState::Timestamp {
                bytes = &bytes[1..];
                self.head.push(*first);
                let complete =
                    *first == b'\n' || *first == b' ' || self.head.len() >= TIMESTAMP_MAX;
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
    pub(super) fn take_server_message(&mut self) -> Option<String> {
        let mut text = std::mem::take(&mut self.server_message);
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
            self.line = LineState::ServerMessage;
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
        self.line = LineState::Returned(0);
        self.is_last_of_run = true;
        self.reported_until = None;
        self.end_open_line(out);
        let lines = match self.last {
            Some(last) if last.timestamp == at => last.line_number + 1,
            _ => 1,
        };
        self.last = Some(LogPosition {
            timestamp: at,
            line_number: lines,
            partial_bytes: Some(0),
        });
        if self.with_timestamps {
            out.extend_from_slice(head);
        }
    }

    /// Returns the state of a line that was returned before, completely or in part; `None` for a new line.
    fn known_line(&mut self, at: Timestamp) -> Option<LineState> {
        let known = self.resume_at?;
        if at < known.timestamp {
            return Some(LineState::Skipped);
        }
        if at > known.timestamp {
            // The last line is no longer in the log, and nobody knows what else is not.
            self.gap = self.open_gap(at);
            self.resume_at = None;
            return None;
        }
        self.lines_at_resume += 1;
        match (
            self.lines_at_resume.cmp(&known.line_number),
            known.partial_bytes,
        ) {
            (Ordering::Less, _) | (Ordering::Equal, None) => Some(LineState::Skipped),
            (Ordering::Equal, Some(given)) => Some(LineState::Returned(given)),
            (Ordering::Greater, _) => None,
        }
    }

    fn body(&mut self, text: &[u8], ends: bool, out: &mut Vec<u8>) {
        if self.line == LineState::ServerMessage {
            let room = SERVER_MESSAGE_MAX.saturating_sub(self.server_message.len());
            self.server_message.extend(text.iter().take(room));
        }
        if let LineState::Returned(skip) = self.line {
            let skipped = text.len().min(usize::try_from(skip).unwrap_or(usize::MAX));
            let new = &text[skipped..];
            out.extend_from_slice(new);
            self.line = LineState::Returned(skip - skipped as u64);
            if let Some(last) = &mut self.last {
                last.partial_bytes = last.partial_bytes.map(|given| given + new.len() as u64);
            }
        }
        if ends {
            if let (LineState::Returned(_), Some(last)) = (self.line, &mut self.last) {
                last.partial_bytes = None;
            }
            self.line = LineState::Timestamp;
        }
    }

    /// Ends an incomplete line, so that the next one starts on a line of its own.
    fn end_open_line(&mut self, out: &mut Vec<u8>) {
        if let Some(last) = &mut self.last
            && last
                .partial_bytes
                .take()
                .is_some_and(|given| given > 0 || self.with_timestamps)
        {
            out.push(b'\n');
        }
    }

    fn limited(&mut self, mut out: Vec<u8>) -> Vec<u8> {
        if let Some(room) = &mut self.bytes_left {
            out.truncate(usize::try_from(*room).unwrap_or(usize::MAX));
            *room -= out.len() as u64;
        }
        out
    }
}

#[cfg(test)]
#[path = "resume_filter_tests.rs"]
mod tests;
