//! Merging of several logs into one stream: whole lines, each with the name of its log before it.
//!
//! A log whose line was begun on the stream holds the others back until the line ends. To make this rare, an unfinished
//! line is buffered up to 64 KiB; a longer one is printed as it comes, which bounds the memory.

/// Bytes of an unfinished line that are buffered if there is more than one log.
const MAX_PENDING_BYTES: usize = 64 * 1024;

/// Merger of logs. Bytes go in by log, bytes to print come out.
#[derive(Debug, Default)]
pub struct LogMerger {
    logs: Vec<MergedLog>,
    /// Index of the log whose unfinished line is on the stream.
    holder: Option<usize>,
    /// True if the last line printed has no newline and its log has ended.
    torn: bool,
}

#[derive(Debug, Default)]
struct MergedLog {
    prefix: String,
    kept: Vec<u8>,
    /// True after the end of the log.
    ended: bool,
}

impl LogMerger {
    /// Adds a log, whose prefix is printed before each of its lines and may be empty. Logs are numbered from 0.
    pub fn add_log(&mut self, prefix: impl Into<String>) {
        self.logs.push(MergedLog {
            prefix: prefix.into(),
            ..MergedLog::default()
        });
    }

    /// Returns the log whose line must end before another log may be printed.
    pub fn open_log(&self) -> Option<usize> {
        self.holder
    }

    /// Takes bytes of a log and returns the bytes to print. While there is a holder, only that log may be given.
    pub fn push(&mut self, log: usize, bytes: &[u8]) -> Vec<u8> {
        if bytes.is_empty() {
            return Vec::new();
        }
        let alone = self.logs.iter().filter(|log| !log.ended).count() == 1;
        let holds = self.holder == Some(log);
        let Some(taken) = self.logs.get_mut(log) else {
            return Vec::new();
        };
        let end = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map(|at| at + 1);
        let mut out = Vec::new();
        if std::mem::take(&mut self.torn) {
            out.push(b'\n');
        }
        let whole = match end {
            Some(end) => {
                let first = std::mem::take(&mut taken.kept);
                let lines: [&[u8]; 2] = [&first, &bytes[..end]];
                taken.print(&lines, holds, &mut out);
                self.holder = None;
                &bytes[end..]
            }
            None => bytes,
        };
        let holds = holds && end.is_none();
        let rest = &mut taken.kept;
        if holds || alone || rest.len() + whole.len() > MAX_PENDING_BYTES {
            let first = std::mem::take(rest);
            if !(first.is_empty() && whole.is_empty()) {
                taken.print(&[&first, whole], holds, &mut out);
                self.holder = Some(log);
            }
        } else {
            rest.extend_from_slice(whole);
        }
        out
    }

    /// Ends a log and returns the rest of its bytes. If its last line has no newline, one is added as soon as another
    /// log prints.
    pub fn end_log(&mut self, log: usize) -> Vec<u8> {
        let holds = self.holder == Some(log);
        let Some(ended) = self.logs.get_mut(log) else {
            return Vec::new();
        };
        ended.ended = true;
        let mut out = Vec::new();
        let rest = std::mem::take(&mut ended.kept);
        if !rest.is_empty() {
            if std::mem::take(&mut self.torn) {
                out.push(b'\n');
            }
            ended.print(&[&rest], holds, &mut out);
        }
        self.torn |= holds || !rest.is_empty();
        if holds {
            self.holder = None;
        }
        out
    }
}

impl MergedLog {
    /// Appends bytes with the prefix before each line that begins in them; with `goes_on` the first one continues a
    /// line.
    fn print(&self, parts: &[&[u8]], mut goes_on: bool, out: &mut Vec<u8>) {
        let prefix = self.prefix.as_bytes();
        for part in parts.iter().filter(|part| !part.is_empty()) {
            if prefix.is_empty() {
                out.extend_from_slice(part);
                continue;
            }
            for line in part.split_inclusive(|byte| *byte == b'\n') {
                if !goes_on {
                    out.extend_from_slice(prefix);
                }
                out.extend_from_slice(line);
                goes_on = !line.ends_with(b"\n");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> LogMerger {
        let mut weave = LogMerger::default();
        weave.add_log("a ");
        weave.add_log("b ");
        weave
    }

    #[test]
    fn lines_are_whole_and_named() {
        let mut weave = two();
        assert_eq!(weave.push(0, b"one\ntw"), b"a one\n");
        assert_eq!(weave.push(1, b"un\nde\nt"), b"b un\nb de\n");
        assert_eq!(weave.push(0, b"o\n"), b"a two\n");
        assert_eq!(
            (weave.open_log(), weave.end_log(1)),
            (None, b"b t".to_vec())
        );
    }

    #[test]
    fn a_long_line_passes_and_holds_the_others_back() {
        let mut weave = two();
        let piece = vec![b'x'; MAX_PENDING_BYTES + 1];
        let begun = weave.push(0, &piece);
        assert_eq!(
            (begun.len(), weave.open_log()),
            (MAX_PENDING_BYTES + 3, Some(0))
        );
        assert_eq!(weave.push(0, &piece), piece);
        assert_eq!(weave.push(0, b"\ny"), b"\n");
        assert_eq!(weave.open_log(), None);
        assert_eq!(weave.end_log(0), b"a y");
    }

    #[test]
    fn one_log_alone_is_not_held_back_and_not_changed() {
        let mut weave = LogMerger::default();
        weave.add_log("");
        assert_eq!(weave.push(0, b"\xff\0 no end"), b"\xff\0 no end");
        assert_eq!(weave.push(0, b" yet\nnext"), b" yet\nnext");
        assert_eq!(weave.end_log(0), b"");
        // Another one that begins while a line is open waits for its end.
        let mut weave = LogMerger::default();
        weave.add_log("a ");
        weave.push(0, b"open");
        weave.add_log("b ");
        assert_eq!(weave.open_log(), Some(0));
        assert_eq!(weave.end_log(0), b"");
        assert_eq!(weave.push(1, b"x\n"), b"\nb x\n");
    }

    #[test]
    fn whatever_way_it_is_cut_the_lines_stay_the_same() {
        let text = b"one\n\ntwo\0\n\xff\nlast\n";
        let named = b"a one\na \na two\0\na \xff\na last\n";
        for size in 1..=text.len() {
            for others in [false, true] {
                let mut weave = LogMerger::default();
                weave.add_log("a ");
                if others {
                    weave.add_log("b ");
                }
                let mut out: Vec<u8> = text.chunks(size).flat_map(|c| weave.push(0, c)).collect();
                out.extend(weave.end_log(0));
                assert_eq!(out, named, "{size}");
            }
        }
    }
}
