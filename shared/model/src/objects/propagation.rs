//! What becomes of the dependents of a deleted object.

/// What a DELETE does to what the object owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Propagation {
    /// The garbage collector takes it afterwards.
    #[default]
    Background,
    /// The object stays until what it owns is gone.
    Foreground,
}

impl Propagation {
    /// The word of the API.
    pub fn word(self) -> &'static str {
        match self {
            Propagation::Background => "Background",
            Propagation::Foreground => "Foreground",
        }
    }
}
