//! One attack: what is tried, what is seen instead, and the test that tries it.

/// An attack and its row in docs/security.md.
pub(crate) struct Attack {
    /// The name of the function that tries it.
    pub(crate) name: &'static str,
    /// What the attacker or the careless hand does: one sentence without a full stop.
    pub(crate) tries: &'static str,
    /// What is seen: one sentence without a full stop.
    pub(crate) seen: &'static str,
    /// Tries it; an error says what happened instead of what should be seen.
    pub(crate) run: fn() -> anyhow::Result<()>,
}

/// An [`Attack`] that is named after its function.
macro_rules! attack {
    ($run:ident, $tries:literal, $seen:literal $(,)?) => {
        $crate::attack::Attack {
            name: stringify!($run),
            tries: $tries,
            seen: $seen,
            run: $run,
        }
    };
}
pub(crate) use attack;
