//! Output formats: the value of `-o`, and the printer of objects that it selects.

use std::fs;
use std::io::{self, Read};

use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};

use super::custom_columns::CustomColumns;
use super::jsonpath::JsonPath;
use super::{escape, json as writer, kyaml, yaml};
use crate::flags::output::{ListOutputFlags, NameOutputFlags, ObjectOutputFlags};
use session_model::foreign_error::io_error_text;
use session_model::objects::Untyped;

/// Bytes of a template file that are read at most.
const MAX_TEMPLATE_BYTES: u64 = 1 << 20;

/// Set of formats that a verb accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatSet {
    /// All formats: for verbs that print a table.
    All,
    /// Formats of single objects: for verbs that print a sentence about the object they changed.
    Object,
    /// Only `name`: for verbs that delete.
    Name,
}

impl FormatSet {
    /// Returns the accepted values of `-o`, sorted.
    pub fn formats(self) -> &'static [&'static str] {
        match self {
            FormatSet::All => &[
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
            FormatSet::Object => &[
                "json",
                "jsonpath",
                "jsonpath-as-json",
                "jsonpath-file",
                "kyaml",
                "name",
                "yaml",
            ],
            FormatSet::Name => &["name"],
        }
    }
}

/// Output selected by `-o`.
#[derive(Clone, Debug)]
pub enum Format {
    /// The verb's own text: a table or a sentence.
    Text {
        /// True for `-o wide`.
        wide: bool,
    },
    /// The objects, in a format of kubectl.
    Objects(ObjectPrinter),
}

impl Format {
    /// Reads the flags of a verb that prints objects.
    ///
    /// # Errors
    /// As [`Format::parse`].
    pub fn from_object_flags(printing: &ObjectOutputFlags) -> Result<Self> {
        Self::parse(
            printing.output.as_deref(),
            FormatSet::Object,
            false,
            printing.show_managed_fields,
        )
    }

    /// Reads the flag of a verb that deletes.
    ///
    /// # Errors
    /// As [`Format::parse`].
    pub fn from_name_flags(printing: &NameOutputFlags) -> Result<Self> {
        Self::parse(printing.output.as_deref(), FormatSet::Name, false, false)
    }

    /// Reads the output flags of a list.
    ///
    /// # Errors
    /// As [`Format::parse`].
    pub fn from_list_flags(printing: &ListOutputFlags) -> Result<Self> {
        Self::parse(
            printing.output.as_deref(),
            FormatSet::All,
            printing.no_headers,
            printing.show_managed_fields,
        )
    }

    /// Reads the value of `-o`, and the template file that it names. No value, or an empty one, is the verb's own text.
    ///
    /// # Errors
    /// kubectl's messages for an unknown or unsupported format, a missing or invalid template, and a file that cannot
    /// be read.
    pub fn parse<'a>(
        output: impl Into<Option<&'a str>>,
        allowed: FormatSet,
        no_headers: bool,
        managed_fields: bool,
    ) -> Result<Self> {
        let Some(output) = output.into().filter(|output| !output.is_empty()) else {
            return Ok(Format::Text { wide: false });
        };
        let (word, argument) = match output.split_once('=') {
            Some((word, argument)) => (word.to_owned(), argument),
            // kubectl ignores the case of these values.
            None => (normalize_format(output), ""),
        };
        let plain = !output.contains('=');
        let takes_argument = word.starts_with("jsonpath") || word.starts_with("custom-columns");
        if !allowed.formats().contains(&word.as_str()) || !(plain || takes_argument) {
            if allowed == FormatSet::Name {
                bail!("unexpected -o output mode: {output}. We only support '-o name'");
            }
            let formats = allowed.formats().join(",");
            bail!(
                "unable to match a printer suitable for the output format {output:?}, allowed formats are: {formats}"
            );
        }
        if word == "wide" {
            return Ok(Format::Text { wide: true });
        }
        let style = PrintStyle::parse(&word, argument, no_headers)?;
        Ok(Format::Objects(ObjectPrinter {
            style,
            managed_fields,
            printed: 0,
        }))
    }
}

fn normalize_format(output: &str) -> String {
    let lower = output.to_ascii_lowercase();
    if ["json", "yaml", "kyaml", "name"].contains(&lower.as_str()) {
        lower
    } else {
        output.to_owned()
    }
}

#[derive(Clone, Debug)]
enum PrintStyle {
    Json,
    Yaml,
    Kyaml,
    Name,
    Path { path: JsonPath, as_json: bool },
    Columns(CustomColumns),
}

