//! `--wait-for-room`: a start waits for room instead of being refused.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use session_client::DryRun;
use session_model::failure::usage_error;
use session_model::go_duration::parse;
use session_ops::room_wait::RoomLimit;

/// Flag of verbs that start sessions.
#[derive(Args, Clone, Debug, Default)]
pub struct RoomFlags {
    /// If there is no room for the session in its quotas or on the nodes, wait for it, at most for TIMEOUT (30s, 5m, 1h30m); without
    /// TIMEOUT, as long as it takes
    #[arg(help_heading = "Waiting", long, value_name = "TIMEOUT", num_args = 0..=1, require_equals = true, default_missing_value = "0", conflicts_with = "skip_checks", value_parser = parse)]
    pub wait_for_room: Option<Duration>,
}

impl RoomFlags {
    /// Returns how long to wait for room; `None` to be refused without it.
    ///
    /// # Errors
    /// A dry run, which waits for nothing.
    pub fn limit(&self, dry_run: DryRun) -> Result<Option<RoomLimit>> {
        let Some(limit) = self.wait_for_room else {
            return Ok(None);
        };
        if dry_run != DryRun::None {
            return Err(usage_error("--wait-for-room cannot be used with --dry-run"));
        }
        Ok(Some(match limit.is_zero() {
            true => RoomLimit::Unlimited,
            false => RoomLimit::Within(limit),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Verb {
        #[arg(long)]
        skip_checks: bool,
        #[command(flatten)]
        room: RoomFlags,
    }

    #[test]
    fn the_timeout_may_be_left_out() {
        let limit = |line: &str, dry_run| {
            let verb = Verb::try_parse_from(line.split(' ')).ok()?;
            assert!(!verb.skip_checks);
            verb.room.limit(dry_run).ok()
        };
        let minutes = Some(RoomLimit::Within(Duration::from_secs(300)));
        assert_eq!(limit("x", DryRun::None), Some(None));
        assert_eq!(
            limit("x --wait-for-room", DryRun::None),
            Some(Some(RoomLimit::Unlimited))
        );
        assert_eq!(limit("x --wait-for-room=5m", DryRun::None), Some(minutes));
        assert_eq!(limit("x --wait-for-room=soon", DryRun::None), None);
        assert_eq!(limit("x --wait-for-room", DryRun::Server), None);
        assert_eq!(limit("x --wait-for-room --skip-checks", DryRun::None), None);
    }
}
