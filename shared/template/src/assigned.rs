//! Values of parameters as a user gave them.

use std::collections::BTreeMap;

/// Values of parameters by their source: secrets may come from files only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssignedValues {
    /// `--set`.
    pub from_arguments: BTreeMap<String, String>,
    /// Values of `--set-file` and `--env-file`, and literal secrets taken from a manifest.
    pub from_files: BTreeMap<String, String>,
}
