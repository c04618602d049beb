//! Programs of Go modules in their cache: built once per content of the modules' go.mod and go.sum and our own Go.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::go_build::{
    self, CLUSTER, KREW, KWOK_STAGES, ProgramSet, SANDBOX, SNAPSHOT_CRDS, THIRD_PARTY,
};
use crate::say::say;
use crate::third_party_crds;

/// The names of the cluster's programs.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CLUSTER.programs.iter().map(|program| program.name)
}

/// The folder the cluster's programs of this checkout belong in, built or not.
///
/// # Errors
/// When the modules' files cannot be read or there is no place for a cache.
pub(crate) fn place() -> Result<PathBuf> {
    Ok(cache()?.join(hash(&CLUSTER)?))
}

/// The folder with every program of the cluster, built first if need be. A first build takes 8 to 11 minutes on two cores.
///
/// # Errors
/// When Go is missing or a program does not build; the message ends with what Go said.
pub(crate) fn built() -> Result<PathBuf> {
    built_set(&CLUSTER, go_build::manifests)
}

/// The folder with `kubectl-krew` and `validate-krew-manifest`, built first if need be. A first build takes half a minute.
///
/// # Errors
/// As [`built`].
pub(crate) fn krew() -> Result<PathBuf> {
    built_set(&KREW, |_| Ok(()))
}

/// The folder with agent-sandbox's controller and its CustomResourceDefinition, built first if need be.
///
/// # Errors
/// As [`built`].
pub(crate) fn sandbox() -> Result<PathBuf> {
    built_set(&SANDBOX, go_build::sandbox_crd)
}

/// The folder with the CustomResourceDefinitions of other projects, fetched first if need be.
///
/// # Errors
/// As [`built`].
pub(crate) fn third_party() -> Result<PathBuf> {
    built_set(&THIRD_PARTY, third_party_crds::write)
}

/// `finish` puts what else belongs to the programs into their folder.
fn built_set(set: &ProgramSet, finish: fn(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = cache()?.join(hash(set)?);
    if folder.is_dir() {
        return Ok(folder);
    }
    let cache = cache()?;
    std::fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let _lock = lock(&cache.join("build.lock"))?;
    if !folder.is_dir() {
        crate::prerequisites::ensure_go()?;
        build_all(set, finish, &cache.join("unfinished"), &folder)?;
    }
    Ok(folder)
}

/// Builds into a folder of another name, so that a folder with the right name is always whole.
fn build_all(
    set: &ProgramSet,
    finish: fn(&Path) -> Result<()>,
    unfinished: &Path,
    folder: &Path,
) -> Result<()> {
    let _ = std::fs::remove_dir_all(unfinished);
    std::fs::create_dir_all(unfinished)
        .with_context(|| format!("cannot make {}", unfinished.display()))?;
    say(set.announcement);
    let begin = Instant::now();
    for (number, program) in set.programs.iter().enumerate() {
        let tell = || {
            say(&format!(
                "building {} ({} of {}, {})",
                program.name,
                number + 1,
                set.programs.len(),
                elapsed(begin)
            ))
        };
        go_build::build(*program, unfinished, tell)?;
    }
    finish(unfinished)?;
    std::fs::rename(unfinished, folder)
        .with_context(|| format!("cannot name {}", folder.display()))?;
    say(&format!(
        "built {} programs in {} into {}",
        set.programs.len(),
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
        say("waiting for another process that builds programs of Go modules");
        lock.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(lock)
}

/// 16 hex digits over everything the programs are made of.
fn hash(set: &ProgramSet) -> Result<String> {
    let mut hasher = Sha256::new();
    for module in set.modules {
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
        "{:?} {KWOK_STAGES:?} {SNAPSHOT_CRDS:?} {} {}",
        set.programs,
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
    fn each_set_has_a_short_and_stable_hash() {
        let (cluster, krew) = (hash(&CLUSTER).unwrap(), hash(&KREW).unwrap());
        assert_eq!((cluster.len(), krew.len()), (16, 16));
        assert_ne!(cluster, krew);
        assert_eq!(hash(&CLUSTER).unwrap(), cluster);
    }
}
