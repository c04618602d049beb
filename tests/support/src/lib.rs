//! The fake API, fixtures and captured streams of the tests.
//!
//! Nothing here is part of the product, so everything may fail loudly: a panic here is a failed test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod answer;
mod api;
mod binary;
mod exec;
mod faulty;
mod fields;
mod golden;
mod kinds;
mod logs;
mod patch;
mod patching;
mod ports;
mod real;
mod request;
mod route;
mod selector;
mod serve;
pub mod session_fixture;
mod store;
mod stream;
pub mod structure;
mod table;
#[cfg(unix)]
pub mod terminal;
mod verbs;

pub use answer::Answer;
pub use api::FakeApi;
pub use binary::{Output, run_binary};
pub use exec::{Execution, Heard};
pub use faulty::{At, Fault, Faulty};
pub use golden::golden;
pub use real::Real;
pub use request::Recorded;
pub use serve::Listening;
pub use session_fixture::SessionFixture;
