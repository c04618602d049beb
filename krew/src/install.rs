//! What `kubectl krew` does with a manifest and an archive, in a root of its own.
//!
//! ```text
//! ROOT/store/PLUGIN/VERSION/   the installed files
//! ROOT/bin/kubectl-PLUGIN      an absolute symbolic link to the program; dashes of the name are underscores
//! ROOT/receipts/PLUGIN.yaml    the manifest, and where it came from
//! ROOT/index/NAME/             clones of indexes, see [`crate::index`]
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::archive;
use crate::glob;
use crate::manifest::{Package, Plugin};
use crate::validate;

/// The source of plugins that were installed with `--manifest`.
pub const DETACHED: &str = "detached";

/// A root as `$KREW_ROOT` names it.
#[derive(Clone, Debug)]
pub struct Krew {
    root: PathBuf,
    os: String,
    arch: String,
}

#[derive(Deserialize)]
struct Receipt {
    status: ReceiptStatus,
    #[serde(flatten)]
    plugin: Plugin,
}

#[derive(Deserialize)]
struct ReceiptStatus {
    source: Source,
}

#[derive(Deserialize)]
struct Source {
    name: String,
}

impl Krew {
    /// A root for a platform, as krew has it under `KREW_OS` and `KREW_ARCH`. `root` must be absolute, since links are.
    #[must_use]
    pub fn at(root: PathBuf, os: &str, arch: &str) -> Self {
        Self {
            root,
            os: os.to_owned(),
            arch: arch.to_owned(),
        }
    }

    /// The root itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that users put on PATH.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// Installs a plugin that is not installed yet; gives the folder with its files.
    ///
    /// `source` is an index' name or [`DETACHED`], `archive` is what was downloaded.
    ///
    /// # Errors
    /// When a rule of krew's is broken, the digest is another, or something is in the way.
    pub fn install(&self, manifest: &str, source: &str, archive: &Path) -> Result<PathBuf> {
        let plugin = Plugin::read(manifest)?;
        let name = plugin.metadata.name.clone();
        validate::manifest(&name, &plugin)?;
        ensure!(
            !self.receipt_path(&name).exists(),
            "Skipping plugin {name:?}, it is already installed"
        );
        let folder = self.place(&plugin, archive)?;
        self.write_receipt(&name, manifest, source)?;
        Ok(folder)
    }

    /// Replaces an installed plugin by a newer version.
    ///
    /// # Errors
    /// When it is not installed, did not come from an index, or is not older; and those of [`Krew::install`].
    pub fn upgrade(&self, manifest: &str, archive: &Path) -> Result<PathBuf> {
        let plugin = Plugin::read(manifest)?;
        let name = plugin.metadata.name.clone();
        validate::manifest(&name, &plugin)?;
        let receipt = self.receipt(&name)?;
        let source = receipt.status.source.name;
        ensure!(
            source != DETACHED,
            "plugin {name:?} came from a manifest: no index upgrades it"
        );
        let (old, new) = (
            number(&receipt.plugin.spec.version)?,
            number(&plugin.spec.version)?,
        );
        ensure!(
            old < new,
            "can't upgrade, the newest version is already installed"
        );
        let folder = self.place(&plugin, archive)?;
        self.write_receipt(&name, manifest, &source)?;
        remove_folder(&self.version_folder(&receipt.plugin))?;
        Ok(folder)
    }

    /// Removes a plugin: its link, its files, its receipt.
    ///
    /// # Errors
    /// When it is not installed or cannot be removed.
    pub fn uninstall(&self, name: &str) -> Result<()> {
        self.receipt(name)?;
        let link = self.link_path(name);
        if link.is_symlink() {
            std::fs::remove_file(&link)
                .with_context(|| format!("cannot remove {}", link.display()))?;
        }
        remove_folder(&self.root.join("store").join(name))?;
        let receipt = self.receipt_path(name);
        std::fs::remove_file(&receipt)
            .with_context(|| format!("cannot remove {}", receipt.display()))
    }

