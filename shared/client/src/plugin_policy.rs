//! The user's policy for credential plugins: `credentialPluginPolicy` in kubectl's kuberc.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use super::config_error_text::yaml_error_text;
use super::process_env::{ProcessEnv, go_io_error};
use super::read_limits::KUBECONFIG_LIMIT;
use session_model::executable;
use session_model::failure::{Failure, FailureKind};

/// Checks whether the policy allows a plugin. `found` is the resolved path of `command`, if it exists.
///
/// # Errors
/// A plugin that is not allowed, in kubectl's words; an unreadable kuberc.
pub(super) fn check_plugin_allowed(
    command: &str,
    found: Option<&Path>,
    around: &ProcessEnv,
) -> Result<()> {
    let Some(preferences) = read_kuberc(around)? else {
        return Ok(());
    };
    let refused = |reason: String| {
        Err(Failure::client_side(
            FailureKind::Unreachable,
            format!("getting credentials: {reason}"),
        )
        .into())
    };
    match preferences["credentialPluginPolicy"].as_str() {
        None | Some("" | "AllowAll") => Ok(()),
        Some("Allowlist") => {
            let Some(path) = found else {
                return refused(format!(
                    "plugin path {command:?} cannot be resolved for credential plugin allowlist check: exec: {command:?}: executable file not found in $PATH"
                ));
            };
            let entries = preferences["credentialPluginAllowlist"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            // The field is named `name` in kubectl 1.35, and `command` since.
            let names = entries
                .iter()
                .filter_map(|entry| entry["command"].as_str().or(entry["name"].as_str()));
            if names
                .map(|name| find_program(name, around))
                .any(|allowed| allowed.as_deref() == Some(path))
            {
                return Ok(());
            }
            refused(format!(
                "plugin path {:?} is not permitted by the credential plugin allowlist",
                path.display().to_string()
            ))
        }
        Some(policy) => refused(format!(
            "plugin {command:?} not allowed: policy set to {policy:?}"
        )),
    }
}

/// Reads the kuberc; `None` without one, or with KUBERC=off.
fn read_kuberc(around: &ProcessEnv) -> Result<Option<Value>> {
    let path = match around.var("KUBERC") {
        Some("off") => return Ok(None),
        Some(path) => PathBuf::from(path),
        None => match around.home_dir() {
            Some(home) => home.join(".kube/kuberc"),
            None => return Ok(None),
        },
    };
    let unreadable = || format!("failed to read {:?}", path.display().to_string());
    let text = match KUBECONFIG_LIMIT.read_text(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        // An unreadable kuberc may forbid the plugin.
        Err(error) => {
            return Err(anyhow!(go_io_error("open", &path, &error))).with_context(unreadable);
        }
    };
    let value = serde_saphyr::from_str(&text);
    let value = value.map_err(|error| anyhow!(yaml_error_text(&error.to_string())));
    Ok(Some(value.with_context(unreadable)?))
}

/// Resolves a command: a path as it is, a name in PATH. `None` if there is no executable.
pub(super) fn find_program(command: &str, around: &ProcessEnv) -> Option<PathBuf> {
    if command.contains(std::path::MAIN_SEPARATOR) {
        return Some(PathBuf::from(command)).filter(|path| executable::is_executable(path));
    }
    executable::find_executable_in(command, around.var_os("PATH")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(kuberc: &str, command: &str, found: Option<&str>) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".kube")).unwrap();
        std::fs::write(folder.path().join(".kube/kuberc"), kuberc).unwrap();
        let variables = [
            ("HOME".to_owned(), folder.path().into()),
            ("PATH".to_owned(), "/bin".into()),
        ]
        .into();
        let around = ProcessEnv {
            variables,
            ..ProcessEnv::default()
        };
        check_plugin_allowed(command, found.map(Path::new), &around)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn policies_are_kubectls() {
        assert_eq!(verdict("kind: Preference", "x", None), None);
        assert_eq!(
            verdict("credentialPluginPolicy: DenyAll", "x", None).unwrap(),
            r#"getting credentials: plugin "x" not allowed: policy set to "DenyAll""#
        );
        let list = "credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{name: sh}, {command: /opt/x}]";
        assert_eq!(verdict(list, "sh", Some("/bin/sh")), None);
        assert_eq!(
            verdict(list, "ls", Some("/bin/ls")).unwrap(),
            r#"getting credentials: plugin path "/bin/ls" is not permitted by the credential plugin allowlist"#
        );
        assert!(
            verdict(list, "ls", None)
                .unwrap()
                .contains("cannot be resolved")
        );
    }
}
