//! Settings of one ssh host, as ssh_config(5) defines them.
//!
//! In ssh_config a value ends with its line, `%` begins a token, a file name can contain `${VARIABLE}`, and escapes between
//! double quotes depend on ssh's version. Text that would be read as another setting, or differently by some version, is
//! refused.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::shell;
use crate::names::{SessionName, SshUser, Uid};

/// Settings with which ssh connects to one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshHost {
    /// Host name to type after `ssh`: the session's name.
    pub name: SessionName,
    /// User to log in as; ssh's default if `None`.
    pub user: Option<SshUser>,
    /// UID of the Session or its Pod, part of the alias under which the host key is stored.
    pub uid: Uid,
    /// Restarts of the container in the Pod, another part of the alias.
    pub restarts: i32,
    /// File in which the host key is stored.
    pub known_hosts: PathBuf,
    /// Program and arguments of ProxyCommand, which connects to the session's port.
    pub proxy: Vec<String>,
}

impl SshHost {
    /// Returns a Host block for ~/.ssh/config.
    ///
    /// # Errors
    /// If a path or an argument cannot be represented in ssh_config.
    pub fn config_block(&self) -> Result<String> {
        let mut text = format!("Host {}\n", self.name);
        for (key, value) in self.settings()? {
            text.push_str(&format!("  {key} {value}\n"));
        }
        Ok(text)
    }

    /// Returns the arguments for running ssh: the settings as options, the host, then `words`, which may be further options and
    /// a command.
    ///
    /// # Errors
    /// If a path or an argument cannot be represented in ssh_config.
    pub fn command_arguments(&self, words: &[String]) -> Result<Vec<String>> {
        let settings = self.settings()?.into_iter();
        let options = settings.flat_map(|(key, value)| ["-o".to_owned(), format!("{key}={value}")]);
        let name = std::iter::once(self.name.to_string());
        Ok(options.chain(name).chain(words.iter().cloned()).collect())
    }

    /// Returns the name under which the host key is stored.
    fn key_alias(&self) -> String {
        match self.restarts {
            0 => format!("session-{}", self.uid),
            restarts => format!("session-{}-{restarts}", self.uid),
        }
    }

    fn settings(&self) -> Result<Vec<(&'static str, String)>> {
        let user = self.user.as_ref().map(|user| ("User", user.to_string()));
        let rest = [
            ("HostKeyAlias", self.key_alias()),
            ("UserKnownHostsFile", quote_file_name(&self.known_hosts)?),
            ("StrictHostKeyChecking", "accept-new".to_owned()),
            ("ProxyCommand", quote_proxy_command(&self.proxy)?),
        ];
        Ok(user.into_iter().chain(rest).collect())
    }
}

/// Quotes a file name with double quotes.
fn quote_file_name(path: &Path) -> Result<String> {
    let text = path.to_str().unwrap_or_default();
    let ambiguous = text.contains(['"']) || text.contains("\\\\") || text.contains("\\'");
    if text.is_empty() || ambiguous || text.contains("${") || text.chars().any(shell::is_hidden) {
        bail!("cannot pass the file {path:?} to ssh: ssh_config(5) cannot represent its name");
    }
    Ok(format!("\"{}\"", text.replace('%', "%%")))
}

/// Quotes a command for the user's login shell. Hidden characters are refused, because not every shell understands `$'…'`.
fn quote_proxy_command(words: &[String]) -> Result<String> {
    if let Some(word) = words.iter().find(|word| word.contains(shell::is_hidden)) {
        bail!(
            "cannot pass the argument {word:?} to ssh: contains a line break, a control character or an invisible character"
        );
    }
    Ok(shell::quote_command(words).replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(known_hosts: &str, word: &str) -> SshHost {
        SshHost {
            name: "lab-1".parse().unwrap(),
            user: Some("lab".parse().unwrap()),
            uid: "0f3c2a4e-5b7d-4c1f-8a55-0123456789ab".parse().unwrap(),
            restarts: 0,
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
            host("/state/known_hosts", "lab-1")
                .command_arguments(&words)
                .unwrap(),
            [
                "-o",
                "User=lab",
                "-o",
                "HostKeyAlias=session-0f3c2a4e-5b7d-4c1f-8a55-0123456789ab",
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
        let block = host("/my state/100%/known_hosts", "--kubeconfig=/it's 5%")
            .config_block()
            .unwrap();
        assert!(
            block.contains("  UserKnownHostsFile \"/my state/100%%/known_hosts\"\n"),
            "{block}"
        );
        let proxy = r"  ProxyCommand /usr/bin/kubectl-session connect '--kubeconfig=/it'\''s 5%%'";
        assert_eq!(block.lines().last(), Some(proxy));
    }

    #[test]
    fn what_would_be_another_setting_is_refused() {
        for word in [
            "a\nProxyCommand id",
            "a\rb",
            "a\u{2028}b",
            "a\u{202e}b",
            "a\0",
        ] {
            let error = host("/state/known_hosts", word)
                .config_block()
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("cannot pass the argument"), "{error}");
        }
        for path in ["", "/a\"b", "/a\nb", "/${HOME}/b", "/a\\\\b"] {
            let error = host(path, "lab-1")
                .command_arguments(&[])
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("cannot pass the file"), "{error}");
        }
    }
}
