//! Values of parameters as a user gave them.

use std::collections::BTreeMap;

/// Values of parameters by their source: secrets may come from files only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// `--set`.
    pub set: BTreeMap<String, String>,
    /// Values of `--set-file` and `--env-file`, and literal secrets taken from a manifest.
    pub files: BTreeMap<String, String>,
}
