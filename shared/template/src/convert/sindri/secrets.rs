//! `secrets[]` of a sindri.yaml: where each value comes from, and how it reaches the container.

use std::collections::BTreeMap;

use anyhow::Result;

use super::super::super::node::Node;
use super::super::super::source::SourceLocation;
use super::super::conversion::{SecretOrigin, SecretReader};
use super::super::fields::FieldReader;

const KEYS: &[&str] = &[
    "name",
    "source",
    "required",
    "path",
    "mountPath",
    "permissions",
    "vaultPath",
    "vaultKey",
    "vaultMount",
];

/// A secret of the list.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) source: SecretSource,
    pub(super) required: bool,
    /// File in the container; without it the secret is an environment variable.
    pub(super) mount_path: Option<String>,
    /// Mode of that file.
    pub(super) mode: u32,
    location: SourceLocation,
}

/// Source of a secret's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SecretSource {
    /// Read when the session is created.
    Local(SecretOrigin),
    /// Read by External Secrets in the cluster.
    Vault {
        /// Path of the secret in Vault.
        path: String,
        /// Key of the secret at that path.
        key: String,
    },
}

/// Reads the list.
pub(super) fn read_list(reader: &mut FieldReader<'_>, root: Option<&Node>) -> Vec<Secret> {
    let mut secrets: Vec<Secret> = Vec::new();
    for item in reader.items(root, "secrets") {
        if !matches!(item, Node::Mapping(..)) {
            let message = "an item of secrets must be a mapping".to_owned();
            reader.reject(item.location(), message, "");
            continue;
        }
        reader.warn_unknown_keys(item, "secrets", KEYS);
        let Some(secret) = read_item(reader, item) else {
            continue;
        };
        if secrets.iter().any(|known| known.name == secret.name) {
            let message = format!("duplicate secret {}", secret.name);
            reader.reject(secret.location, message, "");
        }
        secrets.push(secret);
    }
    secrets
}

fn read_item(reader: &mut FieldReader<'_>, item: &Node) -> Option<Secret> {
    let node = Some(item);
    let require = |reader: &mut FieldReader<'_>, key: &str| {
        let text = reader.text(node, key);
        if text.is_none() {
            reader.reject(item.location(), format!("secret without {key}"), "");
        }
        text
    };
    let name = match reader.scalar(node, "name") {
        Some(_) => reader.checked(node, "name", check_name),
        None => require(reader, "name"),
    };
    let source = require(reader, "source");
    let source = match source.as_deref()? {
        "env" => SecretSource::Local(SecretOrigin::Variable(name.clone().unwrap_or_default())),
        "file" => SecretSource::Local(SecretOrigin::File(require(reader, "path")?)),
        "vault" => {
            if reader.text(node, "vaultMount").is_some() {
                let message = "vaultMount is ignored: the secret store names the mount".to_owned();
                reader.warn(item.location(), message, "");
            }
            SecretSource::Vault {
                path: require(reader, "vaultPath")?,
                key: require(reader, "vaultKey")?,
            }
        }
        other => {
            let message = format!("invalid source {other:?}: must be env, file or vault");
            reader.reject(item.location(), message, "");
            return None;
        }
    };
    let mount_path = reader.checked(node, "mountPath", |path| match path.starts_with('/') {
        true => Ok(()),
        false => Err("must be an absolute path".to_owned()),
    });
    let permissions = reader.checked(node, "permissions", |mode| parse_mode(mode).map(drop));
    Some(Secret {
        required: reader.flag(node, "required").unwrap_or_default(),
        mode: parse_mode(permissions.as_deref().unwrap_or("0644")).unwrap_or_default(),
        name: name?,
        source,
        mount_path,
        location: item.location(),
    })
}

/// Checks the name of a secret or variable.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let is_legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    match name.bytes().all(is_legal) && name.starts_with(|first: char| first.is_ascii_uppercase()) {
        true => Ok(()),
        false => Err("must be upper-case letters, digits and \"_\", a letter first".to_owned()),
    }
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let wrong = || "must be an octal mode such as 0644".to_owned();
    match text.len() == 4 && text.starts_with('0') {
        true => u32::from_str_radix(text, 8).map_err(|_| wrong()),
        false => Err(wrong()),
    }
}

/// Reads the values of the secrets that are not in Vault. A missing one is a problem if it is required, else a warning.
///
/// # Errors
/// A value that exists and cannot be read.
pub(super) fn read_values(
    reader: &mut FieldReader<'_>,
    secrets: &[Secret],
    read_secret: &mut SecretReader<'_>,
) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for secret in secrets {
        let SecretSource::Local(origin) = &secret.source else {
            continue;
        };
        if let Some(value) = read_secret(&secret.name, origin)?.filter(|value| !value.is_empty()) {
            values.insert(secret.name.clone(), value);
            continue;
        }
        let (name, reason) = match origin {
            SecretOrigin::Variable(name) => {
                (name, "the environment variable is not set".to_owned())
            }
            SecretOrigin::File(path) => (
                &secret.name,
                format!("there is no file {path:?}, or it is empty"),
            ),
        };
        let hint = format!("pass the value in a file: --set-file {name}=FILENAME");
        if secret.required {
            let message = format!("secret {name} is required, but {reason}");
            reader.reject(secret.location, message, &hint);
        } else {
            let message = format!("secret {name} is left out: {reason}");
            reader.warn(secret.location, message, &hint);
        }
    }
    Ok(values)
}
