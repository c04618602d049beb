//! `setup secrets --external`: a Secret that the External Secrets Operator fills from a store.

use anyhow::Result;
use clap::Args as Group;
use serde_json::{Value, json};
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::go_duration;
use session_shared::names::check_dns_subdomain;
use session_shared::objects::ResourceType;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::console::Console;

use super::flags::{PartFlags, PartIntent};
use super::platform::Platform;
use super::site::{Part, PartKind, Requirement, Site};

pub(crate) const LONG_ABOUT: &str = "Have a Secret filled from an external store

With --external, apply an ExternalSecret: the External Secrets Operator reads its keys from a store, such as Vault or a cloud's \
secret manager, and writes them into the Secret of the same name. Values never pass through this command. The operator must be \
installed, in a version that serves external-secrets.io/v1 or v1beta1.

With --for sindri, the name is sindri-secrets, the store vault-backend, and the key ANTHROPIC_API_KEY unless flags name others. Set \
secretName in the sindri.yaml to use the Secret. With --remove, the operator deletes the Secret too.";

pub(crate) const EXAMPLES: &str = "  # Fill the Secret of Sindri's environments from Vault
  kubectl session setup secrets --external --for sindri -n dev-environments

  # Fill the password of a lab from Vault
  kubectl session setup secrets lab-session-alice-secrets --external --store vault-backend \\
    --data vscode-password=dozlab/sessions/alice#vscode_password

  # Delete the ExternalSecret
  kubectl session setup secrets sindri-secrets --external --remove";

static EXTERNAL_SECRET: ResourceType = ResourceType::new(
    "external-secrets.io",
    "v1",
    "ExternalSecret",
    "externalsecrets",
    true,
);

/// Flags of `setup secrets`, unchecked.
#[derive(Group, Clone, Debug, Default)]
pub struct SetupSecretsArgs {
    /// Name of the Secret
    pub name: Option<String>,

    #[command(flatten)]
    pub part: PartFlags,

    /// If true, the Secret is filled from an external store
    #[arg(long)]
    pub external: bool,

    /// Store that holds the values
    #[arg(long, value_name = "NAME")]
    pub store: Option<String>,

    /// Kind of the store: ClusterSecretStore, or SecretStore for one of the namespace
    #[arg(long, value_name = "KIND", default_value = "ClusterSecretStore")]
    pub store_kind: String,

    /// Key of the Secret and where the store has its value; may be repeated
    #[arg(long, value_name = "KEY=PATH[#PROPERTY]")]
    pub data: Vec<String>,

    /// Time after which the store is read again
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub refresh_interval: String,
}

/// A Secret filled from a store.
#[derive(Debug)]
struct ExternalSecret {
    name: String,
    store: String,
    store_kind: String,
    refresh_interval: String,
    keys: Vec<Value>,
}

/// Validates the flags.
///
/// # Errors
/// Usage errors: a name, store or key is missing or illegal.
pub(crate) fn parse_part(
    args: SetupSecretsArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<(Box<dyn Part>, PartIntent)> {
    let SetupSecretsArgs {
        name,
        part,
        external,
        store,
        store_kind,
        mut data,
        refresh_interval,
    } = args;
    let intent = part.parse_optional("secrets", &[Platform::Sindri], connection, console)?;
    if !external {
        return Err(usage_error("--external is required"));
    }
    let is_sindri = intent.platform == Some(Platform::Sindri);
    let sindri = |value: &str| is_sindri.then(|| value.to_owned());
    let name = name
        .or_else(|| sindri("sindri-secrets"))
        .ok_or_else(|| usage_error("NAME is required"))?;
    let store = store.or_else(|| sindri("vault-backend"));
    if data.is_empty() {
        data.extend(sindri("ANTHROPIC_API_KEY=dev/sindri#anthropic_api_key"));
    }
    if !intent.remove && (store.is_none() || data.is_empty()) {
        return Err(usage_error("--external requires --store and --data"));
    }
    let store = store.unwrap_or_default();
    for (flag, value) in [("NAME", &name), ("--store", &store)] {
        if flag == "--store" && intent.remove {
            continue;
        }
        check_dns_subdomain(value).map_err(|reason| {
            usage_error(format!("invalid value of {flag} {value:?}: {reason}"))
        })?;
    }
    if !["ClusterSecretStore", "SecretStore"].contains(&store_kind.as_str()) {
        return Err(usage_error(format!(
            "invalid value of --store-kind {store_kind:?}: must be one of ClusterSecretStore, SecretStore"
        )));
    }
    go_duration::parse(&refresh_interval).map_err(|reason| {
        usage_error(format!(
            "invalid value of --refresh-interval {refresh_interval:?}: {reason}"
        ))
    })?;
    let keys = data.iter().map(|text| parse_key(text));
    let part = ExternalSecret {
        name,
        store,
        store_kind,
        refresh_interval,
        keys: keys.collect::<Result<_>>()?,
    };
    Ok((Box::new(part), intent))
}

/// Parses `KEY=PATH[#PROPERTY]` into an item of `spec.data`.
fn parse_key(text: &str) -> Result<Value> {
    let is_legal = |key: &str| {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !key.is_empty() && key.len() <= 253 && key.chars().all(legal)
    };
    let split = text.split_once('=').filter(|(key, path)| {
        let path = path.split('#').next().unwrap_or_default();
        is_legal(key) && !path.is_empty()
    });
    let Some((key, path)) = split else {
        let error = usage_error(format!(
            "invalid value of --data {text:?}: must be KEY=PATH or KEY=PATH#PROPERTY"
        ));
        return Err(with_hint(
            error,
            "KEY may have letters, digits, \"-\", \"_\" and \".\"",
        ));
    };
    let (path, property) = match path.split_once('#') {
        Some((path, property)) => (path, Some(property).filter(|one| !one.is_empty())),
        None => (path, None),
    };
    let mut remote = json!({"key": path});
    if let Some(property) = property {
        remote["property"] = property.into();
    }
    Ok(json!({"secretKey": key, "remoteRef": remote}))
}

impl Part for ExternalSecret {
    fn name(&self) -> &'static str {
        "secrets"
    }

    fn kinds(&self) -> &'static [PartKind] {
        static KINDS: [PartKind; 1] = [PartKind::of_provider(
            &EXTERNAL_SECRET,
            &["v1beta1"],
            "the External Secrets Operator",
        )];
        &KINDS
    }

    fn objects(&self, site: &Site) -> Vec<PlannedObject> {
        let spec = json!({
            "refreshInterval": self.refresh_interval,
            "secretStoreRef": {"kind": self.store_kind, "name": self.store},
            "target": {"name": self.name},
            "data": self.keys,
        });
        vec![site.object(&EXTERNAL_SECRET, &self.name, json!({"spec": spec}))]
    }

    fn requirements(&self, site: &Site) -> Vec<Requirement> {
        let is_namespaced = self.store_kind == "SecretStore";
        let resource = ResourceType {
            plural: format!("{}s", self.store_kind.to_lowercase()).into(),
            kind: self.store_kind.clone().into(),
            namespaced: is_namespaced,
            ..site.served(&EXTERNAL_SECRET)
        };
        vec![Requirement {
            resource,
            name: Some(self.store.clone()),
            effect: "the Secret is not written yet",
        }]
    }

    fn object_name(&self) -> Option<&str> {
        Some(&self.name)
    }
}
