//! Checks of SSH users in connection methods, as far as possible without values.

use super::super::annotation::parse_plain_value;
use super::super::manifest::Manifest;
use super::super::node::Node;
use super::super::parameter::Presets;
use super::super::parameters::Parameters;
use super::super::placeholder::{PlaceholderRef, TextSegment, split_placeholders};
use super::super::problem::{Problem, problem_at};
use super::super::source::Source;
use super::{Findings, Severity};
use session_model::api::ConnectMethod;
use session_model::labels;
use session_model::names::SshUser;

/// Maximum number of values that are tried for one scalar. Further options are checked at create.
const TEXTS_MAX: usize = 64;

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

/// Checks the annotations of a manifest that correspond to `spec.connect`.
pub(super) fn lint_annotations(
    manifest: &Manifest,
    parameters: &Parameters,
    findings: &mut Findings,
) {
    let none = Presets::default();
    for document in &manifest.documents {
        let annotations = document.root.get_path(&["metadata", "annotations"]);
        let written = annotations.and_then(|all| all.get(labels::CONNECT));
        let Some(written) = written.and_then(Node::scalar) else {
            continue;
        };
        let texts = possible_texts(&written.segments, parameters, &none);
        if let Some(wrong) = texts.iter().find_map(|text| parse_methods(text).err()) {
            let message = format!("invalid annotation {}: {wrong:#}", labels::CONNECT);
            findings.push(
                Severity::Error,
                manifest.problem_at(written.location, message),
            );
        }
    }
}

/// Parses an annotation as a start does.
fn parse_methods(text: &str) -> anyhow::Result<()> {
    let value = parse_plain_value(&Source::new(labels::CONNECT, text)?)?;
    let methods: Vec<ConnectMethod> = serde_json::from_value(value)?;
    methods.iter().try_for_each(ConnectMethod::validate)
}

/// Returns the texts that a scalar may become: each default, option and preset value of its parameters once, and `x` for
/// parameters without a known value.
fn possible_texts(
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
