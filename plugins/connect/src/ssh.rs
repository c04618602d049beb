//! `--ssh` and `--ssh-config`: ssh to the session, with this program as the ProxyCommand.
//!
//! Host keys are pinned to one run of the SSH server's container, see [`crate::host_keys`], and apart from the user's own
//! known_hosts. A restarted session, or a new one of the same name, is therefore a new host and not reported as an attack.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use session_shared::encode::ssh::SshHost;
use session_shared::executable;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::non_empty;
use session_shared::local_state;
use session_shared::names::{SshUser, Uid};
use session_shared::objects::Untyped;
use session_shared::ops::{Cluster, ContainerTarget, ObservedSession};
use session_shared::report::console::Console;
use session_shared::verb::ProgramName;

use crate::host_keys::{self, ServerRun};
use crate::intent::{ConnectMode, Intent};

/// Returns the ssh settings for the session.
///
/// # Errors
/// No directory for state; an invalid UID of the session or its Pod; a path that is not UTF-8.
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
    let cannot_pin = || format!("cannot pin the key of session \"{}\"", intent.name);
    let state = local_state::state_folder()
        .ok_or_else(|| anyhow!("cannot store host keys: neither XDG_STATE_HOME nor HOME is set"))?;
    let session = Untyped(&observed.object).require_uid()?;
    let session: Uid = session.parse().with_context(cannot_pin)?;
    let mut host = SshHost {
        name: intent.name.clone(),
        user: user.cloned(),
        known_hosts: state.join("known_hosts"),
        uid: session.clone(),
        restarts: 0,
        proxy,
    };
    if intent.mode == ConnectMode::SshConfig {
        let workload = place
            .workload
            .iter()
            .map(|name| format!(".{}", name.to_string().replace('/', "-")));
        let container = place.container.iter().map(|name| format!(".{name}"));
        let file = format!("{session}{}", workload.chain(container).collect::<String>());
        host.known_hosts = state.join("host_keys").join(file);
        let path = path_text(&host.known_hosts)?;
        host.proxy.push(format!("--known-hosts={path}"));
    } else if let Some(run) = ServerRun::of(observed, place, port) {
        host.uid = run.pod.parse().with_context(cannot_pin)?;
        host.restarts = run.restarts;
    }
    Ok(host)
}

/// Returns the command line of this program with its verb. The path is the one it was called by, so that a printed Host
/// block stays valid after an update.
fn proxy_command() -> Result<Vec<String>> {
    let called = std::env::args_os().next().map(PathBuf::from);
    let path = match called.filter(|path| path.is_absolute() && path.exists()) {
        Some(path) => path,
        None => std::env::current_exe().context("failed to find the path of this program")?,
    };
    let text = path_text(&path)?;
    let mut words = vec![text.to_owned()];
    if ProgramName::parse(OsStr::new(text)) != ProgramName::Verb("connect".to_owned()) {
        words.push("connect".to_owned());
    }
    Ok(words)
}

fn path_text(path: &Path) -> Result<&str> {
    path.to_str()
        .with_context(|| format!("the path {path:?} is not valid UTF-8"))
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
    let text = host.config_block()?;
    host_keys::create_parent(&host.known_hosts)?;
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
    host_keys::create_parent(&host.known_hosts)?;
    let mut command = std::process::Command::new(ssh);
    command.args(arguments);
    exec_program(&mut command)
}

#[cfg(unix)]
fn exec_program(command: &mut std::process::Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(error).context("failed to run ssh")
}

#[cfg(not(unix))]
fn exec_program(command: &mut std::process::Command) -> Result<()> {
    let status = command.status().context("failed to run ssh")?;
    session_shared::failure::check_exit_code(status.code().unwrap_or(1))
}
