//! Propagation policies of a DELETE.

/// Propagation policy of a DELETE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PropagationPolicy {
    /// The garbage collector deletes the dependents after the object.
    #[default]
    Background,
    /// The object remains until its dependents are deleted.
    Foreground,
}

impl PropagationPolicy {
    /// Returns the policy as the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            PropagationPolicy::Background => "Background",
            PropagationPolicy::Foreground => "Foreground",
        }
    }
}
