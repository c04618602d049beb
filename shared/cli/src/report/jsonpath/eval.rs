//! Evaluation of a parsed template against a value.

use std::borrow::Cow;

use serde_json::Value;

use super::compare;
use super::parse::{Node, Slice};
use crate::report::json;

/// Values found by one part of a template. Literals of the template itself are owned.
pub type FoundValues<'a> = Vec<Cow<'a, Value>>;

/// Levels to which ranges may be nested; each costs a level of recursion.
const MAX_RANGE_DEPTH: usize = 64;

/// Returns the values of every top-level node; the nodes of a range contribute once for every item.
pub(super) fn evaluate<'a>(
    nodes: &[Node],
    root: &'a Value,
) -> Result<Vec<FoundValues<'a>>, String> {
    let mut evaluation = Evaluation::default();
    evaluation.run(nodes, 0, &vec![Cow::Borrowed(root)])?;
    Ok(evaluation.groups)
}

#[derive(Default)]
struct Evaluation<'a> {
    groups: Vec<FoundValues<'a>>,
    depth: usize,
    /// Flags of the last node: it was `{range}` or `{end}`.
    begins: bool,
    ends: bool,
}

impl<'a> Evaluation<'a> {
    /// Evaluates `nodes[from..]` and returns the index of the `{end}` of the enclosing range, `None` if there is none.
    fn run(
        &mut self,
        nodes: &[Node],
        from: usize,
        current: &FoundValues<'a>,
    ) -> Result<Option<usize>, String> {
        let mut at = from;
        while let Some(node) = nodes.get(at) {
            let found = self.walk(current, node)?;
            if std::mem::take(&mut self.ends) {
                return Ok(Some(at));
            }
            if std::mem::take(&mut self.begins) {
                // A range without an end runs over the rest for each of its items, then the rest runs once more.
                at = self.range(nodes, at + 1, found)?.unwrap_or(at);
            } else {
                self.groups.push(found);
            }
            at += 1;
        }
        Ok(None)
    }

    fn range(
        &mut self,
        nodes: &[Node],
        from: usize,
        over: FoundValues<'a>,
    ) -> Result<Option<usize>, String> {
        if self.depth >= MAX_RANGE_DEPTH {
            return Err(format!(
                "ranges are nested more than {MAX_RANGE_DEPTH} deep"
            ));
        }
        self.depth += 1;
        let mut end = None;
        if over.is_empty() {
            // Evaluated without items, only to find the end of the range.
            let kept = self.groups.len();
            end = self.run(nodes, from, &Vec::new())?;
            self.groups.truncate(kept);
        }
        for value in over {
            end = self.run(nodes, from, &vec![value])?;
        }
        self.depth -= 1;
        Ok(end)
    }

    fn walk(&mut self, input: &FoundValues<'a>, node: &Node) -> Result<FoundValues<'a>, String> {
        match node {
            Node::List(nodes) => self.walk_all(input, nodes),
            Node::Text(text) => Ok(vec![Cow::Owned(Value::from(text.as_str()))]),
            Node::Literal(value) => Ok(input.iter().map(|_| Cow::Owned(value.clone())).collect()),
            Node::Field(key) => Ok(input.iter().filter_map(|value| field(value, key)).collect()),
            Node::Slice(slice) => slice_all(input, slice),
            Node::Filter {
                left,
                operator,
                right,
            } => self.filter(input, left, operator, right),
            Node::Exists(path) => self.filter_existing(input, path),
            Node::Union(parts) => {
                let found: Result<Vec<_>, _> = parts
                    .iter()
                    .map(|part| self.walk_all(input, part))
                    .collect();
                Ok(found?.into_iter().flatten().collect())
            }
            Node::Wildcard => Ok(input.iter().flat_map(children).collect()),
            Node::Recursive => Ok(descendants(input)),
            Node::Range => {
                self.begins = true;
                Ok(input.clone())
            }
            Node::End if self.depth > 0 => {
                self.ends = true;
                Ok(Vec::new())
            }
            Node::End => Err("not in range, nothing to end".into()),
            Node::Word(word) => Err(format!("unrecognized identifier {word}")),
        }
    }

    fn walk_all(
        &mut self,
        input: &FoundValues<'a>,
        nodes: &[Node],
    ) -> Result<FoundValues<'a>, String> {
        let mut current = input.clone();
        for node in nodes {
            current = self.walk(&current, node)?;
        }
        Ok(current)
    }

