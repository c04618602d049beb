//! The comments of a text: no part of its objects, and read by everybody who reads the text.

use std::ops::Range;

use granit_parser::{Event, Parser};

use super::source::{INPUT_MAX, Place, Source};

/// A comment.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    /// What stands behind its `#`.
    pub(super) text: String,
    /// Where it begins.
    pub(super) place: Place,
    /// What goes with it: the whole line where nothing else stands on it, else the blanks before it too.
    pub(super) bytes: Range<usize>,
    /// The documents it can belong to, by the bytes of their first and last words: it stands inside one, or between two.
    pub(super) between: (usize, usize),
}

/// All comments of a text; `None` where the parser does not get through to the end.
pub(super) fn all(source: &Source) -> Option<Vec<Comment>> {
    let mut options = granit_parser::options! { disallow_directives: true };
    options.set_emit_comments(true);
    options.max_buffered_comment_events = INPUT_MAX;
    let text = source.text();
    let mut comments = Vec::new();
    // The bytes from the first word of each document to its last.
    let (mut documents, mut begins) = (Vec::<Range<usize>>::new(), true);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.ok()?;
        let bytes = span.byte_range().unwrap_or_default();
        match event {
            Event::Comment(words, _) => {
                let place = source.place(span.start.line(), span.start.col() + 1);
                comments.push((words.into_owned(), place, bytes));
            }
            Event::DocumentStart(..) => begins = true,
            Event::Scalar(..) | Event::Alias(..) if !bytes.is_empty() => {
                match documents.last_mut().filter(|_| !begins) {
                    Some(document) => document.end = document.end.max(bytes.end),
                    None => documents.push(bytes),
                }
                begins = false;
            }
            _ => {}
        }
    }
    let comments = comments.into_iter().map(|(words, place, bytes)| {
        // From the first word of the last document that begins before it to the last word of the first that ends behind it.
        let before = documents.partition_point(|document| document.start <= bytes.start);
        let behind = documents.partition_point(|document| document.end < bytes.end);
        let before = before.checked_sub(1).and_then(|at| documents.get(at));
        Comment {
            text: words,
            place,
            between: (
                before.map_or(0, |document| document.start),
                documents
                    .get(behind)
                    .map_or(text.len(), |document| document.end),
            ),
            bytes: removed(text, bytes),
        }
    });
    Some(comments.collect())
}

/// The bytes of a comment with the line or the blanks that go with it.
fn removed(text: &str, comment: Range<usize>) -> Range<usize> {
    let before = text.get(..comment.start).unwrap_or_default();
    let words = before.trim_end_matches([' ', '\t']);
    if !words.is_empty() && !words.ends_with('\n') {
        return words.len()..comment.end;
    }
    let rest = text.get(comment.end..).unwrap_or_default();
    let line = rest.find('\n').map_or(rest.len(), |end| end + 1);
    words.len()..comment.end + line
}
