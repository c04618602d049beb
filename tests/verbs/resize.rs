//! `kubectl session resize`: in place, by a restart, the kubelet's answers, and storage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "tests may fail loudly"
)]

#[path = "resize/choice.rs"]
mod choice;
#[path = "resize/class.rs"]
mod class;
#[path = "resize/kubelet.rs"]
mod kubelet;
#[path = "resize/place.rs"]
mod place;
#[path = "play.rs"]
mod play;
#[path = "resize/refused.rs"]
mod refused;
#[path = "resize/restart.rs"]
mod restart;
#[path = "resize/scale.rs"]
mod scale;
#[path = "resize/scene.rs"]
mod scene;
#[path = "resize/storage.rs"]
mod storage;
