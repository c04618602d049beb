//! The values of `--by`.

use clap::ValueEnum;

/// What hours are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UsageGrouping {
    /// Each session.
    Session,
    /// Each user.
    User,
    /// Each namespace.
    Namespace,
}
