//! Building the programs of a release, and looking at what was built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::platform::Platform;

/// The workspace's folder.
#[must_use]
pub fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Where cargo builds.
#[must_use]
pub fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// A path as a reader takes it: relative where it is below the working directory.
#[must_use]
pub fn shown(path: &Path) -> &Path {
    let below = |folder: PathBuf| path.strip_prefix(folder).ok();
    std::env::current_dir().ok().and_then(below).unwrap_or(path)
}

/// Builds packages in release mode for a platform, which takes minutes; gives their programs, in the same order.
///
/// # Errors
/// When the platform's target is not installed or a package does not build.
pub fn build(platform: Platform, packages: &[String]) -> Result<Vec<PathBuf>> {
    let target = platform.target;
    ensure_target(target)?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace())
        .args(["build", "--release", "--locked", "--target", target]);
    cargo.arg("--config").arg(remapped(target)?);
    for package in packages {
        cargo.args(["--package", package]);
    }
    compiler(&mut cargo, target);
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(status.success(), "the release build failed");
    let folder = target_folder().join(target).join("release");
    let programs: Vec<PathBuf> = packages
        .iter()
        .map(|package| folder.join(platform.program(package)))
        .collect();
    for program in &programs {
        ensure!(
            program.is_file(),
            "cargo has not built {}",
            program.display()
        );
    }
    Ok(programs)
}

/// Rust's libraries for a target, fetched where they are missing and rustup can fetch them.
fn ensure_target(target: &str) -> Result<()> {
    if has_target(target)? {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    let _ = rustup
        .current_dir(workspace())
        .args(["target", "add", target])
        .status();
    ensure!(
        has_target(target)?,
        "Rust's libraries for {target} are missing: rustup target add {target}"
    );
    Ok(())
}

fn has_target(target: &str) -> Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command
        .current_dir(workspace())
        .args(["--print", "target-libdir", "--target", target]);
    let output = command.output().context("cannot start rustc")?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(output.status.success() && Path::new(&folder).is_dir())
}

/// Paths of this machine stand in messages of panics: without them, everybody builds the same bytes.
fn remapped(target: &str) -> Result<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    let (home, own) = (home.display(), workspace().display());
    Ok(format!(
        "target.{target}.rustflags=['--remap-path-prefix={home}=/cargo','--remap-path-prefix={own}=/source']"
    ))
}

/// For musl, the machine's own C compiler will do: what is C or assembly in our crates calls little of a C library, and nothing
/// that glibc's headers would rename without FORTIFY.
fn compiler(cargo: &mut Command, target: &str) {
    let name = format!("CC_{}", target.replace('-', "_"));
    if target.ends_with("-musl") && std::env::var_os(&name).is_none() {
        cargo.env(name, "cc").env(
            format!("CFLAGS_{}", target.replace('-', "_")),
            "-U_FORTIFY_SOURCE",
        );
    }
}

/// Packages of the small programs, one a verb, sorted.
///
/// # Errors
/// When `plugins/` cannot be read.
pub fn verbs() -> Result<Vec<String>> {
    let plugins = workspace().join("plugins");
    let entries = std::fs::read_dir(&plugins)
        .with_context(|| format!("cannot read {}", plugins.display()))?;
    let mut packages: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != "session" && plugins.join(name).join("Cargo.toml").is_file())
        .map(|name| format!("kubectl-session-{name}"))
        .collect();
    packages.sort();
    Ok(packages)
}

/// The loader that a 64-bit ELF program asks for, `/lib64/ld-linux-x86-64.so.2`; none if it is static.
///
/// # Errors
/// When the bytes are no such program.
pub fn interpreter(bytes: &[u8]) -> Result<Option<String>> {
    const INTERPRETER: u64 = 3;
    let number = |at: u64, size: usize| {
        let at = usize::try_from(at).ok()?;
        let bytes = bytes.get(at..at.checked_add(size)?)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    };
    // Class 2 is 64 bits, order 1 is little-endian.
    if bytes.get(..6) != Some(b"\x7fELF\x02\x01") {
        bail!("the program is no 64-bit ELF program");
    }
    let read = || {
        let (table, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
        for header in (0..count).map(|entry| table + entry * size) {
            if number(header, 4)? == INTERPRETER {
                let (at, length) = (number(header + 8, 8)?, number(header + 32, 8)?);
                let (at, length) = (usize::try_from(at).ok()?, usize::try_from(length).ok()?);
                let name = bytes.get(at..at.checked_add(length)?)?;
                return Some(Some(
                    String::from_utf8_lossy(name)
                        .trim_end_matches('\0')
                        .to_owned(),
                ));
            }
        }
        Some(None)
    };
    read().context("the program is cut off")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

    use super::*;

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
    fn a_dynamic_program_names_its_loader() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let loader = interpreter(&own).unwrap().unwrap();
        assert!(loader.contains("ld-linux"), "{loader}");
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for (bytes, wanted) in [
            (&b"#!/bin/sh\n"[..], "the program is no 64-bit ELF program"),
            (b"\x7fELF\x02\x01", "the program is cut off"),
        ] {
            assert_eq!(interpreter(bytes).unwrap_err().to_string(), wanted);
        }
    }

    #[test]
    fn every_verb_has_a_program_and_the_umbrella_is_none() {
        let verbs = verbs().unwrap();
        assert!(
            verbs.contains(&"kubectl-session-create".to_owned()),
            "{verbs:?}"
        );
        assert!(
            !verbs.contains(&"kubectl-session-session".to_owned()),
            "{verbs:?}"
        );
    }
}
