//! `kubectl session stop`: order of the steps, scaled workloads, confirmation, and objects that are never changed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "stop/choice.rs"]
mod choice;
#[path = "stop/class.rs"]
mod class;
#[path = "stop/custom.rs"]
mod custom;
#[path = "stop/order.rs"]
mod order;
#[path = "play.rs"]
mod play;
#[path = "stop/rest.rs"]
mod rest;
#[path = "stop/running.rs"]
mod running;
