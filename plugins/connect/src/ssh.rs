//! ssh into the session, through this program as its ProxyCommand.
//!
//! The session's host key is pinned in a file of its own, under the session's UID: another session of the same name is another
//! host and no attack, and the user's own known_hosts stays as it is.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use session_shared::cluster::{Cluster, Present};
use session_shared::failure::{hinted, usage};
use session_shared::flags::connection::Connection;
use session_shared::report::console::Console;

use crate::intent::Intent;

/// What ssh is told about one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// What is typed after `ssh`.
    pub(crate) name: String,
    /// Whom to log in as; ssh's own default where the method does not say.
    pub(crate) user: Option<String>,
    /// The name under which the key is kept.
    pub(crate) alias: String,
    /// The file it is kept in.
    pub(crate) known_hosts: PathBuf,
    /// This program with the flags that lead to the session's port, a word each.
    pub(crate) proxy: Vec<String>,
}

/// What ssh is to be told about the session.
///
/// # Errors
/// When nothing says where state is kept, or a flag cannot be written into a command.
pub(crate) fn host(
    cluster: &Cluster,
    intent: &Intent,
    present: &Present,
    connection: &Connection,
    port: &str,
    user: Option<&str>,
) -> Result<Host> {
    let mut proxy = program()?;
    let name = intent.name.to_string();
    proxy.extend([name.clone(), format!("--stdio={port}")]);
    proxy.push(format!("--namespace={}", cluster.namespace()));
    proxy.extend(connection.words());
    proxy.extend(
        intent
            .container
            .as_ref()
            .map(|name| format!("--container={name}")),
    );
    proxy.push("--quiet".to_owned());
    if proxy.iter().any(|word| word.contains(char::is_control)) {
        bail!("a flag with a line break cannot be passed on to ssh");
    }
    Ok(Host {
        name,
        user: user.map(str::to_owned),
        alias: format!("session-{}", present.uid()),
        known_hosts: state()?.join("known_hosts"),
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
    let verb = path
        .file_stem()
        .is_none_or(|stem| stem != "kubectl-session-connect");
    let mut words = vec![path.to_string_lossy().into_owned()];
    words.extend(verb.then(|| "connect".to_owned()));
    Ok(words)
}

/// The folder of what this suite has to remember between two calls.
fn state() -> Result<PathBuf> {
    let variable = |name: &str| {
        let value = std::env::var_os(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    let base = variable("XDG_STATE_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .or_else(|| Some(variable("HOME")?.join(".local/state")));
    let base = base.ok_or_else(|| {
        anyhow!(
            "there is no folder for the keys of sessions: neither XDG_STATE_HOME nor HOME is set"
        )
    })?;
    Ok(base.join("kubectl-session"))
}

/// A Host block for ~/.ssh/config.
///
/// # Errors
/// Usage, for secrets on the command line: they do not belong into a file.
pub(crate) fn block(host: &Host, connection: &Connection, console: &mut Console) -> Result<()> {
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
    prepare(&host.known_hosts)?;
    let mut proxy = host.proxy.clone();
    if connection.kubeconfig.is_empty()
        && let Ok(files) = std::env::var("KUBECONFIG")
        && !files.is_empty()
    {
        proxy.splice(0..0, ["env".to_owned(), format!("KUBECONFIG={files}")]);
    }
    let host = Host {
        proxy,
        ..host.clone()
    };
    let mut text = format!("Host {}\n", host.name);
    for (key, value) in settings(&host) {
        text.push_str(&format!("  {key} {value}\n"));
    }
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
pub(crate) fn run(host: &Host, words: &[String]) -> Result<()> {
    let Ok(ssh) = which::which("ssh") else {
        let error = anyhow!("ssh is not on PATH");
        return Err(hinted(
            error,
            "install an OpenSSH client (Debian: apt-get install openssh-client)",
        ));
    };
    prepare(&host.known_hosts)?;
    let mut command = std::process::Command::new(ssh);
    command.args(arguments(host, words));
    replace(&mut command)
}

/// ssh reads options and the command behind the host's name as well.
pub(crate) fn arguments(host: &Host, words: &[String]) -> Vec<String> {
    let settings = settings(host).into_iter();
    let options = settings.flat_map(|(key, value)| ["-o".to_owned(), format!("{key}={value}")]);
    let name = std::iter::once(host.name.clone());
    options.chain(name).chain(words.iter().cloned()).collect()
}

/// As ssh_config(5) has them. `%` begins a token there.
fn settings(host: &Host) -> Vec<(&'static str, String)> {
    let file = host.known_hosts.to_string_lossy().replace('%', "%%");
    let proxy: Vec<String> = host
        .proxy
        .iter()
        .map(|word| quoted(word).replace('%', "%%"))
        .collect();
    let user = host.user.as_ref().map(|user| ("User", user.clone()));
    let rest = [
        ("HostKeyAlias", host.alias.clone()),
        ("UserKnownHostsFile", format!("\"{file}\"")),
        ("StrictHostKeyChecking", "accept-new".to_owned()),
        ("ProxyCommand", proxy.join(" ")),
    ];
    user.into_iter().chain(rest).collect()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Makes the folder of a file, for its owner alone.
fn prepare(file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    let made = builder.create(folder);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn host(known_hosts: &str, word: &str) -> Host {
        Host {
            name: "lab-1".into(),
            user: Some("lab".into()),
            alias: "session-u-1".into(),
            known_hosts: known_hosts.into(),
            proxy: vec![
                "/usr/bin/kubectl-session".into(),
                "connect".into(),
                word.into(),
            ],
        }
    }

    #[test]
    fn ssh_is_told_everything_before_the_host_and_the_rest_after_it() {
        let words = ["-L".to_owned(), "1:b:2".to_owned(), "true".to_owned()];
        assert_eq!(
            arguments(&host("/state/known_hosts", "lab-1"), &words),
            [
                "-o",
                "User=lab",
                "-o",
                "HostKeyAlias=session-u-1",
                "-o",
                "UserKnownHostsFile=\"/state/known_hosts\"",
                "-o",
                "StrictHostKeyChecking=accept-new",
                "-o",
                "ProxyCommand=/usr/bin/kubectl-session connect lab-1",
                "lab-1",
                "-L",
                "1:b:2",
                "true"
            ]
        );
    }

    #[test]
    fn blanks_quotes_and_percents_come_through_shell_and_ssh() {
        let settings = settings(&host("/my state/100%/known_hosts", "--kubeconfig=/it's 5%"));
        assert_eq!(settings[2].1, "\"/my state/100%%/known_hosts\"");
        assert_eq!(
            settings[4].1,
            r"/usr/bin/kubectl-session connect '--kubeconfig=/it'\''s 5%%'"
        );
    }
}
