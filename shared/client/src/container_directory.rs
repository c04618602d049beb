//! Facts about a directory in a container: its path, whether it is empty, and the free space. The container itself is
//! asked, with tools that every small image has.

use anyhow::{Result, anyhow};

use super::container_files::{REQUIRED_PROGRAMS, STALL_TIMEOUT, shell_argv};
use super::exec::LongOutput;
use super::remote_command::ExecExit;
use super::{Cluster, ContainerRef};

/// Shell script that prints, one per line: each program of `$2…` that is missing, whether directory `$1` is the default
/// one, the lines of df about its file system, and whether it is empty. If `$1` is empty, the default directory is used.
const INSPECT_SCRIPT: &str = r#"d=$1; shift
for t; do command -v "$t" >/dev/null 2>&1 || echo "without $t"; done
o=$PWD; [ "$o" != / ] || o=${HOME:-/}
[ -n "$d" ] || d=$o
if ! [ -d "$d" ]; then echo "nowhere $d"
elif ! (cd "$d" && ls -A) >/dev/null 2>&1; then echo "closed $d"
else
[ "$(cd "$d" && pwd -P)" != "$(cd "$o" && pwd -P)" ] || echo usual
s=$(df -P -k "$d" 2>/dev/null) && echo "room ${s##*
}"
s=$(df -P -i "$d" 2>/dev/null) && echo "names ${s##*
}"
if [ -z "$(ls -A "$d" | head -n 1)" ]; then echo "empty $d"; else echo "in $d"; fi
fi"#;
/// Shell script that prints the size of directory `$1` in KiB.
const DISK_USAGE_SCRIPT: &str = r#"du -sk "$1" 2>/dev/null"#;

/// A directory in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerDirectory {
    /// The absolute path.
    pub path: String,
    /// True if the directory has no entries.
    pub is_empty: bool,
    /// True for the default directory: the container's working directory, or the user's home if that is `/`.
    pub is_default: bool,
    /// The free space, if the container's df reports it.
    pub free_space: Option<FreeSpace>,
}

/// Free space on the file system of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Free bytes.
    pub bytes: u64,
    /// Free inodes; `None` if the file system does not count them.
    pub inodes: Option<u64>,
    /// Mount point of the file system.
    pub mount_point: String,
}

impl Cluster {
    /// Inspects a directory and checks that the programs for copying files exist. An empty path stands for the
    /// container's working directory, or the user's home if that is `/`.
    ///
    /// # Errors
    /// No shell, no tar, a directory that does not exist or cannot be read; whatever the server refuses.
    pub async fn inspect_directory(
        &self,
        inside: &ContainerRef,
        path: &str,
    ) -> Result<ContainerDirectory> {
        let argv = shell_argv(INSPECT_SCRIPT, [path].into_iter().chain(REQUIRED_PROGRAMS));
        inside.parse_directory(&self.run_script(inside, &argv).await?)
    }

    /// Returns the size of a directory in bytes; `None` if the container cannot tell.
    pub async fn get_directory_size(&self, inside: &ContainerRef, path: &str) -> Option<u64> {
        let out = self
            .run_script(inside, &shell_argv(DISK_USAGE_SCRIPT, [path]))
            .await
            .ok()?;
        let kib: u64 = out.split_whitespace().next()?.parse().ok()?;
        kib.checked_mul(1024)
    }

    /// Runs a script and returns its standard output.
    ///
    /// # Errors
    /// An exit code other than 0, or too much output.
    async fn run_script(&self, inside: &ContainerRef, argv: &[String]) -> Result<String> {
        let run = self.collect_output(inside, argv, STALL_TIMEOUT, LongOutput::Refuse);
        let done = run.await?;
        match done.exit {
            ExecExit::Code(0) => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
            exit => Err(inside.script_error(&exit, &done.stderr)),
        }
    }
}

impl ContainerRef {
    /// Parses the output of [`INSPECT_SCRIPT`].
    pub(super) fn parse_directory(&self, out: &str) -> Result<ContainerDirectory> {
        let (mut missing, mut is_usual) = (Vec::new(), false);
        let (mut room, mut files) = (None, None);
        for line in out.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (path, place) = (rest.to_owned(), self.display_name());
            match word {
                "without" => missing.push(path),
                _ if !missing.is_empty() => {
                    return Err(self.missing_programs_error(&format!("no {}", missing.join(", "))));
                }
                "nowhere" => return Err(anyhow!("directory {path:?} not found in {place}")),
                "closed" => return Err(anyhow!("cannot read directory {path:?} in {place}")),
                "usual" => is_usual = true,
                "room" => room = parse_df_line(rest),
                "names" => files = parse_df_line(rest).map(|(count, _)| count),
                "empty" | "in" => {
                    let room = room.map(|(kib, mount): (u64, String)| FreeSpace {
                        bytes: kib.saturating_mul(1024),
                        inodes: files,
                        mount_point: mount,
                    });
                    return Ok(ContainerDirectory {
                        path,
                        is_empty: word == "empty",
                        is_default: is_usual,
                        free_space: room,
                    });
                }
                _ => {}
            }
        }
        Err(anyhow!(
            "cannot inspect the directory in {}: unexpected output",
            self.display_name()
        ))
    }
}

/// Parses a line of `df -P`: the free amount and the mount point. The device's name may contain spaces.
fn parse_df_line(line: &str) -> Option<(u64, String)> {
    let (before, mount) = line.split_once("% ")?;
    let mut fields = before.split_whitespace().rev().skip(1);
    let mut number = || fields.next()?.parse::<u64>().ok();
    let (free, _, total) = (number()?, number()?, number()?);
    // A total of 0 means that the file system does not count.
    (total > 0).then(|| (free, mount.trim().to_owned()))
}

#[cfg(test)]
#[path = "container_directory_tests.rs"]
mod tests;
