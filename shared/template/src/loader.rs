//! Loading of YAML text: converts parser events to a tree of [`Node`]s.
//!
//! Refused, because kubectl and other YAML readers treat them differently or because they have no use in a manifest: duplicate
//! keys, merge keys, tags other than `!!str`, keys that are not text, placeholders in keys, directives. Limited: length of
//! keys, nesting, and the number of nodes, bytes and placeholders after alias expansion.
//!
//! Long because every event of the parser is checked against the limits where it is read.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::foreign_placeholder;
use super::node::{MappingEntry, Node, Scalar};
use super::placeholder::{self, TextSegment};
use super::problem::{Problem, Problems, problem_at};
use super::scalar::parse_plain_scalar;
use super::source::{Source, SourceLocation};

/// Maximum nesting depth. A Pod needs 12 levels.
pub(super) const DEPTH_MAX: usize = 100;
/// Maximum number of nodes of a text, after alias expansion.
pub(super) const NODES_MAX: usize = 100_000;
/// Maximum number of bytes of all scalars of a text, after alias expansion. A limit on nodes is not enough, because an alias
/// of a long scalar is one node.
pub(super) const BYTES_MAX: usize = 4 << 20;

/// Maximum number of placeholders of a text, after alias expansion. Each is stored with its location.
pub(super) const PLACEHOLDERS_MAX: usize = 10_000;
/// Maximum length of a key in bytes. Keys of Kubernetes have at most 317.
const KEY_MAX: usize = 1024;

/// Interpretation of `${` in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlaceholderMode {
    /// Manifest of a session: `${NAME}` is a placeholder.
    Template,
    /// Any other file (a SessionTemplate, a Session): `$` has no special meaning.
    Plain,
}

/// Loads all documents of a text, without empty ones. Returns the documents that could be read, and all problems.
pub(super) fn load_documents(source: &Source, mode: PlaceholderMode) -> (Vec<Node>, Problems) {
    let mut options = granit_parser::options! { disallow_directives: true };
    options.set_emit_comments(false);
    let mut loader = Loader {
        parser: Parser::new_from_str_with_options(source.text(), options),
        source,
        mode,
        anchors: HashMap::new(),
        cost: NodeCost::default(),
        problems: Problems::default(),
    };
    let mut documents = Vec::new();
    if let Err(fatal) = loader.documents(&mut documents) {
        loader.problems.push(fatal);
    }
    (documents, loader.problems)
}

/// The node of an anchor, and its cost when an alias repeats it.
struct AnchorNode {
    node: Node,
    cost: NodeCost,
}

/// Amounts that are limited.
#[derive(Clone, Copy, Debug, Default)]
struct NodeCost {
    nodes: usize,
    bytes: usize,
    placeholders: usize,
}

struct Loader<'s> {
    parser: Parser<'s, StrInput<'s>>,
    source: &'s Source,
    mode: PlaceholderMode,
    anchors: HashMap<usize, AnchorNode>,
    cost: NodeCost,
    problems: Problems,
}

type LoadResult<T> = Result<T, Problem>;

