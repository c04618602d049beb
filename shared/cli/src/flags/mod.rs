//! Groups of flags that verbs share. Each is a clap `Args` struct that a verb flattens into its own;
//! `mutation_options` reads those of every verb that writes.

pub mod clock_time;
pub mod connection;
pub mod existing;
pub mod file_connection;
pub mod input_form;
pub mod list;
pub mod mutation_options;
pub mod numbers;
pub mod output;
pub mod pace;
pub mod reconcile;
pub mod room;
pub mod schedule;
pub mod session_selection;
pub mod trust_manifest;
pub mod values;
pub mod wait;
pub mod write;

pub use session_client::non_empty;

/// True if a flag was typed: its value is not the default.
pub fn is_given(matches: &clap::ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine)
}
