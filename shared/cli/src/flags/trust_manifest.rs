//! `--trust-manifest`: the user's consent to run a manifest or hooks that others may have written.

use clap::Args;

/// Flag of verbs that run what a session stores.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct TrustFlags {
    /// If true, run the manifest and the hooks that the session stores even if others may have written them
    #[arg(long)]
    pub trust_manifest: bool,
}
