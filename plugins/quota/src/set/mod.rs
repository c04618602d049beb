//! `quota set`: a ResourceQuota, and with it a LimitRange, from flags or from the file of another program.
//!
//! ```text
//! args ─► intent ─► observe ─► plan ─► outcome: confirm below use, apply, wait until counted
//! QuotaSetArgs  Intent  Observed  QuotaPlan
//! ```

pub(crate) mod args;
mod intent;
mod observe;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::verb::Environment;

use crate::set_hours::{self, HoursOutput};
use args::QuotaSetArgs;
use intent::Intent;

/// Sets a quota.
///
/// # Errors
/// Mistakes of the command line and the file, before any request; an object of somebody else; limits below use that nobody confirms;
/// the server's refusal; a wait that ends without every resource counted.
pub(crate) async fn run(
    args: QuotaSetArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments and the file
    let intent = intent::parse_intent(args, connection, &mut environment.console)?;
    let set = set_quota(&intent, environment).await;
    set.map_err(
        |error| match failure::has_kind(&error, FailureKind::Forbidden) {
            true => with_hint(
                error,
                "print the objects for an administrator to apply: add --dry-run=client -o yaml",
            ),
            false => error,
        },
    )
}

async fn set_quota(intent: &Intent, environment: &mut Environment) -> Result<()> {
    let cluster = environment.connect(&intent.connection).await?;
    let namespace = intent.namespace.as_deref().unwrap_or(cluster.namespace());
    // reads only
    let observed = observe::observe(&cluster, intent, namespace).await?;
    plan::check_ownership(intent, &observed)?;
    // pure
    let plan = plan::plan_quota(intent, namespace, observed);
    let console = &mut environment.console;
    for note in &plan.notes {
        console.note(note);
    }
    let running = match plan.exceeded.is_empty() {
        true => None,
        false => observe::running_sessions(&cluster, namespace).await?,
    };
    if !outcome::confirm_below_use(&plan, running.as_deref(), intent, console)? {
        return Ok(());
    }
    // writes
    let interrupt = environment.interrupt.clone();
    let _guard = match intent.mutation.dry_run {
        DryRun::None => Some(interrupt.guard()?),
        _ => None,
    };
    // One printer, so that a document ends before the next one begins.
    let mut printer = intent.mutation.printer();
    if !intent.hours.is_empty() {
        let output = HoursOutput {
            mutation: &intent.mutation,
            printer: &mut printer,
            console: &mut environment.console,
        };
        set_hours::set_hours(&intent.hours, &cluster, namespace, output).await?;
    }
    let applied = outcome::apply_objects(&cluster, &plan, intent, &mut printer, environment);
    let quota = applied.await?;
    // Only now: a warning about a quota that was not set would mislead.
    if let Some((warning, hint)) = &plan.warning {
        environment.console.warn_with_hint(warning, Some(hint));
    }
    let Some((quota, limit)) = quota.zip(intent.wait) else {
        return Ok(());
    };
    let mut sink = environment.console.progress();
    cluster
        .wait_quota_counted(&quota, limit, &interrupt, &mut sink)
        .await
}
