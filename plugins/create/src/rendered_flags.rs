//! Flags of `create` that print the session's objects instead of the Session.

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::failure::usage_error;

/// Flags for the objects of the session, which a dry run prints.
#[derive(clap::Args, Clone, Debug)]
pub struct RenderedFlags {
    /// With --dry-run=client, print the session's objects, except Secrets with secret values
    #[arg(help_heading = "Request", long)]
    pub rendered: bool,

    /// With --rendered, print Secrets with secret values, too; values that are not given are generated
    #[arg(help_heading = "Request", long)]
    pub with_secrets: bool,
}

impl RenderedFlags {
    /// Checks that there is a dry run that prints the objects.
    ///
    /// # Errors
    /// A flag is given without the one that it requires.
    pub(crate) fn check(&self, dry_run: DryRun) -> Result<()> {
        let Self {
            rendered,
            with_secrets,
        } = *self;
        if rendered && dry_run != DryRun::Client {
            return Err(usage_error("--rendered requires --dry-run=client"));
        }
        if with_secrets && !rendered {
            return Err(usage_error("--with-secrets requires --rendered"));
        }
        Ok(())
    }
}
