//! The validated request of `setup secrets`.

use std::collections::BTreeMap;

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::k8s_openapi::ByteString;
use session_shared::names::check_dns_subdomain;
use session_shared::report::console::Console;
use session_shared::report::format::Format;

use super::args::{SecretValueFlags, SetupSecretsArgs};
use super::values::{SecretValues, check_variables, read_values};
use crate::part::external_secret;
use crate::part::flags::PartIntent;
use crate::part::platform::Platform;
use crate::part::site::Part;

/// Name and keys of the Secret in Sindri's documents.
const SINDRI_SECRET: &str = "sindri-secrets";
const SINDRI_KEYS: [&str; 4] = [
    "ANTHROPIC_API_KEY",
    "GITHUB_TOKEN",
    "GIT_USER_NAME",
    "GIT_USER_EMAIL",
];

/// The two commands under `setup secrets`.
#[derive(Debug)]
pub(crate) enum SecretsRequest {
    /// A Secret that an external store fills.
    External(Box<dyn Part>, PartIntent),
    /// The keys of a Secret.
    Keys(SecretIntent),
}

/// A validated request for a Secret.
#[derive(Debug)]
pub(crate) struct SecretIntent {
    pub(crate) name: String,
    pub(crate) action: SecretAction,
    /// Keys that the documents of the platform have.
    pub(crate) expected: &'static [&'static str],
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

/// Action on a Secret.
#[derive(Debug)]
pub(crate) enum SecretAction {
    View,
    Remove,
    Change(SecretChange),
}

/// A change of the keys of a Secret.
#[derive(Debug, Default)]
pub(crate) struct SecretChange {
    pub(crate) values: BTreeMap<String, ByteString>,
    pub(crate) removed: Vec<String>,
    /// Type of a new Secret.
    pub(crate) secret_type: Option<String>,
    pub(crate) force: bool,
}

/// Validates the flags, and reads the files they name.
///
/// # Errors
/// Usage errors: no name, flags that exclude each other; as [`read_values`] and [`external_secret::parse_part`].
pub(crate) fn parse_request(
    args: SetupSecretsArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<SecretsRequest> {
    let SetupSecretsArgs {
        name,
        part,
        values,
        store,
    } = args;
    let part = part.parse_optional("secrets", &[Platform::Sindri], connection, console)?;
    let is_sindri = part.platform == Some(Platform::Sindri);
    let name = name.or_else(|| is_sindri.then(|| SINDRI_SECRET.to_owned()));
    let name = name.ok_or_else(|| usage_error("NAME is required"))?;
    check_dns_subdomain(&name)
        .map_err(|reason| usage_error(format!("invalid value of NAME {name:?}: {reason}")))?;
    if store.external {
        let external = external_secret::parse_part(name, store, &part)?;
        return Ok(SecretsRequest::External(external, part));
    }
    let intent = parse_secret(name, values, part, console)?;
    Ok(SecretsRequest::Keys(intent))
}

fn parse_secret(
    name: String,
    flags: SecretValueFlags,
    part: PartIntent,
    console: &mut Console,
) -> Result<SecretIntent> {
    let is_sindri = part.platform == Some(Platform::Sindri);
    let changes = flags.names_keys();
    if part.remove && (changes || flags.force || flags.secret_type.is_some()) {
        return Err(usage_error(
            "--remove deletes the Secret: it excludes the flags for its keys",
        ));
    }
    if !changes && (flags.force || flags.secret_type.is_some()) {
        return Err(usage_error("--force and --type require keys to set"));
    }
    if !flags.remove_key.is_empty() && prints_manifest(&part.mutation) {
        return Err(usage_error(
            "--remove-key cannot be printed as a manifest; use --dry-run=server",
        ));
    }
    let action = match (part.remove, changes) {
        (true, _) => SecretAction::Remove,
        (false, false) => SecretAction::View,
        (false, true) => SecretAction::Change(read_change(flags, is_sindri, console)?),
    };
    Ok(SecretIntent {
        name,
        action,
        expected: if is_sindri { &SINDRI_KEYS } else { &[] },
        mutation: part.mutation,
        connection: part.connection,
    })
}

/// Returns true if the output is meant to be applied: a manifest can set keys, but not remove one.
fn prints_manifest(mutation: &MutationOptions) -> bool {
    mutation.dry_run == DryRun::Client
        && matches!(&mutation.format, Format::Objects(printer) if !printer.is_name())
}

/// Reads the files of the flags.
fn read_change(
    flags: SecretValueFlags,
    is_sindri: bool,
    console: &mut Console,
) -> Result<SecretChange> {
    let SecretValues { values, notes } = read_values(&flags, console.input())?;
    let mut removed = flags.remove_key.iter();
    if let Some(key) = removed.find(|key| values.contains_key(*key)) {
        return Err(usage_error(format!("key {key:?} is both set and removed")));
    }
    if is_sindri {
        check_variables(values.keys().map(String::as_str))?;
    }
    for note in notes {
        console.note(&note);
    }
    Ok(SecretChange {
        values,
        removed: flags.remove_key,
        secret_type: flags.secret_type,
        force: flags.force,
    })
}
