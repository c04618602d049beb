//! Checks of connection methods, as far as possible without values.

use super::super::node::Node;
use super::super::parameter::Presets;
use super::super::parameters::Parameters;
use super::super::placeholder::{PlaceholderRef, TextSegment, split_placeholders};
use super::super::problem::{Problem, problem_at};
use super::super::resolve::most_similar;
use super::super::source::{Source, SourceLocation};
use super::Severity;
use crate::template_file::TemplateFile;
use session_model::names::SshUser;

/// Maximum number of values that are tried for one scalar. Further options are checked at create.
const TEXTS_MAX: usize = 64;

/// Fields of a connection method.
const METHOD: [&str; 8] = [
    "name",
    "exec",
    "http",
    "ssh",
    "workload",
    "container",
    "killOnExit",
    "enabled",
];

/// Returns the problems of a method's fields: unknown ones, which the API server would drop silently, not exactly one way to connect,
/// and `killOnExit` without a command.
pub(super) fn check_method(source: &Source, method: &Node) -> Vec<(Severity, Problem)> {
    let mut found = Vec::new();
    let name = method.get("name").and_then(Node::scalar);
    let name = name.map_or("", |name| name.text.as_str());
    let ways = ["exec", "http", "ssh"];
    if ways.iter().filter(|way| method.get(way).is_some()).count() != 1 {
        let message =
            format!("connection method {name:?} must have exactly one of exec, http and ssh");
        found.push((
            Severity::Error,
            problem_at(source, method.location(), message),
        ));
    }
    let Node::Mapping(entries, _) = method else {
        return found;
    };
    for entry in entries {
        let key = entry.key.as_str();
        if !METHOD.contains(&key) {
            let near = most_similar(key, METHOD.iter().copied());
            let near = near.map(|near| format!(": did you mean {near:?}?"));
            let message = format!("unknown field {key:?}{}", near.unwrap_or_default());
            found.push((Severity::Error, problem_at(source, entry.location, message)));
        }
        if key == "killOnExit" && method.get("exec").is_none() {
            let message = format!(
                "killOnExit of connection method {name:?} has no effect: only a command of exec is ended"
            );
            found.push((
                Severity::Warning,
                problem_at(source, entry.location, message),
            ));
        }
    }
    found
}

/// Returns the problem of the SSH user of a connection method in `spec.connect`, whose placeholders are not parsed with the
/// manifest.
pub(super) fn check_ssh_user(
    source: &Source,
    node: &Node,
    parameters: &Parameters,
    presets: &Presets,
) -> Option<Problem> {
    let user = node.scalar()?;
    let (pieces, bad) = split_placeholders(&user.text);
    if let Some(bad) = bad.into_iter().next() {
        return Some(problem_at(source, user.location, bad.message).with_hint(bad.hint));
    }
    let mut texts = possible_texts(&pieces, parameters, presets).into_iter();
    let wrong = texts.find_map(|text| text.parse::<SshUser>().err())?;
    Some(problem_at(source, user.location, wrong.to_string()))
}

/// Returns a message for each `workload` of a connection method or hook that is not among `workloads` (KIND/NAME).
pub(super) fn find_unknown_workloads(
    file: &TemplateFile,
    workloads: &[String],
) -> Vec<(SourceLocation, String)> {
    let at = |path: &[&str]| file.root.get("spec")?.get_path(path);
    let methods = at(&["connect"]).map(Node::items).unwrap_or_default();
    let hooks = ["sync", "quiesce", "resume"].map(|hook| at(&["hooks", hook]));
    let users = methods.iter().chain(hooks.into_iter().flatten());
    let is_known = |text: &str| {
        workloads.iter().any(|known| {
            let name = known.split_once('/').map_or("", |(_, name)| name);
            known.eq_ignore_ascii_case(text) || name == text
        })
    };
    let named = users.filter_map(|user| user.get("workload")?.scalar());
    let unknown = named.filter(|scalar| !is_known(&scalar.text));
    let all = workloads.join(", ");
    let message = |text: &str| {
        format!("workload {text:?} is not a workload of the manifest (available: {all})")
    };
    unknown
        .map(|scalar| (scalar.location, message(&scalar.text)))
        .collect()
}

/// Returns the texts that a scalar may become: each default, option and preset value of its parameters once, and `x` for
/// parameters without a known value.
pub(super) fn possible_texts(
    pieces: &[TextSegment],
    parameters: &Parameters,
    presets: &Presets,
) -> Vec<String> {
    let vars = pieces.iter().filter_map(|piece| match piece {
        TextSegment::Placeholder(var) => Some(var),
        TextSegment::Text(_) => None,
    });
    let usual = |var: &PlaceholderRef| {
        known_values(var, parameters, presets)
            .first()
            .map(|text| (*text).to_owned())
    };
    let with = |chosen: Option<(&PlaceholderRef, &str)>| -> String {
        let text = pieces.iter().map(|piece| match (piece, chosen) {
            (TextSegment::Text(text), _) => text.clone(),
            (TextSegment::Placeholder(var), Some((other, text))) if var == other => text.to_owned(),
            (TextSegment::Placeholder(var), _) => usual(var).unwrap_or_else(|| "x".to_owned()),
        });
        text.collect()
    };
    let others = vars.flat_map(|var| {
        let known = known_values(var, parameters, presets);
        let texts: Vec<String> = known
            .iter()
            .skip(1)
            .map(|text| with(Some((var, text))))
            .collect();
        texts
    });
    std::iter::once(with(None))
        .chain(others)
        .take(TEXTS_MAX)
        .collect()
}

/// Returns the known values of a placeholder: default, options and presets.
fn known_values<'p>(
    var: &'p PlaceholderRef,
    parameters: &'p Parameters,
    presets: &'p Presets,
) -> Vec<&'p str> {
    let parameter = parameters.get(&var.name);
    let declared = parameter.and_then(|parameter| parameter.default.as_deref());
    let options = parameter
        .into_iter()
        .flat_map(|parameter| &parameter.options);
    let preset = presets.values().filter_map(|values| values.get(&var.name));
    let more = options.chain(preset).map(String::as_str);
    let mut known: Vec<&str> = declared.or(var.default.as_deref()).into_iter().collect();
    known.extend(more);
    known
}
