//! Check that a manifest with extracted secrets is equivalent to the original.

use super::super::manifest::Manifest;
use super::super::node::{Node, Scalar};
use super::super::placeholder::{PlaceholderRef, TextSegment};
use super::extractor::Extractor;

impl Extractor<'_> {
    /// Returns true if `moved`, with its new placeholders replaced, equals the original manifest.
    pub(super) fn is_equivalent(&self, moved: &Manifest) -> bool {
        let (own, moved) = (&self.manifest.documents, &moved.documents);
        let mut pairs = own.iter().zip(moved);
        own.len() == moved.len()
            && pairs.all(|(own, moved)| self.is_equivalent_node(&own.root, &moved.root))
    }

    fn is_equivalent_node(&self, own: &Node, moved: &Node) -> bool {
        match (own, moved) {
            (Node::Scalar(own), Node::Scalar(moved)) => {
                let emptied = self.emptied_annotations.contains(&own.bytes.start);
                emptied && moved.text.is_empty()
                    || self.restore_segments(own) == self.restore_segments(moved)
            }
            (Node::Sequence(own, _), Node::Sequence(moved, _)) => {
                let mut pairs = own.iter().zip(moved);
                own.len() == moved.len()
                    && pairs.all(|(own, moved)| self.is_equivalent_node(own, moved))
            }
            (Node::Mapping(own, _), Node::Mapping(moved, _)) => {
                let mut pairs = own.iter().zip(moved);
                own.len() == moved.len()
                    && pairs.all(|(own, moved)| {
                        own.key == moved.key && self.is_equivalent_node(&own.value, &moved.value)
                    })
            }
            _ => false,
        }
    }

    /// Returns the segments of a scalar with the extracted values put back.
    fn restore_segments(&self, scalar: &Scalar) -> Vec<TextSegment> {
        let mut pieces: Vec<TextSegment> = Vec::new();
        for piece in &scalar.segments {
            let piece = match piece {
                TextSegment::Text(text) => TextSegment::Text(text.clone()),
                TextSegment::Placeholder(var) => match self.values.get(&var.name) {
                    Some(value) => TextSegment::Text(value.clone()),
                    None => {
                        let default = || self.defaults.get(&var.name).cloned();
                        TextSegment::Placeholder(PlaceholderRef {
                            name: var.name.clone(),
                            default: var.default.clone().or_else(default),
                            ordinal: 0,
                        })
                    }
                },
            };
            match (pieces.last_mut(), piece) {
                (Some(TextSegment::Text(last)), TextSegment::Text(text)) => last.push_str(&text),
                (_, piece) => pieces.push(piece),
            }
        }
        pieces
    }
}
