//! Indexes: git repositories with `plugins/NAME.yaml`.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::glob;
use crate::install::Krew;
use crate::manifest::Plugin;
use crate::validate;

impl Krew {
    /// `kubectl krew index add NAME REPOSITORY`: clones an index.
    ///
    /// # Errors
    /// When there is one of that name, it cannot be cloned, or has no `plugins` folder.
    pub fn add_index(&self, name: &str, repository: &Path) -> Result<()> {
        let clone = self.root().join("index").join(name);
        ensure!(!clone.exists(), "index {name:?} already exists");
        let mut git = Command::new("git");
        git.args(["clone", "--quiet"]).arg(repository).arg(&clone);
        let output = git
            .stdin(Stdio::null())
            .output()
            .context("git does not start")?;
        if !output.status.success() {
            bail!(
                "failed to clone the index: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        ensure!(
            clone.join("plugins").is_dir(),
            "the index has no folder plugins"
        );
        Ok(())
    }

    /// `kubectl krew index remove NAME`.
    ///
    /// # Errors
    /// While plugins of it are installed, or when there is none of that name.
    pub fn remove_index(&self, name: &str) -> Result<()> {
        let clone = self.root().join("index").join(name);
        ensure!(clone.is_dir(), "index {name:?} does not exist");
        let prefix = format!("{name}/");
        let used: Vec<String> = self
            .installed()?
            .into_iter()
            .filter(|plugin| plugin.starts_with(&prefix))
            .collect();
        ensure!(
            used.is_empty(),
            "there are still plugins installed from this index: {}",
            used.join(", ")
        );
        std::fs::remove_dir_all(&clone)
            .with_context(|| format!("cannot remove {}", clone.display()))
    }

    /// The manifest that an index has for a plugin, checked.
    ///
    /// # Errors
    /// When there is none, or it breaks krew's rules.
    pub fn offered(&self, index: &str, plugin: &str) -> Result<String> {
        let path = self
            .root()
            .join("index")
            .join(index)
            .join("plugins")
            .join(format!("{plugin}.yaml"));
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("plugin {plugin:?} does not exist in the index {index:?}"))?;
        validate::manifest(plugin, &Plugin::read(&text)?)?;
        Ok(text)
    }

    /// Names of the plugins in an index, sorted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn plugins_of(&self, index: &str) -> Result<Vec<String>> {
        let found = glob::matches(&self.root().join("index").join(index), "plugins/*.yaml")?;
        let names = found.iter().filter_map(|path| path.file_stem());
        Ok(names
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }
}