impl PrintStyle {
    fn parse(word: &str, argument: &str, no_headers: bool) -> Result<Self> {
        let path = |text: &str, as_json| {
            if text.is_empty() {
                bail!("template format specified but no template given");
            }
            Ok(PrintStyle::Path {
                path: JsonPath::parse(text)?,
                as_json,
            })
        };
        match word {
            "json" => Ok(PrintStyle::Json),
            "yaml" => Ok(PrintStyle::Yaml),
            "kyaml" => Ok(PrintStyle::Kyaml),
            "name" => Ok(PrintStyle::Name),
            "jsonpath" => path(argument, false),
            "jsonpath-as-json" => path(argument, true),
            "jsonpath-file" if argument.is_empty() => path(argument, false),
            "jsonpath-file" => {
                let text = read_template_file(argument).map_err(|error| {
                    anyhow!(
                        "error reading --template {argument}, open {argument}: {}",
                        io_error_text(&error)
                    )
                })?;
                path(&text, false)
            }
            "custom-columns-file" if !argument.is_empty() => {
                let text = read_template_file(argument).map_err(|error| {
                    anyhow!(
                        "error reading template {argument}, open {argument}: {}",
                        io_error_text(&error)
                    )
                })?;
                Ok(PrintStyle::Columns(CustomColumns::parse_file(&text)?))
            }
            _ => Ok(PrintStyle::Columns(CustomColumns::parse(
                argument, no_headers,
            )?)),
        }
    }
}

/// Reads a template file of at most [`MAX_TEMPLATE_BYTES`] bytes, so that an endless file is refused.
fn read_template_file(file: &str) -> io::Result<String> {
    let mut text = String::new();
    let opened = fs::File::open(file)?;
    opened
        .take(MAX_TEMPLATE_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TEMPLATE_BYTES {
        return Err(io::Error::other("longer than 1 MiB"));
    }
    Ok(text)
}

/// Printer of objects. It remembers what it printed: it separates YAML documents, and prints headings once.
#[derive(Clone, Debug)]
pub struct ObjectPrinter {
    style: PrintStyle,
    managed_fields: bool,
    printed: usize,
}

impl ObjectPrinter {
    /// True for `-o name`, which replaces the verb's sentence.
    pub fn is_name(&self) -> bool {
        matches!(self.style, PrintStyle::Name)
    }

    /// Formats one object, as kubectl does for a single NAME.
    ///
    /// # Errors
    /// The JSONPath of the format fails on the object.
    pub fn print_object(&mut self, object: &Value) -> Result<String> {
        let stripped = self.without_managed_fields(object);
        let object = stripped.as_ref().unwrap_or(object);
        let first = self.printed == 0;
        self.printed += 1;
        match &mut self.style {
            PrintStyle::Json => Ok(writer::format_indented(object) + "\n"),
            PrintStyle::Yaml => Ok(if first {
                String::new()
            } else {
                "---\n".to_owned()
            } + &yaml::format_yaml(object)?),
            PrintStyle::Kyaml => Ok(kyaml::format_kyaml(object)),
            PrintStyle::Name => Ok(kind_and_name(object) + "\n"),
            PrintStyle::Path {
                path,
                as_json: false,
            } => path.render(object),
            PrintStyle::Path { path, .. } => path.render_json(object),
            PrintStyle::Columns(columns) => columns.render(std::slice::from_ref(object)),
        }
    }

    /// Formats any number of objects: as one List, or as a line each for formats of lines.
    ///
    /// # Errors
    /// The JSONPath of the format fails on an object.
    pub fn print_list(&mut self, objects: &[Value]) -> Result<String> {
        match &mut self.style {
            PrintStyle::Columns(columns) => columns.render(objects),
            PrintStyle::Name => Ok(objects
                .iter()
                .map(|object| kind_and_name(object) + "\n")
                .collect()),
            _ => {
                let items: Vec<Value> = objects
                    .iter()
                    .map(|object| {
                        self.without_managed_fields(object)
                            .unwrap_or_else(|| object.clone())
                    })
                    .collect();
                self.print_object(&json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}))
            }
        }
    }

    /// Returns the object without managedFields, or `None` if it can be printed as it is. JSONPath formats see
    /// managedFields, as in kubectl.
    pub fn without_managed_fields(&self, object: &Value) -> Option<Value> {
        let whole = matches!(
            self.style,
            PrintStyle::Json | PrintStyle::Yaml | PrintStyle::Kyaml
        );
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

/// Returns kind and group in lower case and the name: `session.streaming.platform/alice`.
pub fn kind_and_name(object: &Value) -> String {
    let kind = Untyped(object).kind().to_lowercase();
    let api_version = Untyped(object).api_version();
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let name = Untyped(object).str_at("/metadata/name");
    let dot = if group.is_empty() { "" } else { "." };
    escape::escape_line(&format!(
        "{kind}{dot}{group}/{}",
        name.unwrap_or("<unknown>")
    ))
    .into_owned()
}

#[cfg(test)]
mod tests;
