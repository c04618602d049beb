//! The tree of a parsed YAML document, with style and location of each scalar.

use std::ops::Range;

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use super::path_step::PathStep;
use super::placeholder::{PlaceholderRef, TextSegment};
use super::scalar::parse_plain_scalar;
use super::scalar_context::ScalarContext;
use super::source::SourceLocation;

/// A node of a document.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Scalar(Scalar),
    Sequence(Vec<Node>, SourceLocation),
    Mapping(Vec<MappingEntry>, SourceLocation),
}

/// A key and its value. Keys are text, as kubectl reads them, and never contain placeholders.
#[derive(Clone, Debug)]
pub(super) struct MappingEntry {
    pub(super) key: String,
    pub(super) location: SourceLocation,
    pub(super) value: Node,
}

/// A scalar.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    /// Text without quotes and escapes, with placeholders.
    pub(super) text: String,
    /// Text split at its placeholders.
    pub(super) segments: Vec<TextSegment>,
    /// Style: plain, quoted or block.
    pub(super) style: ScalarStyle,
    /// True if the scalar has the tag `!!str`.
    pub(super) has_str_tag: bool,
    /// Location of its first character.
    pub(super) location: SourceLocation,
    /// Location of each `${` of the text; empty if escapes in the source make them unknown.
    pub(super) placeholder_locations: Vec<SourceLocation>,
    /// Byte range in the source, including quotes.
    pub(super) bytes: Range<usize>,
}

impl Scalar {
    /// Returns true for a scalar whose type depends on its text: not quoted, not a block, not tagged.
    pub(super) fn is_plain(&self) -> bool {
        self.style == ScalarStyle::Plain && !self.has_str_tag
    }

    /// Returns true for a quoted placeholder alone whose value is a number or a boolean, in a field that takes one.
    pub(super) fn is_quoted_number(&self, position: ScalarContext, value: &str) -> bool {
        position == ScalarContext::NumberOrBoolean
            && matches!(
                self.style,
                ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
            )
            && !self.has_str_tag
            && self.whole_placeholder().is_some()
            && (value
                .parse::<i64>()
                .is_ok_and(|number| number.to_string() == value)
                || matches!(value, "true" | "false"))
    }

    /// Iterates over the placeholders.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &PlaceholderRef> {
        self.segments.iter().filter_map(|piece| match piece {
            TextSegment::Placeholder(var) => Some(var),
            TextSegment::Text(_) => None,
        })
    }

    /// Returns the placeholder if the text consists of exactly one.
    pub(super) fn whole_placeholder(&self) -> Option<&PlaceholderRef> {
        match self.segments.as_slice() {
            [TextSegment::Placeholder(var)] => Some(var),
            _ => None,
        }
    }

    /// Returns the text of a scalar without placeholders, with `$${` unescaped.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [] => Some(""),
            [TextSegment::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns the location of one of its placeholders.
    pub(super) fn location_of(&self, var: &PlaceholderRef) -> SourceLocation {
        self.placeholder_locations
            .get(var.ordinal)
            .copied()
            .unwrap_or(self.location)
    }
}

impl Node {
    /// Returns the location of the node's first character.
    pub(super) fn location(&self) -> SourceLocation {
        match self {
            Node::Scalar(scalar) => scalar.location,
            Node::Sequence(_, place) | Node::Mapping(_, place) => *place,
        }
    }

    /// Returns the value of a key of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Mapping(entries, _) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            _ => None,
        }
    }

    /// Returns the value of a key of a mapping, to change it.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let Node::Mapping(entries, _) = self else {
            return None;
        };
        let mut entries = entries.iter_mut();
        let entry = entries.find(|entry| entry.key == key);
        entry.map(|entry| &mut entry.value)
    }

    /// Removes the entries of a mapping whose key is not wanted.
    pub(super) fn retain_keys(&mut self, is_wanted: impl Fn(&str) -> bool) {
        if let Node::Mapping(entries, _) = self {
            entries.retain(|entry| is_wanted(&entry.key));
        }
    }

    /// Returns the value at a path of keys.
    pub(super) fn get_path(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Returns the scalar if the node is one.
    pub(super) fn scalar(&self) -> Option<&Scalar> {
        match self {
            Node::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Returns the items of a sequence; empty for any other node.
    pub(super) fn items(&self) -> &[Node] {
        match self {
            Node::Sequence(items, _) => items,
            _ => &[],
        }
    }

    /// Returns true for an empty or `null` plain scalar.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Node::Scalar(scalar) if scalar.is_plain() && parse_plain_scalar(&scalar.text).is_null())
    }

    /// Converts the document as kubectl would read it, leaving placeholders as text.
    pub(super) fn to_value(&self) -> Value {
        self.to_value_with(&|scalar| scalar.text.clone())
    }

    /// Converts the document, with the text of each scalar taken from `text`.
    pub(super) fn to_value_with(&self, text: &dyn Fn(&Scalar) -> String) -> Value {
        match self {
            Node::Scalar(scalar) if scalar.is_plain() => parse_plain_scalar(&text(scalar)),
            Node::Scalar(scalar) => Value::String(text(scalar)),
            Node::Sequence(items, _) => items.iter().map(|item| item.to_value_with(text)).collect(),
            Node::Mapping(entries, _) => {
                let map: Map<String, Value> = entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_value_with(text)))
                    .collect();
                Value::Object(map)
            }
        }
    }

    /// Returns the node at a JSON pointer, or the deepest existing node on the way to it.
    pub(super) fn nearest_to_pointer(&self, pointer: &str) -> &Node {
        let mut node = self;
        for step in pointer.split('/').skip(1) {
            let key = step.replace("~1", "/").replace("~0", "~");
            let child = match node {
                Node::Mapping(..) => node.get(&key),
                Node::Sequence(items, _) => {
                    key.parse().ok().and_then(|index: usize| items.get(index))
                }
                Node::Scalar(_) => None,
            };
            match child {
                Some(child) => node = child,
                None => break,
            }
        }
        node
    }

    /// Visits every scalar with its path.
    pub(super) fn visit_scalars<'n>(
        &'n self,
        visitor: &mut impl FnMut(&[PathStep<'n>], &'n Scalar),
    ) {
        self.visit_nodes(&mut Vec::new(), &mut |path, node| {
            if let Node::Scalar(scalar) = node {
                visitor(path, scalar);
            }
        });
    }

    /// Visits every node with its path, parents first.
    pub(super) fn visit_nodes<'n>(
        &'n self,
        path: &mut Vec<PathStep<'n>>,
        visitor: &mut impl FnMut(&[PathStep<'n>], &'n Node),
    ) {
        visitor(path, self);
        match self {
            Node::Scalar(_) => {}
            Node::Sequence(items, _) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(PathStep::Index(index));
                    item.visit_nodes(path, visitor);
                    path.pop();
                }
            }
            Node::Mapping(entries, _) => {
                for entry in entries {
                    path.push(PathStep::Key(&entry.key));
                    entry.value.visit_nodes(path, visitor);
                    path.pop();
                }
            }
        }
    }
}
