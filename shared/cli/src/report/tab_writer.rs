//! Elastic tab stops as in kubectl's table writer (Go's `tabwriter` with its extensions): byte for byte the same, except that a
//! wide character (CJK, emoji) counts as the two columns that it takes in a terminal, and a combining one as none.
//!
//! A tab ends a cell, a newline a line. Cells at the same place of neighbouring lines form a column, as wide as its
//! widest cell and a gap. The last cell of a line belongs to no column and is never padded.

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

/// Minimum width of a column in columns of a terminal, gap included.
const MIN_COLUMN_WIDTH: usize = 6;
/// Blanks between the widest cell of a column and the next column.
const COLUMN_PADDING: usize = 3;
/// Source of padding: slicing it is much faster than adding single blanks.
const BLANKS: &str = "                                        ";
/// Cells of a line that are aligned; further tabs are printed as blanks. No table has as many columns, but a string of
/// an object may have as many tabs, and every column costs a level of recursion.
const MAX_CELLS: usize = 256;

/// Writer that aligns text at tab stops. It remembers the widths of its columns, so that later text is never narrower
/// than the text above it.
#[derive(Clone, Debug, Default)]
pub struct TabWriter {
    text: String,
    lines: Vec<Vec<Cell>>,
    /// Cells of the unfinished line; the open cell begins at the given index of `text`.
    line: Vec<Cell>,
    cell: usize,
    remembered: Vec<usize>,
    ready: String,
}

#[derive(Clone, Debug)]
struct Cell {
    text: Range<usize>,
    width: usize,
}

impl TabWriter {
    /// Adds text; a vertical tab counts as a tab, a form feed as a newline.
    pub fn write(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest
            .bytes()
            .position(|byte| (b'\t'..=b'\x0c').contains(&byte))
        {
            self.text.push_str(&rest[..at]);
            match rest.as_bytes()[at] {
                b'\t' | b'\x0b' => self.end_cell(),
                _ => self.end_line(),
            }
            rest = &rest[at + 1..];
        }
        self.text.push_str(rest);
    }

    /// Returns all complete lines added since the last call, aligned.
    pub fn flush(&mut self) -> String {
        self.lay_out();
        std::mem::take(&mut self.ready)
    }

    fn end_cell(&mut self) {
        if self.line.len() >= MAX_CELLS {
            self.text.push(' ');
        } else {
            self.push_cell();
        }
    }

    fn end_line(&mut self) {
        self.push_cell();
        let line = std::mem::take(&mut self.line);
        let lonely = line.len() == 1;
        self.lines.push(line);
        // kubectl's writer flushes at a line of one cell, which ends every column above it.
        if lonely {
            self.lay_out();
        }
    }

    fn push_cell(&mut self) {
        let text = self.cell..self.text.len();
        let width = self.text[text.clone()].width();
        self.line.push(Cell { text, width });
        self.cell = self.text.len();
    }

    fn lay_out(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        self.ready.reserve(self.text.len() * 2);
        self.layout_block(&lines, &mut Vec::new());
        let open = self.line.first().map_or(self.cell, |cell| cell.text.start);
        self.text.drain(..open);
        for cell in &mut self.line {
            cell.text = cell.text.start - open..cell.text.end - open;
        }
        self.cell -= open;
    }

    /// Aligns lines whose first `widths.len()` columns have their final width.
    fn layout_block(&mut self, lines: &[Vec<Cell>], widths: &mut Vec<usize>) {
        let column = widths.len();
        let has_cell = |line: &&Vec<Cell>| line.len() > column + 1;
        let mut rest = lines;
        while !rest.is_empty() {
            let without = rest.iter().take_while(|line| !has_cell(line)).count();
            let (flat, tail) = rest.split_at(without);
            self.print(flat, widths);
            let with = tail.iter().take_while(has_cell).count();
            let (deep, tail) = tail.split_at(with);
            if !deep.is_empty() {
                let widest = deep
                    .iter()
                    .map(|line| line[column].width + COLUMN_PADDING)
                    .max();
                let width = self.column_width(widths, widest.unwrap_or(0).max(MIN_COLUMN_WIDTH));
                widths.push(width);
                self.layout_block(deep, widths);
                widths.pop();
            }
            rest = tail;
        }
    }

