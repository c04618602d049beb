//! The real krew, with a root of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::programs;

/// krew as `kubectl krew` runs it, installing into a folder as `$KREW_ROOT` names it.
///
/// ```text
/// ROOT/store/PLUGIN/VERSION/   the installed files
/// ROOT/bin/kubectl-PLUGIN      an absolute symbolic link to the program
/// ROOT/receipts/PLUGIN.yaml    the manifest, and the index it came from
/// ROOT/index/NAME/             clones of indexes
/// ```
#[derive(Clone, Debug)]
pub struct Krew {
    root: PathBuf,
    /// Folders with `kubectl-krew` and `kubectl`.
    programs: [PathBuf; 2],
}

impl Krew {
    /// krew with this root, which krew makes. krew and kubectl are built first if need be.
    ///
    /// # Errors
    /// When one of them cannot be built.
    pub fn at(root: PathBuf) -> Result<Self> {
        let programs = [programs::krew()?, programs::built()?];
        Ok(Self { root, programs })
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder with a link to each plugin's program, for `PATH`.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    /// Runs `kubectl krew` with arguments and returns all that krew printed.
    ///
    /// # Errors
    /// When krew fails, with what krew printed.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        let mut kubectl = self.command(&self.programs[1].join("kubectl"));
        kubectl.arg("krew").args(args);
        output(kubectl).with_context(|| format!("kubectl krew {} failed", args.join(" ")))
    }

    /// Installs a plugin from its manifest and an archive, without an index or a download.
    ///
    /// # Errors
    /// When krew refuses.
    pub fn install(&self, manifest: &Path, archive: &Path) -> Result<()> {
        let manifest = format!("--manifest={}", manifest.display());
        let archive = format!("--archive={}", archive.display());
        self.run(&["install", &manifest, &archive]).map(drop)
    }

    /// Runs the validator of krew's index on a manifest and returns all that it printed. With `install`, it also has krew download
    /// and install the archives of all platforms.
    ///
    /// # Errors
    /// When the validator refuses the manifest, with what it printed.
    pub fn validate(&self, manifest: &Path, install: bool) -> Result<String> {
        let mut validator = self.command(&self.programs[0].join("validate-krew-manifest"));
        validator
            .arg(format!("-manifest={}", manifest.display()))
            .arg(format!("-skip-install={}", !install));
        output(validator).context("validate-krew-manifest failed")
    }

    /// A program that finds kubectl, krew, git and what krew has installed, and none of the user's settings.
    fn command(&self, program: &Path) -> Command {
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let mut path = self.bin().into_os_string();
        for folder in self.programs.iter().map(|folder| folder.as_os_str()) {
            path.push(":");
            path.push(folder);
        }
        path.push(":");
        path.push(machine);
        let mut command = Command::new(program);
        command
            .env("PATH", path)
            .env("KREW_ROOT", &self.root)
            .env("HOME", &self.root)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env_remove("KREW_OS")
            .env_remove("KREW_ARCH")
            .stdin(Stdio::null());
        command
    }
}

/// Everything a command printed, on both streams.
fn output(mut command: Command) -> Result<String> {
    let output = command.output().context("cannot start it")?;
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.concat();
    if !output.status.success() {
        bail!("{}: {}", output.status, text.trim());
    }
    Ok(text)
}
