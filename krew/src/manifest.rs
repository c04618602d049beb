//! A plugin's manifest as krew reads it, and ours as it is made.

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::platform::Platform;

/// A manifest. Fields that are not known are ignored, as krew does; what must be there is [`crate::validate`]'s business.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Plugin {
    /// `krew.googlecontainertools.github.com/v1alpha2`.
    pub api_version: String,
    /// `Plugin`.
    pub kind: String,
    /// Its name.
    pub metadata: Metadata,
    /// Everything else.
    pub spec: Spec,
}

/// `metadata`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// The plugin's name: what is typed after `kubectl`.
    pub name: String,
}

/// `spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Semantic version with a `v` before it.
    pub version: String,
    /// One line.
    pub short_description: String,
    /// Some lines.
    pub description: String,
    /// An address.
    pub homepage: String,
    /// Printed after an install.
    pub caveats: String,
    /// What to install where.
    pub platforms: Vec<Package>,
}

/// One entry of `spec.platforms`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Package {
    /// Where it may be installed; everywhere without it.
    pub selector: Option<Selector>,
    /// The archive's address.
    pub uri: String,
    /// The archive's digest, 64 lower-case hex digits.
    pub sha256: String,
    /// What is installed of it; everything where there is no entry.
    pub files: Vec<FileOperation>,
    /// The program among the installed files.
    pub bin: String,
}

/// A label selector over `os` and `arch`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Selector {
    /// Labels that must be equal.
    pub match_labels: std::collections::BTreeMap<String, String>,
    /// Labels that must be among values.
    pub match_expressions: Vec<Expression>,
}

/// One of a selector's `matchExpressions`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Expression {
    /// `os` or `arch`.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// For the first two.
    pub values: Vec<String>,
}

/// What is taken from an archive, and where it goes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FileOperation {
    /// A pattern of paths in the archive.
    pub from: String,
    /// A folder of the install folder.
    pub to: String,
}

impl Plugin {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it is no YAML, or a field has another type.
    pub fn read(text: &str) -> Result<Self> {
        serde_saphyr::from_str(text).context("the manifest cannot be read")
    }

    /// What is to be installed on a platform.
    ///
    /// # Errors
    /// When there is nothing for it.
    pub fn package_for(&self, os: &str, arch: &str) -> Result<&Package> {
        let found = self
            .spec
            .platforms
            .iter()
            .find(|package| package.fits(os, arch));
        found.with_context(|| {
            format!(
                "plugin {:?} does not offer installation for {os}/{arch}",
                self.metadata.name
            )
        })
    }
}

impl Package {
    /// Whether it may be installed on a platform.
    #[must_use]
    pub fn fits(&self, os: &str, arch: &str) -> bool {
        self.selector
            .as_ref()
            .is_none_or(|selector| selector.fits(os, arch))
    }
}

impl Selector {
    fn fits(&self, os: &str, arch: &str) -> bool {
        let label = |key: &str| match key {
            "os" => Some(os),
            "arch" => Some(arch),
            _ => None,
        };
        let equal = |(key, value): (&String, &String)| label(key) == Some(value);
        self.match_labels.iter().all(equal)
            && self
                .match_expressions
                .iter()
                .all(|one| one.fits(label(&one.key)))
    }
}

impl Expression {
    fn fits(&self, label: Option<&str>) -> bool {
        let among = || label.is_some_and(|label| self.values.iter().any(|value| value == label));
        match self.operator.as_str() {
            "In" => among(),
            "NotIn" => !among(),
            "Exists" => label.is_some(),
            "DoesNotExist" => label.is_none(),
            _ => false,
        }
    }
}

const TEMPLATE: &str = include_str!("../session.yaml");

/// An archive of a release.
#[derive(Clone, Debug)]
pub struct Release {
    /// What it runs on.
    pub platform: Platform,
    /// Where it will be downloaded from.
    pub uri: String,
    /// Its digest.
    pub sha256: String,
}

/// Our manifest for these archives. `version` has no `v`.
#[must_use]
pub fn render(version: &str, repository: &str, releases: &[Release]) -> String {
    let text: String = TEMPLATE
        .split_inclusive('\n')
        .filter(|line| !line.starts_with('#'))
        .collect();
    let (head, package) = text.split_once("  platforms:\n").unwrap_or((&text, ""));
    let head = head
        .replace("${VERSION}", &format!("v{version}"))
        .replace("${REPOSITORY}", repository);
    let packages = releases.iter().map(|release| {
        package
            .replace("${OS}", release.platform.os)
            .replace("${ARCH}", release.platform.arch)
            .replace("${URI}", &release.uri)
            .replace("${SHA256}", &release.sha256)
            .replace("${BIN}", &release.platform.program("kubectl-session"))
    });
    format!("{head}  platforms:\n{}", packages.collect::<String>())
}
