//! `kubectl session cleanup`: what sessions leave behind, planned first, then taken away.

mod args;
mod contents;
mod health;
mod intent;
mod observe;
mod orphans;
mod outcome;
mod plan;
mod purge;
mod removal;
mod selected;
mod sessions;
mod users;
mod view;

use anyhow::{Error, Result, anyhow};
use session_shared::client::DryRun;
use session_shared::client::Write;
use session_shared::failure::{Several, hinted};
use session_shared::ops::Cluster;
use session_shared::report::console::{Console, DELETION_QUESTION};
use session_shared::report::failure::{CLOSED, INTERRUPTED, exit_code, report, report_all};
use session_shared::report::mutation::no_resources;
use session_shared::verb::{Ground, Verb};

pub use args::Args;
use intent::Intent;
use plan::Deed;

/// What is said when the answer was no.
const CANCELLED: &str = "nothing has been cleaned up";
/// How it is called, for the pointer to its help.
const PREFIX: &str = "kubectl session cleanup";

/// The verb.
#[derive(Debug)]
pub struct Cleanup;

impl Verb for Cleanup {
    const NAME: &'static str = "cleanup";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, ground: &mut Ground) -> Result<()> {
        // no request: everything the user can have got wrong
        ground.obey(&args.talk, &args.writing);
        let intent = intent::read(&args)?;
        let write = args.writing.write()?;
        let cluster = ground.connect(&args.connection).await?;
        cluster.known().trust_all(args.trust.trust_manifest);
        let Some(interval) = intent.interval else {
            return round(&cluster, &intent, &write, ground).await;
        };
        loop {
            let done = round(&cluster, &intent, &write, ground).await;
            done.or_else(|error| go_on(error, &mut ground.console))?;
            ground.interrupt.pause(interval).await?;
        }
    }
}

/// One plan, carried out.
async fn round(
    cluster: &Cluster,
    intent: &Intent,
    write: &Write,
    ground: &mut Ground,
) -> Result<()> {
    // reads only
    let observed = observe::observe(cluster, intent).await?;
    // pure
    let items = plan::plan(intent, &observed, ground.now())?;
    // reads only
    let mut items = selected::selected(cluster, intent, items).await?;
    let only_told = items.split_off(items.partition_point(|item| item.deed != Deed::Report));
    let left = items.len().saturating_sub(intent.most);
    items.truncate(intent.most);
    let items = plan::without_needed_secrets(items, &observed);
    let console = &mut ground.console;
    observed.unseen.iter().for_each(|what| {
        console.note(&format!("{what} are not looked at: you may not list them"));
    });
    if items.is_empty() && only_told.is_empty() {
        if intent.interval.is_none() {
            let place = (!intent.all_namespaces).then(|| cluster.namespace());
            console.err_line(&no_resources(place));
        }
        return Ok(());
    }
    console.out(&view::plan(
        items.iter().chain(&only_told),
        intent.all_namespaces,
    ))?;
    if left > 0 {
        console.note(&format!("{left} more are left for the next time"));
    }
    // the user's word
    if items.is_empty() || intent.dry_run == DryRun::Client || !agreed(intent, console)? {
        return Ok(());
    }
    // writes
    let done = outcome::carry_out(cluster, intent, &observed, &items, write, ground).await?;
    // prints
    outcome::report(intent, &items, done, &mut ground.console)
}

/// Asks on a terminal, and with -i; elsewhere it needs -y.
fn agreed(intent: &Intent, console: &mut Console) -> Result<bool> {
    if intent.yes || intent.dry_run != DryRun::None {
        return Ok(true);
    }
    if !console.can_ask() && !intent.interactive {
        let error = anyhow!("a cleanup has to be agreed to");
        return Err(hinted(error, format!("say yes with -y; {CANCELLED}")));
    }
    if console.confirm(&[], DELETION_QUESTION)? {
        return Ok(true);
    }
    console.line(CANCELLED)?;
    Ok(false)
}

/// What failed in one round is told, and the next one comes.
///
/// # Errors
/// What ends all rounds: Ctrl-C, nobody who reads.
fn go_on(error: Error, console: &mut Console) -> Result<()> {
    if [INTERRUPTED, CLOSED].contains(&exit_code(&error)) {
        return Err(error);
    }
    match error.downcast::<Several>() {
        Ok(Several(errors)) => report_all(console, &errors, PREFIX),
        Err(error) => report(console, &error, PREFIX),
    };
    Ok(())
}
