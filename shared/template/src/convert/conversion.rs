//! The session that a configuration file of another program describes, and where its secret values come from.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;
use session_model::api::SessionSpec;

use super::super::problem::Problem;

/// Place from which a configuration file takes a secret value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// Environment variable.
    Variable(String),
    /// File.
    File(String),
}

/// Reads a secret value under its name; `None` if there is none.
pub type SecretReader<'r> = dyn FnMut(&str, &SecretOrigin) -> Result<Option<String>> + 'r;

/// A session made from a configuration file of another program.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// Name of the session.
    pub name: Option<String>,
    /// Namespace; a flag goes first.
    pub namespace: Option<String>,
    /// Kubeconfig context; a flag goes first.
    pub context: Option<String>,
    /// Spec of the Session, without its manifest.
    pub spec: SessionSpec,
    /// Objects of its manifest, with placeholders; empty if the spec names a template.
    pub objects: Vec<Value>,
    /// Values of secret parameters.
    pub secrets: BTreeMap<String, String>,
    /// `spec.hard` of the ResourceQuota that the file expects in the namespace.
    pub quota: BTreeMap<String, String>,
    /// Defaults of containers that go with the quota, by the keys of a LimitRange's item: `default.cpu`, `defaultRequest.cpu`.
    pub container_defaults: BTreeMap<String, String>,
    /// Warnings of fields that are ignored or mean something else here.
    pub warnings: Vec<Problem>,
}

/// Returns a text in which nothing is a placeholder of a manifest.
pub(super) fn escape_placeholders(text: &str) -> String {
    text.replace("${", "$${")
}
