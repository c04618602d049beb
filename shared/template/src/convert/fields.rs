//! Typed reading of a configuration file, with a problem at its location for each value that is not what it must be.

use super::super::node::{Node, Scalar};
use super::super::problem::{Problem, Problems, problem_at};
use super::super::resolve::most_similar;
use super::super::source::{Source, SourceLocation};
use serde_json::Value;

/// Reader of a file's fields. Problems are collected, so that all are reported together.
pub(super) struct FieldReader<'s> {
    source: &'s Source,
    pub(super) problems: Problems,
    pub(super) warnings: Vec<Problem>,
}

impl<'s> FieldReader<'s> {
    pub(super) fn new(source: &'s Source, problems: Problems) -> Self {
        Self {
            source,
            problems,
            warnings: Vec::new(),
        }
    }

    /// Adds a problem with its remedy.
    pub(super) fn reject(&mut self, place: SourceLocation, message: String, hint: &str) {
        let problem = problem_at(self.source, place, message);
        self.problems.push(match hint {
            "" => problem,
            hint => problem.with_hint(hint),
        });
    }

    /// Adds a warning with its remedy.
    pub(super) fn warn(&mut self, place: SourceLocation, message: String, hint: &str) {
        let warning = problem_at(self.source, place, message);
        self.warnings.push(match hint {
            "" => warning,
            hint => warning.with_hint(hint),
        });
    }

    /// Returns the mapping of a key, and warns of its keys that are not known.
    pub(super) fn section<'n>(
        &mut self,
        parent: Option<&'n Node>,
        key: &str,
        known: &[&str],
    ) -> Option<&'n Node> {
        let node = value(parent, key)?;
        if !matches!(node, Node::Mapping(..)) {
            self.reject(node.location(), format!("{key} must be a mapping"), "");
            return None;
        }
        self.warn_unknown_keys(node, key, known);
        Some(node)
    }

    /// Warns of the keys of a mapping that are not known, with the near name.
    pub(super) fn warn_unknown_keys(&mut self, node: &Node, path: &str, known: &[&str]) {
        let Node::Mapping(entries, _) = node else {
            return;
        };
        for entry in entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let within = match path {
                "" => String::new(),
                path => format!(" of {path}"),
            };
            let message = format!("unknown key {:?}{within} is ignored", entry.key);
            let near = most_similar(&entry.key, known.iter().copied());
            let hint = near.map_or_else(String::new, |near| format!("did you mean {near:?}?"));
            self.warn(entry.location, message, &hint);
        }
    }

    /// Returns the scalar of a key, unless it is absent or null.
    pub(super) fn scalar<'n>(&mut self, parent: Option<&'n Node>, key: &str) -> Option<&'n Scalar> {
        match value(parent, key)? {
            Node::Scalar(scalar) => Some(scalar),
            other => {
                self.reject(
                    other.location(),
                    format!("{key} must be a single value"),
                    "",
                );
                None
            }
        }
    }

    /// Returns the text of a key.
    pub(super) fn text(&mut self, parent: Option<&Node>, key: &str) -> Option<String> {
        self.scalar(parent, key).map(|scalar| scalar.text.clone())
    }

    /// Returns the text of a key, which `check` must accept: it returns what the text must be.
    pub(super) fn checked(
        &mut self,
        parent: Option<&Node>,
        key: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Option<String> {
        let scalar = self.scalar(parent, key)?;
        if let Err(reason) = check(&scalar.text) {
            let message = format!("invalid {key} {:?}: {reason}", scalar.text);
            self.reject(scalar.location, message, "");
            return None;
        }
        Some(scalar.text.clone())
    }

    /// Returns the boolean of a key.
    pub(super) fn flag(&mut self, parent: Option<&Node>, key: &str) -> Option<bool> {
        let node = value(parent, key)?;
        match node.to_value() {
            Value::Bool(flag) => Some(flag),
            _ => {
                self.reject(node.location(), format!("{key} must be true or false"), "");
                None
            }
        }
    }

    /// Returns the whole number of a key, which must be in a range.
    pub(super) fn number(
        &mut self,
        parent: Option<&Node>,
        key: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let scalar = self.scalar(parent, key)?;
        match scalar.text.parse() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let message = format!(
                    "invalid {key} {:?}: must be a whole number from {} to {}",
                    scalar.text,
                    range.start(),
                    range.end()
                );
                self.reject(scalar.location, message, "");
                None
            }
        }
    }

    /// Returns the texts of a list.
    pub(super) fn texts(&mut self, parent: Option<&Node>, key: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for item in self.items(parent, key) {
            match item {
                Node::Scalar(scalar) => texts.push(scalar.text.clone()),
                other => {
                    let message = format!("an item of {key} must be a single value");
                    self.reject(other.location(), message, "");
                }
            }
        }
        texts
    }

    /// Returns the items of a list.
    pub(super) fn items<'n>(&mut self, parent: Option<&'n Node>, key: &str) -> &'n [Node] {
        match value(parent, key) {
            None => &[],
            Some(Node::Sequence(items, _)) => items,
            Some(other) => {
                self.reject(other.location(), format!("{key} must be a list"), "");
                &[]
            }
        }
    }

    /// Returns the entries of a mapping from text to text.
    pub(super) fn text_map(&mut self, parent: Option<&Node>, key: &str) -> Vec<(String, String)> {
        let entries = match value(parent, key) {
            None => return Vec::new(),
            Some(Node::Mapping(entries, _)) => entries,
            Some(other) => {
                self.reject(other.location(), format!("{key} must be a mapping"), "");
                return Vec::new();
            }
        };
        let mut map = Vec::new();
        for entry in entries {
            match &entry.value {
                Node::Scalar(scalar) => map.push((entry.key.clone(), scalar.text.clone())),
                other => {
                    let message = format!("{key}.{} must be a single value", entry.key);
                    self.reject(other.location(), message, "");
                }
            }
        }
        map
    }
}

/// Returns the value of a key, unless it is absent or null.
pub(super) fn value<'n>(parent: Option<&'n Node>, key: &str) -> Option<&'n Node> {
    parent?.get(key).filter(|node| !node.is_null())
}

/// Returns the location of a key's value, or of the mapping without it.
pub(super) fn location(parent: Option<&Node>, key: &str) -> SourceLocation {
    let node = value(parent, key).or(parent);
    node.map(Node::location).unwrap_or_default()
}
