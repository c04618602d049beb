//! krew's rules for manifests, and those of its index for texts.

use std::path::{Component, Path};

use anyhow::{Context as _, Result, bail, ensure};

use crate::manifest::{FileOperation, Package, Plugin};

/// All pairs krew can install on.
pub const SUPPORTED: [(&str, &str); 11] = [
    ("windows", "386"),
    ("windows", "amd64"),
    ("windows", "arm64"),
    ("linux", "386"),
    ("linux", "amd64"),
    ("linux", "arm"),
    ("linux", "arm64"),
    ("linux", "ppc64le"),
    ("darwin", "386"),
    ("darwin", "amd64"),
    ("darwin", "arm64"),
];

/// Names that Windows keeps for devices.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// What krew asks of a manifest. `stem` is the name of its file without `.yaml`.
///
/// # Errors
/// The first rule that is broken.
pub fn manifest(stem: &str, plugin: &Plugin) -> Result<()> {
    let version = "krew.googlecontainertools.github.com/v1alpha2";
    ensure!(
        plugin.api_version == version,
        "apiVersion {:?} is not {version}",
        plugin.api_version
    );
    ensure!(
        plugin.kind == "Plugin",
        "kind {:?} is not Plugin",
        plugin.kind
    );
    name(stem, &plugin.metadata.name)?;
    ensure!(
        !plugin.spec.short_description.is_empty(),
        "shortDescription is missing"
    );
    ensure!(
        !plugin.spec.short_description.contains('\n'),
        "shortDescription has more than one line"
    );
    self::version(&plugin.spec.version)?;
    ensure!(!plugin.spec.platforms.is_empty(), "platforms are missing");
    for (number, one) in plugin.spec.platforms.iter().enumerate() {
        package(one).with_context(|| format!("platforms[{number}]"))?;
    }
    no_overlap(&plugin.spec.platforms)
}

fn name(stem: &str, name: &str) -> Result<()> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    ensure!(
        !name.is_empty() && name.chars().all(word),
        "the name {name:?} is no plugin's name"
    );
    ensure!(
        !DEVICES.contains(&name.to_lowercase().as_str()),
        "the name {name:?} is a device of Windows"
    );
    ensure!(
        name == stem,
        "the name {name:?} is not that of the file, {stem:?}"
    );
    Ok(())
}

fn version(version: &str) -> Result<()> {
    let Some(number) = version.strip_prefix('v') else {
        bail!("{version:?} not starting with 'v'");
    };
    semver::Version::parse(number)
        .with_context(|| format!("{version:?} is no semantic version"))?;
    Ok(())
}

fn package(package: &Package) -> Result<()> {
    if let Some(selector) = &package.selector {
        let expressions = selector
            .match_expressions
            .iter()
            .map(|expression| &expression.key);
        for key in selector.match_labels.keys().chain(expressions) {
            ensure!(
                key == "os" || key == "arch",
                "the selector asks for {key:?}: only os and arch are known"
            );
        }
        let fits = SUPPORTED.iter().any(|(os, arch)| package.fits(os, arch));
        ensure!(fits, "the selector matches no supported platform");
    }
    let address = package.uri.split_once("://");
    match address {
        Some(("http" | "https", rest)) if !rest.is_empty() => {}
        Some((scheme, _)) => bail!("unsupported protocol scheme {scheme:?}"),
        None => bail!("{:?} is no address", package.uri),
    }
    let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let digest = &package.sha256;
    ensure!(
        digest.len() == 64 && digest.chars().all(digit),
        "sha256 {digest:?} is not 64 lower-case hex digits"
    );
    ensure!(!package.bin.is_empty(), "bin is missing");
    ensure!(
        stays_inside(Path::new(&package.bin)),
        "bin {:?} leads out of the install folder",
        package.bin
    );
    package.files.iter().try_for_each(files)
}

fn files(operation: &FileOperation) -> Result<()> {
    ensure!(!operation.from.is_empty(), "`from` of files is missing");
    ensure!(!operation.to.is_empty(), "`to` of files is missing");
    ensure!(
        stays_inside(Path::new(&operation.to)),
        "`to` {:?} leads out of the install folder",
        operation.to
    );
    let clean: std::path::PathBuf = Path::new(&operation.to).components().collect();
    let clean = clean.to_string_lossy();
    ensure!(
        clean == operation.to,
        "`to` {:?} is not clean: write {clean:?}",
        operation.to
    );
    Ok(())
}

fn stays_inside(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

fn no_overlap(packages: &[Package]) -> Result<()> {
    for (os, arch) in SUPPORTED {
        let count = packages
            .iter()
            .filter(|package| package.fits(os, arch))
            .count();
        ensure!(count <= 1, "{os}/{arch} is in {count} entries of platforms");
    }
    Ok(())
}

/// What krew's index and its bot want of texts, beyond what krew itself asks.
///
/// # Errors
/// The first rule that is broken.
pub fn texts(plugin: &Plugin) -> Result<()> {
    let spec = &plugin.spec;
    let short = spec.short_description.chars().count();
    ensure!(
        short <= 50,
        "shortDescription has {short} characters, 50 are wanted at most"
    );
    ensure!(!spec.description.is_empty(), "description is missing");
    let wide = |text: &str| {
        text.lines()
            .find(|line| line.chars().count() > 80)
            .map(str::to_owned)
    };
    for (field, text) in [
        ("description", &spec.description),
        ("caveats", &spec.caveats),
    ] {
        ensure!(
            wide(text).is_none(),
            "{field} is wider than 80 columns: {:?}",
            wide(text).unwrap_or_default()
        );
    }
    ensure!(
        !spec.description.contains("kubectl "),
        "description has a usage example"
    );
    ensure!(
        spec.homepage.starts_with("https://"),
        "homepage {:?} is no https address",
        spec.homepage
    );
    Ok(())
}

/// Whether a licence is among the files that were installed.
///
/// # Errors
/// When there is none, or the folder cannot be read.
pub fn licence(installed: &Path) -> Result<()> {
    let entries = std::fs::read_dir(installed)
        .with_context(|| format!("cannot read {}", installed.display()))?;
    let mut names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().to_lowercase());
    let found = names
        .any(|name| ["license", "copying"].contains(&name.split('.').next().unwrap_or_default()));
    ensure!(
        found,
        "no licence among the installed files: LICENSE or COPYING is wanted"
    );
    Ok(())
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
