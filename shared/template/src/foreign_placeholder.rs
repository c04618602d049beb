//! Detection of other tools' placeholders (Helm, Jinja, Tera, `{word}`), which would otherwise reach the cluster as text.

use std::ops::Range;

use super::problem::{Problem, problem_at};
use super::scalar_context::ScalarContext;
use super::source::{Source, SourceLocation};

/// Finds the first `{{` or `{%` (Helm, Jinja, Tera) outside comment lines.
pub(super) fn find_template_syntax(source: &Source) -> Option<(SourceLocation, &'static str)> {
    for (index, line) in source.text().lines().enumerate() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        let found = ["{{", "{%"]
            .into_iter()
            .filter_map(|form| Some((line.find(form)?, form)))
            .min();
        if let Some((byte, form)) = found {
            let column = line.get(..byte).unwrap_or_default().chars().count() + 1;
            return Some((source.location(index + 1, column), form));
        }
    }
    None
}

/// Creates the problem for text that another tool must render first.
pub(super) fn render_first_problem(source: &Source, place: SourceLocation, form: &str) -> Problem {
    let close = if form == "{%" { "%}" } else { "}}" };
    problem_at(
        source,
        place,
        format!("\"{form} {close}\" is a placeholder of Helm, Jinja or Tera, which must be rendered first"),
    )
    .with_hint(
        "pipe in the rendered text, for example: helm template CHART | kubectl session create NAME -f -",
    )
}

/// Creates the problem for a placeholder such as `{user-id}`.
pub(super) fn foreign_placeholder_problem(
    source: &Source,
    place: SourceLocation,
    form: &str,
) -> Problem {
    let name: String = form
        .chars()
        .filter(|c| !"{}".contains(*c))
        .map(|c| {
            if c == '-' {
                '_'
            } else {
                c.to_ascii_uppercase()
            }
        })
        .collect();
    let name = match name.as_str() {
        "ID" | CAPITAL_WORD => "SESSION_ID",
        name => name,
    };
    problem_at(
        source,
        place,
        format!("{form:?} is a placeholder of another tool"),
    )
    .with_hint(format!(
        "replace the placeholder: --replace '{form}=${{{name}}}'"
    ))
}

/// Returns a flow mapping that is only a word in braces, such as `{user-id}`.
pub(super) fn as_braced_word(source: &Source, bytes: Range<usize>) -> Option<&str> {
    let text = source.text().get(bytes)?;
    let word = text.strip_prefix('{')?.strip_suffix('}')?;
    is_word(word).then_some(text)
}

/// Finds the first `{word}` without a preceding `$` or `{`.
pub(super) fn find_braced_word(text: &str) -> Option<&str> {
    text.match_indices('{').find_map(|(open, _)| {
        let rest = &text[open + 1..];
        let end = rest.find(|c: char| !is_letter(c))?;
        let found = rest[end..].starts_with('}')
            && is_word(&rest[..end])
            && !text[..open].ends_with(['$', '{']);
        found.then(|| &text[open..open + end + 2])
    })
}

/// Word that documents write for the part of a name that differs.
const CAPITAL_WORD: &str = "TEMPLATE";

/// Finds the word TEMPLATE in a name, where capital letters are not allowed.
pub(super) fn find_capital_word(text: &str, position: ScalarContext) -> Option<&'static str> {
    let is_name = matches!(position, ScalarContext::OwnName | ScalarContext::Name);
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    (is_name && !text.contains("${") && words.any(|word| word == CAPITAL_WORD))
        .then_some(CAPITAL_WORD)
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_in_braces_is_found() {
        assert_eq!(
            find_braced_word("gimp-session-{user-id}"),
            Some("{user-id}")
        );
        assert_eq!(find_braced_word("{} {1} {a b} {id}"), Some("{id}"));
        assert_eq!(find_braced_word("{{x}}"), Some("{{x}}").and(None));
        for text in ["", "{", "{}", "${A}", "a}b{c"] {
            assert_eq!(find_braced_word(text), None, "{text}");
        }
    }

    #[test]
    fn a_capital_word_is_found_in_names_only() {
        let found = find_capital_word("gimp-TEMPLATE-data", ScalarContext::OwnName);
        assert_eq!(found, Some("TEMPLATE"));
        assert_eq!(find_capital_word("TEMPLATES", ScalarContext::Name), None);
        assert_eq!(find_capital_word("TEMPLATE", ScalarContext::Env), None);
    }

    #[test]
    fn comment_lines_are_no_template_text() {
        let source = Source::new("c.yaml", "# {{ x }}\na: b # {% x %}\n").unwrap();
        let (place, form) = find_template_syntax(&source).unwrap();
        assert_eq!((place.to_string().as_str(), form), ("2:8", "{%"));
    }
}
