//! Parameters of a SessionTemplate: the values a user can set.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Presets of a template: preset name → parameter name → value.
pub type Presets = BTreeMap<String, BTreeMap<String, String>>;

/// Type of a parameter's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// Any text.
    #[default]
    String,
    /// A whole number, without leading zeros.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A Kubernetes quantity.
    Quantity,
    /// A duration such as `2h`.
    Duration,
    /// Any text. Stored in the session's parameters Secret, never printed, and generated if no value is given.
    Secret,
}

impl ParameterType {
    /// Returns true for the default type, which serialization leaves out.
    pub fn is_string(&self) -> bool {
        *self == Self::String
    }

    /// Returns the type as the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Quantity => "quantity",
            Self::Duration => "duration",
            Self::Secret => "secret",
        }
    }
}

/// Rules for generating a secret value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretGeneration {
    /// Number of characters, from an alphabet of 64; 32 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 8, max = 256))]
    pub length: Option<u32>,
}

/// A parameter of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Parameter {
    /// Name of the parameter, used in the manifest as ${NAME}.
    #[schemars(length(max = 63), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub name: String,
    /// Type of the value; string if absent.
    #[serde(
        rename = "type",
        default,
        skip_serializing_if = "ParameterType::is_string"
    )]
    pub kind: ParameterType,
    /// Default value. Not allowed for a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Allowed values; any value if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Regular expression that the whole value must match, even if it is written without ^ and $.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Smallest allowed value of an integer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<i64>,
    /// Largest allowed value of an integer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<i64>,
    /// True if a value must be given. If absent, a value is required unless the parameter has a default or is generated.
    /// With false, a missing value is the empty string. With true, a secret is never generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Rules for generating a secret that is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<SecretGeneration>,
    /// Description for users, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Parameter {
    /// Creates a parameter with only a name and a type.
    pub fn new(name: impl Into<String>, kind: ParameterType) -> Self {
        Self {
            name: name.into(),
            kind,
            ..Self::default()
        }
    }
}
