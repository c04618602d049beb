//! The programs that are measured: always release builds.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The package of the program with all verbs.
pub(crate) const UMBRELLA: &str = "kubectl-session";

/// The release program of a package, built first if `build`: that takes minutes the first time.
pub(crate) fn release(package: &str, build: bool) -> Result<PathBuf> {
    let program = target().join("release").join(package);
    if build {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let arguments = ["build", "--quiet", "--release", "--package", package];
        let status = Command::new(cargo)
            .current_dir(root())
            .args(arguments)
            .status()
            .context("cannot start cargo")?;
        if !status.success() {
            bail!("the release build of {package} failed");
        }
    }
    if !program.is_file() {
        bail!("{} is missing: leave out --no-build", program.display());
    }
    Ok(program)
}

fn root() -> &'static Path {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    bench.parent().unwrap_or(bench)
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Writes a line to standard output.
pub(crate) fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("cannot write")
}

/// Says what else this machine does meanwhile: load averages and cores.
pub(crate) fn say_load(when: &str) -> Result<()> {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    say(&format!("load {when}: {} on {cores} cores", load.join(" ")))
}
