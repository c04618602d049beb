//! Tests of `kubectl session quota` on a fake API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "quota/cost.rs"]
mod cost;
#[path = "quota/fit.rs"]
mod fit;
#[path = "quota/hours.rs"]
mod hours;
#[path = "quota/nodes.rs"]
mod nodes;
#[path = "play.rs"]
#[allow(dead_code, reason = "other verbs' tests use the rest")]
mod play;
#[path = "quota/set.rs"]
mod set;
#[path = "quota/show.rs"]
mod show;
#[path = "quota/totals.rs"]
mod totals;
#[path = "quota/usage.rs"]
mod usage;

use kubectl_session_quota::Quota;
use play::{Play, Played};
use session_support::FakeApi;

pub fn quota(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Quota>(words)
}
