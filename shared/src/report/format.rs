//! `-o`: which way objects are printed.

use std::fs;
use std::io::{self, Read};

use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};

use super::columns::Columns;
use super::jsonpath::JsonPath;
use super::{clean, json as writer, kyaml, yaml};
use crate::flags::output::{NameOutput, ObjectOutput};
use crate::objects::resource::text;

/// Bytes of a file with a format that are read.
const FILE_MAX: u64 = 1 << 20;

/// Which formats a verb knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Verbs that print a table, and everything else.
    List,
    /// Verbs that say what they did, and print the object on request.
    Object,
    /// Verbs that say what they did, at most as `KIND/NAME`.
    Name,
}

impl Allowed {
    /// The words `-o` takes, sorted.
    pub fn formats(self) -> &'static [&'static str] {
        match self {
            Allowed::List => &[
                "custom-columns",
                "custom-columns-file",
                "json",
                "jsonpath",
                "jsonpath-as-json",
                "jsonpath-file",
                "kyaml",
                "name",
                "wide",
                "yaml",
            ],
            Allowed::Object => &[
                "json",
                "jsonpath",
                "jsonpath-as-json",
                "jsonpath-file",
                "kyaml",
                "name",
                "yaml",
            ],
            Allowed::Name => &["name"],
        }
    }
}

/// What `-o` asks for.
#[derive(Debug)]
pub enum Format {
    /// The verb's own text: a table or a sentence.
    Text {
        /// All columns of it.
        wide: bool,
    },
    /// The objects themselves.
    Objects(ObjectPrinter),
}

impl Format {
    /// What a verb's flags for printing objects ask for.
    ///
    /// # Errors
    /// As [`Format::parse`].
    pub fn of_object(printing: &ObjectOutput) -> Result<Self> {
        Self::parse(
            printing.output.as_deref(),
            Allowed::Object,
            false,
            printing.show_managed_fields,
        )
    }

    /// What the flag of a verb that deletes asks for.
    ///
    /// # Errors
    /// As [`Format::parse`].
    pub fn of_name(printing: &NameOutput) -> Result<Self> {
        Self::parse(printing.output.as_deref(), Allowed::Name, false, false)
    }

    /// Reads the value of `-o`, and the file it names.
    ///
    /// # Errors
    /// A format that is none or not allowed, a path or template that is missing or wrong, a file that cannot be read; in
    /// kubectl's words.
    pub fn parse<'a>(
        output: impl Into<Option<&'a str>>,
        allowed: Allowed,
        no_headers: bool,
        managed_fields: bool,
    ) -> Result<Self> {
        let Some(output) = output.into().filter(|output| !output.is_empty()) else {
            return Ok(Format::Text { wide: false });
        };
        let (word, argument) = match output.split_once('=') {
            Some((word, argument)) => (word.to_owned(), argument),
            // kubectl takes these words in any case.
            None => (known_word(output), ""),
        };
        let plain = !output.contains('=');
        let takes_argument = word.starts_with("jsonpath") || word.starts_with("custom-columns");
        if !allowed.formats().contains(&word.as_str()) || !(plain || takes_argument) {
            let formats = allowed.formats().join(",");
            bail!(
                "unable to match a printer suitable for the output format {output:?}, allowed formats are: {formats}"
            );
        }
        if word == "wide" {
            return Ok(Format::Text { wide: true });
        }
        let style = Style::parse(&word, argument, no_headers)?;
        Ok(Format::Objects(ObjectPrinter {
            style,
            managed_fields,
            printed: 0,
        }))
    }
}

fn known_word(output: &str) -> String {
    let lower = output.to_ascii_lowercase();
    if ["json", "yaml", "kyaml", "name"].contains(&lower.as_str()) {
        lower
    } else {
        output.to_owned()
    }
}

#[derive(Debug)]
enum Style {
    Json,
    Yaml,
    Kyaml,
    Name,
    Path { path: JsonPath, as_json: bool },
    Columns(Columns),
}

