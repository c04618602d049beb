//! Line breaking for help texts: plain text, lists with a hanging indent, and shell commands.

/// Columns that a tab takes at the beginning of a line.
pub(super) const TAB_COLUMNS: usize = 8;

/// Breaks every line of a text at its blanks, so that no line is longer than `width` columns. A line's own indentation is
/// repeated on the lines it is broken into. A word that is longer than the width stands on a line of its own.
pub(super) fn wrap_text(text: &str, width: usize) -> Vec<String> {
    text.lines()
        .flat_map(|line| {
            let indent = &line[..line.len() - line.trim_start().len()];
            wrap_paragraph(line.trim(), indent, indent, width)
        })
        .collect()
}

/// One paragraph as lines of at most `width` columns: the first begins with `first`, the others with `rest`.
pub(super) fn wrap_paragraph(
    paragraph: &str,
    first: &str,
    rest: &str,
    width: usize,
) -> Vec<String> {
    let words = paragraph.split_whitespace();
    break_lines(words.map(str::to_owned), first, rest, "", width)
}

/// A command of an example as lines of at most `width` columns. It is broken between its words, never inside quotes, and a
/// line that goes on ends in a backslash, so that it can be pasted into a shell.
pub(super) fn wrap_command(line: &str, width: usize) -> Vec<String> {
    let indent = &line[..line.len() - line.trim_start().len()];
    let rest = format!("{indent}    ");
    break_lines(units(shell_words(line.trim())), indent, &rest, " \\", width)
}

/// Joins each flag with the word behind it, which is its value more often than not: they stay on one line.
fn units(words: Vec<String>) -> Vec<String> {
    let is_flag = |word: &str| word.len() > 1 && word.starts_with('-') && word != "--";
    let mut units: Vec<String> = Vec::new();
    let mut joins = false;
    for word in words {
        let flag = is_flag(&word);
        match units.last_mut() {
            Some(unit) if joins && !flag => {
                unit.push(' ');
                unit.push_str(&word);
            }
            _ => units.push(word.clone()),
        }
        joins = flag && !word.contains('=');
    }
    units
}

/// Puts words into lines; a line that another one follows ends in `mark`.
fn break_lines(
    words: impl IntoIterator<Item = String>,
    first: &str,
    rest: &str,
    mark: &str,
    width: usize,
) -> Vec<String> {
    let mut words = words.into_iter().peekable();
    let mut lines = Vec::new();
    let mut line = String::new();
    while let Some(word) = words.next() {
        let ends = words.peek().is_none();
        let room = if ends {
            width
        } else {
            width.saturating_sub(columns(mark))
        };
        if line.is_empty() {
            line = format!("{}{word}", if lines.is_empty() { first } else { rest });
        } else if columns(&line) + 1 + columns(&word) <= room {
            line = format!("{line} {word}");
        } else {
            lines.push(format!("{line}{mark}"));
            line = format!("{rest}{word}");
        }
    }
    lines.push(line);
    lines
}

/// Words between blanks; blanks inside quotes belong to their word.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match quote {
            None if c == ' ' => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                continue;
            }
            None if ['"', '\''].contains(&c) => quote = Some(c),
            Some(open) if open == c => quote = None,
            _ => {}
        }
        word.push(c);
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// Columns of a line; a tab counts [`TAB_COLUMNS`].
fn columns(line: &str) -> usize {
    line.chars()
        .map(|c| if c == '\t' { TAB_COLUMNS } else { 1 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_blanks_and_keeps_its_indentation() {
        assert_eq!(
            wrap_text("one two three\n\n  four five", 9),
            ["one two", "three", "", "  four", "  five"]
        );
        assert_eq!(wrap_text("indivisible x", 5), ["indivisible", "x"]);
        assert_eq!(
            wrap_paragraph("a bb ccc", "- ", "  ", 6),
            ["- a bb", "  ccc"]
        );
        assert_eq!(wrap_paragraph("", "\t", "\t", 9), [""]);
    }

    #[test]
    fn a_command_goes_on_behind_a_backslash() {
        assert_eq!(
            wrap_command("  tool --name 'a b' --more", 20),
            ["  tool \\", "      --name 'a b' \\", "      --more"]
        );
        assert_eq!(wrap_command("  short", 20), ["  short"]);
        assert_eq!(
            wrap_command("  tool --name 'a b' --more", 26),
            ["  tool --name 'a b' --more"]
        );
    }
}
