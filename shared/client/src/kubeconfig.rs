//! Selection of kubeconfig files and of the context, cluster and user in them, with kubectl's rules and messages.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use kube::config::{AuthInfo, Cluster, Kubeconfig, KubeconfigError};

use super::config_error_text::yaml_error_text;
use super::kubeconfig_encoding::decode_kubeconfig;
use super::process_env::{ProcessEnv, go_io_error};
use super::read_limits::KUBECONFIG_LIMIT;
use crate::options::{ConnectOptions, non_empty};
use session_model::failure::{Failure, FailureKind};

/// The selected cluster, user and namespace, before flags override them.
#[derive(Debug, Default)]
pub(super) struct KubeconfigSelection {
    pub(super) cluster: Cluster,
    pub(super) cluster_name: String,
    pub(super) user: AuthInfo,
    pub(super) user_name: String,
    /// Namespace of the context.
    pub(super) namespace: Option<String>,
    /// The files that were read, as a path list; empty without any.
    pub(super) kubeconfig_paths: String,
}

/// Reads the files and selects context, cluster and user.
///
/// # Errors
/// Unreadable files and unknown names, in kubectl's words.
pub(super) fn load_selection(
    options: &ConnectOptions,
    around: &ProcessEnv,
) -> Result<KubeconfigSelection> {
    let (config, origin) = read_files(options, around)?;
    let mut picked = select(config, options)?;
    picked.kubeconfig_paths = origin;
    Ok(picked)
}

fn read_files(options: &ConnectOptions, around: &ProcessEnv) -> Result<(Kubeconfig, String)> {
    if let Some(file) = non_empty(&options.kubeconfig) {
        let path = Path::new(file);
        if let Err(error) = std::fs::metadata(path) {
            bail!("{}", go_io_error("stat", path, &error));
        }
        return Ok((read_file(path)?.unwrap_or_default(), file.to_owned()));
    }
    let paths: Vec<PathBuf> = match around.var_os("KUBECONFIG") {
        Some(list) => std::env::split_paths(list)
            .filter(|path| !path.as_os_str().is_empty())
            .collect(),
        None => around
            .home_dir()
            .map(|home| home.join(".kube/config"))
            .into_iter()
            .collect(),
    };
    let mut all = Kubeconfig::default();
    let mut found = Vec::new();
    for path in paths {
        let Some(config) = read_file(&path)? else {
            continue;
        };
        all = all
            .merge(config)
            .map_err(|error| load_error(&path, &error.to_string()))?;
        found.push(path);
    }
    let origin = std::env::join_paths(&found)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok((all, origin))
}

/// Reads one file of the list; `None` if it does not exist, which kubectl ignores.
fn read_file(path: &Path) -> Result<Option<Kubeconfig>> {
    let bytes = match KUBECONFIG_LIMIT.read_file(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(load_error(path, &go_io_error("open", path, &error))),
    };
    let text =
        decode_kubeconfig(&bytes).map_err(|why| load_error(path, &format!("yaml: {why}")))?;
    let mut config = Kubeconfig::from_yaml(&text).map_err(|error| match error {
        KubeconfigError::Parse(error) => load_error(path, &yaml_error_text(&error.to_string())),
        error => load_error(path, &error.to_string()),
    })?;
    // An empty name counts as absent: the next file of the list may set one.
    config.current_context = config.current_context.filter(|name| !name.is_empty());
    resolve_paths(&mut config, path.parent().unwrap_or(Path::new("")));
    Ok(Some(config))
}

