//! Stopping a cluster that nobody has used for 20 minutes.
//!
//! "Used" is the time stamp of one file, which every lease, `up` and `env` touches, and a lease that is held now.
//! The watcher is this crate's own program, started by `up` and ended by `down`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};

use crate::folder::Folder;
use crate::process::{self, Identity, Launch};
use crate::say::say;
use crate::{leftovers, locks};

const LIMIT: Duration = Duration::from_secs(20 * 60);

/// Notes that the cluster is used now. A note that cannot be written only shortens its life.
pub(crate) fn touch(folder: &Folder) {
    if let Ok(file) = File::create(folder.path("last-use")) {
        let _ = file.set_modified(SystemTime::now());
    }
}

/// Starts the watcher unless it runs. Without one the cluster stays until `down`, and a line says so.
pub(crate) fn start(folder: &Folder) {
    if identity(folder).is_some() {
        return;
    }
    if let Err(error) = try_start(folder) {
        say(&format!(
            "nothing will stop the cluster when it idles: {error:#}"
        ));
    }
}

/// Ends the watcher, unless we are the watcher.
pub(crate) fn stop(folder: &Folder) {
    if let Some(identity) = identity(folder).filter(|identity| identity.pid != std::process::id()) {
        process::signal("KILL", &[identity.pid]);
    }
}

/// Waits until nobody has used the cluster for 20 minutes (`$SESSION_CLUSTER_IDLE` seconds) and removes it then.
/// Returns when the cluster is gone, or when another watcher took over.
///
/// # Errors
/// When the cluster cannot be removed.
pub(crate) fn watch(folder: &Folder) -> Result<()> {
    let limit = limit();
    loop {
        std::thread::sleep((limit / 20).clamp(Duration::from_millis(500), Duration::from_secs(15)));
        if identity(folder).is_none_or(|identity| identity.pid != std::process::id()) {
            return Ok(());
        }
        if unused_for(folder) < limit {
            continue;
        }
        let Some(_nobody_uses_it) = locks::lease_if_unused(folder)? else {
            continue;
        };
        let _change = locks::change(folder)?;
        // Somebody may have come and gone while we waited.
        if unused_for(folder) >= limit {
            leftovers::remove(folder)?;
            locks::remove(folder);
            return Ok(());
        }
    }
}

fn limit() -> Duration {
    let given = std::env::var("SESSION_CLUSTER_IDLE")
        .ok()
        .and_then(|text| text.parse().ok());
    given.map_or(LIMIT, Duration::from_secs)
}

/// Zero when the stamp cannot be read or lies in the future: better a cluster too long than a test without one.
fn unused_for(folder: &Folder) -> Duration {
    let stamp = std::fs::metadata(folder.path("last-use")).and_then(|file| file.modified());
    stamp
        .ok()
        .and_then(|stamp| SystemTime::now().duration_since(stamp).ok())
        .unwrap_or_default()
}

fn identity(folder: &Folder) -> Option<Identity> {
    let text = std::fs::read_to_string(folder.path("pids/idle.pid")).ok()?;
    Identity::parse(&text).filter(Identity::is_alive)
}

fn try_start(folder: &Folder) -> Result<()> {
    let variables = ["HOME", "SESSION_CLUSTER_IDLE", "SESSION_CLUSTER_CACHE"];
    let mut env: Vec<_> = variables
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
        .collect();
    env.push((
        "SESSION_CLUSTER_DIR".to_owned(),
        folder.text("").trim_end_matches('/').to_owned(),
    ));
    let launch = Launch {
        program: program()?,
        args: vec!["watch-idle".to_owned()],
        log: folder.path("logs/idle.log"),
        env,
        path: PathBuf::from("/usr/bin"),
    };
    let identity = process::spawn(&launch)?;
    std::fs::write(folder.path("pids/idle.pid"), identity.text())
        .context("cannot write the watcher's pid file")
}

/// This crate's program: ourselves, or beside the test that runs, built there if it is not yet.
fn program() -> Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program lies")?;
    if own
        .file_name()
        .is_some_and(|name| name == "session-cluster")
    {
        return Ok(own);
    }
    let folder = own.parent().context("this program lies in no folder")?;
    let folder = if folder.ends_with("deps") || folder.ends_with("examples") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    let program = folder.join("session-cluster");
    if !program.is_file() {
        build(folder)?;
    }
    if !program.is_file() {
        bail!("{} was not built", program.display());
    }
    Ok(program)
}

/// `cargo test` builds the program only for tests of this very crate.
fn build(folder: &Path) -> Result<()> {
    say("building the program that stops an idle cluster");
    let target = folder
        .parent()
        .context("this program lies in no target folder")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args([
            "build",
            "--quiet",
            "--package",
            "session-cluster",
            "--bin",
            "session-cluster",
            "--target-dir",
        ])
        .arg(target);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    let status = cargo.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("session-cluster does not build");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touched_cluster_is_not_idle() {
        let root =
            std::env::temp_dir().join(format!("session-idle-{}/cluster", std::process::id()));
        let folder = Folder::at(root).unwrap();
        folder.create().unwrap();
        assert_eq!(unused_for(&folder), Duration::ZERO);
        touch(&folder);
        let stamp = File::options()
            .write(true)
            .open(folder.path("last-use"))
            .unwrap();
        stamp
            .set_modified(SystemTime::now() - Duration::from_secs(100))
            .unwrap();
        assert!(unused_for(&folder) >= Duration::from_secs(100));
        touch(&folder);
        assert!(unused_for(&folder) < Duration::from_secs(50));
        std::fs::remove_dir_all(folder.root().parent().unwrap()).unwrap();
    }
}
