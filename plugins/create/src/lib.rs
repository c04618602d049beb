//! `kubectl session create`: creates a session and waits until it is ready.
//!
//! ```text
//! args ─► intent ─► observe ─► plan ─► checks, kept_claims ─► wait for room ─► creation ─► wait until ready
//! Args    Intent    Observed   NewSession  CheckedRoom                        Started
//! ```
//!
//! `given_session` is what a file or template says, `session_file` recognizes a Session object in the file of `-f`, `conversion` converts a file of another program, `expected_quota`
//! warns of the quota that such a file expects, `spec_flags` writes flags into its
//! spec, `roster` does all of this for each line of a CSV file, `dry_run` prints a client-side dry run in place of `creation`.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod checks;
mod conversion;
mod creation;
mod dry_run;
mod expected_quota;
mod given_session;
mod intent;
mod kept_claims;
mod observe;
mod plan;
mod roster;
mod session_file;
mod spec_flags;

use anyhow::Result;
use session_shared::ops::hours_check::SKIPPED_CHECKS_NOTE;
use session_shared::ops::missing_kinds::MissingKinds;
use session_shared::prompt::started;
use session_shared::verb::{Environment, Verb};

use crate::creation::Creation;

pub use args::Args;

/// The `create` verb.
#[derive(Debug)]
pub struct Create;

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        // no requests: validation of the arguments and files
        let (intent, roster) = intent::parse_intent(args, &mut environment.console)?;
        if let Some(options) = roster {
            return roster::create_roster(intent, options, environment).await;
        }
        // reads only
        let cluster = environment.connect(&intent.connection).await?;
        let (observed, driver) = observe::observe(&cluster, &intent, environment.now()).await?;
        // pure
        let mut subject = plan::plan_session(&intent, &observed)?;
        for note in &subject.rendered.notes {
            environment.console.note(note);
        }
        for privilege in subject.privilege_warnings(&intent.source) {
            environment.console.warn(&privilege);
        }
        if intent.is_client_dry_run() {
            return dry_run::print_dry_run(&intent, &subject, &mut environment.console);
        }
        // reads: a kind that the server lacks would be found only after the first writes
        let objects = &mut subject.rendered.rendering.objects;
        let missing = MissingKinds::find(&cluster, objects).await?;
        if subject.spec.skip_missing_kinds == Some(true) {
            let notes = missing.leave_out(objects);
            notes.iter().for_each(|note| environment.console.note(note));
        }
        missing.require_served(subject.name.as_str(), objects)?;
        let checked = match intent.skip_checks {
            true => {
                environment.console.note(SKIPPED_CHECKS_NOTE);
                None
            }
            false => {
                let now = observed.now;
                Some(checks::check(&cluster, &intent, &subject, now, environment).await?)
            }
        };
        // writes
        let mut maker = Creation {
            cluster: &cluster,
            intent: &intent,
            observed: &observed,
            write: &intent.mutation.write,
            interrupt: &environment.interrupt.clone(),
            driver,
            now: observed.now,
            missing: &missing,
        };
        let sink = &mut environment.console.progress();
        let (started, _guard) = maker
            .create_in_room(subject, checked, || environment.now(), sink)
            .await?;
        // prints
        let mut mutations = intent.mutation.printer();
        started::print_started(
            &started,
            "created",
            &mut mutations,
            &mut environment.console,
        )?;
        started::finish(
            &cluster,
            started,
            intent.wait,
            &intent.mutation.write,
            true,
            environment,
        )
        .await
    }
}
