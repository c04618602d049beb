//! Container images made from files of this machine: there is no registry to pull from.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// An image with one layer, made in memory.
///
/// ```no_run
/// # use session_cluster::Image;
/// # fn main() -> anyhow::Result<()> {
/// let image = Image::busybox("localhost/greeter:1")?.file("/greet", 0o755, "#!/bin/sh\necho hi\n").entrypoint(["/greet"]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub(crate) names: Vec<String>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) command: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) user: String,
    pub(crate) workdir: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) mode: u32,
    pub(crate) owner: u64,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
}

impl Image {
    /// An empty image called `name`, in full with registry and tag: `localhost/pause:1`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let env =
            vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()];
        Self {
            names: vec![name.to_owned()],
            env,
            workdir: "/".to_owned(),
            ..Self::default()
        }
    }

    /// A second name of the same image.
    #[must_use]
    pub fn also(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// An empty folder.
    #[must_use]
    pub fn folder(self, path: &str, mode: u32) -> Self {
        self.entry(path, mode, 0, Kind::Folder)
    }

    /// A folder owned by a user and the group of the same number.
    #[must_use]
    pub fn folder_of(self, path: &str, mode: u32, owner: u64) -> Self {
        self.entry(path, mode, owner, Kind::Folder)
    }

    /// A file with the given content.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        self.entry(path, mode, 0, Kind::File(content.into()))
    }

    /// A symbolic link at `path`.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, 0o777, 0, Kind::Link(PathBuf::from(target)))
    }

    /// What the container runs; `args` of a Pod are appended. Forgets the arguments set before.
    #[must_use]
    pub fn entrypoint<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.entrypoint = words.into_iter().map(str::to_owned).collect();
        self.command.clear();
        self
    }

    /// The arguments a Pod's `args` replace.
    #[must_use]
    pub fn command<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.command = words.into_iter().map(str::to_owned).collect();
        self
    }

    /// Who runs it: a number, so that `runAsNonRoot` can be checked.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = user.to_owned();
        self
    }

    /// The names the image will have.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A program of this machine with the shared libraries it needs, at the same paths.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn program(mut self, from: &Path, to: &str) -> Result<Self> {
        let read = |path: &Path| {
            std::fs::read(path)
                .with_context(|| format!("cannot read {} for an image", path.display()))
        };
        self = self.file(to, 0o755, read(from)?);
        for library in libraries(from) {
            let content = read(&library)?;
            self = self.file(&library.to_string_lossy(), 0o755, content);
        }
        Ok(self)
    }

    fn entry(mut self, path: &str, mode: u32, owner: u64, kind: Kind) -> Self {
        let path = PathBuf::from(path.trim_start_matches('/'));
        // A later one replaces the earlier, so that an image can be based on another.
        self.entries.retain(|entry| entry.path != path);
        self.entries.push(Entry {
            path,
            mode,
            owner,
            kind,
        });
        self
    }
}

/// The shared libraries of a program and its loader, as `ldd` lists them; none for a static one.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let Ok(output) = Command::new("ldd").arg(program).output() else {
        return Vec::new();
    };
    libraries_in(&String::from_utf8_lossy(&output.stdout))
}

fn libraries_in(ldd: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        line.split_whitespace()
            .find(|word| word.starts_with('/'))
            .map(PathBuf::from)
    };
    ldd.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_ldd() {
        let text = "\tlinux-vdso.so.1 (0x1)\n\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x2)\n\t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        assert_eq!(
            libraries_in(text),
            [
                PathBuf::from("/lib/x86_64-linux-gnu/libz.so.1"),
                PathBuf::from("/lib64/ld-linux-x86-64.so.2")
            ]
        );
        assert!(libraries_in("\tnot a dynamic executable\n").is_empty());
    }
}
