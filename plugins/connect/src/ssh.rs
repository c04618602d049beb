//! `--ssh` and `--ssh-config`: ssh to the session, with this program as the ProxyCommand.
//!
//! Host keys are pinned in a separate known_hosts file: with --ssh under the Pod's UID, in a Host block, which outlives Pods, under
//! the session's. A new session of the same name is therefore
//! a new host and not reported as an attack, and the user's own known_hosts is not changed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use session_shared::encode::shell;
use session_shared::encode::ssh::SshHost;
use session_shared::executable;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::non_empty;
use session_shared::local_state;
use session_shared::names::SshUser;
use session_shared::ops::{Cluster, ContainerTarget, ObservedSession};
use session_shared::report::console::Console;
use session_shared::verb::ProgramName;

use crate::intent::{ConnectMode, Intent};

/// Returns the ssh settings for the session.
///
/// # Errors
/// No directory for state; an invalid UID of the session; a path of this program that is not UTF-8.
pub(crate) fn ssh_host(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    place: &ContainerTarget,
    port: &str,
    user: Option<&SshUser>,
) -> Result<SshHost> {
    let mut proxy = proxy_command()?;
    proxy.extend([intent.name.to_string(), format!("--stdio={port}")]);
    proxy.push(format!("--namespace={}", cluster.namespace()));
    proxy.extend(intent.connection.to_arguments());
    let workload = place.workload.as_ref();
    proxy.extend(workload.map(|name| format!("--workload={name}")));
    let container = place.container.as_ref();
    proxy.extend(container.map(|name| format!("--container={name}")));
    proxy.push("--quiet".to_owned());
    // A restarted session has a new Pod, and mostly a new host key.
    let pod = observed.choose_container(place).ok().flatten();
    let pod = pod.filter(|_| intent.mode != ConnectMode::SshConfig);
    let uid = pod.and_then(|(pod, _)| pod.metadata.uid.as_deref());
    let uid = uid.unwrap_or(observed.uid()).parse();
    Ok(SshHost {
        name: intent.name.clone(),
        user: user.cloned(),
        uid: uid.with_context(|| format!("cannot pin the key of session \"{}\"", intent.name))?,
        known_hosts: known_hosts_path()?,
        proxy,
    })
}

/// Returns the command line of this program with its verb. The path is the one it was called by, so that a printed Host
/// block stays valid after an update.
fn proxy_command() -> Result<Vec<String>> {
    let called = std::env::args_os().next().map(PathBuf::from);
    let path = match called.filter(|path| path.is_absolute() && path.exists()) {
        Some(path) => path,
        None => std::env::current_exe().context("failed to find the path of this program")?,
    };
    let text = path.to_str();
    let text =
        text.with_context(|| format!("the path of this program is not valid UTF-8: {path:?}"))?;
    let mut words = vec![text.to_owned()];
    if ProgramName::parse(OsStr::new(text)) != ProgramName::Verb("connect".to_owned()) {
        words.push("connect".to_owned());
    }
    Ok(words)
}

fn known_hosts_path() -> Result<PathBuf> {
    let folder = local_state::state_folder()
        .ok_or_else(|| anyhow!("cannot store host keys: neither XDG_STATE_HOME nor HOME is set"))?;
    Ok(folder.join("known_hosts"))
}

/// Prints a Host block for ~/.ssh/config.
///
/// # Errors
/// A usage error if the command line has a secret, which would end up in the file.
#[expect(
    clippy::disallowed_methods,
    reason = "ssh runs the printed command in another environment"
)]
pub(crate) fn print_host_block(
    host: SshHost,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<()> {
    for (flag, value) in [
        ("--token", &connection.token),
        ("--password", &connection.password),
        ("--server", &userinfo(&connection.server)),
        ("--proxy-url", &userinfo(&connection.proxy_url)),
    ] {
        if non_empty(value).is_some() {
            return Err(usage_error(format!(
                "{flag} and --ssh-config cannot be specified together: the secret would be written to a file"
            )));
        }
    }
    let mut host = host;
    if non_empty(&connection.kubeconfig).is_none()
        && let Ok(files) = std::env::var("KUBECONFIG")
        && !files.is_empty()
    {
        let environment = ["env".to_owned(), format!("KUBECONFIG={files}")];
        host.proxy.splice(0..0, environment);
    }
    let forget = [
        "ssh-keygen",
        "-f",
        &host.known_hosts.to_string_lossy(),
        "-R",
        &host.key_alias(),
    ];
    console.note(&format!(
        "if the session was restarted with another host key, forget the old one: {}",
        shell::quote_command(&forget)
    ));
    let text = host.config_block()?;
    create_parent(&host.known_hosts)?;
    console.print(&text)
}

/// Returns the user info of a URL: everything before the last `@`.
fn userinfo(address: &Option<String>) -> Option<String> {
    let (before, _) = non_empty(address)?.rsplit_once('@')?;
    Some(before.to_owned())
}

/// Replaces this process with ssh, which then has the terminal, the signals and the exit code.
///
/// # Errors
/// ssh is not installed.
pub(crate) fn exec_ssh(host: &SshHost, words: &[String]) -> Result<()> {
    let arguments = host.command_arguments(words)?;
    let Some(ssh) = executable::find_executable("ssh") else {
        let error = anyhow!("cannot run ssh: ssh not found in PATH");
        return Err(with_hint(
            error,
            "install an OpenSSH client (Debian: apt-get install openssh-client)",
        ));
    };
    create_parent(&host.known_hosts)?;
    let mut command = std::process::Command::new(ssh);
    command.args(arguments);
    exec_program(&mut command)
}

/// Creates the directory of a file, accessible only to its owner.
fn create_parent(file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    let made = local_state::create_private_folder(folder);
    made.with_context(|| format!("failed to create directory {folder:?}"))
}

#[cfg(unix)]
fn exec_program(command: &mut std::process::Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(error).context("failed to run ssh")
}

#[cfg(not(unix))]
fn replace(command: &mut std::process::Command) -> Result<()> {
    let status = command.status().context("failed to run ssh")?;
    session_shared::failure::check_exit_code(status.code().unwrap_or(1))
}
