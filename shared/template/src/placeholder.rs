//! Placeholders `${NAME}` and `${NAME:-default}` in the text of a scalar.
//!
//! Every other `$` is literal: `$POD_IP`, `$(hostname -i)`, `$$`, and shell expansions (`${X#p}`, `${X:0:3}`, `${#X}`).
//! `$${NAME}` is a literal `${NAME}`. Malformed placeholders (`${user-id}`, `${A:-${B}}`, a missing `}`) are errors, because
//! they would otherwise reach the cluster as text.

use std::collections::BTreeSet;

/// A segment of a scalar's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TextSegment {
    /// Literal text.
    Text(String),
    /// A placeholder.
    Placeholder(PlaceholderRef),
}

/// A placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlaceholderRef {
    /// Name of the parameter.
    pub(super) name: String,
    /// Default after `:-`, which may be empty.
    pub(super) default: Option<String>,
    /// Index of its `${` among all `${` of the scalar's text, used to find its location in the file.
    pub(super) ordinal: usize,
}

/// A malformed placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlaceholderError {
    /// Index of its `${` among all `${` of the text.
    pub(super) ordinal: usize,
    /// Message.
    pub(super) message: String,
    /// Remedy.
    pub(super) hint: String,
}

const ESCAPE_HINT: &str = "write $${...} for a literal ${...}";

/// Splits a text into segments. Text without placeholders is one segment; empty text has none.
pub(super) fn split_placeholders(text: &str) -> (Vec<TextSegment>, Vec<PlaceholderError>) {
    let mut splitter = Splitter::default();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        splitter.text.push_str(&rest[..dollar]);
        rest = splitter.dollar(&rest[dollar..]);
    }
    splitter.text.push_str(rest);
    splitter.flush();
    (splitter.pieces, splitter.bad)
}

#[derive(Default)]
struct Splitter {
    pieces: Vec<TextSegment>,
    bad: Vec<PlaceholderError>,
    text: String,
    ordinal: usize,
}

impl Splitter {
    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.pieces
                .push(TextSegment::Text(std::mem::take(&mut self.text)));
        }
    }

    /// Consumes the `$` or placeholder at the start of `text` and returns the rest.
    fn dollar<'t>(&mut self, text: &'t str) -> &'t str {
        if let Some(rest) = text.strip_prefix("$${") {
            self.text.push_str("${");
            self.ordinal += 1;
            return rest;
        }
        let Some(body) = text.strip_prefix("${") else {
            self.text.push('$');
            return &text[1..];
        };
        let ordinal = self.ordinal;
        self.ordinal += 1;
        match parse_placeholder(body) {
            Ok(ParsedPlaceholder::Placeholder(name, default, rest)) => {
                self.flush();
                self.pieces.push(TextSegment::Placeholder(PlaceholderRef {
                    name: name.to_owned(),
                    default: default.map(str::to_owned),
                    ordinal,
                }));
                rest
            }
            Ok(ParsedPlaceholder::ShellExpansion) => {
                self.text.push_str("${");
                body
            }
            Err(message) => {
                self.bad.push(PlaceholderError {
                    ordinal,
                    message,
                    hint: shell_form_hint(body).unwrap_or_else(|| ESCAPE_HINT.to_owned()),
                });
                body
            }
        }
    }
}

enum ParsedPlaceholder<'t> {
    Placeholder(&'t str, Option<&'t str>, &'t str),
    ShellExpansion,
}

/// Parses the text after `${`.
fn parse_placeholder(body: &str) -> Result<ParsedPlaceholder<'_>, String> {
    let shell_prefix = body
        .strip_prefix(['#', '!'])
        .is_some_and(|rest| !leading_name(rest).is_empty());
    let name = leading_name(body);
    let after = &body[name.len()..];
    let operator = after.starts_with(['#', '%', '/', '^', ',', '@', '['])
        || after
            .strip_prefix(':')
            .is_some_and(|rest| !rest.starts_with(['-', '=', '?']));
    if shell_prefix || !name.is_empty() && operator {
        return Ok(ParsedPlaceholder::ShellExpansion);
    }
    // Search only up to the next placeholder, so that text full of unterminated ones is still parsed in linear time.
    let next = body.find("${").unwrap_or(body.len());
    let end = body[..next].find('}');
    let default = after.strip_prefix(":-");
    match end {
        None if default.is_some() && !name.is_empty() && next < body.len() => Err(format!(
            "placeholder {name} has another placeholder in its default"
        )),
        None => Err(format!(
            "unterminated placeholder {:?}",
            shorten_placeholder(&body[..next])
        )),
        Some(end) if name.is_empty() || default.is_none() && !after.starts_with('}') => {
            Err(format!(
                "invalid placeholder {:?}: must be a name of letters, digits and \"_\", followed by \"}}\" or \":-\"",
                shorten_placeholder(&body[..=end])
            ))
        }
        Some(end) => Ok(ParsedPlaceholder::Placeholder(
            name,
            body[name.len()..end].strip_prefix(":-"),
            &body[end + 1..],
        )),
    }
}

/// Returns the hint for a shell's other form of a default or a required value; `None` for any other text after `${`.
fn shell_form_hint(body: &str) -> Option<String> {
    let name = Some(leading_name(body)).filter(|name| !name.is_empty())?;
    let (whole, _) = body.split_once('}')?;
    let operator = whole.get(name.len()..)?;
    if operator.starts_with(":-") {
        return None;
    }
    let operator = operator.strip_prefix(':').unwrap_or(operator);
    let right = match operator.get(..1)? {
        "-" | "=" => format!(
            "${{{name}:-{}}} for a parameter with a default",
            &operator[1..]
        ),
        "?" => format!("${{{name}}} for a required parameter"),
        _ => return None,
    };
    Some(format!(
        "write {right}, or $${{{whole}}} for a literal ${{{whole}}}"
    ))
}

