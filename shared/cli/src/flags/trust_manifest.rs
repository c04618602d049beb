//! The user's word that what a session stores may be run.

use clap::Args;

/// The flag of verbs that run what a session stores.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct TrustManifest {
    /// Run what the session stores, hooks included, even if others may have written it
    #[arg(long)]
    pub trust_manifest: bool,
}
