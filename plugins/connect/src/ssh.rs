//! ssh into the session, through this program as its ProxyCommand.
//!
//! The session's host key is pinned in a file of its own, under the session's UID: another session of the same name is another
//! host and no attack, and the user's own known_hosts stays as it is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use session_shared::encode::ssh::SshHost;
use session_shared::failure::{hinted, usage};
use session_shared::flags::connection::Connection;
use session_shared::names::SshUser;
use session_shared::ops::Cluster;
use session_shared::ops::Present;
use session_shared::programs;
use session_shared::report::console::Console;
use session_shared::state;
use session_shared::verb::ProgramName;

use crate::intent::Intent;

/// What ssh is to be told about the session.
///
/// # Errors
/// When nothing says where state is kept, the server's UID of the session is none, or this program's path is no text.
pub(crate) fn host(
    cluster: &Cluster,
    intent: &Intent,
    present: &Present,
    connection: &Connection,
    port: &str,
    user: Option<&SshUser>,
) -> Result<SshHost> {
    let mut proxy = program()?;
    proxy.extend([intent.name.to_string(), format!("--stdio={port}")]);
    proxy.push(format!("--namespace={}", cluster.namespace()));
    proxy.extend(connection.words());
    proxy.extend(
        intent
            .container
            .as_ref()
            .map(|name| format!("--container={name}")),
    );
    proxy.push("--quiet".to_owned());
    let uid = present.uid().parse();
    Ok(SshHost {
        name: intent.name.clone(),
        user: user.cloned(),
        uid: uid.with_context(|| format!("cannot pin the key of session \"{}\"", intent.name))?,
        known_hosts: known_hosts()?,
        proxy,
    })
}

/// This program as it was called, so that an update of it does not break what was written down, and its verb.
fn program() -> Result<Vec<String>> {
    let called = std::env::args_os().next().map(PathBuf::from);
    let path = match called.filter(|path| path.is_absolute() && path.exists()) {
        Some(path) => path,
        None => std::env::current_exe().context("this program does not know where it is")?,
    };
    let text = path.to_str();
    let text = text.with_context(|| format!("the path of this program is no text: {path:?}"))?;
    let mut words = vec![text.to_owned()];
    if ProgramName::of(OsStr::new(text)) != ProgramName::Verb("connect".to_owned()) {
        words.push("connect".to_owned());
    }
    Ok(words)
}

fn known_hosts() -> Result<PathBuf> {
    let folder = state::folder().ok_or_else(|| {
        anyhow!(
            "there is no folder for the keys of sessions: neither XDG_STATE_HOME nor HOME is set"
        )
    })?;
    Ok(folder.join("known_hosts"))
}

/// Prints a Host block for ~/.ssh/config.
///
/// # Errors
/// Usage, for secrets on the command line: they do not belong into a file.
pub(crate) fn block(host: SshHost, connection: &Connection, console: &mut Console) -> Result<()> {
    for (flag, value) in [
        ("--token", connection.token.as_str()),
        ("--password", connection.password.as_str()),
        ("--server", userinfo(&connection.server)),
        ("--proxy-url", userinfo(&connection.proxy_url)),
    ] {
        if !value.is_empty() {
            return Err(usage(format!(
                "{flag} and --ssh-config cannot be specified together: the secret would stand in a file"
            )));
        }
    }
    let mut host = host;
    if connection.kubeconfig.is_empty()
        && let Ok(files) = std::env::var("KUBECONFIG")
        && !files.is_empty()
    {
        let environment = ["env".to_owned(), format!("KUBECONFIG={files}")];
        host.proxy.splice(0..0, environment);
    }
    let text = host.block()?;
    prepare(&host.known_hosts)?;
    console.out(&text)
}

/// Name and password in an address, and anything before an @ of what is none.
fn userinfo(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(before, _)| before)
}

/// Runs ssh in our place: the terminal, signals and the exit code are its own.
///
/// # Errors
/// When there is no ssh.
pub(crate) fn run(host: &SshHost, words: &[String]) -> Result<()> {
    let arguments = host.arguments(words)?;
    let Some(ssh) = programs::find("ssh") else {
        let error = anyhow!("ssh is not on PATH");
        return Err(hinted(
            error,
            "install an OpenSSH client (Debian: apt-get install openssh-client)",
        ));
    };
    prepare(&host.known_hosts)?;
    let mut command = std::process::Command::new(ssh);
    command.args(arguments);
    replace(&mut command)
}

/// Makes the folder of a file, for its owner alone.
fn prepare(file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    let made = state::make_private(folder);
    made.with_context(|| format!("failed to make the folder {folder:?}"))
}

#[cfg(unix)]
fn replace(command: &mut std::process::Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(anyhow!("failed to run ssh: {error}"))
}

#[cfg(not(unix))]
fn replace(command: &mut std::process::Command) -> Result<()> {
    let status = command.status().context("failed to run ssh")?;
    session_shared::failure::exit(status.code().unwrap_or(1))
}
