//! `kubectl session delete`: order of the steps, confirmation, and objects that are never changed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "delete/again.rs"]
mod again;
#[path = "delete/choice.rs"]
mod choice;
#[path = "delete/data.rs"]
mod data;
#[path = "delete/order.rs"]
mod order;
#[path = "delete/owned_claims.rs"]
mod owned_claims;
#[path = "play.rs"]
mod play;
#[path = "delete/running.rs"]
mod running;
#[path = "delete/snapshot.rs"]
mod snapshot;
