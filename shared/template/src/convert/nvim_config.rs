//! nvim-web's configuration: table `kubernetes` of its TOML file, as a session of the built-in template `nvim`.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use session_model::api::{IntOrString, StorageSpec};
use session_model::labels;
use session_model::names::check_dns_label;
use session_model::objects::resource::SESSION_COUNT;

use super::super::api_rules::{check_key, check_label_value};
use super::super::node::Node;
use super::super::path_step::PathStep;
use super::super::problem::Problems;
use super::super::source::Source;
use super::conversion::{Conversion, escape_placeholders};
use super::fields::{FieldReader, check_amount, check_image, location};
use super::template_objects::{builtin_template, template_objects};
use super::toml_loader::load_toml;

const TEMPLATE: &str = "nvim";
const KUBERNETES: &[&str] = &[
    "enabled",
    "namespace",
    "image",
    "storage_size",
    "storage_class",
    "session_timeout_secs",
    "max_sessions",
    "labels",
    "resources",
];
/// Keys of `kubernetes.resources` and the template's parameters.
const RESOURCES: [(&str, &str); 4] = [
    ("cpu_request", "CPU_REQUEST"),
    ("cpu_limit", "CPU_LIMIT"),
    ("memory_request", "MEMORY_REQUEST"),
    ("memory_limit", "MEMORY_LIMIT"),
];

/// Converts the configuration.
///
/// # Errors
/// All problems of the file: no table `kubernetes`, Kubernetes switched off, values that Kubernetes would refuse.
pub(super) fn convert(source: &Source) -> Result<Conversion> {
    let (root, problems) = load_toml(source);
    let mut reader = FieldReader::new(source, problems);
    let mut conversion = Conversion::default();
    // The other tables are those of nvim-web itself: its [session] limits the sessions of one process.
    match reader.section(Some(&root), "kubernetes", KUBERNETES) {
        Some(kubernetes) => read_kubernetes(&mut reader, kubernetes, &mut conversion)?,
        None if reader.problems.is_empty() => {
            let message = "no table [kubernetes]: not nvim-web's configuration for Kubernetes";
            let hint = "add [kubernetes] with enabled = true and image";
            reader.reject(root.location(), message.to_owned(), hint);
        }
        None => {}
    }
    conversion.warnings = reader.warnings;
    let result = reader.problems.into_result(conversion);
    result.map_err(Problems::into_error)
}

fn read_kubernetes(
    reader: &mut FieldReader<'_>,
    section: &Node,
    conversion: &mut Conversion,
) -> Result<()> {
    let section = Some(section);
    match reader.flag(section, "enabled") {
        Some(true) => {}
        enabled => {
            let message = match enabled {
                Some(_) => "kubernetes.enabled is false",
                None => "kubernetes.enabled is absent, which means false",
            };
            let message = format!("{message}: the file switches Kubernetes off");
            reader.reject(location(section, "enabled"), message, "set enabled = true");
        }
    }
    conversion.namespace = reader.checked(section, "namespace", check_dns_label);
    let mut values = read_values(reader, section);
    let size = reader.checked(section, "storage_size", check_amount);
    let class = reader.text(section, "storage_class");
    if class.is_some() {
        let size = size.as_deref().unwrap_or("1Gi");
        conversion.spec.storage = Some(StorageSpec {
            size: Some(size.into()),
            class,
        });
    } else {
        values.extend(size.map(|size| ("STORAGE_SIZE".to_owned(), size)));
    }
    let timeout = reader.number(section, "session_timeout_secs", 1..=MAX_SECONDS);
    let timeout = timeout.and_then(|seconds| i64::try_from(seconds).ok());
    conversion.spec.timeout = timeout.map(IntOrString::Int);
    let limit = reader.number(section, "max_sessions", 0..=u64::from(u32::MAX));
    let quota = limit.map(|limit| (SESSION_COUNT.to_owned(), limit.to_string()));
    conversion.quota.extend(quota);
    let labels = read_labels(reader, section);
    if labels.is_empty() {
        conversion.spec.template = Some(TEMPLATE.to_owned());
        conversion.spec.parameters = values;
        return Ok(());
    }
    conversion.objects = labelled_objects(&values, &labels)?;
    Ok(())
}

/// Longest session in seconds: 100 years.
const MAX_SECONDS: u64 = 100 * 365 * 24 * 3600;

/// Returns the values of the template's parameters.
fn read_values(reader: &mut FieldReader<'_>, section: Option<&Node>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let image = reader.checked(section, "image", check_image);
    values.extend(image.map(|image| ("IMAGE".to_owned(), image)));
    let known = RESOURCES.map(|(key, _)| key);
    let resources = reader.section(section, "resources", &known);
    for (key, parameter) in RESOURCES {
        let amount = reader.checked(resources, key, check_amount);
        values.extend(amount.map(|amount| (parameter.to_owned(), amount)));
    }
    values
}

/// Returns the labels for the session's Pod. Those of the suite and of the template are not the file's to set.
fn read_labels(reader: &mut FieldReader<'_>, section: Option<&Node>) -> BTreeMap<String, String> {
    const RESERVED: [&str; 3] = ["app", "session-id", "user-id"];
    let path = [PathStep::Key("metadata"), PathStep::Key("labels")];
    let mut labels = BTreeMap::new();
    for (key, value) in reader.text_map(section, "labels") {
        let reserved = RESERVED.contains(&key.as_str())
            || key.starts_with("streaming.platform/")
            || key == labels::MANAGED_BY;
        let checked = match reserved {
            true => Err(format!("label {key:?} is set by kubectl session")),
            false => check_key(&path, &key).and_then(|()| check_label_value(&value)),
        };
        match checked {
            Ok(()) => drop(labels.insert(key, value)),
            Err(reason) => {
                let place = location(section.and_then(|section| section.get("labels")), &key);
                reader.reject(place, reason, "change or remove the label");
            }
        }
    }
    labels
}

/// Returns the template's objects with more labels on the Pod: a template's own labels are fixed.
fn labelled_objects(
    values: &BTreeMap<String, String>,
    more: &BTreeMap<String, String>,
) -> Result<Vec<Value>> {
    let file = builtin_template(TEMPLATE)?;
    let mut objects = template_objects(&file, |name| values.get(name).cloned())?;
    let spec = &file.object["spec"];
    for object in &mut objects {
        let metadata = &mut object["metadata"];
        for (key, value) in more {
            metadata["labels"][key] = escape_placeholders(value).into();
        }
        metadata["annotations"][labels::CONNECT] = json!(spec["connect"].to_string());
        metadata["annotations"][labels::LIFETIME] = json!(spec["lifetime"].to_string());
    }
    Ok(objects)
}

#[cfg(test)]
#[path = "nvim_config_tests.rs"]
mod tests;
