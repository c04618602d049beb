//! Dozlab's LabSession objects, as sessions of the built-in template `lab`.

use anyhow::Result;
use session_model::api::{IntOrString, ResourceLimits};
use session_model::duration::Lifetime;
use session_model::names::{SessionName, UserId};

use super::super::loader::{PlaceholderMode, load_documents};
use super::super::node::Node;
use super::super::problem::Problems;
use super::super::source::Source;
use super::conversion::Conversion;
use super::fields::{FieldReader, check_amount, location, value};

const GROUPS: [&str; 2] = ["dozlab.io", "labsessions.dozlab.io"];
const VERSION: &str = "v1";
const ROOT: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];
const SPEC: &[&str] = &["userId", "sessionId", "resources", "timeout", "config"];
const CONFIG: &[&str] = &[
    "vsCodePassword",
    "enableTerminal",
    "enableVSCode",
    "enableSSH",
];
/// Keys that hide a method to connect, and the template's parameters.
const METHODS: [(&str, &str); 3] = [
    ("enableTerminal", "ENABLE_TERMINAL"),
    ("enableVSCode", "ENABLE_EDITOR"),
    ("enableSSH", "ENABLE_SSH"),
];

/// Returns true for a LabSession of any version.
pub(super) fn is_lab_session(root: &Node) -> bool {
    let text = |key| {
        root.get(key)
            .and_then(Node::scalar)
            .map(|scalar| scalar.text.as_str())
    };
    let group = text("apiVersion").and_then(|text| text.split_once('/'));
    text("kind") == Some("LabSession") && group.is_some_and(|(group, _)| GROUPS.contains(&group))
}

/// Converts a LabSession.
///
/// # Errors
/// All problems of the file: several documents, another version, values that the session cannot have.
pub(super) fn convert(source: &Source) -> Result<Conversion> {
    let (roots, problems) = load_documents(source, PlaceholderMode::Plain);
    let mut reader = FieldReader::new(source, problems);
    if let Some(second) = roots.get(1) {
        let message = "a LabSession must be the only object in its file".to_owned();
        reader.reject(
            second.location(),
            message,
            "put each LabSession in a separate file",
        );
    }
    let mut conversion = Conversion::default();
    if let Some(root) = roots.first() {
        read_root(&mut reader, root, &mut conversion);
    }
    conversion.warnings = reader.warnings;
    let result = reader.problems.into_result(conversion);
    result.map_err(Problems::into_error)
}

fn read_root(reader: &mut FieldReader<'_>, root: &Node, conversion: &mut Conversion) {
    reader.warn_unknown_keys(root, "", ROOT);
    let root = Some(root);
    reader.checked(root, "apiVersion", |text| match text.rsplit_once('/') {
        Some((_, VERSION)) => Ok(()),
        _ => Err(format!("the only known version is {VERSION}")),
    });
    let metadata = value(root, "metadata");
    conversion.namespace = reader.text(metadata, "namespace");
    let Some(spec) = reader.section(root, "spec", SPEC) else {
        let place = location(root, "metadata");
        reader.reject(place, "LabSession has no spec".to_owned(), "");
        return;
    };
    let spec = Some(spec);
    // A number such as 001 stays the text that it is.
    let is_name = |text: &str| {
        let name: Result<SessionName> = text.parse();
        name.map(drop).map_err(|error| error.to_string())
    };
    let named = reader.checked(spec, "sessionId", is_name);
    conversion.name = named.or_else(|| reader.checked(metadata, "name", is_name));
    let settings = &mut conversion.spec;
    let is_user = |text: &str| {
        let user: Result<UserId> = text.parse();
        user.map(drop).map_err(|error| error.to_string())
    };
    let user = reader.checked(spec, "userId", is_user);
    settings.user_id = user.unwrap_or_default();
    settings.template = Some("lab".to_owned());
    let resources = reader.section(spec, "resources", &["cpu", "memory", "storage"]);
    let mut amount = |key| reader.checked(resources, key, check_amount);
    let (cpu, memory, storage) = (amount("cpu"), amount("memory"), amount("storage"));
    if cpu.is_some() || memory.is_some() {
        let limit = |text: Option<String>| text.as_deref().map(IntOrString::from);
        settings.resources = Some(ResourceLimits {
            cpu: limit(cpu),
            memory: limit(memory),
            gpu: None,
        });
    }
    let size = storage.map(|size| ("VM_DATA_SIZE_LIMIT".to_owned(), size));
    settings.parameters.extend(size);
    let timeout = reader.checked(spec, "timeout", |text| {
        let lifetime: Result<Lifetime> = text.parse();
        lifetime.map(drop).map_err(|error| error.to_string())
    });
    settings.timeout = timeout.as_deref().map(IntOrString::from);
    read_config(reader, spec, conversion);
}

fn read_config(reader: &mut FieldReader<'_>, spec: Option<&Node>, conversion: &mut Conversion) {
    let config = reader.section(spec, "config", CONFIG);
    for (key, parameter) in METHODS {
        if reader.flag(config, key) == Some(false) {
            let parameters = &mut conversion.spec.parameters;
            parameters.insert(parameter.to_owned(), "false".to_owned());
        }
    }
    let password = reader.text(config, "vsCodePassword");
    let Some(password) = password.filter(|password| !password.is_empty()) else {
        return;
    };
    let message =
        "config.vsCodePassword is a password in a plain file; the session keeps it in a Secret";
    reader.warn(
        location(config, "vsCodePassword"),
        message.to_owned(),
        "remove it to have one generated, or pass it with --set-file VSCODE_PASSWORD=FILENAME",
    );
    conversion
        .secrets
        .insert("VSCODE_PASSWORD".to_owned(), password);
}

#[cfg(test)]
#[path = "lab_session_tests.rs"]
mod tests;
