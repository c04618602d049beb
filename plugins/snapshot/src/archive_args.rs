//! Flags of `create --to` and `restore --from`, which copy a session's files to and from a local archive.

use anyhow::{Result, anyhow};
use clap::Args;
use session_shared::client::ContainerRef;
use session_shared::failure::{usage_error, with_hint};
use session_shared::ops::container_archive::source_directories::normalize_absolute;

/// Flags of `snapshot create` that write an archive.
#[derive(Args, Clone, Debug, Default)]
pub struct ExportFlags {
    /// Archive (.tar.gz) to copy the container's files to, instead of a snapshot; "-" means standard output
    #[arg(help_heading = "File", long, value_name = "FILE")]
    pub to: Option<String>,
    /// With --to, directory to copy; defaults to the container's working directory, or its home if that is /. May be repeated
    #[arg(help_heading = "File", long = "path", value_name = "DIR")]
    pub paths: Vec<String>,
    /// With --to, name of the container; defaults to the primary one
    #[arg(help_heading = "File", short = 'c', long, value_name = "NAME")]
    pub container: Option<String>,
    /// With --to, if true, replace an existing file
    #[arg(help_heading = "File", long)]
    pub overwrite: bool,
}

impl ExportFlags {
    /// Returns true if `--to` is set.
    ///
    /// # Errors
    /// A flag that requires `--to` is set without it.
    pub(crate) fn is_set(&self) -> Result<bool> {
        let others = [
            ("--path", !self.paths.is_empty()),
            ("--container", self.container.is_some()),
            ("--overwrite", self.overwrite),
        ];
        require_flag(self.to.is_some(), "--to", &others)
    }
}

/// Flags of `snapshot restore` that read an archive.
#[derive(Args, Clone, Debug, Default)]
pub struct ImportFlags {
    /// Archive written by create --to, to copy into the running session; "-" means standard input
    #[arg(help_heading = "File", long, value_name = "FILE")]
    pub from: Option<String>,
    /// With --from, directory to copy to; defaults to the directory the files came from
    #[arg(help_heading = "File", long, value_name = "DIR")]
    pub path: Option<String>,
    /// With --from, name of the container; defaults to the primary one
    #[arg(help_heading = "File", short = 'c', long, value_name = "NAME")]
    pub container: Option<String>,
    /// With --from, if true, do not run the template's quiesce and resume hooks
    #[arg(help_heading = "File", long)]
    pub skip_hooks: bool,
    /// With --from, if true, do not ask for confirmation before replacing files or using a directory named only by the archive
    #[arg(short = 'y', long)]
    pub yes: bool,
}

impl ImportFlags {
    /// Returns true if `--from` is set.
    ///
    /// # Errors
    /// A flag that requires `--from` is set without it.
    pub(crate) fn is_set(&self) -> Result<bool> {
        let others = [
            ("--path", self.path.is_some()),
            ("--container", self.container.is_some()),
            ("--skip-hooks", self.skip_hooks),
            ("--yes", self.yes),
        ];
        require_flag(self.from.is_some(), "--from", &others)
    }
}

fn require_flag(given: bool, flag: &str, others: &[(&str, bool)]) -> Result<bool> {
    match others.iter().find(|(_, is_set)| *is_set && !given) {
        Some((other, _)) => Err(usage_error(format!("{other} requires {flag}"))),
        None => Ok(given),
    }
}

/// Rejects flags that cannot be combined with `flag`.
///
/// # Errors
/// One of `others` is set; the first one is named.
pub(crate) fn reject_other_flags(flag: &str, others: &[(&str, bool)]) -> Result<()> {
    match others.iter().find(|(_, is_set)| *is_set) {
        Some((other, _)) => Err(usage_error(format!("{other} cannot be given with {flag}"))),
        None => Ok(()),
    }
}

/// Validates a directory path in a container. Returns it without a trailing slash.
///
/// # Errors
/// A path that is not absolute, or is `/`.
pub(crate) fn parse_directory(path: &str) -> Result<String> {
    match normalize_absolute(path) {
        None => Err(usage_error(format!(
            "--path must be an absolute path in the container, got {path:?}"
        ))),
        Some(root) if root == "/" => Err(usage_error(
            "--path cannot be /: the root directory contains files of the image and the node",
        )),
        Some(path) => Ok(path),
    }
}

/// Refuses the container's root as the default directory.
///
/// # Errors
/// `path` is `/`.
pub(crate) fn ensure_not_root(path: &str, container: &ContainerRef) -> Result<()> {
    if path != "/" {
        return Ok(());
    }
    let error = anyhow!(
        "cannot choose a directory: container {:?} of pod {:?} has neither a working directory nor a home directory",
        container.container,
        container.pod
    );
    Err(with_hint(error, "choose a directory with --path DIR"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_absolute_and_not_the_root() {
        for path in [
            "", "home", "./x", "/", "//", "/.", "/a\nb", "/a\x1b", "/a/..",
        ] {
            assert!(parse_directory(path).is_err(), "{path:?}");
        }
        assert_eq!(parse_directory("/a..b/").unwrap(), "/a..b");
    }
}
