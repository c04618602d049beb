//! The Secret `session-NAME-parameters`, which holds a session's secret parameters.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Merges a Secret's `stringData` into its `data`, as the API server does. Does nothing for other objects.
pub fn merge_string_data(object: &mut Value) {
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
        match value.as_str() {
            Some(text) => object["data"][key] = STANDARD.encode(text).into(),
            // Left for the API server to refuse, rather than stored as an empty text.
            None => object["stringData"][key] = value,
        }
    }
}

/// Reads the secret parameters from a parameters Secret. Errors name the key, never the value.
///
/// # Errors
/// If `data` is not a map of base64 strings, or a value is not UTF-8.
pub fn decode_parameters_secret(secret: &Value) -> Result<BTreeMap<String, String>> {
    let data = match secret.get("data") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(data)) => data,
        Some(_) => bail!("cannot read the parameters Secret: data is not a map"),
    };
    let mut values = BTreeMap::new();
    for (name, encoded) in data {
        let bytes = encoded.as_str().map(|text| STANDARD.decode(text));
        let Some(Ok(bytes)) = bytes else {
            bail!("cannot read {name} in the parameters Secret: not base64");
        };
        let value = String::from_utf8(bytes)
            .map_err(|_| anyhow::anyhow!("not UTF-8"))
            .with_context(|| format!("cannot read {name} in the parameters Secret"))?;
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
        merge_string_data(&mut secret);
        assert_eq!(
            secret,
            json!({"kind": "Secret", "data": {"B": "eA==", "A": "cA=="}})
        );
        let mut other = json!({"kind": "ConfigMap", "stringData": {"A": "p"}});
        merge_string_data(&mut other);
        assert_eq!(other["stringData"]["A"], "p");
    }

    #[test]
    fn a_value_is_read_back_or_named() {
        let secret = json!({"data": {"A": "cMOk", "B": ""}});
        let values = decode_parameters_secret(&secret).unwrap();
        assert_eq!((values["A"].as_str(), values["B"].as_str()), ("pä", ""));
        assert!(decode_parameters_secret(&json!({})).unwrap().is_empty());
        for (data, reason) in [
            (
                json!({"A": "%hidden"}),
                "cannot read A in the parameters Secret: not base64",
            ),
            (
                json!({"A": "//8="}),
                "cannot read A in the parameters Secret: not UTF-8",
            ),
            (
                json!("x"),
                "cannot read the parameters Secret: data is not a map",
            ),
        ] {
            let error = decode_parameters_secret(&json!({"data": data})).unwrap_err();
            assert_eq!(format!("{error:#}"), reason);
        }
    }
}
