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
mod command_flags;
pub mod console;
pub mod custom_columns;
pub mod errors;
pub mod escape;
pub mod format;
pub mod full_screen;
pub mod json;
pub mod jsonpath;
pub mod kyaml;
pub mod live_line;
pub mod log_merger;
pub mod mutation;
pub mod name_list;
pub mod sort;
mod standard_input;
pub mod stderr_handle;
mod streams;
pub mod tab_writer;
pub mod table;
pub mod terminal;
pub mod yaml;
