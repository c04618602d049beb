//! The format `-o custom-columns=NAME:.metadata.name,…`: one column for each path.

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

use super::jsonpath::{FoundValues, JsonPath};
use super::tab_writer::TabWriter;
use super::{escape, json};

/// Printer of custom columns. It prints the heading once, and later calls never make a column narrower.
#[derive(Clone, Debug)]
pub struct CustomColumns {
    headings: Vec<String>,
    paths: Vec<JsonPath>,
    headed: bool,
    tabs: TabWriter,
}

impl CustomColumns {
    /// Parses `HEADING:PATH,HEADING:PATH`.
    ///
    /// # Errors
    /// kubectl's messages for no columns, a column without a path and an invalid path.
    pub fn parse(spec: &str, no_headers: bool) -> Result<Self> {
        if spec.is_empty() {
            bail!("custom-columns format specified but no custom columns given");
        }
        let mut columns = Vec::new();
        for part in spec.split(',') {
            let Some((heading, path)) = part.split_once(':') else {
                bail!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>");
            };
            columns.push((heading.to_owned(), path));
        }
        Self::new(columns, no_headers)
    }

    /// Parses a file of two lines, both separated by blanks: headings, and the path of each.
    ///
    /// # Errors
    /// kubectl's messages for a missing line, lines of different length and an invalid path.
    pub fn parse_file(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let mut words = |which: &str| {
            let line = lines.next().ok_or_else(|| {
                anyhow!(
                    "invalid template, missing {which} line. Expected format is one line of space separated headers, \
                     one line of space separated column specs."
                )
            })?;
            anyhow::Ok(line.split_whitespace().collect::<Vec<_>>())
        };
        let (headings, paths) = (words("header")?, words("spec")?);
        if headings.len() != paths.len() {
            bail!(
                "number of headers ({}) and field specifications ({}) don't match",
                headings.len(),
                paths.len()
            );
        }
        let columns = headings.into_iter().map(str::to_owned).zip(paths);
        Self::new(columns.collect(), false)
    }

    fn new(columns: Vec<(String, &str)>, no_headers: bool) -> Result<Self> {
        let mut headings = Vec::new();
        let mut paths = Vec::new();
        for (heading, path) in columns {
            headings.push(heading);
            paths.push(JsonPath::parse_relaxed(path)?);
        }
        Ok(Self {
            headings,
            paths,
            headed: no_headers,
            tabs: TabWriter::default(),
        })
    }

    /// Formats one line for each object, with the heading before the first line ever formatted.
    ///
    /// # Errors
    /// An index of a path is out of range.
    pub fn render(&mut self, objects: &[Value]) -> Result<String> {
        if !std::mem::replace(&mut self.headed, true) {
            self.tabs.write(&self.headings.join("\t"));
            self.tabs.write("\n");
        }
        for object in objects {
            let cells: Result<Vec<_>> = self
                .paths
                .iter()
                .map(|path| Ok(cell(&path.find(object)?)))
                .collect();
            self.tabs.write(&cells?.join("\t"));
            self.tabs.write("\n");
        }
        Ok(self.tabs.flush())
    }
}

fn cell(found: &[FoundValues<'_>]) -> String {
    let none = found.first().is_none_or(Vec::is_empty);
    let none = none.then(|| "<none>".to_owned());
    let values = found
        .iter()
        .flatten()
        .map(|value| json::format_go_value(value));
    let texts: Vec<_> = none.into_iter().chain(values).collect();
    // A newline would begin a row that belongs to no object.
    escape::escape_line(&texts.join(",")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn objects() -> Vec<Value> {
        vec![
            json!({"metadata": {"name": "alice", "labels": {"a.b/c": "x"}}, "spec": {"l": [1, "b"], "n": null}}),
            json!({"metadata": {"name": "bob\u{1b}[1m"}, "spec": {"m": {"k": [true]}}}),
        ]
    }

    fn error(spec: &str) -> String {
        CustomColumns::parse(spec, false).unwrap_err().to_string()
    }

    #[test]
    fn a_column_for_every_path() {
        let spec = "NAME:.metadata.name,C:{.metadata.labels.a\\.b/c},LIST:spec.l[*],N:.spec.n,MAP:.spec.m,L:.spec.l";
        let expected = "\
NAME       C        LIST     N        MAP             L
alice      x        1,b      <nil>    <none>          [1 b]
bob^[[1m   <none>   <none>   <none>   map[k:[true]]   <none>
";
        let mut columns = CustomColumns::parse(spec, false).unwrap();
        assert_eq!(columns.render(&objects()).unwrap(), expected);
        let again = columns.render(&objects()[..1]).unwrap();
        assert!(again.starts_with("alice      x        1,b"), "{again}");
    }

    #[test]
    fn an_object_is_one_row_whatever_its_values_hold() {
        let object = json!({"a": "x\nfake\x0crow\x0b."});
        let mut columns = CustomColumns::parse("A:.a", true).unwrap();
        assert_eq!(columns.render(&[object]).unwrap(), "x fake^Lrow^K.\n");
    }

    #[test]
    fn the_heading_comes_without_objects_and_never_when_unwanted() {
        assert_eq!(
            CustomColumns::parse("A:.a,B:.b", false)
                .unwrap()
                .render(&[])
                .unwrap(),
            "A     B\n"
        );
        assert_eq!(
            CustomColumns::parse("A:.a,B:.b", true)
                .unwrap()
                .render(&[])
                .unwrap(),
            ""
        );
    }

    #[test]
    fn what_kubectl_refuses_is_refused_in_its_words() {
        assert_eq!(
            error(""),
            "custom-columns format specified but no custom columns given"
        );
        assert_eq!(
            error("NAME"),
            "unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>"
        );
        assert_eq!(
            error("A:.a,"),
            "unexpected custom-columns spec: , expected <header>:<json-path-expr>"
        );
        assert_eq!(
            error("A:{.a}{.b}"),
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
        );
        let mut columns = CustomColumns::parse("A:.spec.l[7]", false).unwrap();
        let error = columns.render(&objects()[..1]).unwrap_err().to_string();
        assert_eq!(error, "array index out of bounds: index 7, length 2");
    }

    #[test]
    fn a_file_has_a_line_of_headings_and_a_line_of_paths() {
        let mut columns =
            CustomColumns::parse_file("NAME   KIND\n{metadata.name} .kind\nignored\n").unwrap();
        assert_eq!(
            columns.render(&objects()[..1]).unwrap(),
            "NAME    KIND\nalice   <none>\n"
        );
        let error = |text| CustomColumns::parse_file(text).unwrap_err().to_string();
        assert!(error("").starts_with("invalid template, missing header line."));
        assert!(error("A B\n").starts_with("invalid template, missing spec line."));
        assert_eq!(
            error("A B\n.a\n"),
            "number of headers (2) and field specifications (1) don't match"
        );
    }
}
