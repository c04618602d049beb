//! TOML as the tree of nodes that [`FieldReader`] reads, with the location of each value.
//!
//! [`FieldReader`]: super::fields::FieldReader

use granit_parser::ScalarStyle;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::node::{MappingEntry, Node, Scalar};
use super::super::placeholder::TextSegment;
use super::super::problem::{Problems, problem_at};
use super::super::source::{Source, SourceLocation};

/// Reads a TOML file. Of a file with problems, the root has what could be read.
pub(super) fn load_toml(source: &Source) -> (Node, Problems) {
    let lines = LineStarts::new(source);
    let (root, errors) = DeTable::parse_recoverable(source.text());
    let mut problems = Problems::default();
    for error in errors {
        let place = error.span().map(|span| lines.location(span.start));
        let message = format!("invalid TOML: {}", error.message());
        problems.push(problem_at(source, place.unwrap_or_default(), message));
    }
    problems.sort();
    (lines.table(root.get_ref(), root.span().start), problems)
}

/// Byte offsets at which the lines of a text begin.
struct LineStarts<'s> {
    source: &'s Source,
    starts: Vec<usize>,
}

impl<'s> LineStarts<'s> {
    fn new(source: &'s Source) -> Self {
        let ends = source.text().match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(ends).collect();
        Self { source, starts }
    }

    fn location(&self, byte: usize) -> SourceLocation {
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = self.starts.get(line.saturating_sub(1)).copied();
        let before = self.source.text().get(start.unwrap_or_default()..byte);
        let column = before.map_or(1, |text| text.chars().count() + 1);
        self.source.location(line, column)
    }

    fn table(&self, table: &DeTable<'_>, start: usize) -> Node {
        let entries = table.iter().map(|(key, value)| MappingEntry {
            key: key.get_ref().to_string(),
            location: self.location(key.span().start),
            value: self.value(value),
        });
        let mut entries: Vec<MappingEntry> = entries.collect();
        // The crate sorts a table by its keys.
        entries.sort_by_key(|entry| entry.location);
        Node::Mapping(entries, self.location(start))
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let span = value.span();
        let (text, style) = match value.get_ref() {
            DeValue::Table(table) => return self.table(table, span.start),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| self.value(item)).collect();
                return Node::Sequence(items, self.location(span.start));
            }
            DeValue::String(text) => (text.to_string(), ScalarStyle::DoubleQuoted),
            DeValue::Datetime(time) => (time.to_string(), ScalarStyle::DoubleQuoted),
            DeValue::Boolean(flag) => (flag.to_string(), ScalarStyle::Plain),
            DeValue::Integer(number) => {
                let decimal = i64::from_str_radix(number.as_str(), number.radix());
                let text = decimal.map_or_else(|_| number.to_string(), |number| number.to_string());
                (text, ScalarStyle::Plain)
            }
            DeValue::Float(number) => (number.to_string(), ScalarStyle::Plain),
        };
        Node::Scalar(Scalar {
            segments: vec![TextSegment::Text(text.clone())],
            text,
            style,
            has_str_tag: false,
            location: self.location(span.start),
            placeholder_locations: Vec::new(),
            bytes: span,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_have_their_types_and_locations() {
        let text = "a = 0x10\n[t]\n\"ü\" = true\nx.y = ['ü', 1.5, 2024-01-15]\n";
        let source = Source::new("c.toml", text).unwrap();
        let (root, problems) = load_toml(&source);
        assert!(problems.is_empty());
        assert_eq!(
            root.to_value(),
            json!({"a": 16, "t": {"ü": true, "x": {"y": ["ü", 1.5, "2024-01-15"]}}})
        );
        let table = root.get("t").unwrap();
        assert_eq!(table.get("ü").unwrap().location().to_string(), "3:7");
        let Some(Node::Sequence(items, _)) = table.get_path(&["x", "y"]) else {
            panic!("no list");
        };
        assert_eq!(items[1].location().to_string(), "4:13");
    }

    #[test]
    fn all_mistakes_are_told_with_their_lines() {
        let source = Source::new("c.toml", "a = \nb = 1\n[t\nb = 2\n").unwrap();
        let (_, problems) = load_toml(&source);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(told.len() > 1, "{told:?}");
        assert!(told[0].starts_with("c.toml:1:"), "{told:?}");
        assert!(told[0].contains(": invalid TOML: "), "{told:?}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("a = {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
        let (_, problems) = load_toml(&Source::new("c.toml", text).unwrap());
        assert!(!problems.is_empty());
    }
}