/// Returns the parameter name at the start of a text; empty if there is none.
fn leading_name(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return "";
    }
    &text[..end]
}

/// Returns the start of a placeholder, shortened for a message.
fn shorten_placeholder(body: &str) -> String {
    let mut shown = format!("${{{}", body.chars().take(30).collect::<String>());
    if body.chars().count() > 30 {
        shown.push_str("...");
    }
    shown
}

/// Returns the variables that a text sets as a shell script does: `NAME=`, `for NAME in`, `read NAME`.
pub(super) fn variables_set_by(text: &str) -> BTreeSet<&str> {
    let words = text.split([' ', '\t', '\n', ';', '&', '|', '(']);
    let mut before = "";
    let mut found = BTreeSet::new();
    for word in words.filter(|word| !word.is_empty()) {
        if let Some((name, _)) = word.split_once('=') {
            found.insert(name);
        } else if matches!(before, "for" | "read" | "-r") {
            found.insert(word);
        }
        before = word;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> TextSegment {
        TextSegment::Text(text.into())
    }

    fn var(name: &str, default: Option<&str>, ordinal: usize) -> TextSegment {
        TextSegment::Placeholder(PlaceholderRef {
            name: name.into(),
            default: default.map(str::to_owned),
            ordinal,
        })
    }

    fn good(input: &str) -> Vec<TextSegment> {
        let (pieces, bad) = split_placeholders(input);
        assert_eq!(bad, [], "{input}");
        pieces
    }

    #[test]
    fn both_forms_are_found() {
        assert_eq!(
            good("a-${A}-b"),
            [text("a-"), var("A", None, 0), text("-b")]
        );
        assert_eq!(
            good("${_a1}${B:-}"),
            [var("_a1", None, 0), var("B", Some(""), 1)]
        );
        assert_eq!(
            good("${I:-ghcr.io/a/b:1}"),
            [var("I", Some("ghcr.io/a/b:1"), 0)]
        );
        assert_eq!(
            good("${D:-a$b{c}}"),
            [var("D", Some("a$b{c"), 0), text("}")]
        );
        assert_eq!(good(""), []);
    }

    #[test]
    fn every_other_dollar_stays() {
        for input in [
            "$POD_IP",
            "$(hostname -i)",
            "$$",
            "$",
            "a$",
            "${X#p}",
            "${X%.*}",
            "${X:0:3}",
            "${X:+y}",
            "${#X}",
            "${!X}",
            "${X/a/b}",
            "${X[0]}",
            "$$$",
            "$ {A}",
            "{A}",
        ] {
            assert_eq!(good(input), [text(input)], "{input}");
        }
        assert_eq!(good("$$${A}"), [text("$${A}")]);
        assert_eq!(good("$${A} ${A}"), [text("${A} "), var("A", None, 1)]);
        assert_eq!(
            good("$${A:-${B}}"),
            [text("${A:-"), var("B", None, 1), text("}")]
        );
        assert_eq!(
            good("${X#${A}}"),
            [text("${X#"), var("A", None, 1), text("}")]
        );
    }

    #[test]
    fn slips_of_the_pen_are_errors() {
        for (input, reason) in [
            ("${A", "unterminated placeholder \"${A\""),
            ("x ${", "unterminated placeholder \"${\""),
            ("${A:-b", "unterminated"),
            ("${}", "invalid placeholder \"${}\""),
            ("${1A}", "invalid placeholder"),
            ("${user-id}", "invalid placeholder \"${user-id}\""),
            ("${A-b}", "invalid placeholder"),
            ("${A:=b}", "invalid placeholder \"${A:=b}\""),
            ("${A:?b}", "invalid placeholder \"${A:?b}\""),
            ("${A=b}", "invalid placeholder"),
            ("${A?}", "invalid placeholder"),
            ("${ A }", "invalid placeholder"),
            ("${Ä}", "invalid placeholder"),
            ("${.Values.x}", "invalid placeholder"),
            (
                "${A:-${B}}",
                "placeholder A has another placeholder in its default",
            ),
            (
                "${A:-${B:-c}}",
                "placeholder A has another placeholder in its default",
            ),
        ] {
            let (_, bad) = split_placeholders(input);
            assert!(bad[0].message.starts_with(reason), "{input}: {bad:?}");
        }
    }

    #[test]
    fn other_forms_of_the_shell_are_refused_with_the_right_one() {
        let literal = |form: &str| format!("or ${form} for a literal {form}");
        for (form, right) in [
            ("${A-b}", "${A:-b} for a parameter with a default"),
            ("${A:=b:c}", "${A:-b:c} for a parameter with a default"),
            ("${A:?no}", "${A} for a required parameter"),
        ] {
            let (_, bad) = split_placeholders(&format!("x {form} y"));
            assert_eq!(bad[0].hint, format!("write {right}, {}", literal(form)));
        }
    }

    #[test]
    fn each_slip_is_told() {
        let (_, bad) = split_placeholders("${a-b} ${B} ${c-d}");
        assert_eq!(
            bad.iter().map(|bad| bad.ordinal).collect::<Vec<_>>(),
            [0, 2]
        );
    }
}
