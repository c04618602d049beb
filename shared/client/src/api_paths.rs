//! URL paths of resources.

use anyhow::{Result, bail};

use super::scope::Scope;
use session_model::objects::{ResourceType, Untyped};

/// Returns the path of a collection. The namespace is ignored for cluster-scoped types.
pub(super) fn collection_path(t: &ResourceType, scope: Scope<'_>) -> Result<String> {
    let root = api_root(&t.api_version());
    match scope {
        Scope::Namespace(namespace) if t.namespaced => Ok(format!(
            "{root}/namespaces/{}/{}",
            encode_name(namespace)?,
            t.plural
        )),
        _ => Ok(format!("{root}/{}", t.plural)),
    }
}

/// Returns the path of an object. The namespace is ignored for cluster-scoped types.
pub(super) fn object_path(t: &ResourceType, namespace: &str, name: &str) -> Result<String> {
    let scope = if t.namespaced {
        Scope::Namespace(namespace)
    } else {
        Scope::Cluster
    };
    Ok(format!(
        "{}/{}",
        collection_path(t, scope)?,
        encode_name(name)?
    ))
}

/// Returns `/api/v1` or `/apis/GROUP/VERSION`.
pub(super) fn api_root(api_version: &str) -> String {
    if api_version.contains('/') {
        format!("/apis/{api_version}")
    } else {
        format!("/api/{api_version}")
    }
}

/// Encodes a name as a path segment. Refused names exist on no server, and would address another resource.
fn encode_name(name: &str) -> Result<String> {
    match name {
        "" => bail!("resource name may not be empty"),
        Untyped::NONE => bail!("object has no name or namespace"),
        "." | ".." => bail!("invalid resource name {name:?}: [may not be '{name}']"),
        _ => {}
    }
    if let Some(bad) = name.chars().find(|c| "/%".contains(*c)) {
        bail!("invalid resource name {name:?}: [may not contain '{bad}']");
    }
    Ok(percent_encode(name))
}

/// Percent-encodes everything but unreserved characters (RFC 3986).
pub(super) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::objects::resource::{NODE, POD, SESSION};

    #[test]
    fn addresses_are_the_servers() {
        assert_eq!(
            object_path(&POD, "a", "x").unwrap(),
            "/api/v1/namespaces/a/pods/x"
        );
        assert_eq!(object_path(&NODE, "a", "x").unwrap(), "/api/v1/nodes/x");
        assert_eq!(
            collection_path(&SESSION, Scope::All).unwrap(),
            "/apis/streaming.platform/v1/sessions"
        );
        let path = collection_path(&SESSION, Scope::Namespace("a b?")).unwrap();
        assert_eq!(
            path,
            "/apis/streaming.platform/v1/namespaces/a%20b%3F/sessions"
        );
    }

    #[test]
    fn an_object_without_name_or_namespace_is_not_asked_for() {
        let missing = Untyped(&serde_json::Value::Null);
        for refused in [
            object_path(&POD, "a", missing.name()),
            object_path(&POD, missing.home_namespace(), "a"),
            collection_path(&POD, Scope::Namespace(missing.home_namespace())),
        ] {
            let error = refused.unwrap_err().to_string();
            assert_eq!(error, "object has no name or namespace");
        }
    }

    #[test]
    fn a_name_cannot_mean_another_resource() {
        for name in ["", ".", "..", "a/b", "a%2Fb"] {
            for refused in [object_path(&POD, "a", name), object_path(&POD, name, "a")] {
                let error = refused.unwrap_err().to_string();
                let wanted = if name.is_empty() { "empty" } else { name };
                assert!(
                    error.contains("resource name") && error.contains(wanted),
                    "{error}"
                );
            }
        }
    }
}
