//! Bytes and exit codes: the only room that prints.
//!
//! [`Console`](console::Console) holds the streams; everything else makes text from plain data and never writes by itself.

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
