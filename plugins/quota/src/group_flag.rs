//! The values of `--by`.

use clap::ValueEnum;
use session_shared::capacity::grouping::Grouping;

/// The flag that groups the sums of a subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GroupFlag {
    /// A line for each session.
    Session,
    /// A line for each owner.
    User,
    /// A line for each namespace.
    Namespace,
}

impl From<GroupFlag> for Grouping {
    fn from(flag: GroupFlag) -> Self {
        match flag {
            GroupFlag::Session => Grouping::Session,
            GroupFlag::User => Grouping::User,
            GroupFlag::Namespace => Grouping::Namespace,
        }
    }
}