impl<'s> Loader<'s> {
    fn documents(&mut self, documents: &mut Vec<Node>) -> LoadResult<()> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => {
                    let node = self.node(event, span, 0)?;
                    if !node.is_null() {
                        documents.push(node);
                    }
                }
            }
        }
    }

    fn next(&mut self) -> LoadResult<(Event<'s>, Span)> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Err(problem_at(
                self.source,
                SourceLocation::default(),
                "unexpected end of text",
            )),
        }
    }

    fn syntax(&self, error: &ScanError) -> Problem {
        if let Some((place, form)) = foreign_placeholder::find_template_syntax(self.source) {
            return foreign_placeholder::render_first_problem(self.source, place, form);
        }
        let place = self
            .source
            .location(error.marker().line(), error.marker().col() + 1);
        let found = problem_at(self.source, place, format!("not YAML: {}", error.info()));
        let line = self
            .source
            .text()
            .lines()
            .nth(error.marker().line().saturating_sub(1));
        match self.mode == PlaceholderMode::Template && line.is_some_and(|line| line.contains("${")) {
            true => found.with_hint(
                "quote the placeholder inside [ ] and { }, and if its default contains \": \": \"${NAME}\"",
            ),
            false => found,
        }
    }

    fn place(&self, span: &Span) -> SourceLocation {
        self.source
            .location(span.start.line(), span.start.col() + 1)
    }

    fn fail<T>(&self, span: &Span, message: impl Into<String>) -> LoadResult<T> {
        Err(problem_at(self.source, self.place(span), message))
    }

    fn node(&mut self, event: Event<'s>, span: Span, depth: usize) -> LoadResult<Node> {
        if depth > DEPTH_MAX {
            return self.fail(&span, format!("more than {DEPTH_MAX} levels deep"));
        }
        let before = self.cost;
        self.count(
            &span,
            NodeCost {
                nodes: 1,
                ..NodeCost::default()
            },
        )?;
        let anchor = event.anchor_id().filter(|id| *id > 0);
        let node = match event {
            Event::Scalar(text, style, _, tag) => {
                self.scalar(&text, style, tag.as_deref(), &span)?
            }
            Event::SequenceStart(_, _, tag) => {
                self.no_tag(tag.as_deref(), &span)?;
                self.sequence(&span, depth)?
            }
            Event::MappingStart(_, _, tag) => {
                self.no_tag(tag.as_deref(), &span)?;
                self.mapping(&span, depth)?
            }
            Event::Alias(id) => return self.alias(id, &span),
            _ => return self.fail(&span, "not YAML: no value here"),
        };
        if let Some(id) = anchor {
            let cost = NodeCost {
                nodes: self.cost.nodes - before.nodes,
                bytes: self.cost.bytes - before.bytes,
                placeholders: self.cost.placeholders - before.placeholders,
            };
            let node = node.clone();
            self.anchors.insert(id, AnchorNode { node, cost });
        }
        Ok(node)
    }

    fn count(&mut self, span: &Span, more: NodeCost) -> LoadResult<()> {
        let cost = &mut self.cost;
        cost.nodes += more.nodes;
        cost.bytes += more.bytes;
        cost.placeholders += more.placeholders;
        for (count, most, what) in [
            (cost.nodes, NODES_MAX, "values"),
            (cost.bytes, BYTES_MAX, "bytes"),
            (cost.placeholders, PLACEHOLDERS_MAX, "placeholders"),
        ] {
            if count > most {
                return self.fail(span, format!("more than {most} {what}, aliases expanded"));
            }
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: &Span) -> LoadResult<Node> {
        let Some(anchored) = self.anchors.get(&id) else {
            return self.fail(span, "alias inside its own anchor");
        };
        // Counted before the node is copied, so that the limit also bounds memory.
        let cost = anchored.cost;
        self.count(span, cost)?;
        match self.anchors.get(&id) {
            Some(anchored) => Ok(anchored.node.clone()),
            None => self.fail(span, "alias without an anchor"),
        }
    }

    fn no_tag(&self, tag: Option<&Tag>, span: &Span) -> LoadResult<()> {
        match tag {
            None => Ok(()),
            Some(tag) => self.fail(span, format!("tag {:?} is not supported", tag.original())),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: &Span,
    ) -> LoadResult<Node> {
        if let Some(tag) = tag.filter(|tag| tag.core_suffix() != Some("str")) {
            return self.fail(span, format!("tag {:?} is not supported", tag.original()));
        }
        let placeholders = match self.mode {
            PlaceholderMode::Template => text.matches("${").count(),
            PlaceholderMode::Plain => 0,
        };
        let cost = NodeCost {
            nodes: 0,
            bytes: text.len(),
            placeholders,
        };
        self.count(span, cost)?;
        let bytes = span.byte_range().unwrap_or_default();
        // The parser reports a missing value as "~".
        let text = if bytes.is_empty() && style == ScalarStyle::Plain {
            ""
        } else {
            text
        };
        let mut scalar = Scalar {
            text: text.to_owned(),
            segments: vec![TextSegment::Text(text.to_owned())],
            style,
            has_str_tag: tag.is_some(),
            location: self.place(span),
            placeholder_locations: Vec::new(),
            bytes,
        };
        if self.mode == PlaceholderMode::Template {
            self.split(&mut scalar);
        }
        Ok(Node::Scalar(scalar))
    }

    fn split(&mut self, scalar: &mut Scalar) {
        let (pieces, bad) = placeholder::split_placeholders(&scalar.text);
        if scalar.text.contains("${") {
            scalar.placeholder_locations = self.dollars(scalar);
        }
        scalar.segments = pieces;
        for bad in bad {
            let place = scalar
                .placeholder_locations
                .get(bad.ordinal)
                .copied()
                .unwrap_or(scalar.location);
            self.problems
                .push(problem_at(self.source, place, bad.message).with_hint(bad.hint));
        }
    }

    /// Returns the location of each `${` of a scalar; empty if escapes of a double-quoted scalar hide some.
    fn dollars(&self, scalar: &Scalar) -> Vec<SourceLocation> {
        let raw = self
            .source
            .text()
            .get(scalar.bytes.clone())
            .unwrap_or_default();
        let bytes: Vec<usize> = raw.match_indices("${").map(|(byte, _)| byte).collect();
        if bytes.len() != scalar.text.matches("${").count() {
            return Vec::new();
        }
        self.source.locations(scalar.location, raw, &bytes)
    }

    fn sequence(&mut self, span: &Span, depth: usize) -> LoadResult<Node> {
        let mut items = Vec::new();
        loop {
            let (event, item) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Node::Sequence(items, self.place(span)));
            }
            items.push(self.node(event, item, depth + 1)?);
        }
    }

    fn mapping(&mut self, span: &Span, depth: usize) -> LoadResult<Node> {
        let begin = span.byte_range().unwrap_or_default().start;
        if self
            .source
            .text()
            .get(begin..)
            .is_some_and(|text| text.starts_with("{{"))
        {
            return Err(foreign_placeholder::render_first_problem(
                self.source,
                self.place(span),
                "{{",
            ));
        }
        let mut entries: Vec<MappingEntry> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        loop {
            let (event, key_span) = self.next()?;
            if event == Event::MappingEnd {
                let end = key_span.byte_range().unwrap_or_default().end;
                if let Some(form) = foreign_placeholder::as_braced_word(self.source, begin..end) {
                    self.problems
                        .push(foreign_placeholder::foreign_placeholder_problem(
                            self.source,
                            self.place(span),
                            form,
                        ));
                }
                return Ok(Node::Mapping(entries, self.place(span)));
            }
            let place = self.place(&key_span);
            let key = self.key(event, &key_span)?;
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            if !seen.insert(key.clone()) {
                self.problems.push(problem_at(
                    self.source,
                    place,
                    format!("duplicate key {key:?}"),
                ));
            }
            entries.push(MappingEntry {
                key,
                location: place,
                value,
            });
        }
    }

    fn key(&mut self, event: Event<'s>, span: &Span) -> LoadResult<String> {
        let Event::Scalar(text, style, _, tag) = event else {
            return self.fail(span, "a key must be a string");
        };
        let plain = style == ScalarStyle::Plain && tag.is_none();
        if plain && text == "<<" {
            return self.fail(
                span,
                "merge keys (\"<<\") are not supported: repeat the fields",
            );
        }
        if tag
            .as_ref()
            .is_some_and(|tag| tag.core_suffix() != Some("str"))
        {
            return self.fail(span, "a key must not have a tag");
        }
        if text.len() > KEY_MAX {
            return self.fail(span, format!("a key must have at most {KEY_MAX} bytes"));
        }
        let cost = NodeCost {
            nodes: 1,
            bytes: text.len(),
            placeholders: 0,
        };
        self.count(span, cost)?;
        if self.mode == PlaceholderMode::Template {
            let (pieces, bad) = placeholder::split_placeholders(&text);
            if !bad.is_empty()
                || pieces
                    .iter()
                    .any(|piece| matches!(piece, TextSegment::Placeholder(_)))
            {
                let message =
                    format!("placeholder in key {text:?}: placeholders are allowed only in values");
                self.problems
                    .push(problem_at(self.source, self.place(span), message));
            }
        }
        if !plain {
            return Ok(text.into_owned());
        }
        match parse_plain_scalar(&text) {
            serde_json::Value::String(text) => Ok(text),
            serde_json::Value::Bool(value) => Ok(value.to_string()),
            serde_json::Value::Number(number)
                if number.is_i64() && !text.contains(['.', 'e', 'E']) =>
            {
                Ok(number.to_string())
            }
            _ => self.fail(span, format!("key {text:?} is not a string: quote the key")),
        }
    }
}
