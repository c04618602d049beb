//! `kubectl session status`: the state of one session on one screen.
//!
//! ```text
//! Args ─► Intent ─► Observed ─► Report ─┬─► view: sections of lines for a terminal
//!                   (observe,   (head,  └─► one document of kind SessionReport (-o json, yaml)
//!                    follow)     workloads, network, data, connect, events, diagnosis)
//! ```
//!
//! `watch` and `wait` keep `Observed` up to date with `follow` and compute the `Report` anew after each change.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod commands;
mod data;
mod diagnosis;
mod events;
mod explained_causes;
mod followed_session;
mod head;
mod intent;
mod layout;
mod network;
mod observe;
mod print_report;
mod report;
mod text_at;
mod view;
mod wait;
mod watch;
mod workloads;

use anyhow::Result;
use session_shared::verb::{Environment, Verb};

pub use args::Args;
use intent::StatusMode;
use print_report::{compute_report, print_report};

/// The verb `status`.
#[derive(Debug)]
pub struct Status;

impl Verb for Status {
    const NAME: &'static str = "status";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let mut intent = intent::parse_intent(args, &mut environment.console)?;
        let cluster = environment.connect(&intent.connection).await?;
        match intent.mode {
            StatusMode::Once => {
                let observed =
                    explained_causes::observe_with_causes(&cluster, intent.name.as_str()).await?;
                for impostor in &observe::live_objects(&observed).impostors {
                    environment.console.note(&impostor.note());
                }
                let report = compute_report(&observed, environment);
                print_report(&report, &mut intent.format, environment)
            }
            StatusMode::Watch => watch::watch_report(&cluster, intent, environment).await,
            StatusMode::Wait { target, limit } => {
                wait::wait_for_phase(&cluster, intent, target, limit, environment).await
            }
        }
    }
}
