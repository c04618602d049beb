//! csi-sanity, the CSI's own test programme, against our driver: on folders of its own, beside any cluster.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::programs;

/// Starts the driver alone, runs csi-sanity against it and gives its result: its last lines, `Ran 59 of 103 Specs …` and
/// `SUCCESS! -- 59 Passed | …`. What it skips are abilities the driver does not claim. Needs root, as volumes are mounted.
///
/// # Errors
/// When a program does not build or start, or csi-sanity finds a fault, with all it said.
pub fn check_csi_driver() -> Result<String> {
    let programs = programs::built()?;
    let folder = std::env::temp_dir().join(format!("session-csi-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let result = run(&programs, &folder);
    // A fault may have left mounts, which removing would empty.
    let _ = Command::new("sh")
        .args(["-c", "umount \"$0\"/mount/* 2>/dev/null"])
        .arg(&folder)
        .status();
    let _ = std::fs::remove_dir_all(&folder);
    result
}

fn run(programs: &Path, folder: &Path) -> Result<String> {
    let socket = folder.join("csi.sock");
    let log_path = folder.join("driver.log");
    let log = std::fs::File::create(&log_path)
        .with_context(|| format!("cannot write {}", log_path.display()))?;
    let driver = Command::new(programs.join("csi-driver"))
        .arg("-state")
        .arg(folder.join("state"))
        .arg("-endpoint")
        .arg(&socket)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .context("cannot start csi-driver")?;
    let _driver = Ended(driver);
    let until = Instant::now() + Duration::from_secs(20);
    while std::os::unix::net::UnixStream::connect(&socket).is_err() {
        if Instant::now() > until {
            bail!(
                "csi-driver does not work after 20 s:\n{}",
                process::tail(&log_path, 12)
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = Command::new(programs.join("csi-sanity"))
        .arg(format!("-csi.endpoint={}", socket.display()))
        .arg(format!("-csi.mountdir={}", folder.join("mount").display()))
        .arg(format!(
            "-csi.stagingdir={}",
            folder.join("stage").display()
        ))
        .arg("-ginkgo.no-color")
        .stdin(Stdio::null())
        .output()
        .context("cannot start csi-sanity")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "csi-sanity finds faults:\n{said}\nthe driver's log ends with:\n{}",
            process::tail(&log_path, 40)
        );
    }
    let from = said.find("\nRan ").map_or(0, |at| at + 1);
    Ok(said[from..].trim_end().to_owned())
}

/// A process that does not outlive its user.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
