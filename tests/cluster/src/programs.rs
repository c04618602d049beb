//! The cluster's programs in their cache: built once per content of the modules' go.mod and go.sum and our own Go.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::go_build::{self, ALL, KWOK_STAGES, MODULES, SNAPSHOT_CRDS};
use crate::say::say;

/// The names of all programs.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|program| program.name)
}

/// The folder the programs of this checkout belong in, built or not.
///
/// # Errors
/// When the modules' files cannot be read or there is no place for a cache.
pub(crate) fn place() -> Result<PathBuf> {
    Ok(cache()?.join(hash()?))
}

/// The folder with every program, built first if need be. A first build takes 8 to 11 minutes on two cores.
///
/// # Errors
/// When Go is missing or a program does not build; the message ends with what Go said.
pub(crate) fn built() -> Result<PathBuf> {
    let folder = place()?;
    if folder.is_dir() {
        return Ok(folder);
    }
    let cache = cache()?;
    std::fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let _lock = lock(&cache.join("build.lock"))?;
    if !folder.is_dir() {
        crate::prerequisites::ensure_go()?;
        build_all(&cache.join("unfinished"), &folder)?;
    }
    Ok(folder)
}

/// Builds into a folder of another name, so that a folder with the right name is always whole.
fn build_all(unfinished: &Path, folder: &Path) -> Result<()> {
    let _ = std::fs::remove_dir_all(unfinished);
    std::fs::create_dir_all(unfinished)
        .with_context(|| format!("cannot make {}", unfinished.display()))?;
    say("building Kubernetes from its Go modules: once, 8 to 11 minutes on two cores");
    let begin = Instant::now();
    for (number, program) in ALL.into_iter().enumerate() {
        let tell = || {
            say(&format!(
                "building {} ({} of {}, {})",
                program.name,
                number + 1,
                ALL.len(),
                elapsed(begin)
            ))
        };
        go_build::build(program, unfinished, tell)?;
    }
    go_build::manifests(unfinished)?;
    std::fs::rename(unfinished, folder)
        .with_context(|| format!("cannot name {}", folder.display()))?;
    say(&format!(
        "built {} programs in {} into {}",
        ALL.len(),
        elapsed(begin),
        folder.display()
    ));
    Ok(())
}

/// `$SESSION_CLUSTER_CACHE` or `~/.cache/kubectl-session/programs`.
fn cache() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(given) = set("SESSION_CLUSTER_CACHE") {
        return std::path::absolute(given).context("SESSION_CLUSTER_CACHE is no path");
    }
    let home = set("HOME").context(
        "neither SESSION_CLUSTER_CACHE nor HOME is set: no place for the built programs",
    )?;
    Ok(PathBuf::from(home).join(".cache/kubectl-session/programs"))
}

fn lock(path: &Path) -> Result<File> {
    let lock = File::create(path).with_context(|| format!("cannot open {}", path.display()))?;
    if lock.try_lock().is_err() {
        say("waiting for another program that builds the cluster's programs");
        lock.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(lock)
}

/// 16 hex digits over everything the programs are made of.
fn hash() -> Result<String> {
    let mut hasher = Sha256::new();
    for module in MODULES {
        let folder = go_build::sources().join(module);
        let mut files = vec![folder.join("go.mod"), folder.join("go.sum")];
        files.extend(own_sources(&folder.join("driver"))?);
        for path in files {
            hasher.update(
                std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?,
            );
        }
        hasher.update(go_build::linker_flags(module)?);
    }
    hasher.update(format!(
        "{ALL:?} {KWOK_STAGES:?} {SNAPSHOT_CRDS:?} {} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    ));
    Ok(hasher
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The Go written here, in a steady order; most modules have none.
fn own_sources(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    files.sort();
    Ok(files)
}

fn elapsed(since: Instant) -> String {
    let seconds = since.elapsed().as_secs();
    format!("{}m{:02}s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_short_and_stable() {
        assert_eq!(hash().unwrap(), hash().unwrap());
        assert_eq!(hash().unwrap().len(), 16);
    }
}
