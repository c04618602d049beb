//! Output: everything that a command prints, and its exit code. No other room writes to a stream.
//!
//! ```text
//! flags (-o, --sort-by, …) ─► Format ─► ObjectPrinter ─► json · yaml · kyaml · jsonpath · Columns
//!                                └────► Text: TablePrinter · tabs · age        (a verb's own table or sentence)
//! values of a verb ─────────► Mutations ─► "session.streaming.platform/alice stopped"
//! errors ───────────────────► failure  ─► error, hints, exit code
//!                      all text ─► clean (no control characters) ─► Console ─► stdout, stderr
//! waiting code ─► Event ─► Progress (one live line on stderr)     logs ─► Weave (whole lines, prefixed)
//! ```
//!
//! [`Console`](console::Console) owns the three streams; everything else here turns plain data into text and writes
//! nothing by itself.

pub mod age;
pub mod aside;
pub mod clean;
pub mod columns;
pub mod console;
pub mod failure;
pub mod format;
pub mod json;
pub mod jsonpath;
pub mod kyaml;
pub mod live;
pub mod mutation;
pub mod screen;
pub mod sort;
mod standard_input;
mod streams;
pub mod table;
pub mod tabs;
pub mod terminal;
pub mod weave;
pub mod yaml;
