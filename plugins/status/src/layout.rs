//! Layout of a screen: fields and text, wrapped with a hanging indent, and commands, never broken. All text from the cluster is cleaned here, so that no name or
//! message can break a line or move the cursor.

use std::ops::Range;

use session_shared::report::console::{Console, Emphasis};
use session_shared::report::escape;

/// Column at which the values of fields begin.
const VALUE_COLUMN: usize = 13;
/// Minimum width for wrapping; a narrower screen is laid out as if it had this width.
const MIN_WIDTH: usize = 20;

/// One line, with the part that is coloured on a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    styled_range: Option<(Range<usize>, Emphasis)>,
}

impl Line {
    /// Returns the line with its colour, if the console has colours.
    pub(crate) fn to_styled_text(&self, console: &Console) -> String {
        let Some((range, tone)) = &self.styled_range else {
            return self.text.clone();
        };
        let part = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        let marked = console.emphasized(*tone, part(range.clone()));
        format!(
            "{}{marked}{}",
            part(0..range.start),
            part(range.end..self.text.len())
        )
    }
}

/// Lines of a screen during layout.
#[derive(Debug)]
pub(crate) struct Page {
    width: usize,
    lines: Vec<Line>,
}

impl Page {
    /// Returns an empty page of that width in columns; `None` does not wrap.
    pub(crate) fn new(width: Option<usize>) -> Self {
        Self {
            width: width.unwrap_or(usize::MAX).max(MIN_WIDTH),
            lines: Vec::new(),
        }
    }

    /// Returns the finished lines.
    pub(crate) fn into_lines(self) -> Vec<Line> {
        self.lines
    }

    /// Adds an empty line and the heading of a section.
    pub(crate) fn add_section(&mut self, heading: &str) {
        self.lines.push(Line::default());
        let text = format!("{heading}:");
        let mark = Some((0..text.len(), Emphasis::Heading));
        self.lines.push(Line {
            text,
            styled_range: mark,
        });
    }

    /// Adds `Key:` and a value, wrapped at the column of the value.
    pub(crate) fn add_field(&mut self, key: &str, value: &str) {
        self.add_labelled_text(0, VALUE_COLUMN, &format!("{key}:"), value);
    }

    /// Adds a field as [`Page::add_field`] does, with the first word of the value coloured.
    pub(crate) fn add_marked_field(&mut self, key: &str, word: &str, tone: Emphasis, rest: &str) {
        let at = self.lines.len();
        self.add_field(key, &format!("{word}{rest}"));
        self.mark_word(at, VALUE_COLUMN, word, tone);
    }

    /// Adds text that begins at column `indent` and continues at column `hang`.
    pub(crate) fn add_text(&mut self, indent: usize, hang: usize, text: &str) {
        let words = escape::escape_line(text).into_owned();
        self.add_wrapped(" ".repeat(indent), hang, &words);
    }

    /// Adds text as [`Page::add_text`] does, with its first word coloured.
    pub(crate) fn add_marked_text(
        &mut self,
        indent: usize,
        hang: usize,
        word: &str,
        tone: Emphasis,
        rest: &str,
    ) {
        let at = self.lines.len();
        self.add_text(indent, hang, &format!("{word}{rest}"));
        self.mark_word(at, indent, word, tone);
    }

    /// Adds a command on a line of its own, never wrapped: it is copied.
    pub(crate) fn add_command(&mut self, indent: usize, command: &str) {
        let command = escape::escape_line(command);
        self.push_line(format!("{}{command}", " ".repeat(indent)));
    }

    /// Adds a label at `indent` and a command at `column`, never wrapped: below the label where both do not fit.
    pub(crate) fn add_labelled_command(
        &mut self,
        indent: usize,
        column: usize,
        label: &str,
        command: &str,
    ) {
        let label = escape::escape_line(label);
        let begun = format!("{}{label}", " ".repeat(indent));
        let width = begun.chars().count();
        if width >= column || column.saturating_add(command.chars().count()) > self.width {
            self.add_wrapped(" ".repeat(indent), indent, &label);
            self.add_command(indent + 2, command);
        } else {
            let gap = " ".repeat(column - width);
            self.push_line(format!("{begun}{gap}{}", escape::escape_line(command)));
        }
    }

    /// Adds a label at `indent`, and text at `column`. A label that does not fit before `column` gets its own line.
    pub(crate) fn add_labelled_text(
        &mut self,
        indent: usize,
        column: usize,
        label: &str,
        text: &str,
    ) {
        let label = escape::escape_line(label);
        let mut begun = format!("{}{label}", " ".repeat(indent));
        let width = begun.chars().count();
        if width < column {
            begun.push_str(&" ".repeat(column - width));
        } else {
            self.add_wrapped(" ".repeat(indent), indent, &label);
            begun = " ".repeat(column);
        }
        self.add_wrapped(begun, column, &escape::escape_line(text));
    }

