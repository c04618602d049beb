//! Scopes of requests.

/// The scope of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All namespaces.
    All,
    /// One namespace.
    Namespace(&'a str),
    /// The cluster, for cluster-scoped types.
    Cluster,
}

/// An owned [`Scope`].
pub(super) enum OwnedScope {
    All,
    Namespace(String),
    Cluster,
}

impl OwnedScope {
    /// Copies a scope.
    pub(super) fn of(scope: Scope<'_>) -> Self {
        match scope {
            Scope::All => Self::All,
            Scope::Namespace(namespace) => Self::Namespace(namespace.to_owned()),
            Scope::Cluster => Self::Cluster,
        }
    }

    /// Borrows the scope.
    pub(super) fn as_scope(&self) -> Scope<'_> {
        match self {
            Self::All => Scope::All,
            Self::Namespace(namespace) => Scope::Namespace(namespace),
            Self::Cluster => Scope::Cluster,
        }
    }
}
