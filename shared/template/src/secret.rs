//! The Secret that keeps a session's secret parameters, `session-NAME-parameters`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::values::Values;

impl Values {
    /// `data` of the parameters Secret: each secret's raw value, in base64 as the API has it.
    pub fn parameters_secret_data(&self) -> Map<String, Value> {
        self.secret_values()
            .iter()
            .map(|(name, value)| (name.clone(), Value::String(STANDARD.encode(value))))
            .collect()
    }
}

/// Makes a Secret's `stringData` a part of its `data`, as a server does; leaves every other object as it is.
pub fn encode_string_data(object: &mut Value) {
    if object.get("kind") != Some(&Value::from("Secret")) {
        return;
    }
    let Some(Value::Object(plain)) = object
        .as_object_mut()
        .and_then(|secret| secret.shift_remove("stringData"))
    else {
        return;
    };
    for (key, value) in plain {
        let text = value.as_str().unwrap_or_default();
        object["data"][key] = STANDARD.encode(text).into();
    }
}

/// Secret parameters as a parameters Secret holds them. Errors name the key, never the value.
///
/// # Errors
/// `data` is no map of base64, or a value is not UTF-8.
pub fn stored_secrets(secret: &Value) -> Result<BTreeMap<String, String>> {
    let data = match secret.get("data") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(data)) => data,
        Some(_) => bail!("the parameters Secret has no map in data"),
    };
    let mut values = BTreeMap::new();
    for (name, encoded) in data {
        let encoded = encoded.as_str().unwrap_or_default();
        let Ok(bytes) = STANDARD.decode(encoded) else {
            bail!("{name} in the parameters Secret is not base64");
        };
        let value = String::from_utf8(bytes)
            .map_err(|_| anyhow::anyhow!("it is not UTF-8"))
            .with_context(|| format!("{name} in the parameters Secret cannot be used"))?;
        values.insert(name.clone(), value);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_as_text_becomes_data() {
        let mut secret = json!({"kind": "Secret", "data": {"B": "eA=="}, "stringData": {"A": "p"}});
        encode_string_data(&mut secret);
        assert_eq!(
            secret,
            json!({"kind": "Secret", "data": {"B": "eA==", "A": "cA=="}})
        );
        let mut other = json!({"kind": "ConfigMap", "stringData": {"A": "p"}});
        encode_string_data(&mut other);
        assert_eq!(other["stringData"]["A"], "p");
    }

    #[test]
    fn a_value_is_read_back_or_named() {
        let secret = json!({"data": {"A": "cMOk", "B": ""}});
        let values = stored_secrets(&secret).unwrap();
        assert_eq!((values["A"].as_str(), values["B"].as_str()), ("pä", ""));
        assert!(stored_secrets(&json!({})).unwrap().is_empty());
        for (data, reason) in [
            (
                json!({"A": "%hidden"}),
                "A in the parameters Secret is not base64",
            ),
            (
                json!({"A": "//8="}),
                "A in the parameters Secret cannot be used: it is not UTF-8",
            ),
            (json!("x"), "the parameters Secret has no map in data"),
        ] {
            let error = stored_secrets(&json!({"data": data})).unwrap_err();
            assert_eq!(format!("{error:#}"), reason);
        }
    }
}
