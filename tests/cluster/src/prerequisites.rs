//! What the machine must bring along, and how to get it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::say::say;

/// Go from 1.21 on fetches the newer Go that go.mod asks for by itself.
const OLDEST_GO: (u32, u32) = (1, 21);

/// Program, Debian package, and what it is for.
const FOR_CONTAINERS: [(&str, &str, &str); 5] = [
    ("runc", "runc", "starts containers"),
    ("busybox", "busybox-static", "makes the local images"),
    (
        "dropbear",
        "dropbear-bin",
        "makes the image with an ssh server",
    ),
    ("ip", "iproute2", "makes the Pods' bridge"),
    ("nft", "nftables", "lets kube-proxy make Services reachable"),
];

/// Whether we run as root, told by the owner of our own entry in /proc (no unsafe call needed).
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Makes sure of everything containers need, installing what is missing on Debian.
/// `Some(reason)` when containers are out of the question, with one line per missing thing on the error stream.
pub(crate) fn missing_for_containers() -> Option<String> {
    if !is_root() {
        say("containers need root: run as root, or `sudo -E cargo cluster up`");
        return Some("not root".to_owned());
    }
    install(&FOR_CONTAINERS.map(|(program, package, _)| (program, package)));
    let mut missing = Vec::new();
    for (program, package, purpose) in FOR_CONTAINERS {
        if find(program).is_none() {
            say(&format!(
                "{program} is missing ({purpose}): apt-get install {package}"
            ));
            missing.push(program);
        }
    }
    // Without ssh or Services most of the cluster still works.
    missing.retain(|program| *program != "dropbear" && *program != "nft");
    (!missing.is_empty()).then(|| format!("{} not installed", missing.join(", ")))
}

/// Makes sure that Go is there and new enough to fetch the Go that go.mod names.
///
/// # Errors
/// When it is not and cannot be installed.
pub(crate) fn ensure_go() -> Result<()> {
    if go_version().is_some_and(|version| version >= OLDEST_GO) {
        return Ok(());
    }
    if is_root() && debian_go().is_some_and(|version| version >= OLDEST_GO) {
        install(&[("go-of-debian", "golang-go")]);
    }
    match go_version() {
        Some(version) if version >= OLDEST_GO => Ok(()),
        Some((major, minor)) => {
            bail!("go {major}.{minor} is too old: install 1.21 or newer from https://go.dev/dl/")
        }
        None => bail!("go is missing: install 1.21 or newer from https://go.dev/dl/"),
    }
}

/// The go program: from PATH, else where its installer puts it.
pub(crate) fn go() -> PathBuf {
    find("go").unwrap_or_else(|| PathBuf::from("go"))
}

/// Looks a program up in PATH and in the system's folders (root's own programs are often not in PATH).
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = [
        "/usr/local/sbin",
        "/usr/local/bin",
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
        "/usr/local/go/bin",
    ];
    let folders = std::env::split_paths(&path).chain(system.map(PathBuf::from));
    folders
        .map(|folder| folder.join(program))
        .find(|candidate| is_program(candidate))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Installs the packages of missing programs with apt-get where there is one. What fails stays missing, and is named by the caller.
fn install(wanted: &[(&str, &str)]) {
    let packages: Vec<&str> = wanted
        .iter()
        .filter(|(program, _)| find(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if packages.is_empty() || find("apt-get").is_none() {
        return;
    }
    say(&format!("installing {}", packages.join(", ")));
    // A fresh machine has no package lists, one with lists need not fetch them.
    if !apt(&packages) {
        let _ = quiet("apt-get").args(["update", "-qq"]).status();
        let _ = packages
            .iter()
            .map(|package| apt(&[package]))
            .filter(|done| !done)
            .count();
    }
}

fn apt(packages: &[&str]) -> bool {
    let mut command = quiet("apt-get");
    command
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages);
    command.status().is_ok_and(|status| status.success())
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn go_version() -> Option<(u32, u32)> {
    let output = Command::new(go())
        .args(["env", "GOVERSION"])
        .current_dir("/")
        .stderr(Stdio::null())
        .output()
        .ok()?;
    first_version(&String::from_utf8_lossy(&output.stdout))
}

/// The version of Go that apt-get would install: `Candidate: 2:1.24~2`.
fn debian_go() -> Option<(u32, u32)> {
    let output = Command::new("apt-cache")
        .args(["policy", "golang-go"])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("Candidate:"))?;
    first_version(line.rsplit_once(':').map_or(line, |(_, version)| version))
}

/// The first `N.N` in a text: `go1.26.8` gives (1, 26).
fn first_version(text: &str) -> Option<(u32, u32)> {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut numbers = digits.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_print() {
        assert_eq!(first_version("go1.26.8\n"), Some((1, 26)));
        assert_eq!(first_version(" 1.24~2"), Some((1, 24)));
        assert_eq!(first_version("devel"), None);
    }

    #[test]
    fn programs_are_found_and_others_are_not() {
        assert!(find("sh").unwrap().is_file());
        assert_eq!(find("no-such-program-here"), None);
    }
}
