//! `Warning:` headers of the API server (RFC 7234), each reported once.

use std::collections::HashSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use http::HeaderMap;

/// The callback for warnings.
type WarningListener = Box<dyn Fn(&str) + Send + Sync>;

/// The warnings received by one process.
#[derive(Default)]
pub(super) struct Warnings {
    seen: Mutex<HashSet<String>>,
    listener: OnceLock<WarningListener>,
}

impl Warnings {
    /// Registers a listener. Only the first one registered counts.
    pub(super) fn set_listener(&self, listener: WarningListener) {
        let _first_stays = self.listener.set(listener);
    }

    /// Reports the new warnings of a response.
    pub(super) fn collect(&self, headers: &HeaderMap) {
        let Some(listener) = self.listener.get() else {
            return;
        };
        for header in headers.get_all(http::header::WARNING) {
            for text in parse_warnings(&String::from_utf8_lossy(header.as_bytes())) {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                let fresh = seen.insert(text.clone());
                drop(seen);
                if fresh {
                    listener(&text);
                }
            }
        }
    }
}

/// Parses `299 - "text" "date", 299 agent "text"`; returns the texts of code 299, the only one kubectl prints.
fn parse_warnings(header: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = header;
    while let Some(start) = rest.find('"') {
        let code = rest[..start]
            .trim_start_matches([',', ' '])
            .split(' ')
            .next()
            .unwrap_or_default();
        let Some((text, after)) = split_quoted(&rest[start + 1..]) else {
            break;
        };
        if code == "299" && !text.trim().is_empty() {
            texts.push(text);
        }
        // A quoted date may follow.
        rest = match after.strip_prefix(" \"").and_then(split_quoted) {
            Some((_date, after)) => after,
            None => after,
        };
    }
    texts
}

/// Returns the text up to the closing quote, without escapes, and the rest.
fn split_quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[index + 1..])),
            '\\' => out.push(chars.next()?.1),
            _ => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_were_meant() {
        assert_eq!(
            parse_warnings(r#"299 - "spec.foo is deprecated""#),
            ["spec.foo is deprecated"]
        );
        assert_eq!(parse_warnings(r#"299 - "a \"b\" \\ c""#), [r#"a "b" \ c"#]);
        assert_eq!(
            parse_warnings(
                r#"299 - "a" "Sat, 25 Aug 2012 23:34:45 GMT", 299 x "b", 110 - "stale""#
            ),
            ["a", "b"]
        );
        assert_eq!(parse_warnings(r#"299 - "open"#), [""; 0]);
    }
}
