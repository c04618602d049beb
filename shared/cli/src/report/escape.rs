//! Escapes for text from the cluster, so that it can neither control a terminal nor break a line.

use std::borrow::Cow;

use session_model::unicode::{is_emoji_variation_selector, is_invisible};

/// Escapes control characters as kubectl does: ESC as `^[`, a carriage return as `\r`. Those that kubectl lets through,
/// except tab and newline, are shown as `^A` to `^_` and `^?`. Invisible characters and those that change the reading
/// order are shown in Go's notation, `\u202e`, which in JSON is the same text.
pub fn escape_text(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    let mut before = None;
    for c in text.chars() {
        match c {
            c if is_emoji_variation_selector(before, c) => clean.push(c),
            c if is_invisible(c) => match u32::from(c) {
                code @ ..=0xffff => clean.push_str(&format!("\\u{code:04x}")),
                code => clean.push_str(&format!("\\U{code:08x}")),
            },
            '\r' => clean.push_str("\\r"),
            '\x7f' => clean.push_str("^?"),
            // C1 controls: some terminals take U+009B for ESC [.
            '\u{80}'..='\u{9f}' => clean.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if is_unsafe(c) => {
                clean.push('^');
                clean.push(char::from_u32(u32::from(c) + 64).unwrap_or('?'));
            }
            c => clean.push(c),
        }
        before = Some(c);
    }
    Cow::Owned(clean)
}

/// Escapes a cell of a table and cuts it at the first newline, carriage return or form feed, with `...` in place of the
/// rest. A vertical tab is kept: kubectl's table writer takes it for a tab stop.
pub fn escape_cell(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let (head, end) = match text.find(['\n', '\r', '\x0c']) {
        None => (text, ""),
        Some(at) => (&text[..at], "..."),
    };
    let parts: Vec<_> = head.split('\x0b').map(escape_text).collect();
    Cow::Owned(parts.join("\x0b") + end)
}

/// Escapes text and joins its lines with blanks.
pub fn escape_line(text: &str) -> Cow<'_, str> {
    if text.contains('\n') {
        let joined = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        Cow::Owned(escape_text(&joined).into_owned())
    } else {
        escape_text(text)
    }
}

/// True for printable ASCII: the common case, tested first because it is fast.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn is_unsafe(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n')) || is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_cannot_reach_the_terminal() {
        assert_eq!(escape_text("a\x1b[31mb"), "a^[[31mb");
        assert_eq!(escape_text("a\x0bb\x0cc"), "a^Kb^Lc");
        assert_eq!(escape_text("a\rb\x07\x7f\u{9b}"), "a\\rb^G^?\\x9b");
        assert_eq!(escape_text("plain ünïcode\t\n"), "plain ünïcode\t\n");
    }

    #[test]
    fn what_is_not_seen_is_shown() {
        assert_eq!(
            escape_text("al\u{200b}ice\u{202e}nimda"),
            "al\\u200bice\\u202enimda"
        );
        assert_eq!(
            escape_text("a\u{e0041}\u{e0100}"),
            "a\\U000e0041\\U000e0100"
        );
        assert_eq!(escape_text("soft\u{ad}ly\u{2028}"), "soft\\u00adly\\u2028");
        assert_eq!(escape_text("❤\u{fe0f} a\u{fe0f}"), "❤\u{fe0f} a\\ufe0f");
        assert_eq!(escape_text("❤\u{fe0f}\u{fe0f}"), "❤\u{fe0f}\\ufe0f");
    }

    #[test]
    fn a_cell_is_cut_at_its_first_line_end() {
        assert_eq!(escape_cell("one\ntwo"), "one...");
        assert_eq!(escape_cell("one\rtwo"), "one...");
        assert_eq!(escape_cell("one\x0ctwo"), "one...");
        assert_eq!(escape_cell("\x1bone\ntwo"), "^[one...");
        assert_eq!(escape_cell("one\x0btwo\x1b"), "one\x0btwo^[");
        assert_eq!(escape_cell("one"), "one");
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(escape_line("one\n  two\n"), "one two");
    }
}
