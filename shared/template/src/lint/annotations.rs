//! Checks of the annotations of a workload that stand for fields of a SessionTemplate: connection methods, sync hook, lifetime, stop and
//! start of a custom kind.

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;

use super::super::annotation::parse_plain_value;
use super::super::manifest::Manifest;
use super::super::node::Node;
use super::super::parameter::Presets;
use super::super::parameters::Parameters;
use super::super::source::Source;
use super::connect::possible_texts;
use super::finding::{Findings, Severity};
use session_model::api::{ConnectMethod, Hook, LifetimePolicy, PrimaryRef, WorkloadControl};
use session_model::duration::Lifetime;
use session_model::foreign_error::decode_error_text;
use session_model::labels;
use session_model::objects::custom_workload::validate_primary;

/// Parses the text of an annotation as a start does.
type Check = fn(&str) -> Result<()>;

const CHECKS: [(&str, Check); 4] = [
    (labels::CONNECT, check_methods),
    (labels::SYNC, check_hook),
    (labels::LIFETIME, check_lifetime),
    (labels::WORKLOAD, check_workload),
];

/// Checks the annotations of each document, with the defaults of their placeholders.
pub(super) fn lint_annotations(
    manifest: &Manifest,
    parameters: &Parameters,
    findings: &mut Findings,
) {
    let none = Presets::default();
    for document in &manifest.documents {
        let annotations = document.root.get_path(&["metadata", "annotations"]);
        for (key, check) in CHECKS {
            let written = annotations.and_then(|all| all.get(key));
            let Some(written) = written.and_then(Node::scalar) else {
                continue;
            };
            let texts = possible_texts(&written.segments, parameters, &none);
            if let Some(wrong) = texts.iter().find_map(|text| check(text).err()) {
                let message = format!("invalid annotation {key}: {wrong:#}");
                let problem = manifest.problem_at(written.location, message);
                findings.push(Severity::Error, problem);
            }
        }
    }
}

fn check_methods(text: &str) -> Result<()> {
    let methods: Vec<ConnectMethod> = parse(labels::CONNECT, text)?;
    methods.iter().try_for_each(ConnectMethod::validate)
}

fn check_hook(text: &str) -> Result<()> {
    parse::<Hook>(labels::SYNC, text).map(drop)
}

fn check_workload(text: &str) -> Result<()> {
    let control: WorkloadControl = parse(labels::WORKLOAD, text)?;
    // The kind is checked with the primary workload, which this annotation does not name.
    let primary = PrimaryRef {
        kind: "a custom kind".to_owned(),
        ..PrimaryRef::default()
    };
    validate_primary(&primary.or_controlled_by(control))
}

/// Checks a duration, or the fields of a lifetime. The placeholder of a parameter without a default is no duration yet.
fn check_lifetime(text: &str) -> Result<()> {
    if text.trim() == "x" || text.trim().parse::<Lifetime>().is_ok() {
        return Ok(());
    }
    parse::<LifetimePolicy>(labels::LIFETIME, text).map(drop)
}

fn parse<T: DeserializeOwned>(key: &str, text: &str) -> Result<T> {
    let value = parse_plain_value(&Source::new(key, text)?)?;
    serde_json::from_value(value).map_err(|error| anyhow!(decode_error_text(&error)))
}
