//! A YAML document as a tree that still knows how and where each scalar was written.

use std::ops::Range;

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use super::placeholder::{Piece, Var};
use super::scalar::typed;
use super::source::Place;

/// A node of a document.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Scalar(Scalar),
    Sequence(Vec<Node>, Place),
    Mapping(Vec<Entry>, Place),
}

/// A key with its value. Keys are text: kubectl makes text of every key, and placeholders are refused in them.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Node,
}

/// A scalar.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    /// Its text, without quotes and escapes, placeholders as they are.
    pub(super) text: String,
    /// The text, split at its placeholders.
    pub(super) pieces: Vec<Piece>,
    /// How it was written.
    pub(super) style: ScalarStyle,
    /// True with the tag `!!str`.
    pub(super) tagged: bool,
    /// Where it begins.
    pub(super) place: Place,
    /// Where each `${` of its text stands in the file; empty where escapes hide them.
    pub(super) dollars: Vec<Place>,
    /// Its bytes in the source, quotes included.
    pub(super) bytes: Range<usize>,
}

impl Scalar {
    /// True for a scalar whose type follows from its text: neither quoted nor a block nor tagged.
    pub(super) fn is_plain(&self) -> bool {
        self.style == ScalarStyle::Plain && !self.tagged
    }

    /// Its placeholders.
    pub(super) fn vars(&self) -> impl Iterator<Item = &Var> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Var(var) => Some(var),
            Piece::Text(_) => None,
        })
    }

    /// The placeholder that is all of its text, if there is one.
    pub(super) fn whole(&self) -> Option<&Var> {
        match self.pieces.as_slice() {
            [Piece::Var(var)] => Some(var),
            _ => None,
        }
    }

    /// The text of a scalar without placeholders, `$${` resolved.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Where a placeholder of it stands.
    pub(super) fn place_of(&self, var: &Var) -> Place {
        self.dollars.get(var.ordinal).copied().unwrap_or(self.place)
    }
}

impl Node {
    /// Where it begins.
    pub(super) fn place(&self) -> Place {
        match self {
            Node::Scalar(scalar) => scalar.place,
            Node::Sequence(_, place) | Node::Mapping(_, place) => *place,
        }
    }

    /// The value at a key of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Mapping(entries, _) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            _ => None,
        }
    }

    /// The value at a path of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The scalar this is.
    pub(super) fn scalar(&self) -> Option<&Scalar> {
        match self {
            Node::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The nodes of a sequence, none for anything else.
    pub(super) fn items(&self) -> &[Node] {
        match self {
            Node::Sequence(items, _) => items,
            _ => &[],
        }
    }

    /// True for nothing: an empty or `null` plain scalar.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Node::Scalar(scalar) if scalar.is_plain() && typed(&scalar.text).is_null())
    }

    /// The document as kubectl would read it, placeholders and all: for files that are no templates.
    pub(super) fn to_value(&self) -> Value {
        self.with_texts(&|scalar| scalar.text.clone())
    }

    /// The document with another text for each scalar.
    pub(super) fn with_texts(&self, text: &dyn Fn(&Scalar) -> String) -> Value {
        match self {
            Node::Scalar(scalar) if scalar.is_plain() => typed(&text(scalar)),
            Node::Scalar(scalar) => Value::String(text(scalar)),
            Node::Sequence(items, _) => items.iter().map(|item| item.with_texts(text)).collect(),
            Node::Mapping(entries, _) => {
                let map: Map<String, Value> = entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.with_texts(text)))
                    .collect();
                Value::Object(map)
            }
        }
    }

    /// The node at a JSON pointer, or the last one on the way there.
    pub(super) fn nearest(&self, pointer: &str) -> &Node {
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
    pub(super) fn visit<'n>(&'n self, visitor: &mut impl FnMut(&[Step<'n>], &'n Scalar)) {
        self.walk(&mut Vec::new(), &mut |path, node| {
            if let Node::Scalar(scalar) = node {
                visitor(path, scalar);
            }
        });
    }

    /// Visits every node with its path, parents first.
    pub(super) fn walk<'n>(
        &'n self,
        path: &mut Vec<Step<'n>>,
        visitor: &mut impl FnMut(&[Step<'n>], &'n Node),
    ) {
        visitor(path, self);
        match self {
            Node::Scalar(_) => {}
            Node::Sequence(items, _) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(Step::Index(index));
                    item.walk(path, visitor);
                    path.pop();
                }
            }
            Node::Mapping(entries, _) => {
                for entry in entries {
                    path.push(Step::Key(&entry.key));
                    entry.value.walk(path, visitor);
                    path.pop();
                }
            }
        }
    }
}

/// A step from a node to one of its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'n> {
    Key(&'n str),
    Index(usize),
}

/// Most characters of a pointer: paths are as long as the keys that somebody else has written.
const POINTER_MAX: usize = 200;

/// A path as a JSON pointer (RFC 6901) for people; of a long one the end.
pub(super) fn pointer(path: &[Step<'_>]) -> String {
    let (mut steps, mut length) = (Vec::new(), 0);
    for step in path.iter().rev() {
        let step = match step {
            Step::Key(key) => key.replace('~', "~0").replace('/', "~1"),
            Step::Index(index) => index.to_string(),
        };
        length += step.chars().count() + 1;
        if length > POINTER_MAX {
            steps.push("...".to_owned());
            break;
        }
        steps.push(step);
    }
    steps.iter().rev().map(|step| format!("/{step}")).collect()
}
