//! Exec credential plugins, run with client-go's rules: once, and again only when the credentials have expired.

use std::io::IsTerminal;
use std::process::Stdio;

use anyhow::{Result, bail};
use base64::Engine;
use jiff::Timestamp;
use kube::config::{Cluster, ExecConfig, ExecInteractiveMode};
use serde_json::{Value, json};

use super::credential_renewal::login_command;
use super::plugin_policy;
use super::plugin_process::{self, PluginError};
use super::process_env::ProcessEnv;
use super::read_limits::PLUGIN_OUTPUT_LIMIT;
use session_model::failure::{self, Failure, FailureKind};
use session_model::objects::Untyped;

/// Protocol versions that client-go supports.
const VERSIONS: [&str; 2] = [
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
];
/// Name of the cluster extension whose content is passed to plugins.
const EXTENSION: &str = "client.authentication.k8s.io/exec";

/// A credential plugin with a checked configuration.
#[derive(Debug)]
pub(super) struct CredentialPlugin {
    exec: ExecConfig,
    version: String,
    command: String,
    /// The cluster's details for the plugin; null unless provideClusterInfo is set.
    cluster: Value,
    around: ProcessEnv,
}

/// The credentials that a plugin returned.
#[derive(Clone, Default)]
pub(super) struct PluginCredential {
    pub(super) token: Option<String>,
    /// Client certificate and key, PEM.
    pub(super) client_certificate: Option<(String, String)>,
    pub(super) expires: Option<Timestamp>,
}

