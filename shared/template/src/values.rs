//! The values a rendering works with.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::fill::{Budget, FillError, TEXT_MAX};
use super::parameter::shortened;
use super::placeholder::{Piece, Var, pieces};
use super::position::Position;
use super::problem::{Problem, Problems};
use session_model::labels;
use session_model::names::{NamespaceName, SessionName, TemplateName, UserId};

/// Whose session it is: the values that are always set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// SESSION_ID: the session's name.
    pub session: SessionName,
    /// USER_ID: the owner, raw; made legal for labels and names where it stands in them.
    pub user: UserId,
    /// NAMESPACE.
    pub namespace: NamespaceName,
    /// APPLICATION; without one, placeholders take their default or are empty.
    pub application: Option<TemplateName>,
}

/// Values by name, all checked. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Values {
    identity: Identity,
    plain: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    /// Secrets that nobody gave, with the number of characters to generate.
    missing: BTreeMap<String, u32>,
    /// Every name that is a secret, with a value or without.
    secret_names: BTreeSet<String>,
}

impl Values {
    pub(super) fn new(identity: Identity) -> Self {
        Self {
            identity,
            plain: BTreeMap::new(),
            secrets: BTreeMap::new(),
            missing: BTreeMap::new(),
            secret_names: BTreeSet::new(),
        }
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.plain.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn declare_secret(&mut self, name: &str) {
        self.secret_names.insert(name.to_owned());
    }

    pub(super) fn set_secret(&mut self, name: &str, value: &str) {
        self.secrets.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn set_missing(&mut self, name: &str, length: u32) {
        self.missing.insert(name.to_owned(), length);
    }

    /// Whose session it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The value of a name, secret or not, raw; `None` where placeholders take their default.
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

    /// True for the name of a secret.
    pub fn is_secret(&self, name: &str) -> bool {
        self.secret_names.contains(name)
    }

    /// The values that are no secrets and not always set.
    pub fn plain(&self) -> &BTreeMap<String, String> {
        &self.plain
    }

    /// The secrets that have a value: what the session's parameters Secret holds.
    pub fn secret_values(&self) -> &BTreeMap<String, String> {
        &self.secrets
    }

    /// Names of the secrets that are to be generated.
    pub fn missing_secrets(&self) -> impl Iterator<Item = &str> {
        self.missing.keys().map(String::as_str)
    }

    /// Generates what [`Values::missing_secrets`] names, from the operating system's random source.
    ///
    /// # Errors
    /// That source fails.
    pub fn generate_missing(&mut self) -> Result<()> {
        for (name, length) in std::mem::take(&mut self.missing) {
            let value = generate(length).with_context(|| format!("failed to generate {name}"))?;
            self.secrets.insert(name, value);
        }
        Ok(())
    }

    /// Fills the placeholders of a text that stands outside the manifest but names what is in it (the primary's name, the
    /// path of a connect method), as far as `budget` allows. `in_name` makes USER_ID legal for names.
    ///
    /// # Errors
    /// A bad placeholder, one without value, a secret; more bytes than the budget has.
    pub fn expand(&self, text: &str, in_name: bool, budget: &mut Budget) -> Result<String> {
        let position = if in_name {
            Position::Name
        } else {
            Position::Free
        };
        let (pieces, bad) = pieces(text);
        let mut problems = Problems::default();
        for bad in bad {
            problems.push(Problem::general(bad.message).hint(bad.hint));
        }
        for piece in &pieces {
            if let Piece::Var(var) = piece
                && self.is_secret(&var.name)
            {
                problems.push(Problem::general(format!(
                    "secret parameter {} stands in {:?}",
                    var.name,
                    shortened(text)
                )));
            }
        }
        if !problems.is_empty() {
            return problems.or(String::new()).map_err(Problems::into_error);
        }
        self.fill(&pieces, position, budget)
            .map_err(|error| match error {
                FillError::NoValue(var) => anyhow!("parameter {} has no value", var.name),
                FillError::TooLong | FillError::Spent => anyhow!(
                    "{:?} has more than {TEXT_MAX} bytes with its parameters",
                    shortened(text)
                ),
            })
    }

    /// What a placeholder stands for at a position: its value, made legal if it is the owner; its default where the value
    /// is empty or absent, as in a shell.
    pub(super) fn value_at<'v>(&'v self, var: &'v Var, position: Position) -> Option<Cow<'v, str>> {
        let value = self.get(&var.name);
        match (value, &var.default) {
            (None | Some(""), Some(default)) => Some(default.into()),
            (None, None) => None,
            (Some(user), _) if var.name == "USER_ID" => Some(match position {
                Position::Label => labels::label_value(user).into(),
                Position::OwnName | Position::Name => labels::name_part(user).into(),
                _ => user.into(),
            }),
            (Some(value), _) => Some(value.into()),
        }
    }
}

/// So many characters of URL-safe base64, of random bytes: 32 characters are 24 bytes.
fn generate(length: u32) -> Result<String> {
    let length = length as usize;
    let mut bytes = vec![0; length.div_ceil(4) * 3];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers: {error}"))?;
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
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}
