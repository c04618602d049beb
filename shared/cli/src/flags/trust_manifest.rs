//! `--trust-manifest`: the user's consent to run a manifest or hooks that others may have written.

use clap::Args;

/// Flag of verbs that run what a session stores.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct TrustFlags {
    /// If true, also use a stored manifest, hooks and connection commands that another user may have changed
    ///
    /// They run with your permissions, so read them first. Without this flag, a command for one session shows them and
    /// asks for confirmation. Without a terminal or for several sessions, such a session is refused.
    #[arg(long)]
    pub trust_manifest: bool,
}
