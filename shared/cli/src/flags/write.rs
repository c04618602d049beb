//! Flags of verbs that write: dry run and field manager.

use anyhow::{Result, bail};
use clap::Args;

use session_client::DryRun;
use session_model::labels::MANAGER;

/// Flags of verbs that write.
#[derive(Args, Clone, Debug)]
pub struct WriteFlags {
    /// Dry run: "none", "client" (print what would be sent) or "server" (let the server check it without storing it)
    #[arg(help_heading = "Request", long = "dry-run", value_name = "STRATEGY", num_args = 0..=1, require_equals = true, default_missing_value = BARE_DRY_RUN, default_value = "none")]
    pub strategy: String,

    /// Name of the manager used to track field ownership
    #[arg(help_heading = "Request", long, value_name = "NAME", default_value = MANAGER)]
    pub field_manager: String,
}

/// Value of a bare `--dry-run`, as in kubectl.
const BARE_DRY_RUN: &str = "unchanged";

impl Default for WriteFlags {
    fn default() -> Self {
        Self {
            strategy: "none".into(),
            field_manager: MANAGER.into(),
        }
    }
}

impl WriteFlags {
    /// Parses `--dry-run`.
    ///
    /// # Errors
    /// kubectl's message for any other value. It is not a usage error there, so clap takes any text.
    pub(super) fn dry_run(&self) -> Result<DryRun> {
        match self.strategy.as_str() {
            "none" => Ok(DryRun::None),
            "client" | BARE_DRY_RUN => Ok(DryRun::Client),
            "server" => Ok(DryRun::Server),
            other => bail!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            ),
        }
    }

    /// Returns kubectl's deprecation warning for a bare `--dry-run`.
    pub(super) fn deprecation_warning(&self) -> Option<&'static str> {
        (self.strategy == BARE_DRY_RUN)
            .then_some("--dry-run is deprecated and can be replaced with --dry-run=client.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Verb {
        #[command(flatten)]
        write_flags: WriteFlags,
    }

    fn strategy(line: &str) -> Result<DryRun> {
        Verb::parse_from(line.split(' ')).write_flags.dry_run()
    }

    #[test]
    fn a_dry_run_is_one_of_three() {
        assert_eq!(strategy("x").unwrap(), DryRun::None);
        assert_eq!(strategy("x --dry-run").unwrap(), DryRun::Client);
        assert_eq!(strategy("x --dry-run=client").unwrap(), DryRun::Client);
        assert_eq!(strategy("x --dry-run=server").unwrap(), DryRun::Server);
        let text = strategy("x --dry-run=maybe").unwrap_err().to_string();
        assert_eq!(
            text,
            r#"Invalid dry-run value (maybe). Must be "none", "server", or "client"."#
        );
    }

    #[test]
    fn only_the_bare_flag_is_deprecated() {
        assert!(
            Verb::parse_from(["x", "--dry-run"])
                .write_flags
                .deprecation_warning()
                .is_some()
        );
        assert!(
            Verb::parse_from(["x", "--dry-run=client"])
                .write_flags
                .deprecation_warning()
                .is_none()
        );
        assert_eq!(
            Verb::parse_from(["x"]).write_flags.field_manager,
            "kubectl-session"
        );
    }
}
