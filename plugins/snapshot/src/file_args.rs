//! Flags of `create --to` and `restore --from`: a session's files in a file of the user's.

use anyhow::Result;
use clap::Args;
use session_shared::failure::usage;

/// Flags of `snapshot create` that write a file.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Files")]
pub struct ToFile {
    /// Copy the files of the session's container to this file (.tar.gz) instead; "-" is standard output
    #[arg(long, value_name = "FILE")]
    pub to: Option<String>,
    /// With --to, the directory to copy; by default the container's working directory, or its home. May be given several times
    #[arg(long = "path", value_name = "DIR")]
    pub paths: Vec<String>,
    /// With --to, the container; by default the primary one
    #[arg(short = 'c', long, value_name = "CONTAINER")]
    pub container: Option<String>,
    /// With --to, replace the file if there is one
    #[arg(long)]
    pub overwrite: bool,
}

impl ToFile {
    /// # Errors
    /// A flag that means nothing without `--to`.
    pub(crate) fn is_asked(&self) -> Result<bool> {
        let others = [
            ("--path", !self.paths.is_empty()),
            ("--container", self.container.is_some()),
            ("--overwrite", self.overwrite),
        ];
        needed(self.to.is_some(), "--to", &others)
    }
}

/// Flags of `snapshot restore` that read a file.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Files")]
pub struct FromFile {
    /// Copy the files of this file, as create --to wrote it, into the session, which runs; "-" is standard input
    #[arg(long, value_name = "FILE")]
    pub from: Option<String>,
    /// With --from, the directory to copy to; by default the one that they came from
    #[arg(long, value_name = "DIR")]
    pub path: Option<String>,
    /// With --from, the container; by default the primary one
    #[arg(short = 'c', long, value_name = "CONTAINER")]
    pub container: Option<String>,
    /// With --from, do not run the template's quiesce and resume hooks
    #[arg(long)]
    pub skip_hooks: bool,
    /// With --from, answer yes to what would be asked: files that are replaced, a directory that only the file names
    #[arg(short = 'y', long)]
    pub yes: bool,
}

impl FromFile {
    /// # Errors
    /// A flag that means nothing without `--from`.
    pub(crate) fn is_asked(&self) -> Result<bool> {
        let others = [
            ("--path", self.path.is_some()),
            ("--container", self.container.is_some()),
            ("--skip-hooks", self.skip_hooks),
            ("--yes", self.yes),
        ];
        needed(self.from.is_some(), "--from", &others)
    }
}

fn needed(given: bool, flag: &str, others: &[(&str, bool)]) -> Result<bool> {
    match others.iter().find(|(_, is_set)| *is_set && !given) {
        Some((other, _)) => Err(usage(format!("{other} needs {flag}"))),
        None => Ok(given),
    }
}

/// Refuses what has no meaning together with `flag`.
///
/// # Errors
/// The first of `others` that is set.
pub(crate) fn alone(flag: &str, others: &[(&str, bool)]) -> Result<()> {
    match others.iter().find(|(_, is_set)| *is_set) {
        Some((other, _)) => Err(usage(format!("{other} cannot be given with {flag}"))),
        None => Ok(()),
    }
}
