//! Groups of flags that verbs share.

pub mod choice;
pub mod connection;
pub mod existing;
pub mod numbers;
pub mod output;
pub mod selection;
pub mod trust_manifest;
pub mod values;
pub mod waiting;
pub mod writing;