    fn filter(
        &mut self,
        input: &FoundValues<'a>,
        left: &[Node],
        operator: &str,
        right: &[Node],
    ) -> Result<FoundValues<'a>, String> {
        let mut passed = Vec::new();
        for item in filtered_items(input)? {
            let single = vec![item];
            let Some(left) = self.one(&single, left)? else {
                continue;
            };
            let Some(right) = self.one(&single, right)? else {
                continue;
            };
            if compare::compare(&left, operator, &right)? {
                passed.extend(single);
            }
        }
        Ok(passed)
    }

    fn filter_existing(
        &mut self,
        input: &FoundValues<'a>,
        path: &[Node],
    ) -> Result<FoundValues<'a>, String> {
        let mut passed = Vec::new();
        for item in filtered_items(input)? {
            let single = vec![item];
            // As in kubectl, an item passes a filter whose path fails (an index out of range).
            if self
                .walk_all(&single, path)
                .map_or(true, |found| !found.is_empty())
            {
                passed.extend(single);
            }
        }
        Ok(passed)
    }

    /// Returns the single value of one side of a comparison.
    fn one(
        &mut self,
        input: &FoundValues<'a>,
        path: &[Node],
    ) -> Result<Option<Cow<'a, Value>>, String> {
        let mut found = self.walk_all(input, path)?;
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => Err("can only compare one element at a time".into()),
        }
    }
}

/// Returns a member of a value. Literals of the template are scalars and have no members.
fn field<'a>(value: &Cow<'a, Value>, key: &str) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => value.as_object()?.get(key).map(Cow::Borrowed),
        Cow::Owned(_) => None,
    }
}

fn items<'a>(value: &Cow<'a, Value>) -> Option<&'a [Value]> {
    match value {
        Cow::Borrowed(value) => value.as_array().map(Vec::as_slice),
        Cow::Owned(_) => None,
    }
}

fn children<'a>(value: &Cow<'a, Value>) -> FoundValues<'a> {
    match value {
        Cow::Borrowed(Value::Object(map)) => {
            let entries = json::sorted_entries(map).into_iter();
            entries.map(|(_, item)| Cow::Borrowed(item)).collect()
        }
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        // Go treats a string as a list of bytes here.
        text => {
            let bytes = text.as_str().unwrap_or_default().bytes();
            bytes.map(|byte| Cow::Owned(Value::from(byte))).collect()
        }
    }
}

/// Returns the values and all their descendants, except empty scalars.
fn descendants<'a>(input: &FoundValues<'a>) -> FoundValues<'a> {
    let mut found = Vec::new();
    for value in input {
        let inside = children(value);
        if !inside.is_empty() {
            found.push(value.clone());
            if !value.is_string() {
                found.extend(descendants(&inside));
            }
        }
    }
    found
}

fn filtered_items<'a>(input: &FoundValues<'a>) -> Result<FoundValues<'a>, String> {
    let mut all = Vec::new();
    for value in input {
        let Some(items) = items(value) else {
            let value = json::format_go_value(value);
            return Err(format!(
                "{value} is not array or slice and cannot be filtered"
            ));
        };
        all.extend(items.iter().map(Cow::Borrowed));
    }
    Ok(all)
}

fn slice_all<'a>(input: &FoundValues<'a>, slice: &Slice) -> Result<FoundValues<'a>, String> {
    let mut found = Vec::new();
    for value in input.iter().filter(|value| !value.is_null()) {
        let items =
            items(value).ok_or_else(|| format!("{} is not array or slice", go_type(value)))?;
        let Some((start, end, step)) = slice_bounds(slice, items.len())? else {
            return Ok(found);
        };
        found.extend(items[start..end].iter().step_by(step).map(Cow::Borrowed));
    }
    Ok(found)
}

/// Resolves a slice for a list of that length to start, end and step; `None` if it selects nothing.
fn slice_bounds(slice: &Slice, length: usize) -> Result<Option<(usize, usize, usize)>, String> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let mut start = slice.start.unwrap_or(0);
    let mut end = slice.end.unwrap_or(length);
    if start < 0 {
        start = start.saturating_add(length);
    }
    if end < 0 || (end == 0 && slice.derived) {
        end = end.saturating_add(length);
    }
    if start == end {
        return Ok(None);
    }
    let outside = |index| format!("array index out of bounds: index {index}, length {length}");
    if start >= length || start < 0 {
        return Err(outside(start));
    }
    if end > length || end < 0 {
        return Err(outside(end.saturating_sub(1)));
    }
    if start > end {
        return Err(format!(
            "starting index {start} is greater than ending index {end}"
        ));
    }
    let step = slice.step.unwrap_or(1);
    match (
        usize::try_from(start),
        usize::try_from(end),
        usize::try_from(step),
    ) {
        (Ok(start), Ok(end), Ok(step)) if step > 0 => Ok(Some((start, end, step))),
        _ => Err("step must be > 0".into()),
    }
}

/// Returns Go's name for the type of a value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "interface {}",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