impl Style {
    fn parse(word: &str, argument: &str, no_headers: bool) -> Result<Self> {
        let path = |text: &str, as_json| {
            if text.is_empty() {
                bail!("template format specified but no template given");
            }
            Ok(Style::Path {
                path: JsonPath::parse(text)?,
                as_json,
            })
        };
        match word {
            "json" => Ok(Style::Json),
            "yaml" => Ok(Style::Yaml),
            "kyaml" => Ok(Style::Kyaml),
            "name" => Ok(Style::Name),
            "jsonpath" => path(argument, false),
            "jsonpath-as-json" => path(argument, true),
            "jsonpath-file" if argument.is_empty() => path(argument, false),
            "jsonpath-file" => {
                let text = read(argument).map_err(|error| {
                    anyhow!(
                        "error reading --template {argument}, open {argument}: {}",
                        reason(&error)
                    )
                })?;
                path(&text, false)
            }
            "custom-columns-file" if !argument.is_empty() => {
                let text = read(argument).map_err(|error| {
                    anyhow!(
                        "error reading template {argument}, open {argument}: {}",
                        reason(&error)
                    )
                })?;
                Ok(Style::Columns(Columns::parse_file(&text)?))
            }
            _ => Ok(Style::Columns(Columns::parse(argument, no_headers)?)),
        }
    }
}

/// A file with a format, as far as one may reasonably be: what has no end is not read for ever.
fn read(file: &str) -> io::Result<String> {
    let mut text = String::new();
    let opened = fs::File::open(file)?;
    opened.take(FILE_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_MAX {
        return Err(io::Error::other("longer than 1 MiB, no format is"));
    }
    Ok(text)
}

/// A system's reason without its number, in lower case as Go has it.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// Prints objects. What is printed later knows what was printed before: documents are kept apart, headings come once.
#[derive(Debug)]
pub struct ObjectPrinter {
    style: Style,
    managed_fields: bool,
    printed: usize,
}

impl ObjectPrinter {
    /// True for `-o name`, which takes the place of the sentence about what was done.
    pub fn is_name(&self) -> bool {
        matches!(self.style, Style::Name)
    }

    /// The text of one object, as for a single NAME.
    ///
    /// # Errors
    /// What a path cannot do with the object.
    pub fn one(&mut self, object: &Value) -> Result<String> {
        let stripped = self.strip(object);
        let object = stripped.as_ref().unwrap_or(object);
        let first = self.printed == 0;
        self.printed += 1;
        match &mut self.style {
            Style::Json => Ok(writer::indented(object) + "\n"),
            Style::Yaml => Ok(if first {
                String::new()
            } else {
                "---\n".to_owned()
            } + &yaml::document(object)?),
            Style::Kyaml => Ok(kyaml::document(object)),
            Style::Name => Ok(name(object) + "\n"),
            Style::Path {
                path,
                as_json: false,
            } => path.render(object),
            Style::Path { path, .. } => path.render_json(object),
            Style::Columns(columns) => columns.render(std::slice::from_ref(object)),
        }
    }

    /// The text of any number of objects: a List, or a line for each where the format has lines.
    ///
    /// # Errors
    /// What a path cannot do with an object.
    pub fn list(&mut self, objects: &[Value]) -> Result<String> {
        match &mut self.style {
            Style::Columns(columns) => columns.render(objects),
            Style::Name => Ok(objects.iter().map(|object| name(object) + "\n").collect()),
            _ => {
                let items: Vec<Value> = objects
                    .iter()
                    .map(|object| self.strip(object).unwrap_or_else(|| object.clone()))
                    .collect();
                self.one(&json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}))
            }
        }
    }

    /// The object without managedFields, if it has some and they are not wanted. Paths see them, as in kubectl.
    fn strip(&self, object: &Value) -> Option<Value> {
        let whole = matches!(self.style, Style::Json | Style::Yaml | Style::Kyaml);
        if !whole || self.managed_fields || object.pointer("/metadata/managedFields").is_none() {
            return None;
        }
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("managedFields");
        }
        Some(object)
    }
}

/// `session.streaming.platform/alice`: kind and group in lower case, and the name.
pub fn name(object: &Value) -> String {
    let kind = text(object, "/kind").to_lowercase();
    let api_version = text(object, "/apiVersion");
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let name = Some(text(object, "/metadata/name")).filter(|name| !name.is_empty());
    let dot = if group.is_empty() { "" } else { "." };
    clean::line(&format!(
        "{kind}{dot}{group}/{}",
        name.unwrap_or("<unknown>")
    ))
    .into_owned()
}

#[cfg(test)]
mod tests;
