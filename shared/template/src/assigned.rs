//! Values of parameters as a user gave them.

use std::collections::BTreeMap;

/// Values of parameters, by where they stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// `--set`.
    pub set: BTreeMap<String, String>,
    /// `--set-file` and `--env-file`, and the literal secrets of a manifest.
    pub files: BTreeMap<String, String>,
}
