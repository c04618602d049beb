//! kubectl's dialect of JSONPath, as `-o jsonpath`, `--sort-by` and custom columns take it.
//!
//! Text outside braces is printed as it is. Between braces stand paths (`.metadata.labels.my-label`, `['x']`, `[0]`,
//! `[-1:]`, `[*]`, `..`, `['a','b']`, `[?(@.a=="b")]`, `\.` for a dot in a key), literals (`"\n"`) and
//! `{range …}{end}`. A key that is missing is nothing; an index out of range is an error. Not in RFC 9535's ways:
//! `tests/fixtures/jsonpath.txt` holds what kubectl answers. The values of an object come in the order of their keys,
//! where kubectl leaves the order to chance.

mod compare;
mod eval;
mod parse;

use std::borrow::Cow;

use anyhow::{Result, anyhow};
use serde_json::Value;

use super::json;
use parse::Node;

/// What one part of a template found. Texts and numbers of the template itself are owned.
pub type Found<'a> = Vec<Cow<'a, Value>>;

/// A parsed template.
#[derive(Clone, Debug)]
pub struct JsonPath {
    text: String,
    nodes: Vec<Node>,
}

impl JsonPath {
    /// Parses a template as `-o jsonpath=` takes it: paths need their braces.
    ///
    /// # Errors
    /// What is wrong with it, in kubectl's words.
    pub fn parse(text: &str) -> Result<Self> {
        let nodes = parse::template(text)
            .map_err(|reason| anyhow!("error parsing jsonpath {text}, {reason}"))?;
        let text = text.to_owned();
        Ok(Self { text, nodes })
    }

    /// Parses one path as `--sort-by` and custom columns take it: `metadata.name`, `.metadata.name`, with or without
    /// braces.
    ///
    /// # Errors
    /// What is wrong with it, in kubectl's words.
    pub fn parse_relaxed(text: &str) -> Result<Self> {
        let text = relaxed(text)?;
        let nodes = parse::template(&text).map_err(|reason| anyhow!("{reason}"))?;
        Ok(Self { text, nodes })
    }

    /// The template as it was written; a relaxed one with its braces and dot.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What every part of the template finds in `root`; a range adds what its parts find, value by value.
    ///
    /// # Errors
    /// An index out of range, an index into something else than a list, values that cannot be compared.
    pub fn find<'a>(&self, root: &'a Value) -> Result<Vec<Found<'a>>> {
        eval::find(&self.nodes, root).map_err(|reason| anyhow!("{reason}"))
    }

    /// What the template prints for `root`: several values of a part with a blank between them, objects and lists as
    /// JSON on one line. No newline is added.
    ///
    /// # Errors
    /// As [`JsonPath::find`], with the template.
    pub fn render(&self, root: &Value) -> Result<String> {
        let mut out = String::new();
        for found in self.found(root)? {
            let texts: Vec<_> = found.iter().map(|value| printed(value)).collect();
            out.push_str(&texts.join(" "));
        }
        Ok(out)
    }

    /// What the template finds in `root`, every part as an indented JSON list and a newline (`-o jsonpath-as-json`).
    ///
    /// # Errors
    /// As [`JsonPath::render`].
    pub fn render_json(&self, root: &Value) -> Result<String> {
        let mut out = String::new();
        for found in self.found(root)? {
            let list = found.into_iter().map(Cow::into_owned).collect();
            out.push_str(&json::indented(&Value::Array(list)));
            out.push('\n');
        }
        Ok(out)
    }

    fn found<'a>(&self, root: &'a Value) -> Result<Vec<Found<'a>>> {
        eval::find(&self.nodes, root)
            .map_err(|reason| anyhow!("error executing jsonpath {:?}: {reason}", self.text))
    }
}

fn printed(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) | Value::Object(_) => json::compact(value),
        scalar => json::plain(scalar),
    }
}

/// `{.path}` from a path with or without its dot and braces.
fn relaxed(text: &str) -> Result<String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let braced = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    let path = braced.unwrap_or(text);
    let path = path
        .strip_prefix('.')
        .filter(|p| !p.is_empty())
        .unwrap_or(path);
    if path.is_empty() || path.contains(['{', '}']) {
        return Err(anyhow!(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{{name1.name2}}' or '{{.name1.name2}}'"
        ));
    }
    Ok(format!("{{.{path}}}"))
}

#[cfg(test)]
mod tests;
