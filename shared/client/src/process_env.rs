//! The environment of the process: environment variables and a Pod's service account files. Read once, so that tests need
//! not change the process.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use super::read_limits::TOKEN_LIMIT;
use session_model::foreign_error::io_error_text;

/// Folder of a Pod's service account files.
const SERVICE_ACCOUNT_DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The environment of a process.
#[derive(Clone, Debug, Default)]
pub(super) struct ProcessEnv {
    pub(super) variables: HashMap<String, OsString>,
    pub(super) service_account_dir: PathBuf,
}

impl ProcessEnv {
    /// Reads the environment of this process.
    #[expect(clippy::disallowed_methods, reason = "this is the environment")]
    pub(super) fn read() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        Self {
            variables,
            service_account_dir: PathBuf::from(SERVICE_ACCOUNT_DIR),
        }
    }

    /// Returns a variable that is set and not empty.
    pub(super) fn var_os(&self, name: &str) -> Option<&OsString> {
        self.variables.get(name).filter(|value| !value.is_empty())
    }

    /// Returns a variable as text; `None` if it is not UTF-8.
    pub(super) fn var(&self, name: &str) -> Option<&str> {
        self.var_os(name).and_then(|value| value.to_str())
    }

    /// Returns the first of several variables that is set, as Go looks up proxies.
    pub(super) fn first_var(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.var(name))
    }

    /// Returns the user's home folder.
    pub(super) fn home_dir(&self) -> Option<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.var_os(name).map(PathBuf::from)
    }

    /// Returns the API server's address for a Pod; `None` outside of a cluster.
    pub(super) fn in_cluster_server(&self) -> Option<String> {
        let (host, port) = (
            self.var("KUBERNETES_SERVICE_HOST")?,
            self.var("KUBERNETES_SERVICE_PORT")?,
        );
        if !self.service_account_dir.join("token").is_file() {
            return None;
        }
        Some(if host.contains(':') {
            format!("https://[{host}]:{port}")
        } else {
            format!("https://{host}:{port}")
        })
    }

    /// Returns the Pod's namespace.
    pub(super) fn pod_namespace(&self) -> Option<String> {
        let given = self.var("POD_NAMESPACE").map(str::to_owned);
        let read = || {
            TOKEN_LIMIT
                .read_text(&self.service_account_dir.join("namespace"))
                .ok()
        };
        given
            .or_else(read)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    }
}

/// Formats an I/O error in Go's words: `open PATH: no such file or directory`.
pub(super) fn go_io_error(
    operation: &str,
    path: &std::path::Path,
    error: &std::io::Error,
) -> String {
    use std::io::ErrorKind;
    let reason = match error.kind() {
        ErrorKind::NotFound => "no such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::FileTooLarge => return format!("read {}: {error}", path.display()),
        ErrorKind::IsADirectory => return format!("read {}: is a directory", path.display()),
        _ => io_error_text(error),
    };
    format!("{operation} {}: {reason}", path.display())
}
