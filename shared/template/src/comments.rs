//! Comments of YAML text. They are not part of the objects, but visible to everybody who can read the text.

use std::ops::Range;

use granit_parser::{Event, Parser};

use super::source::{INPUT_MAX, Source, SourceLocation};

/// A comment.
#[derive(Clone, Debug)]
pub(super) struct YamlComment {
    /// Text after `#`.
    pub(super) text: String,
    /// Location of its `#`.
    pub(super) location: SourceLocation,
    /// Bytes to remove with the comment: the whole line if it contains nothing else, else the comment and the spaces before it.
    pub(super) removal_range: Range<usize>,
    /// Byte range of the documents that the comment may belong to: the one around it, or the two beside it.
    pub(super) documents: (usize, usize),
}

/// Returns all comments of a text, or `None` if the text cannot be parsed to its end.
pub(super) fn find_comments(source: &Source) -> Option<Vec<YamlComment>> {
    let mut options = granit_parser::options! { disallow_directives: true };
    options.set_emit_comments(true);
    options.max_buffered_comment_events = INPUT_MAX;
    let text = source.text();
    let mut comments = Vec::new();
    // Byte range of each document, from its first scalar to its last.
    let (mut documents, mut begins) = (Vec::<Range<usize>>::new(), true);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.ok()?;
        let bytes = span.byte_range().unwrap_or_default();
        match event {
            Event::Comment(words, _) => {
                let place = source.location(span.start.line(), span.start.col() + 1);
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
        // From the start of the last document that begins before the comment to the end of the first that ends after it.
        let before = documents.partition_point(|document| document.start <= bytes.start);
        let behind = documents.partition_point(|document| document.end < bytes.end);
        let before = before.checked_sub(1).and_then(|at| documents.get(at));
        YamlComment {
            text: words,
            location: place,
            documents: (
                before.map_or(0, |document| document.start),
                documents
                    .get(behind)
                    .map_or(text.len(), |document| document.end),
            ),
            removal_range: removal_range(text, bytes),
        }
    });
    Some(comments.collect())
}

/// Returns the byte range of a comment together with the line or the spaces to remove with it.
fn removal_range(text: &str, comment: Range<usize>) -> Range<usize> {
    let before = text.get(..comment.start).unwrap_or_default();
    let words = before.trim_end_matches([' ', '\t']);
    if !words.is_empty() && !words.ends_with('\n') {
        return words.len()..comment.end;
    }
    let rest = text.get(comment.end..).unwrap_or_default();
    let line = rest.find('\n').map_or(rest.len(), |end| end + 1);
    words.len()..comment.end + line
}