    /// Installed plugins as `SOURCE/NAME`, sorted.
    ///
    /// # Errors
    /// When a receipt cannot be read.
    pub fn installed(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for path in glob::matches(&self.root, "receipts/*.yaml")? {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            found.push(format!(
                "{}/{name}",
                self.receipt(&name)?.status.source.name
            ));
        }
        Ok(found)
    }

    /// Checks the digest, unpacks, moves what the manifest names into the store, and links the program.
    fn place(&self, plugin: &Plugin, archive: &Path) -> Result<PathBuf> {
        let package = plugin.package_for(&self.os, &self.arch)?;
        let digest = archive::sha256(archive)?;
        ensure!(
            digest == package.sha256,
            "checksum does not match, want: {}, got {digest}",
            package.sha256
        );
        let unpacked = self.root.join("unpacked");
        remove_folder(&unpacked)?;
        let folder = self.version_folder(plugin);
        let moved =
            archive::unpack(archive, &unpacked).and_then(|()| take(package, &unpacked, &folder));
        remove_folder(&unpacked)?;
        moved?;
        let program = folder.join(&package.bin);
        ensure!(
            program.is_file(),
            "{:?} is not among the installed files",
            package.bin
        );
        self.link(&plugin.metadata.name, &program)?;
        Ok(folder)
    }

    fn link(&self, name: &str, program: &Path) -> Result<()> {
        let link = self.link_path(name);
        if link.is_symlink() {
            std::fs::remove_file(&link)
                .with_context(|| format!("cannot remove {}", link.display()))?;
        } else if link.exists() {
            bail!("{} is not a symlink", link.display());
        }
        make_folder(&self.bin())?;
        symlink(program, &link).with_context(|| format!("cannot make the link {}", link.display()))
    }

    fn link_path(&self, name: &str) -> PathBuf {
        let suffix = if self.os == "windows" { ".exe" } else { "" };
        self.bin()
            .join(format!("kubectl-{}{suffix}", name.replace('-', "_")))
    }

    fn version_folder(&self, plugin: &Plugin) -> PathBuf {
        self.root
            .join("store")
            .join(&plugin.metadata.name)
            .join(&plugin.spec.version)
    }

    fn receipt_path(&self, name: &str) -> PathBuf {
        self.root.join("receipts").join(format!("{name}.yaml"))
    }

    fn receipt(&self, name: &str) -> Result<Receipt> {
        let text = std::fs::read_to_string(self.receipt_path(name))
            .with_context(|| format!("plugin {name:?} is not installed"))?;
        serde_saphyr::from_str(&text)
            .with_context(|| format!("the receipt of plugin {name:?} cannot be read"))
    }

    fn write_receipt(&self, name: &str, manifest: &str, source: &str) -> Result<()> {
        make_folder(&self.root.join("receipts"))?;
        let text = format!(
            "{}\nstatus:\n  source:\n    name: {source}\n",
            manifest.trim_end()
        );
        let path = self.receipt_path(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

fn number(version: &str) -> Result<semver::Version> {
    let number = version.trim_start_matches('v');
    semver::Version::parse(number).with_context(|| format!("{version:?} is no semantic version"))
}

/// Moves what the manifest's `files` name; everything where there are none.
fn take(package: &Package, unpacked: &Path, folder: &Path) -> Result<()> {
    let everything = [("*".to_owned(), ".".to_owned())];
    let named: Vec<(String, String)> = package
        .files
        .iter()
        .map(|operation| (operation.from.clone(), operation.to.clone()))
        .collect();
    let operations = if named.is_empty() {
        &everything[..]
    } else {
        &named
    };
    remove_folder(folder)?;
    make_folder(folder)?;
    for (from, to) in operations {
        let found = glob::matches(unpacked, from)?;
        ensure!(
            !found.is_empty(),
            "no files in the plugin archive matched the glob pattern={from}"
        );
        let target = folder.join(to);
        make_folder(&target)?;
        for path in found {
            let target = target.join(path.file_name().unwrap_or_default());
            std::fs::rename(&path, &target)
                .with_context(|| format!("cannot move {}", path.display()))?;
        }
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

fn remove_folder(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(test)]
#[path = "install_tests.rs"]
mod tests;
