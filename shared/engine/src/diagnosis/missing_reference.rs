//! Missing Secrets and ConfigMaps, or keys of them, that a Pod refers to.

use super::Cause;

/// Reads a kubelet's message about a Secret or ConfigMap of a container's environment or of a volume; `None` where the message
/// is about something else. `place` names the referring part: `container "main" of pod "x"`, `volume "v" of pod "x"`.
pub(super) fn parse_missing_reference(place: &str, message: &str) -> Option<Cause> {
    if let Some((kind, name)) = parse_missing_object(message) {
        return Some(Cause {
            message: format!("{place} needs {kind} {name:?}, which does not exist"),
            remedy: Some(format!(
                "create {kind} {name:?} in the session's namespace, or correct the name"
            )),
            ..Cause::default()
        });
    }
    let (kind, object, key) = parse_missing_key(message)?;
    let which = object
        .map(|name| format!("{kind} {name:?}"))
        .unwrap_or_else(|| format!("a {kind}"));
    Some(Cause {
        message: format!("{place} needs key {key:?} of {which}, which has no such key"),
        remedy: Some(format!(
            "add key {key:?} to {which}, or correct the name of the key"
        )),
        ..Cause::default()
    })
}

/// Reads `secret "s" not found` and `configmap "c" not found`.
fn parse_missing_object(message: &str) -> Option<(&'static str, &str)> {
    for (word, kind) in [("secret \"", "Secret"), ("configmap \"", "ConfigMap")] {
        let Some((_, rest)) = message.split_once(word) else {
            continue;
        };
        let Some((name, rest)) = rest.split_once('"') else {
            continue;
        };
        if rest.trim_start().starts_with("not found") {
            return Some((kind, name));
        }
    }
    None
}

/// Reads `couldn't find key K in Secret ns/s`, `references non-existent secret key: K` and `… config key: K` as kind, name of
/// the object where the message has it, and key.
fn parse_missing_key(message: &str) -> Option<(&'static str, Option<&str>, &str)> {
    if let Some((_, rest)) = message.split_once("couldn't find key ") {
        let (key, rest) = rest.split_once(" in ")?;
        let (kind, path) = rest.split_once(' ')?;
        let kind = match kind {
            "Secret" => "Secret",
            "ConfigMap" => "ConfigMap",
            _ => return None,
        };
        let name = path.split_whitespace().next()?.rsplit('/').next();
        return Some((kind, name, key));
    }
    for (word, kind) in [
        ("references non-existent secret key: ", "Secret"),
        ("references non-existent config key: ", "ConfigMap"),
    ] {
        if let Some((_, key)) = message.split_once(word) {
            return Some((kind, None, key.trim()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let said = |message| {
            parse_missing_reference("container \"main\" of pod \"x\"", message)
                .map(|cause| cause.message)
        };
        for (message, expected) in [
            (
                "secret \"s\" not found",
                "needs Secret \"s\", which does not exist",
            ),
            (
                "MountVolume.SetUp failed for volume \"v\" : configmap \"c\" not found",
                "needs ConfigMap \"c\", which does not exist",
            ),
            (
                "couldn't find key k in ConfigMap ns/c",
                "needs key \"k\" of ConfigMap \"c\", which has no such key",
            ),
            (
                "MountVolume.SetUp failed for volume \"v\" : references non-existent secret key: k",
                "needs key \"k\" of a Secret, which has no such key",
            ),
        ] {
            assert_eq!(
                said(message),
                Some(format!("container \"main\" of pod \"x\" {expected}"))
            );
        }
        for other in [
            "failed to sync secret cache: timed out waiting for the condition",
            "object \"ns\"/\"s\" not registered",
        ] {
            assert_eq!(said(other), None, "{other}");
        }
    }
}
