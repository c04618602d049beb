//! What a template asks for: parameters as the API's SessionTemplate holds them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Presets: name to parameter to value.
pub type Presets = BTreeMap<String, BTreeMap<String, String>>;

/// What a parameter's value must be.
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
    /// Any text, kept in the session's parameters Secret and shown nowhere; generated when it is not given.
    Secret,
}

impl ParameterType {
    /// True for the type of a parameter that says nothing of it.
    pub fn is_string(&self) -> bool {
        *self == Self::String
    }

    /// The type as a word.
    pub fn word(self) -> &'static str {
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

/// How a secret is generated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Generate {
    /// Number of characters, each of 64; 32 if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 8, max = 256))]
    pub length: Option<u32>,
}

/// A value a template asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Parameter {
    /// Name, as it stands in `${NAME}`.
    #[schemars(length(max = 63), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub name: String,
    /// What its value must be.
    #[serde(
        rename = "type",
        default,
        skip_serializing_if = "ParameterType::is_string"
    )]
    pub kind: ParameterType,
    /// Value when none is given; never for a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The only values it may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Regular expression that all of the value must match, with ^ and $ or without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Smallest value of an integer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<i64>,
    /// Largest value of an integer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<i64>,
    /// Whether it must be given: by default, when nothing says what it is otherwise. With `false` it is empty then; a
    /// secret with `true` is never generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// How a secret is generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<Generate>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Parameter {
    /// A parameter of that name and type and nothing else.
    pub fn new(name: impl Into<String>, kind: ParameterType) -> Self {
        Self {
            name: name.into(),
            kind,
            ..Self::default()
        }
    }
}