/// Resolves paths relative to the kubeconfig's folder. A plugin's command without a slash is looked up in PATH instead.
fn resolve_paths(config: &mut Kubeconfig, folder: &Path) {
    let resolve = |path: &mut Option<String>| {
        if let Some(path) = path.as_mut().filter(|path| !path.is_empty()) {
            // Absolute paths stay as they are.
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
    };
    let clusters = config.clusters.iter_mut();
    for cluster in clusters.filter_map(|named| named.cluster.as_mut()) {
        resolve(&mut cluster.certificate_authority);
    }
    let users = config.auth_infos.iter_mut();
    for user in users.filter_map(|named| named.auth_info.as_mut()) {
        resolve(&mut user.client_certificate);
        resolve(&mut user.client_key);
        resolve(&mut user.token_file);
        let exec = user.exec.as_mut().map(|exec| &mut exec.command);
        let is_path = |command: &Option<String>| {
            command
                .as_ref()
                .is_some_and(|command| command.contains(std::path::MAIN_SEPARATOR))
        };
        exec.filter(|command| is_path(command)).map(resolve);
    }
}

fn load_error(path: &Path, reason: &str) -> anyhow::Error {
    anyhow!(
        "error loading config file {:?}: {reason}",
        path.display().to_string()
    )
}

fn select(config: Kubeconfig, options: &ConnectOptions) -> Result<KubeconfigSelection> {
    let named = |name: &String| !name.is_empty();
    let asked = non_empty(&options.context).or(non_empty(&config.current_context));
    let mut picked = KubeconfigSelection::default();
    let mut cluster_name = None;
    if let Some(name) = asked {
        let context = config
            .contexts
            .iter()
            .find(|context| context.name == name)
            .and_then(|named| named.context.clone());
        let context = context.ok_or_else(|| {
            Failure::client_side(
                FailureKind::InvalidConfiguration,
                format!("context was not found for specified context: {name}"),
            )
        })?;
        picked.user_name = context.user.unwrap_or_default();
        picked.namespace = context.namespace.filter(|namespace| named(namespace));
        cluster_name = Some(context.cluster).filter(|name| named(name));
    }
    if let Some(name) = non_empty(&options.cluster) {
        cluster_name = Some(name.to_owned());
    }
    if let Some(name) = cluster_name {
        let found = config
            .clusters
            .into_iter()
            .find(|cluster| cluster.name == name);
        let found = found.ok_or_else(|| anyhow!("no server found for cluster {name:?}"))?;
        picked.cluster = found.cluster.unwrap_or_default();
        picked.cluster_name = name;
    }
    let flag = non_empty(&options.user);
    if let Some(name) = flag {
        picked.user_name = name.to_owned();
    }
    let user = config
        .auth_infos
        .into_iter()
        .find(|user| user.name == picked.user_name);
    // A context may name a user that does not exist, who is then anonymous; `--user` may not.
    if user.is_none()
        && let Some(name) = flag
    {
        bail!("auth info {name:?} does not exist");
    }
    picked.user = user.and_then(|user| user.auth_info).unwrap_or_default();
    Ok(picked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_model::failure;

    const ONE: &str = r#"
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: a, cluster: {server: "https://a:1", certificate-authority: ca.crt}}
users:
- {name: u, user: {token: t}}
contexts:
- {name: one, context: {cluster: a, user: u, namespace: ns}}
- {name: lost, context: {cluster: gone, user: gone}}
- {name: nobody, context: {cluster: a, user: gone}}
"#;
    const TWO: &str = r#"
current-context: two
clusters:
- {name: a, cluster: {server: "https://other"}}
- {name: b, cluster: {server: "https://b"}}
contexts:
- {name: two, context: {cluster: b}}
"#;

    fn around(folder: &Path, list: &str) -> ProcessEnv {
        let list = list.replace("DIR", folder.to_str().unwrap());
        let variables = [
            ("KUBECONFIG".to_owned(), list.into()),
            ("HOME".to_owned(), folder.into()),
        ]
        .into();
        ProcessEnv {
            variables,
            service_account_dir: folder.join("account"),
        }
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("one"), ONE).unwrap();
        std::fs::write(folder.path().join("two"), TWO).unwrap();
        std::fs::write(folder.path().join("bad"), "a: [").unwrap();
        folder
    }

    #[test]
    fn the_first_file_wins_and_missing_files_are_passed_over() {
        let folder = folder();
        let picked = load_selection(
            &ConnectOptions::default(),
            &around(folder.path(), "DIR/none:DIR/one:DIR/two"),
        )
        .unwrap();
        assert_eq!(picked.cluster.server.as_deref(), Some("https://a:1"));
        assert_eq!(picked.namespace.as_deref(), Some("ns"));
        assert_eq!(
            picked.cluster.certificate_authority.unwrap(),
            folder.path().join("ca.crt").to_str().unwrap()
        );
        assert_eq!(
            picked.kubeconfig_paths,
            format!("{0}/one:{0}/two", folder.path().display())
        );
        let second = ConnectOptions {
            context: Some("two".into()),
            ..ConnectOptions::default()
        };
        let picked = load_selection(&second, &around(folder.path(), "DIR/one:DIR/two")).unwrap();
        assert_eq!(picked.cluster.server.as_deref(), Some("https://b"));
    }

    #[test]
    fn nothing_at_all_is_no_error() {
        let folder = folder();
        let picked = load_selection(
            &ConnectOptions::default(),
            &around(folder.path(), "DIR/none"),
        )
        .unwrap();
        assert_eq!(
            (picked.cluster.server, picked.kubeconfig_paths.as_str()),
            (None, "")
        );
    }

    #[test]
    fn what_does_not_exist_is_named_in_kubectls_words() {
        let folder = folder();
        let text = |flags: ConnectOptions| {
            load_selection(&flags, &around(folder.path(), "DIR/one")).unwrap_err()
        };
        let context = text(ConnectOptions {
            context: Some("nope".into()),
            ..ConnectOptions::default()
        });
        assert_eq!(
            context.to_string(),
            "context was not found for specified context: nope"
        );
        assert!(failure::has_kind(
            &context,
            FailureKind::InvalidConfiguration
        ));
        let user = text(ConnectOptions {
            user: Some("nope".into()),
            ..ConnectOptions::default()
        });
        assert_eq!(user.to_string(), r#"auth info "nope" does not exist"#);
        let cluster = text(ConnectOptions {
            cluster: Some("nope".into()),
            ..ConnectOptions::default()
        });
        assert_eq!(cluster.to_string(), r#"no server found for cluster "nope""#);
        let file = text(ConnectOptions {
            kubeconfig: Some("/nofile".into()),
            ..ConnectOptions::default()
        });
        assert_eq!(file.to_string(), "stat /nofile: no such file or directory");
        let lost = text(ConnectOptions {
            context: Some("lost".into()),
            ..ConnectOptions::default()
        });
        assert_eq!(lost.to_string(), r#"no server found for cluster "gone""#);
        let nobody = ConnectOptions {
            context: Some("nobody".into()),
            ..ConnectOptions::default()
        };
        assert!(
            load_selection(&nobody, &around(folder.path(), "DIR/one"))
                .unwrap()
                .user
                .token
                .is_none()
        );
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = folder();
        let text = load_selection(
            &ConnectOptions::default(),
            &around(folder.path(), "DIR/bad"),
        )
        .unwrap_err()
        .to_string();
        assert!(
            text.starts_with(&format!(
                "error loading config file \"{}/bad\": ",
                folder.path().display()
            )),
            "{text}"
        );
        assert!(!text.contains('\n'), "{text}");
        let text = load_selection(&ConnectOptions::default(), &around(folder.path(), "DIR"))
            .unwrap_err()
            .to_string();
        assert!(text.ends_with("is a directory"), "{text}");
    }
}
