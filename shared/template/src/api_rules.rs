//! The API server's rules for names, labels and quantities, checked before any request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::parameter::shorten_value;
use super::path_step::PathStep;
use super::scalar_context::{ObjectType, ScalarContext};
use session_model::names::{
    DNS_LABEL_MAX, DNS_SUBDOMAIN_MAX, check_dns_label, check_dns_subdomain,
};
use session_model::objects::overrides::{GPU_SHARE_HINT, is_gpu_resource};
use session_model::quantity::Quantity;

/// A rule that a value violates.
pub(super) struct RuleViolation {
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
}

impl From<String> for RuleViolation {
    fn from(message: String) -> Self {
        let hint = None;
        Self { message, hint }
    }
}

/// Returns the longest allowed name of an object of this type.
pub(super) fn name_limit(kind: &ObjectType) -> usize {
    match kind.kind.as_str() {
        "Service" | "Job" => DNS_LABEL_MAX,
        // Kubernetes appends up to 11 characters and uses the result as a label value or as the name of a Job.
        "StatefulSet" | "CronJob" => DNS_LABEL_MAX - 11,
        _ => DNS_SUBDOMAIN_MAX,
    }
}

/// Checks a rendered value at its position. Messages do not quote values of Secrets.
pub(super) fn check_value(
    kind: &ObjectType,
    path: &[PathStep<'_>],
    position: ScalarContext,
    value: &Value,
) -> Result<(), RuleViolation> {
    let checked = match (position, value) {
        (ScalarContext::OwnName, Value::String(name)) => check_own_name(kind, name),
        (ScalarContext::Name, Value::String(name)) => check_reference_name(path, name),
        (ScalarContext::Label, Value::String(text)) => check_label_value(text),
        (ScalarContext::SecretData, Value::String(text)) => check_base64(text),
        (ScalarContext::Quantity, Value::String(text)) => return check_quantity(path, text),
        (ScalarContext::Quantity, Value::Number(number)) => {
            return check_quantity(path, &number.to_string());
        }
        (ScalarContext::Quantity, Value::Bool(flag)) => Err(format!("{flag} is not a quantity")),
        _ => Ok(()),
    };
    checked.map_err(RuleViolation::from)
}

/// Checks a label or annotation key: an optional DNS subdomain and `/`, then a name of at most 63 characters.
pub(super) fn check_key(path: &[PathStep<'_>], key: &str) -> Result<(), String> {
    let what = match path {
        [.., PathStep::Key("metadata"), PathStep::Key("labels")]
        | [.., PathStep::Key("matchLabels" | "nodeSelector")] => "label",
        [.., PathStep::Key("metadata"), PathStep::Key("annotations")] => "annotation",
        _ => return Ok(()),
    };
    let (prefix, name) = match key.rsplit_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let wrong = |reason: &str| {
        Err(format!(
            "invalid {what} key {:?}: {reason}",
            shorten_value(key)
        ))
    };
    if let Some(Err(reason)) =
        prefix.map(|prefix| check_dns_subdomain(&prefix.to_ascii_lowercase()))
    {
        return wrong(&format!("before \"/\": {reason}"));
    }
    if name.is_empty() {
        return wrong("must not be empty");
    }
    check_qualified_name(name).or_else(|reason| wrong(&reason))
}

fn check_own_name(kind: &ObjectType, name: &str) -> Result<(), String> {
    let what = &kind.kind;
    let limit = name_limit(kind);
    let shown = shorten_value(name);
    if name.len() > limit {
        return Err(format!(
            "invalid {what} name {shown:?}: must have at most {limit} characters, but has {}",
            name.len()
        ));
    }
    let wrong = |reason: String| format!("invalid {what} name {shown:?}: {reason}");
    if kind.api_version.starts_with("rbac.authorization.k8s.io/") {
        // RBAC names may contain ":" and upper-case letters.
        return match name.contains(['/', '%']) || matches!(name, "." | "..") {
            true => Err(wrong("\"/\" and \"%\" are not allowed".into())),
            false => Ok(()),
        };
    }
    if kind.is("v1", "Service") {
        check_dns_label(name).map_err(wrong)?;
        return match name.starts_with(|c: char| c.is_ascii_digit()) {
            true => Err(wrong("must start with a letter".into())),
            false => Ok(()),
        };
    }
    check_dns_subdomain(name).map_err(wrong)
}

fn check_reference_name(path: &[PathStep<'_>], name: &str) -> Result<(), String> {
    let (what, checked) = match path {
        [
            ..,
            PathStep::Key(
                key @ ("claimName" | "secretName" | "serviceAccountName" | "configMapName"),
            ),
        ] => (*key, check_dns_subdomain(name)),
        [
            ..,
            PathStep::Key("containers" | "initContainers"),
            PathStep::Index(_),
            PathStep::Key("name"),
        ] => ("container name", check_dns_label(name)),
        [
            ..,
            PathStep::Key("volumes"),
            PathStep::Index(_),
            PathStep::Key("name"),
        ] => ("volume name", check_dns_label(name)),
        [PathStep::Key("metadata"), PathStep::Key("namespace")] => {
            ("namespace", check_dns_label(name))
        }
        _ => return Ok(()),
    };
    checked.map_err(|reason| format!("invalid {what} {:?}: {reason}", shorten_value(name)))
}

/// Checks a label value: empty, or a qualified name.
pub(super) fn check_label_value(text: &str) -> Result<(), String> {
    match text {
        "" => Ok(()),
        text => check_qualified_name(text)
            .map_err(|reason| format!("invalid label value {:?}: {reason}", shorten_value(text))),
    }
}

fn check_qualified_name(text: &str) -> Result<(), String> {
    if text.len() > DNS_LABEL_MAX {
        return Err(format!(
            "must have at most {DNS_LABEL_MAX} characters, but has {}",
            text.len()
        ));
    }
    let ends = |c: char| c.is_ascii_alphanumeric();
    if !text.chars().all(|c| ends(c) || "._-".contains(c)) {
        return Err("only letters, digits, \"-\", \"_\" and \".\" are allowed".into());
    }
    if !text.starts_with(ends) || !text.ends_with(ends) {
        return Err("must start and end with a letter or digit".into());
    }
    Ok(())
}

fn check_base64(text: &str) -> Result<(), String> {
    // The API server's decoder ignores line breaks.
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match STANDARD.decode(text) {
        Ok(_) => Ok(()),
        Err(_) => Err("data of a Secret must be base64: use stringData for plain text".into()),
    }
}

fn check_quantity(path: &[PathStep<'_>], text: &str) -> Result<(), RuleViolation> {
    let amount: Quantity = text
        .parse()
        .map_err(|error: anyhow::Error| error.to_string())?;
    let invalid = |reason: &str| format!("invalid quantity {text:?}: {reason}");
    if amount.is_negative() {
        return Err(invalid("must not be negative").into());
    }
    match path {
        [
            ..,
            PathStep::Key("requests" | "limits"),
            PathStep::Key(resource),
        ] if resource.contains('/') && !amount.is_whole() => Err(RuleViolation {
            message: invalid("must be a whole number, as extended resources cannot be divided"),
            hint: is_gpu_resource(resource).then_some(GPU_SHARE_HINT),
        }),
        _ => Ok(()),
    }
}
