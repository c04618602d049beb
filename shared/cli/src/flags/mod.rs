//! Groups of flags that verbs share. Each is a clap `Args` struct that a verb flattens into its own.

pub mod connection;
pub mod existing;
pub mod list;
pub mod numbers;
pub mod output;
pub mod session_selection;
pub mod trust_manifest;
pub mod values;
pub mod wait;
pub mod write;

/// True if a flag was typed: its value is not the default.
pub fn is_given(matches: &clap::ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine)
}

/// Returns the text of a flag; empty text counts as not given, as with kubectl.
pub fn non_empty(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}
