//! Grouping of sums over sessions.

/// Grouping of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// A row for each session.
    Session,
    /// A row for each owner, over all namespaces that were read.
    User,
    /// A row for each namespace.
    Namespace,
}

impl Grouping {
    /// Returns the word for it, as `--by` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::User => "user",
            Self::Namespace => "namespace",
        }
    }
}
