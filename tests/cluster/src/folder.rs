//! The folder that holds one cluster: keys, data, logs, sockets, pid files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Sockets lie up to 40 characters below the folder and Linux allows 107 for the whole path.
const LONGEST_ROOT: usize = 60;

/// Where a cluster lives. Cheap to clone; holds nothing but the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// `$SESSION_CLUSTER_DIR`, else `/var/lib/kubectl-session/cluster` for root, else below the home folder.
    pub(crate) fn of_this_user() -> Result<Self> {
        if let Some(given) =
            std::env::var_os("SESSION_CLUSTER_DIR").filter(|given| !given.is_empty())
        {
            return Self::at(PathBuf::from(given));
        }
        if crate::prerequisites::is_root() {
            return Self::at(PathBuf::from("/var/lib/kubectl-session/cluster"));
        }
        let home = std::env::var_os("HOME")
            .context("neither SESSION_CLUSTER_DIR nor HOME is set: no place for the cluster")?;
        Self::at(PathBuf::from(home).join(".kubectl-session/cluster"))
    }

    /// A folder at `root`: absolute, without white space (it is written into mount tables), at most 60 bytes, two levels deep.
    pub(crate) fn at(root: PathBuf) -> Result<Self> {
        let text = root
            .to_str()
            .context("the cluster's folder is not valid UTF-8")?;
        if !root.is_absolute() || root.components().count() < 3 || text.contains("..") {
            bail!("the cluster's folder {text} must be an absolute path at least two levels deep");
        }
        if text.len() > LONGEST_ROOT
            || text.contains(|c: char| c.is_whitespace() || c == '"' || c == '\'' || c == '\\')
        {
            bail!(
                "the cluster's folder {text} must have at most {LONGEST_ROOT} characters, no white space and no quotes"
            );
        }
        Ok(Self { root })
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the folder.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// The same as text, for arguments and configuration files. The root was checked to be UTF-8.
    pub(crate) fn text(&self, below: &str) -> String {
        self.path(below).to_string_lossy().into_owned()
    }

    /// A file beside the folder (`cluster.lock`), which outlives the folder's removal.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.root.clone().into_os_string();
        name.push(".");
        name.push(ending);
        PathBuf::from(name)
    }

    /// The admin's kubeconfig.
    pub(crate) fn admin_kubeconfig(&self) -> PathBuf {
        self.path("kubeconfigs/admin.kubeconfig")
    }

    /// Makes the folder and those every part expects, readable by the owner alone: it holds the CA's key.
    pub(crate) fn create(&self) -> Result<()> {
        for below in [
            "pki",
            "kubeconfigs",
            "config",
            "logs",
            "pids",
            "images",
            "volumes",
            "kubelet",
            "cni",
        ] {
            let path = self.path(below);
            std::fs::create_dir_all(&path)
                .with_context(|| format!("cannot make {}", path.display()))?;
        }
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(&self.root, mode)
            .with_context(|| format!("cannot set the mode of {}", self.root.display()))?;
        for below in ["pki", "kubeconfigs", "config"] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            std::fs::set_permissions(self.path(below), mode)
                .with_context(|| format!("cannot set the mode of {below}"))?;
        }
        Ok(())
    }

    /// Writes a file below the folder, readable by the owner alone.
    pub(crate) fn write(&self, below: &str, content: impl AsRef<[u8]>) -> Result<()> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.path(below);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        std::io::Write::write_all(&mut file, content.as_ref())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_must_be_short_absolute_and_plain() {
        let good = Folder::at(PathBuf::from("/var/lib/x")).unwrap();
        assert_eq!(good.root(), Path::new("/var/lib/x"));
        for bad in [
            "x/y",
            "/x",
            "/var/a b",
            "/var/../..",
            &format!("/var/{}", "x".repeat(80)),
        ] {
            let error = Folder::at(PathBuf::from(bad)).err().unwrap().to_string();
            let wanted = format!("the cluster's folder {bad} must ");
            assert!(error.starts_with(&wanted), "{error}");
        }
    }

    #[test]
    fn lock_files_lie_beside_the_folder() {
        let folder = Folder::at(PathBuf::from("/var/lib/x/cluster")).unwrap();
        assert_eq!(
            folder.beside("lock"),
            PathBuf::from("/var/lib/x/cluster.lock")
        );
    }
}
