//! `setup secrets --external`: a Secret that the External Secrets Operator fills from a store.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::failure::{usage_error, with_hint};
use session_shared::go_duration;
use session_shared::names::check_dns_subdomain;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::SECRET;
use session_shared::ops::planned_object::PlannedObject;

use super::flags::PartIntent;
use super::platform::Platform;
use super::site::{Part, PartKind, Requirement, Site};
use crate::secret::args::ExternalStoreFlags;
use crate::secret::values::check_key;

pub(crate) static EXTERNAL_SECRET: ResourceType = ResourceType::new(
    "external-secrets.io",
    "v1",
    "ExternalSecret",
    "externalsecrets",
    true,
);

/// A Secret filled from a store.
#[derive(Debug)]
struct ExternalSecret {
    name: String,
    store: String,
    store_kind: String,
    refresh_interval: String,
    keys: Vec<Value>,
}

/// Validates the flags of a Secret with a name.
///
/// # Errors
/// Usage errors: a store or key is missing or illegal.
pub(crate) fn parse_part(
    name: String,
    flags: ExternalStoreFlags,
    intent: &PartIntent,
) -> Result<Box<dyn Part>> {
    let ExternalStoreFlags {
        external: _,
        store,
        store_kind,
        mut data,
        refresh_interval,
    } = flags;
    let is_sindri = intent.platform == Some(Platform::Sindri);
    let sindri = |value: &str| is_sindri.then(|| value.to_owned());
    let store = store.or_else(|| sindri("vault-backend"));
    if data.is_empty() {
        data.extend(sindri("ANTHROPIC_API_KEY=dev/sindri#anthropic_api_key"));
    }
    if !intent.remove && (store.is_none() || data.is_empty()) {
        return Err(usage_error("--external requires --store and --data"));
    }
    let store = store.unwrap_or_default();
    if !intent.remove {
        check_dns_subdomain(&store).map_err(|reason| {
            usage_error(format!("invalid value of --store {store:?}: {reason}"))
        })?;
    }
    if !["ClusterSecretStore", "SecretStore"].contains(&store_kind.as_str()) {
        return Err(usage_error(format!(
            "invalid value of --store-kind {store_kind:?}: must be one of ClusterSecretStore, SecretStore"
        )));
    }
    let keys: Vec<Value> = data
        .iter()
        .map(|text| parse_key(text))
        .collect::<Result<_>>()?;
    let mut names = BTreeSet::new();
    let twice = keys
        .iter()
        .find(|key| !names.insert(key["secretKey"].as_str()));
    if let Some(key) = twice {
        let key = &key["secretKey"];
        return Err(usage_error(format!(
            "--data: key {key} is given more than once"
        )));
    }
    Ok(Box::new(ExternalSecret {
        name,
        store,
        store_kind,
        refresh_interval: parse_interval(refresh_interval)?,
        keys,
    }))
}

/// Parses the flag as the operator reads the field: a duration of Go, which has a unit.
fn parse_interval(mut text: String) -> Result<String> {
    let reason = match go_duration::parse(&text) {
        Ok(_) if text.starts_with('-') => "must not be negative".to_owned(),
        Ok(_) => {
            text.extend(text.parse::<u64>().is_ok().then_some('s'));
            return Ok(text);
        }
        Err(reason) => reason,
    };
    Err(usage_error(format!(
        "invalid value of --refresh-interval {text:?}: {reason}"
    )))
}

/// Parses `KEY=PATH[#PROPERTY]` into an item of `spec.data`.
fn parse_key(text: &str) -> Result<Value> {
    let split = text.split_once('=').filter(|(key, path)| {
        let path = path.split('#').next().unwrap_or_default();
        check_key(key).is_ok() && !path.is_empty()
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

    fn rival(&self) -> Option<(&'static ResourceType, &str)> {
        Some((&SECRET, &self.name))
    }

    fn object_name(&self) -> Option<&str> {
        Some(&self.name)
    }
}
