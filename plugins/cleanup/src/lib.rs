//! `kubectl session cleanup`: stops or deletes expired and unhealthy sessions, and deletes what sessions leave behind.
//!
//! ```text
//! args ─► intent ─► observe ─► plan ─► selector ─► confirmed ─► outcome ─► view
//! Args    Intent    Observed   Items   (-l)                     Outcome    table, counts
//! ```
//!
//! The rules of the plan, all pure: `session_plan` (with `health`) for Sessions, `orphans` for other namespaced objects,
//! `contents` for VolumeSnapshotContents. `outcome` checks every object again by the same rules before it changes it:
//! Sessions itself, other objects by `object_action`, VolumeSnapshotContents by `content_action`. `object_users` reads the objects that may still
//! use something.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod content_action;
mod contents;
mod health;
mod intent;
mod item_outcome;
mod object_action;
mod object_users;
mod observe;
mod orphans;
mod outcome;
mod plan;
mod plan_item;
mod selector;
mod session_plan;
mod view;

use anyhow::{Error, Result, anyhow};
use session_shared::client::DryRun;
use session_shared::failure::{ErrorList, with_hint};
use session_shared::ops::Cluster;
use session_shared::report::console::{Console, DELETION_QUESTION, cancelled_text};
use session_shared::report::errors::{
    EXIT_INTERRUPTED, EXIT_OUTPUT_CLOSED, exit_code, print_error, print_errors,
};
use session_shared::report::mutation::no_resources_message;
use session_shared::verb::{Environment, Verb};

pub use args::Args;
use intent::Intent;
use plan_item::Action;

/// Line printed after a declined prompt.
const UNCHANGED: &str = "nothing has been cleaned up";
/// Note below the plan of a client dry run.
const PLAN_ONLY: &str = "permissions were not checked, so the server may refuse actions: check with --dry-run=server; without a terminal, a real run requires --yes";
/// Name of the command, for the pointer to its help.
const COMMAND_NAME: &str = "kubectl session cleanup";

/// The `cleanup` verb.
#[derive(Debug)]
pub struct Cleanup;

impl Verb for Cleanup {
    const NAME: &'static str = "cleanup";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        // no requests: validation of the arguments
        let intent = intent::parse_intent(args, &mut environment.console)?;
        let cluster = environment
            .connect_trusting(&intent.connection, intent.trust)
            .await?;
        let Some(interval) = intent.interval else {
            return run_round(&cluster, &intent, environment).await;
        };
        loop {
            let done = run_round(&cluster, &intent, environment).await;
            done.or_else(|error| report_and_continue(error, &mut environment.console))?;
            environment.interrupt.sleep(interval).await?;
        }
    }
}

/// Observes, plans, confirms and carries out one round.
async fn run_round(
    cluster: &Cluster,
    intent: &Intent,
    environment: &mut Environment,
) -> Result<()> {
    // reads only
    let observed = observe::observe(cluster, intent).await?;
    // pure
    let items = plan::plan(intent, &observed, environment.now());
    // reads only
    let mut items = selector::filter_by_selector(cluster, intent, items).await?;
    let only_reported =
        items.split_off(items.partition_point(|item| item.action != Action::Report));
    let postponed = items.len().saturating_sub(intent.max_actions);
    items.truncate(intent.max_actions);
    let items = plan::exclude_needed_secrets(items, &observed);
    let console = &mut environment.console;
    observed.forbidden_kinds.iter().for_each(|what| {
        console.note(&format!("{what} not checked: no permission to list them"));
    });
    if items.is_empty() && only_reported.is_empty() {
        if intent.interval.is_none() {
            let place = (!intent.all_namespaces).then(|| cluster.namespace());
            console.print_error_line(&no_resources_message(place));
        }
        return Ok(());
    }
    console.print(&view::plan_table(
        items.iter().chain(&only_reported),
        intent.all_namespaces,
    ))?;
    for item in &items {
        let name = &item.name;
        for claim in &item.owned_claims {
            console.note(&format!("session {name:?}: {claim}: data is destroyed"));
        }
    }
    if postponed > 0 {
        console.note(&format!(
            "further actions left for the next run: {postponed}"
        ));
    }
    if !items.is_empty() && intent.mutation.dry_run == DryRun::Client {
        console.note(PLAN_ONLY);
    }
    // confirmation
    if items.is_empty() || intent.mutation.dry_run == DryRun::Client || !confirm(intent, console)? {
        return Ok(());
    }
    // writes
    let done = outcome::apply_items(cluster, intent, &observed, &items, environment).await?;
    // prints
    outcome::report(intent, &items, done, &mut environment.console)
}

/// Asks for confirmation on a terminal or with `--interactive`. Returns true if confirmed or not needed.
///
/// # Errors
/// Confirmation is needed and there is no terminal to ask on.
fn confirm(intent: &Intent, console: &mut Console) -> Result<bool> {
    if intent.yes || intent.mutation.dry_run != DryRun::None {
        return Ok(true);
    }
    if !console.can_prompt() && !intent.interactive {
        let error = anyhow!("cleanup needs confirmation");
        return Err(with_hint(error, format!("confirm with --yes; {UNCHANGED}")));
    }
    if console.confirm(&[], DELETION_QUESTION)? {
        return Ok(true);
    }
    console.print_line(&cancelled_text("cleanup"))?;
    Ok(false)
}

/// Reports the error of one round, so that the next one can follow.
///
/// # Errors
/// Errors that end all rounds: an interrupt, closed standard output.
fn report_and_continue(error: Error, console: &mut Console) -> Result<()> {
    if [EXIT_INTERRUPTED, EXIT_OUTPUT_CLOSED].contains(&exit_code(&error)) {
        return Err(error);
    }
    match error.downcast::<ErrorList>() {
        Ok(ErrorList(errors)) => print_errors(console, &errors, COMMAND_NAME),
        Err(error) => print_error(console, &error, COMMAND_NAME),
    };
    Ok(())
}
