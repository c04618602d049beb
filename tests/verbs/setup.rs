//! Tests of `kubectl session setup` on a fake API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "setup/cluster.rs"]
mod cluster;
#[path = "setup/install.rs"]
mod install;
#[path = "setup/isolation.rs"]
mod isolation;
#[path = "setup/namespace.rs"]
mod namespace;
#[path = "setup/part.rs"]
mod part;
#[path = "play.rs"]
mod play;
#[path = "setup/reach.rs"]
mod reach;
#[path = "setup/remove.rs"]
mod remove;
#[path = "setup/rivals.rs"]
mod rivals;
#[path = "setup/secrets.rs"]
mod secrets;
#[path = "setup/template_isolation.rs"]
mod template_isolation;
