//! The folder of a release: archives, manifest, index, checksums.
//!
//! ```text
//! kubectl-session_v0.1.0_linux_amd64.tar.gz         the umbrella, what krew installs
//! kubectl-session-verbs_v0.1.0_linux_amd64.tar.gz   the small programs, one a verb; krew knows nothing of it
//! session.yaml                                      the manifest, with an entry for each umbrella's archive that is there
//! index/plugins/session.yaml                        the same, as an index has it
//! checksums.txt                                     for sha256sum --check
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::archive::{self, Content};
use crate::manifest;
use crate::platform::{Platform, RELEASED};
use crate::program::{interpreter, workspace};

const UMBRELLA: &str = "kubectl-session";
const VERBS: &str = "kubectl-session-verbs";

/// The bytes an archive with all verbs may have.
pub const LARGEST: u64 = 12_000_000;

/// What is asked of the programs in the archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// What users get: static on Linux, an archive of at most [`LARGEST`] bytes.
    Release,
    /// Any program, as tests pack theirs.
    AnyProgram,
}

/// A release in a folder.
#[derive(Clone, Debug)]
pub struct Release {
    folder: PathBuf,
    version: String,
}

/// An archive that has been looked at.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: String,
}

impl Release {
    /// The release of this version in a folder, which is made if need be.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_folder(folder: PathBuf) -> Result<Self> {
        Self::of_version(folder, env!("CARGO_PKG_VERSION"))
    }

    /// The release of another version, `0.2.0`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn of_version(folder: PathBuf, version: &str) -> Result<Self> {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self {
            folder,
            version: version.to_owned(),
        })
    }

    /// The umbrella's archive for a platform, there or not.
    #[must_use]
    pub fn archive(&self, platform: Platform) -> PathBuf {
        self.path_of(UMBRELLA, platform)
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.folder.join("session.yaml")
    }

    /// What is to be the content of the index' git repository.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.folder.join("index")
    }

    fn path_of(&self, kind: &str, platform: Platform) -> PathBuf {
        let Platform { os, arch, .. } = platform;
        self.folder
            .join(format!("{kind}_v{}_{os}_{arch}.tar.gz", self.version))
    }

    /// Packs the umbrella.
    ///
    /// # Errors
    /// When it cannot be read or the archive cannot be written.
    pub fn pack(&self, platform: Platform, program: &Path) -> Result<()> {
        pack(
            &self.archive(platform),
            vec![Content::program(
                platform.program(UMBRELLA),
                program.to_owned(),
            )],
        )
    }

    /// Packs the verbs' own programs; each is called as its file.
    ///
    /// # Errors
    /// As [`Release::pack`].
    pub fn pack_verbs(&self, platform: Platform, programs: &[PathBuf]) -> Result<()> {
        let name = |path: &PathBuf| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let contents = programs
            .iter()
            .map(|path| Content::program(name(path), path.clone()));
        pack(&self.path_of(VERBS, platform), contents.collect())
    }

    /// Writes manifest, index and checksums for the archives that are there. `address` is the folder users will download them
    /// from, `https://files.example.com/session`; without it, the release's page on the repository.
    ///
    /// # Errors
    /// When there is none, one cannot be read, or a file cannot be written.
    pub fn write_papers(&self, address: Option<&str>) -> Result<()> {
        let page = format!(
            "{}/releases/download/v{}",
            env!("CARGO_PKG_REPOSITORY"),
            self.version
        );
        let text = self.manifest_text(address.unwrap_or(&page).trim_end_matches('/'))?;
        let plugins = self.index().join("plugins");
        std::fs::create_dir_all(&plugins)
            .with_context(|| format!("cannot make {}", plugins.display()))?;
        for path in [self.manifest(), plugins.join("session.yaml")] {
            std::fs::write(&path, &text)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let path = self.checksums();
        std::fs::write(&path, self.checksum_lines()?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// The umbrella's archives that are there, with their platforms.
    fn umbrellas(&self) -> impl Iterator<Item = (Platform, PathBuf)> {
        let all = RELEASED.map(|platform| (platform, self.archive(platform)));
        all.into_iter().filter(|(_, archive)| archive.is_file())
    }

    /// The manifest for the archives that are there, which are downloaded from the folder `address`.
    fn manifest_text(&self, address: &str) -> Result<String> {
        let described = |(platform, archive): (Platform, PathBuf)| {
            let name = archive.file_name().unwrap_or_default().to_string_lossy();
            Ok(manifest::Release {
                platform,
                uri: format!("{address}/{name}"),
                sha256: archive::sha256(&archive)?,
            })
        };
        let releases = self
            .umbrellas()
            .map(described)
            .collect::<Result<Vec<_>>>()?;
        ensure!(
            !releases.is_empty(),
            "no archive of {} in {}",
            self.version,
            self.folder.display()
        );
        Ok(manifest::render(
            &self.version,
            env!("CARGO_PKG_REPOSITORY"),
            &releases,
        ))
    }

    fn checksums(&self) -> PathBuf {
        self.folder.join("checksums.txt")
    }

    /// All archives of this version in the folder, sorted by name.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn archives(&self) -> Result<Vec<Looked>> {
        let mut found = Vec::new();
        for kind in [UMBRELLA, VERBS] {
            for path in RELEASED.map(|platform| self.path_of(kind, platform)) {
                if path.is_file() {
                    let size = path
                        .metadata()
                        .with_context(|| format!("cannot look at {}", path.display()))?
                        .len();
                    let name = path
                        .file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned();
                    found.push(Looked {
                        name,
                        size,
                        sha256: archive::sha256(&path)?,
                    });
                }
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn checksum_lines(&self) -> Result<String> {
        let archives = self.archives()?;
        Ok(archives
            .iter()
            .map(|one| format!("{}  {}\n", one.sha256, one.name))
            .collect())
    }

    /// Checks that manifest, index and checksums are those of the archives, and what is in the archives. krew's own rules are not
    /// among it: a test has krew's validator check the manifest, and krew install the archive.
    ///
    /// # Errors
    /// When a file is missing, does not fit, or an archive breaks a rule.
    pub fn check(&self, rules: Rules) -> Result<()> {
        let read = |path: &Path| {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let text = read(&self.manifest())?;
        let address = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("uri: ")?.rsplit_once('/'))
            .map(|(address, _)| address)
            .context("session.yaml names no archive")?;
        ensure!(
            text == self.manifest_text(address)?,
            "session.yaml does not fit the archives: run cargo release-archives --gather"
        );
        ensure!(
            read(&self.index().join("plugins/session.yaml"))? == text,
            "the index has another manifest than session.yaml"
        );
        ensure!(
            read(&self.checksums())? == self.checksum_lines()?,
            "checksums.txt does not fit the archives"
        );
        for (platform, archive) in self.umbrellas() {
            check_archive(platform, &archive, rules).with_context(|| platform.to_string())?;
        }
        Ok(())
    }
}

fn check_archive(platform: Platform, archive: &Path, rules: Rules) -> Result<()> {
    let entries = archive::entries(archive)?;
    let found = entries
        .iter()
        .map(|entry| (entry.path.to_string_lossy().into_owned(), entry.mode))
        .collect::<Vec<_>>();
    let program = platform.program(UMBRELLA);
    let wanted = [
        ("LICENSE", 0o644),
        ("README.md", 0o644),
        (program.as_str(), 0o755),
    ];
    ensure!(
        found == wanted.map(|(name, mode)| (name.to_owned(), mode)),
        "the archive holds {found:?}"
    );
    if rules == Rules::AnyProgram {
        return Ok(());
    }
    let size = archive
        .metadata()
        .context("cannot look at the archive")?
        .len();
    ensure!(
        size <= LARGEST,
        "the archive has {size} bytes, {LARGEST} are allowed"
    );
    if platform.os == "linux"
        && let Some(loader) = interpreter(&entries[2].content)?
    {
        bail!("the program is not static: it asks for {loader}");
    }
    Ok(())
}

fn pack(archive: &Path, mut contents: Vec<Content>) -> Result<()> {
    let text = |name| Content::text(name, workspace().join(name));
    contents.extend([text("LICENSE"), text("README.md")]);
    archive::pack(&contents, archive)
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