    fn mark_word(&mut self, at: usize, from: usize, word: &str, tone: Emphasis) {
        let word = escape::escape_line(word);
        if let Some(line) = self.lines.get_mut(at)
            && line.text.get(from..from + word.len()) == Some(&*word)
        {
            line.styled_range = Some((from..from + word.len(), tone));
        }
    }

    /// Adds words after `begun`, which is an indent or a label.
    fn add_wrapped(&mut self, begun: String, hang: usize, text: &str) {
        let (mut line, mut empty) = (begun, true);
        for word in text.split_whitespace() {
            let mut word = word;
            loop {
                let used = line.chars().count() + usize::from(!empty);
                let room = self.width.saturating_sub(used);
                let length = word.chars().count();
                if length <= room {
                    line.push_str(if empty { "" } else { " " });
                    line.push_str(word);
                    empty = false;
                    break;
                }
                // A word longer than any line is cut at the end of the line.
                if empty || length > self.width.saturating_sub(hang) {
                    let cut = word
                        .char_indices()
                        .nth(room.max(1))
                        .map_or(word.len(), |(at, _)| at);
                    let (head, rest) = if room == 0 && !empty {
                        ("", word)
                    } else {
                        word.split_at(cut)
                    };
                    line.push_str(if empty || head.is_empty() { "" } else { " " });
                    line.push_str(head);
                    word = rest;
                }
                self.push_line(std::mem::replace(&mut line, " ".repeat(hang)));
                empty = true;
                if word.is_empty() {
                    return;
                }
            }
        }
        self.push_line(line);
    }

    fn push_line(&mut self, line: String) {
        let text = line.trim_end().to_owned();
        self.lines.push(Line {
            text,
            styled_range: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: usize, lay: impl FnOnce(&mut Page)) -> Vec<String> {
        let mut page = Page::new(Some(width));
        lay(&mut page);
        page.into_lines()
            .into_iter()
            .map(|line| line.text)
            .collect()
    }

    #[test]
    fn values_are_wrapped_under_their_beginning() {
        let lines = shown(24, |page| page.add_field("Key", "one two three four"));
        assert_eq!(lines, ["Key:         one two", "             three four"]);
    }

    #[test]
    fn a_word_longer_than_a_line_is_cut_and_nothing_is_lost() {
        for width in [20, 21, 37, 80] {
            let long = "x".repeat(150);
            let lines = shown(width, |page| page.add_text(2, 4, &format!("a {long} b")));
            assert!(
                lines.iter().all(|line| line.chars().count() <= width),
                "{width}: {lines:#?}"
            );
            let all: String = lines.concat().replace(' ', "");
            assert_eq!(all, format!("a{long}b"), "{width}");
        }
    }

    #[test]
    fn a_command_is_never_broken_and_text_without_a_width_neither() {
        let command = "kubectl session connect alice -n default --open";
        let lines = shown(40, |page| {
            page.add_command(4, command);
            page.add_labelled_command(2, 10, "web", command);
        });
        let own = format!("    {command}");
        assert_eq!(lines, [own.as_str(), "  web", own.as_str()]);
        let wide = shown(80, |page| page.add_labelled_command(2, 10, "web", command));
        assert_eq!(wide, [format!("  web     {command}")]);
        let mut page = Page::new(None);
        page.add_text(2, 4, &"word ".repeat(100));
        assert_eq!(page.into_lines().len(), 1);
    }

    #[test]
    fn a_label_that_does_not_fit_has_its_own_line() {
        let lines = shown(40, |page| {
            page.add_labelled_text(2, 6, "long label", "text")
        });
        assert_eq!(lines, ["  long label", "      text"]);
    }

    #[test]
    fn hostile_text_stays_on_its_line_and_is_shown() {
        let lines = shown(40, |page| page.add_field("Key", "a\x1b[2Jb\r\nc"));
        assert_eq!(lines, ["Key:         a^[[2Jb c"]);
    }

    #[test]
    fn a_mark_is_of_the_word_alone() {
        let mut page = Page::new(Some(80));
        page.add_marked_field("Phase", "failed", Emphasis::Bad, " for 2h");
        let (console, _) = Console::for_test("", false);
        assert_eq!(page.lines[0].styled_range, Some((13..19, Emphasis::Bad)));
        assert_eq!(
            page.lines[0].to_styled_text(&console),
            "Phase:       failed for 2h"
        );
    }
}
