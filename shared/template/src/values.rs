//! Resolved parameter values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::placeholder::PlaceholderRef;
use super::scalar_context::ScalarContext;
use session_model::labels;
use session_model::names::{NamespaceName, SessionName, TemplateName, UserId};

/// The parameters that are always set: name, owner, namespace and application of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionIdentity {
    /// SESSION_ID: name of the session.
    pub session: SessionName,
    /// USER_ID: owner of the session. Converted where it is used in labels and names.
    pub user: UserId,
    /// NAMESPACE: namespace of the session.
    pub namespace: NamespaceName,
    /// APPLICATION: application of the session. If `None`, placeholders use their default or are empty.
    pub application: Option<TemplateName>,
}

/// Validated values by parameter name. `Debug` prints no secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Values {
    identity: SessionIdentity,
    plain: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    /// Secrets without a value, with the number of characters to generate.
    to_generate: BTreeMap<String, u32>,
    /// Names of all secret parameters, with a value or without.
    secret_names: BTreeSet<String>,
}

impl Values {
    pub(super) fn new(identity: SessionIdentity) -> Self {
        Self {
            identity,
            plain: BTreeMap::new(),
            secrets: BTreeMap::new(),
            to_generate: BTreeMap::new(),
            secret_names: BTreeSet::new(),
        }
    }

    /// Sets a value without any check of it: rendering must be safe without.
    pub fn set(&mut self, name: &str, value: &str) {
        self.plain.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn declare_secret(&mut self, name: &str) {
        self.secret_names.insert(name.to_owned());
    }

    pub(super) fn set_secret(&mut self, name: &str, value: &str) {
        self.secrets.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn set_generated(&mut self, name: &str, length: u32) {
        self.to_generate.insert(name.to_owned(), length);
    }

    /// Returns the parameters that are always set.
    pub fn identity(&self) -> &SessionIdentity {
        &self.identity
    }

    /// Returns the value of a parameter, including secrets and reserved names. `None` if placeholders use their default.
    pub fn get(&self, name: &str) -> Option<&str> {
        match name {
            "SESSION_ID" => Some(self.identity.session.as_str()),
            "USER_ID" => Some(self.identity.user.as_str()),
            "NAMESPACE" => Some(self.identity.namespace.as_str()),
            "APPLICATION" => Some(
                self.identity
                    .application
                    .as_ref()
                    .map_or("", TemplateName::as_str),
            ),
            _ => self
                .plain
                .get(name)
                .or_else(|| self.secrets.get(name))
                .map(String::as_str),
        }
    }

    /// Returns true if `name` is a secret parameter.
    pub fn is_secret(&self, name: &str) -> bool {
        self.secret_names.contains(name)
    }

    /// Returns the secrets that have a value: the content of the session's parameters Secret.
    pub fn secret_values(&self) -> &BTreeMap<String, String> {
        &self.secrets
    }

    /// Returns the names of the secrets that must be generated.
    #[cfg(test)]
    pub(super) fn missing_secrets(&self) -> impl Iterator<Item = &str> {
        self.to_generate.keys().map(String::as_str)
    }

    /// Generates the secrets that have no value from the operating system's random number generator.
    ///
    /// # Errors
    /// If the random number generator fails.
    pub fn generate_missing_secrets(&mut self) -> Result<()> {
        for (name, length) in std::mem::take(&mut self.to_generate) {
            let value =
                generate_secret(length).with_context(|| format!("failed to generate {name}"))?;
            self.secrets.insert(name, value);
        }
        Ok(())
    }

    /// Returns the text that replaces a placeholder at a position: its value, or its default if the value is empty or absent,
    /// as in a shell. USER_ID is converted for labels and names.
    pub(super) fn placeholder_value<'v>(
        &'v self,
        var: &'v PlaceholderRef,
        position: ScalarContext,
    ) -> Option<Cow<'v, str>> {
        let value = self.get(&var.name);
        match (value, &var.default) {
            (None | Some(""), Some(default)) => Some(default.into()),
            (None, None) => None,
            (Some(user), _) if var.name == "USER_ID" => Some(match position {
                ScalarContext::Label => labels::to_label_value(user).into(),
                ScalarContext::OwnName | ScalarContext::Name => labels::to_name_part(user).into(),
                _ => user.into(),
            }),
            (Some(value), _) => Some(value.into()),
        }
    }
}

/// Generates `length` characters of URL-safe base64 from random bytes; 32 characters contain 24 random bytes.
fn generate_secret(length: u32) -> Result<String> {
    let length = length as usize;
    let mut bytes = vec![0; length.div_ceil(4) * 3];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("cannot read random numbers: {error}"))?;
    let mut text = URL_SAFE_NO_PAD.encode(bytes);
    text.truncate(length);
    Ok(text)
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("identity", &self.identity)
            .field("plain", &self.plain)
            .field("secrets", &self.secret_names)
            .field("missing", &self.to_generate)
            .finish_non_exhaustive()
    }
}
