//! `kubectl session create`: creates a session and waits until it is ready.
//!
//! ```text
//! args ─► intent ─► observe ─► plan ─► checks, kept_claims ─► wait for room ─► creation ─► wait until ready
//! Args    Intent    Observed   NewSession  CheckedRoom                        Started
//! ```
//!
//! `session_flags` reads a `given_session` from a file or template, where `session_file` recognizes a Session object and `conversion`
//! converts a file of another program, `expected_quota` warns of the quota that such a file expects, `spec_flags` writes flags into
//! its spec, `roster` does all of this for each line of a CSV file, `dry_run` prints a client-side dry run in place of `creation`.

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
mod rendered_flags;
mod roster;
mod session_file;
mod session_flags;
mod spec_flags;

use anyhow::Result;
use session_shared::ops::Cluster;
use session_shared::ops::finish_start::Started;
use session_shared::ops::missing_kinds::MissingKinds;
use session_shared::prompt::started;
use session_shared::report::console::Console;
use session_shared::verb::{Environment, Verb};

use crate::creation::Creation;
use crate::intent::Intent;
use crate::plan::NewSession;

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
        print_notes(&intent, &subject, &mut environment.console);
        if intent.is_client_dry_run() {
            return dry_run::print_dry_run(&intent, &subject, &mut environment.console);
        }
        // reads: a kind that the server lacks would be found only after the first writes
        let missing = leave_out_missing(&cluster, &mut subject, &mut environment.console).await?;
        let now = observed.now;
        let checked =
            checks::check_unless_skipped(&cluster, &intent, &subject, now, environment).await?;
        // writes
        let mut maker = Creation {
            cluster: &cluster,
            intent: &intent,
            observed: &observed,
            write: &intent.mutation.write,
            interrupt: &environment.interrupt.clone(),
            driver,
            now,
            missing: &missing,
        };
        let sink = &mut environment.console.progress();
        let (started, _guard) = maker
            .create_in_room(subject, checked, || environment.now(), sink)
            .await?;
        // prints, and waits
        report_started(&cluster, &intent, started, environment).await
    }
}

/// Prints what the rendering has changed, and the privileges that the session has on its node.
fn print_notes(intent: &Intent, subject: &NewSession, console: &mut Console) {
    for note in &subject.rendered.notes {
        console.note(note);
    }
    for privilege in subject.privilege_warnings(&intent.session.source) {
        console.warn(&privilege);
    }
}

/// Asks the server for the kinds of the objects, and leaves out the objects of missing ones if the session says so.
///
/// # Errors
/// A kind that is missing and may not be left out; refusals of the server.
async fn leave_out_missing(
    cluster: &Cluster,
    subject: &mut NewSession,
    console: &mut Console,
) -> Result<MissingKinds> {
    let objects = &mut subject.rendered.rendering.objects;
    let missing = MissingKinds::find(cluster, objects).await?;
    if subject.spec.skip_missing_kinds == Some(true) {
        let notes = missing.leave_out(objects);
        notes.iter().for_each(|note| console.note(note));
    }
    missing.require_served(subject.name.as_str(), objects)?;
    Ok(missing)
}

/// Prints the created session, and waits until it is ready if the command line says so.
///
/// # Errors
/// A session that does not become ready; standard output is closed.
async fn report_started(
    cluster: &Cluster,
    intent: &Intent,
    started: Started,
    environment: &mut Environment,
) -> Result<()> {
    let mut mutations = intent.mutation.printer();
    let console = &mut environment.console;
    started::print_started(&started, "created", &mut mutations, console)?;
    let write = &intent.mutation.write;
    started::finish(cluster, started, intent.wait, write, true, environment).await
}
