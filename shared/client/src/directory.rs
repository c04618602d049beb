//! A directory of a container: where it is, what is in it, and how much room there is. Asked of the container itself, by tools
//! that every small image has.

use anyhow::{Result, anyhow};

use super::Cluster;
use super::attach::{Ending, Said};
use super::files::{Inside, TOOLS, keep, next, script};

/// Prints what is missing of `$2…`, where the directory `$1` is, or the usual one where that is empty, whether that is the usual
/// one, what df says of its room, and whether it is empty.
const LOOK: &str = r#"d=$1; shift
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
/// Prints how many KiB the directory `$1` takes.
const USED: &str = r#"du -sk "$1" 2>/dev/null"#;
/// More than any answer of a script that prints a few lines.
const ANSWER_MAX: usize = 64 * 1024;

/// A directory of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Its path, absolute.
    pub path: String,
    /// True if nothing is in it.
    pub is_empty: bool,
    /// True for the container's working directory, or its home where that is `/`.
    pub is_usual: bool,
    /// What is free there, as far as the container's df tells.
    pub room: Option<Room>,
}

/// The room on the file system of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that are free.
    pub bytes: u64,
    /// Files that may still be made; `None` where the file system does not count them.
    pub files: Option<u64>,
    /// Where the file system is mounted.
    pub mount: String,
}

impl Cluster {
    /// Looks for a directory, and for the programs that a copy needs. An empty path is the container's working directory, or
    /// the user's home where that is `/`.
    ///
    /// # Errors
    /// No shell, no tar, no such directory; what the server refuses.
    pub async fn directory(&self, inside: &Inside, path: &str) -> Result<Directory> {
        let argv = script(LOOK, [path].into_iter().chain(TOOLS));
        inside.found(&self.ask_container(inside, &argv).await?)
    }

    /// Bytes that a directory takes; `None` where the container cannot tell.
    pub async fn used(&self, inside: &Inside, path: &str) -> Option<u64> {
        let out = self
            .ask_container(inside, &script(USED, [path]))
            .await
            .ok()?;
        let kib: u64 = out.split_whitespace().next()?.parse().ok()?;
        kib.checked_mul(1024)
    }

    /// What a script prints that ends well.
    async fn ask_container(&self, inside: &Inside, argv: &[String]) -> Result<String> {
        let mut remote = self.attach(&inside.running(argv, false)).await?;
        let (mut out, mut told) = (Vec::new(), Vec::new());
        let ending = loop {
            match next(&mut remote).await? {
                Said::Out(bytes) => {
                    out.extend_from_slice(&bytes);
                    if out.len() > ANSWER_MAX {
                        return Err(anyhow!("{} says too much", inside.named()));
                    }
                }
                Said::Err(bytes) => keep(&mut told, &bytes),
                Said::Ended(ending) => break ending,
            }
        };
        match ending {
            Ending::Code(0) => Ok(String::from_utf8_lossy(&out).into_owned()),
            ending => Err(inside.failed(&ending, &told)),
        }
    }
}

impl Inside {
    /// What [`LOOK`] has found.
    pub(super) fn found(&self, out: &str) -> Result<Directory> {
        let (mut missing, mut is_usual) = (Vec::new(), false);
        let (mut room, mut files) = (None, None);
        for line in out.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (path, place) = (rest.to_owned(), self.named());
            match word {
                "without" => missing.push(path),
                _ if !missing.is_empty() => {
                    return Err(self.unfit(&format!("no {}", missing.join(", "))));
                }
                "nowhere" => return Err(anyhow!("directory {path:?} is not in {place}")),
                "closed" => return Err(anyhow!("directory {path:?} in {place} cannot be read")),
                "usual" => is_usual = true,
                "room" => room = free(rest),
                "names" => files = free(rest).map(|(count, _)| count),
                "empty" | "in" => {
                    let room = room.map(|(kib, mount): (u64, String)| Room {
                        bytes: kib.saturating_mul(1024),
                        files,
                        mount,
                    });
                    return Ok(Directory {
                        path,
                        is_empty: word == "empty",
                        is_usual,
                        room,
                    });
                }
                _ => {}
            }
        }
        Err(anyhow!("{} did not say where its files are", self.named()))
    }
}

/// What is free, in a line of `df -P`, and where that is mounted. A device may have spaces in its name.
fn free(line: &str) -> Option<(u64, String)> {
    let (before, mount) = line.split_once("% ")?;
    let mut fields = before.split_whitespace().rev().skip(1);
    let mut number = || fields.next()?.parse::<u64>().ok();
    let (free, _, total) = (number()?, number()?, number()?);
    // A file system that counts nothing has nothing of it.
    (total > 0).then(|| (free, mount.trim().to_owned()))
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
