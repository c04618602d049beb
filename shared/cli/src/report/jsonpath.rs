//! kubectl's dialect of JSONPath, for `-o jsonpath`, `--sort-by` and custom columns.
//!
//! ```text
//! text ─► parse ─► [Node] ─► eval (against one object) ─► found values ─► text or JSON
//!                               └─ compare (filters)
//! ```
//!
//! Text outside braces is printed as it is. Braces hold paths (`.metadata.labels.my-label`, `['x']`, `[0]`, `[-1:]`,
//! `[*]`, `..`, `['a','b']`, `[?(@.a=="b")]`, `\.` for a dot in a key), literals (`"\n"`) and `{range …}{end}`. A
//! missing key yields nothing, an index out of range is an error. This is not RFC 9535: `tests/fixtures/jsonpath.txt`
//! holds kubectl's answers. The values of an object come sorted by key, where kubectl's order is random.

mod compare;
mod eval;
mod parse;

use std::borrow::Cow;

use anyhow::{Result, anyhow};
use serde_json::Value;

use super::json;
pub use eval::FoundValues;
use parse::Node;

/// A parsed template.
#[derive(Clone, Debug)]
pub struct JsonPath {
    text: String,
    nodes: Vec<Node>,
}

impl JsonPath {
    /// Parses a template as `-o jsonpath=` takes it: paths need braces.
    ///
    /// # Errors
    /// kubectl's message for an invalid template.
    pub fn parse(text: &str) -> Result<Self> {
        let nodes = parse::parse_template(text)
            .map_err(|reason| anyhow!("error parsing jsonpath {text}, {reason}"))?;
        let text = text.to_owned();
        Ok(Self { text, nodes })
    }

    /// Parses one path as `--sort-by` and custom columns take it: `metadata.name`, `.metadata.name`, with or without
    /// braces.
    ///
    /// # Errors
    /// kubectl's message for an invalid path.
    pub fn parse_relaxed(text: &str) -> Result<Self> {
        let text = normalize_path(text)?;
        let nodes = parse::parse_template(&text).map_err(|reason| anyhow!("{reason}"))?;
        Ok(Self { text, nodes })
    }

    /// Returns the template as it was written; a path without braces has them added.
    pub fn source(&self) -> &str {
        &self.text
    }

    /// Returns the values that every part of the template finds in `root`. A range contributes the values of its parts
    /// for each item.
    ///
    /// # Errors
    /// An index is out of range or applied to a value that is not a list; values cannot be compared.
    pub fn find<'a>(&self, root: &'a Value) -> Result<Vec<FoundValues<'a>>> {
        eval::evaluate(&self.nodes, root).map_err(|reason| anyhow!("{reason}"))
    }

    /// Formats the values that the template finds in `root`: several values of one part are separated by blanks,
    /// objects and lists are JSON on one line. No newline is added.
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

    /// Formats every part's values as an indented JSON list with a newline (`-o jsonpath-as-json`).
    ///
    /// # Errors
    /// As [`JsonPath::render`].
    pub fn render_json(&self, root: &Value) -> Result<String> {
        let mut out = String::new();
        for found in self.found(root)? {
            let list = found.into_iter().map(Cow::into_owned).collect();
            out.push_str(&json::format_indented(&Value::Array(list)));
            out.push('\n');
        }
        Ok(out)
    }

    fn found<'a>(&self, root: &'a Value) -> Result<Vec<FoundValues<'a>>> {
        eval::evaluate(&self.nodes, root)
            .map_err(|reason| anyhow!("error executing jsonpath {:?}: {reason}", self.text))
    }
}

fn printed(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) | Value::Object(_) => json::format_compact(value),
        scalar => json::format_go_value(scalar),
    }
}

/// Adds braces and the leading dot to a path that lacks them.
fn normalize_path(text: &str) -> Result<String> {
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
