//! `-o`: which way objects are printed.

use std::fs;
use std::io;

use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};

use super::columns::Columns;
use super::jsonpath::JsonPath;
use super::{clean, json as writer, kyaml, yaml};
use crate::objects::resource::text;

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
    /// Reads the value of `-o`, and the file it names.
    ///
    /// # Errors
    /// A format that is none or not allowed, a path or template that is missing or wrong, a file that cannot be read; in
    /// kubectl's words.
    pub fn parse(
        output: &str,
        allowed: Allowed,
        no_headers: bool,
        managed_fields: bool,
    ) -> Result<Self> {
        if output.is_empty() {
            return Ok(Format::Text { wide: false });
        }
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
                let text = fs::read_to_string(argument).map_err(|error| {
                    anyhow!(
                        "error reading --template {argument}, open {argument}: {}",
                        reason(&error)
                    )
                })?;
                path(&text, false)
            }
            "custom-columns-file" if !argument.is_empty() => {
                let text = fs::read_to_string(argument).map_err(|error| {
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
mod tests {
    use super::*;

    fn printer(output: &str) -> ObjectPrinter {
        match Format::parse(output, Allowed::List, false, false).unwrap() {
            Format::Objects(printer) => printer,
            Format::Text { .. } => panic!("{output} is a table"),
        }
    }

    fn error(output: &str, allowed: Allowed) -> String {
        Format::parse(output, allowed, false, false)
            .unwrap_err()
            .to_string()
    }

    fn alice() -> Value {
        json!({
            "kind": "Session", "apiVersion": "streaming.platform/v1",
            "metadata": {"name": "alice", "managedFields": [{"manager": "x"}]},
            "unknownField": {"kept": true},
        })
    }

    #[test]
    fn a_bad_format_is_answered_with_the_allowed_ones() {
        assert_eq!(
            error("bogus", Allowed::List),
            "unable to match a printer suitable for the output format \"bogus\", allowed formats are: \
             custom-columns,custom-columns-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,wide,yaml"
        );
        assert_eq!(
            error("json=x", Allowed::Object),
            "unable to match a printer suitable for the output format \"json=x\", allowed formats are: \
             json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,yaml"
        );
        assert!(error("wide", Allowed::Object).contains("allowed formats"));
        assert!(error("json", Allowed::Name).ends_with("allowed formats are: name"));
        for allowed in [Allowed::List, Allowed::Object, Allowed::Name] {
            assert!(allowed.formats().is_sorted());
        }
    }

    #[test]
    fn a_format_that_lacks_its_argument_says_so() {
        for output in [
            "jsonpath",
            "jsonpath=",
            "jsonpath-as-json=",
            "jsonpath-file=",
        ] {
            assert_eq!(
                error(output, Allowed::List),
                "template format specified but no template given",
                "{output}"
            );
        }
        for output in ["custom-columns", "custom-columns=", "custom-columns-file="] {
            let expected = "custom-columns format specified but no custom columns given";
            assert_eq!(error(output, Allowed::List), expected, "{output}");
        }
        assert_eq!(
            error("jsonpath-file=/nowhere", Allowed::List),
            "error reading --template /nowhere, open /nowhere: no such file or directory"
        );
        assert_eq!(
            error("custom-columns-file=/nowhere", Allowed::List),
            "error reading template /nowhere, open /nowhere: no such file or directory"
        );
        assert_eq!(
            error("jsonpath={.a", Allowed::List),
            "error parsing jsonpath {.a, unclosed action"
        );
    }

    #[test]
    fn words_are_taken_in_any_case_where_kubectl_does() {
        assert!(matches!(
            Format::parse("", Allowed::Name, false, false).unwrap(),
            Format::Text { wide: false }
        ));
        assert!(matches!(
            Format::parse("wide", Allowed::List, false, false).unwrap(),
            Format::Text { wide: true }
        ));
        assert!(printer("NAME").is_name() && !printer("JSON").is_name());
        assert!(error("WIDE", Allowed::List).contains("\"WIDE\""));
    }

    #[test]
    fn a_single_object_stands_alone_and_keeps_unknown_fields() {
        let expected = r#"{
    "apiVersion": "streaming.platform/v1",
    "kind": "Session",
    "metadata": {
        "name": "alice"
    },
    "unknownField": {
        "kept": true
    }
}
"#;
        assert_eq!(printer("json").one(&alice()).unwrap(), expected);
        assert_eq!(
            printer("name").one(&alice()).unwrap(),
            "session.streaming.platform/alice\n"
        );
        assert_eq!(
            printer("jsonpath={.metadata.managedFields[0].manager}")
                .one(&alice())
                .unwrap(),
            "x"
        );
        assert_eq!(
            printer("custom-columns=N:.metadata.name")
                .one(&alice())
                .unwrap(),
            "N\nalice\n"
        );
        assert!(
            printer("kyaml")
                .one(&alice())
                .unwrap()
                .starts_with("---\n{\n  apiVersion: \"streaming.platform/v1\",")
        );
    }

    #[test]
    fn managed_fields_are_printed_when_wanted() {
        let Format::Objects(mut printer) =
            Format::parse("yaml", Allowed::Object, false, true).unwrap()
        else {
            panic!("no objects");
        };
        assert!(
            printer
                .one(&alice())
                .unwrap()
                .contains("  managedFields:\n  - manager: x\n  name: alice\n")
        );
    }

    #[test]
    fn several_objects_are_a_list() {
        let empty = r#"{
    "apiVersion": "v1",
    "items": [],
    "kind": "List",
    "metadata": {
        "resourceVersion": ""
    }
}
"#;
        assert_eq!(printer("json").list(&[]).unwrap(), empty);
        let yaml = printer("yaml").list(&[alice()]).unwrap();
        assert!(
            yaml.starts_with(
                "apiVersion: v1\nitems:\n- apiVersion: streaming.platform/v1\n  kind: Session\n"
            ),
            "{yaml}"
        );
        assert!(!yaml.contains("managedFields"));
        assert_eq!(
            printer("jsonpath={.items[*].metadata.name}")
                .list(&[alice(), alice()])
                .unwrap(),
            "alice alice"
        );
        assert_eq!(
            printer("name")
                .list(&[alice(), json!({"kind": "Pod", "apiVersion": "v1"})])
                .unwrap(),
            "session.streaming.platform/alice\npod/<unknown>\n"
        );
        assert_eq!(printer("name").list(&[]).unwrap(), "");
        assert_eq!(
            printer("custom-columns=N:.metadata.name")
                .list(&[])
                .unwrap(),
            "N\n"
        );
    }

    #[test]
    fn documents_one_after_the_other_are_kept_apart() {
        let mut yaml = printer("yaml");
        let first = yaml.one(&alice()).unwrap();
        assert_eq!(yaml.one(&alice()).unwrap(), format!("---\n{first}"));
        let mut json = printer("json");
        assert_eq!(json.one(&alice()).unwrap(), json.one(&alice()).unwrap());
    }
}