    /// Returns the width of the next column, which needs `width`, to the right of columns of `widths`.
    fn column_width(&mut self, widths: &[usize], width: usize) -> usize {
        let known = self.remembered.len();
        if known < widths.len() {
            self.remembered.extend_from_slice(&widths[known..]);
        }
        match self.remembered.get_mut(widths.len()) {
            Some(earlier) => {
                *earlier = width.max(*earlier);
                *earlier
            }
            None => {
                self.remembered.push(width);
                width
            }
        }
    }

    fn print(&mut self, lines: &[Vec<Cell>], widths: &[usize]) {
        for line in lines {
            for (at, cell) in line.iter().enumerate() {
                self.ready.push_str(&self.text[cell.text.clone()]);
                if let Some(width) = widths.get(at) {
                    let mut blanks = width.saturating_sub(cell.width);
                    while blanks > 0 {
                        let some = blanks.min(BLANKS.len());
                        self.ready.push_str(&BLANKS[..some]);
                        blanks -= some;
                    }
                }
            }
            self.ready.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay_out(text: &str) -> String {
        let mut tabs = TabWriter::default();
        tabs.write(text);
        tabs.flush()
    }

    #[test]
    fn a_column_is_six_wide_or_its_widest_cell_and_three() {
        assert_eq!(lay_out("A\tB\nx\ty\n"), "A     B\nx     y\n");
        assert_eq!(lay_out("NAME\tB\nalice\ty\n"), "NAME    B\nalice   y\n");
        assert_eq!(lay_out("NÄME\tB\nälicé\ty\n"), "NÄME    B\nälicé   y\n");
    }

    #[test]
    fn a_wide_character_takes_two_columns_and_a_combining_one_none() {
        assert_eq!(
            lay_out("アリス\ty\nalice1\tz\n"),
            "アリス   y\nalice1   z\n"
        );
        assert_eq!(
            lay_out("e\u{301}lise1\ty\nalice1\tz\n"),
            "e\u{301}lise1   y\nalice1   z\n"
        );
    }

    #[test]
    fn the_last_cell_is_never_padded_and_an_empty_one_leaves_its_neighbour_padded() {
        assert_eq!(lay_out("A\tB\nx\t\n"), "A     B\nx     \n");
        assert_eq!(lay_out("A\nlonger\n"), "A\nlonger\n");
    }

    #[test]
    fn a_shorter_line_ends_a_column_but_its_width_is_remembered() {
        assert_eq!(
            lay_out("a\tb\tc\nlong-cell\td\nx\ty\tz\n"),
            "a           b     c\nlong-cell   d\nx           y     z\n"
        );
        assert_eq!(
            lay_out("long-cell\tb\nalone\nx\ty\n"),
            "long-cell   b\nalone\nx           y\n"
        );
        assert_eq!(
            lay_out("x\ty\nalone\nlong-cell\tb\n"),
            "x     y\nalone\nlong-cell   b\n"
        );
    }

    #[test]
    fn later_output_keeps_the_widths_of_earlier_output() {
        let mut tabs = TabWriter::default();
        tabs.write("NAME\tB\nlong-cell\ty\n");
        tabs.flush();
        tabs.write("x\tz\n");
        assert_eq!(tabs.flush(), "x           z\n");
        tabs.write("still-longer\tz\n");
        assert_eq!(tabs.flush(), "still-longer   z\n");
    }

    #[test]
    fn a_line_that_has_not_ended_waits() {
        let mut tabs = TabWriter::default();
        tabs.write("a\tb\nc\td");
        assert_eq!(tabs.flush(), "a     b\n");
        tabs.write("e\tf\n");
        assert_eq!(tabs.flush(), "c     de    f\n");
    }

    #[test]
    fn a_text_of_nothing_but_tabs_is_laid_out_too() {
        let text = "\t".repeat(100_000) + "\n";
        assert!(lay_out(&text).ends_with('\n'));
    }
}
