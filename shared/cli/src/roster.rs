//! Rosters: CSV files with a session per line, for `create --roster` and the selection of other verbs.
//!
//! ```text
//! file ─► Roster ─► rows: Row, or what is wrong ─► RowProblems
//! ```

mod columns;
pub mod problems;
pub mod reader;
