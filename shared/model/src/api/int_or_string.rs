//! API fields that can be written as a number or as text (`timeout: 3600`, `timeout: 2h`).

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An integer or a string, kept as written. It is parsed only where it is used, so that an object with an invalid value can
/// still be listed and deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// Written as a number.
    Int(i64),
    /// Written as text.
    Text(String),
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntOrString::Int(number) => write!(f, "{number}"),
            IntOrString::Text(text) => f.write_str(text),
        }
    }
}

impl From<&str> for IntOrString {
    fn from(text: &str) -> Self {
        match text.parse() {
            Ok(number) => IntOrString::Int(number),
            Err(_) => IntOrString::Text(text.to_owned()),
        }
    }
}

impl JsonSchema for IntOrString {
    fn schema_name() -> Cow<'static, str> {
        "IntOrString".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        // Without `type` and `anyOf`: the API server adds both, and refuses other values for them.
        json_schema!({ "x-kubernetes-int-or-string": true })
    }
}