impl CredentialPlugin {
    /// Checks a plugin's configuration.
    ///
    /// # Errors
    /// A missing or invalid field, in kubectl's words.
    pub(super) fn new(
        exec: ExecConfig,
        user: &str,
        cluster: &Cluster,
        authority: Option<&[u8]>,
        around: &ProcessEnv,
    ) -> Result<Self> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let Some(command) = given(&exec.command) else {
            bail!("command must be specified for {user} to use exec authentication plugin");
        };
        let Some(version) = given(&exec.api_version) else {
            bail!("apiVersion must be specified for {user} to use exec authentication plugin");
        };
        if !VERSIONS.contains(&version.as_str()) {
            bail!("exec plugin: invalid apiVersion {version:?}");
        }
        if exec.interactive_mode.is_none() && version == VERSIONS[0] {
            bail!("interactiveMode must be specified for {user} to use exec authentication plugin");
        }
        let told = if exec.provide_cluster_info {
            cluster_info(cluster, authority)
        } else {
            Value::Null
        };
        Ok(Self {
            exec,
            version,
            command,
            cluster: told,
            around: around.clone(),
        })
    }

    /// Runs the plugin and parses its output. The plugin shares stderr with this process, and stdin if it may prompt and
    /// there is a terminal.
    ///
    /// # Errors
    /// A plugin that is not allowed, not installed, fails, or prints invalid credentials, in kubectl's words.
    pub(super) async fn run(&self) -> Result<PluginCredential> {
        let path = plugin_policy::find_program(&self.command, &self.around);
        plugin_policy::check_plugin_allowed(&self.command, path.as_deref(), &self.around)?;
        let Some(path) = path else {
            return Err(self.not_found_error());
        };
        let interactive = self.interactive()?;
        let mut spec = json!({"interactive": interactive});
        if !self.cluster.is_null() {
            spec["cluster"] = self.cluster.clone();
        }
        let told = json!({"kind": "ExecCredential", "apiVersion": self.version, "spec": spec});
        let mut command = tokio::process::Command::new(path);
        command.args(self.exec.args.iter().flatten());
        for entry in self.exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (entry.get("name"), entry.get("value")) {
                command.env(name, value);
            }
        }
        command.env("KUBERNETES_EXEC_INFO", told.to_string());
        command
            .stdin(if interactive {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .stderr(Stdio::inherit());
        let run = plugin_process::run_plugin(command, interactive, PLUGIN_OUTPUT_LIMIT).await;
        let output = run.map_err(|fault| self.run_error(fault))?;
        if !output.status.success() {
            let code = output.status.code().unwrap_or(-1);
            let error = credentials_error(format!(
                "exec: executable {} failed with exit code {code}",
                self.command
            ));
            return Err(match login_command(&self.command) {
                Some(login) => failure::with_hint(
                    error,
                    format!("log in again, if its message says that a login has expired: {login}"),
                ),
                None => error,
            });
        }
        self.parse_output(&output.stdout)
    }

    fn interactive(&self) -> Result<bool> {
        let terminal = std::io::stdin().is_terminal();
        match self.exec.interactive_mode {
            Some(ExecInteractiveMode::Never) => Ok(false),
            Some(ExecInteractiveMode::Always) if !terminal => Err(credentials_error(
                "exec plugin cannot support interactive mode: standard input is not a terminal"
                    .into(),
            )),
            _ => Ok(terminal),
        }
    }

    fn run_error(&self, fault: PluginError) -> anyhow::Error {
        let command = &self.command;
        match fault {
            PluginError::Io(error) => credentials_error(format!("exec: {error}")),
            PluginError::OutputTooLarge => credentials_error(format!(
                "exec: executable {command} wrote more than {} to standard output",
                PLUGIN_OUTPUT_LIMIT.size()
            )),
            PluginError::StoppedByTerminal => failure::with_hint(
                credentials_error(format!(
                    "exec: executable {command} was stopped because it tried to use the terminal"
                )),
                "set interactiveMode: IfAvailable for the plugin in the kubeconfig, and run the command with a terminal as standard input",
            ),
        }
    }

    fn not_found_error(&self) -> anyhow::Error {
        let error = credentials_error(format!("exec: executable {} not found", self.command));
        let hint = self.exec.install_hint.as_deref().unwrap_or_default().trim();
        let hint = if hint.is_empty() {
            "install the credential plugin that the kubeconfig names"
        } else {
            hint
        };
        failure::with_hint(error, hint)
    }

    fn parse_output(&self, output: &[u8]) -> Result<PluginCredential> {
        let value: Value = serde_json::from_slice(output)
            .map_err(|error| credentials_error(format!("decoding stdout: {error}")))?;
        let version = Untyped(&value).api_version();
        if version != self.version {
            return Err(credentials_error(format!(
                "exec plugin is configured to use API version {}, plugin returned version {version}",
                self.version
            )));
        }
        let Some(status) = value["status"].as_object() else {
            return Err(credentials_error(
                "exec plugin didn't return a status field".into(),
            ));
        };
        let text = |key: &str| {
            status
                .get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let (token, certificate, key) = (
            text("token"),
            text("clientCertificateData"),
            text("clientKeyData"),
        );
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                return Err(credentials_error(
                    "exec plugin returned only certificate or key, not both".into(),
                ));
            }
        };
        if token.is_none() && identity.is_none() {
            return Err(credentials_error(
                "exec plugin didn't return a token or cert/key pair".into(),
            ));
        }
        let expires = text("expirationTimestamp")
            .map(|text| text.parse())
            .transpose();
        let expires =
            expires.map_err(|error| credentials_error(format!("decoding stdout: {error}")))?;
        Ok(PluginCredential {
            token,
            client_certificate: identity,
            expires,
        })
    }
}

fn credentials_error(reason: String) -> anyhow::Error {
    Failure::client_side(
        FailureKind::Unreachable,
        format!("getting credentials: {reason}"),
    )
    .into()
}

fn cluster_info(cluster: &Cluster, authority: Option<&[u8]>) -> Value {
    let mut about = json!({"server": cluster.server.clone().unwrap_or_default()});
    if let Some(name) = &cluster.tls_server_name {
        about["tls-server-name"] = name.clone().into();
    }
    if cluster.insecure_skip_tls_verify == Some(true) {
        about["insecure-skip-tls-verify"] = true.into();
    }
    if let Some(pem) = authority {
        about["certificate-authority-data"] =
            base64::engine::general_purpose::STANDARD.encode(pem).into();
    }
    if let Some(proxy) = &cluster.proxy_url {
        about["proxy-url"] = proxy.clone().into();
    }
    let extensions = cluster.extensions.iter().flatten();
    about["config"] = extensions
        .filter(|named| named.name == EXTENSION)
        .map(|named| named.extension.clone())
        .next()
        .unwrap_or_default();
    about
}
