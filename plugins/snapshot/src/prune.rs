//! `snapshot prune`.

use anyhow::{Context, Result};
use session_shared::client::DryRun;
use session_shared::duration::Lifetime;
use session_shared::failure::{self, usage_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::names::SessionName;
use session_shared::verb::Environment;

use crate::args::PruneArgs;
use crate::delete::delete_snapshot_sets;
use crate::deletion;
use crate::plan::{RetentionRule, SnapshotWrites};
use crate::snapshot_set;
use crate::timeouts::DELETE_TIMEOUT;

/// Deletes old snapshots.
///
/// # Errors
/// Invalid arguments, before any request; no terminal to ask on; the server's refusals, after the other snapshots have been
/// deleted.
pub(crate) async fn run(
    args: PruneArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    let PruneArgs {
        session,
        all,
        keep,
        older_than,
        yes,
        output,
        write_flags,
        wait_flags,
    } = args;
    // no requests: validation of the arguments
    let session = parse_session(session.as_deref(), all)?;
    let rule = parse_rule(keep, older_than.as_deref())?;
    let console = &mut environment.console;
    let mutation = MutationOptions::for_names(&write_flags, &output, console)?;
    let writes = SnapshotWrites::new(mutation, &wait_flags, DELETE_TIMEOUT);
    // reads only
    let cluster = environment.connect(connection).await?;
    let all = snapshot_set::list_snapshot_sets(&cluster, session.as_ref()).await?;
    let sink = &mut environment.console.progress();
    let all = snapshot_set::exclude_doubtful(&cluster, all, |_| true, sink).await?;
    let doomed = rule.select_for_deletion(all, environment.now());
    // confirmation
    let agreed = yes || writes.mutation.dry_run != DryRun::None;
    if !agreed && !deletion::confirm_deletion(&doomed, &mut environment.console)? {
        return Ok(());
    }
    // writes and prints
    let mutations = writes.mutation.printer();
    let errors = delete_snapshot_sets(&cluster, &doomed, &writes, &mutations, environment).await?;
    if doomed.is_empty() {
        environment.console.note("nothing to prune");
    }
    failure::combine_errors(errors)
}

fn parse_session(name: Option<&str>, all: bool) -> Result<Option<SessionName>> {
    match (name, all) {
        (Some(_), true) => Err(usage_error(
            "setting 'all' parameter but found a non empty name",
        )),
        (None, false) => Err(usage_error("one of NAME or --all is required")),
        (Some(word), false) => parse_session_name(word).map(Some),
        (None, true) => Ok(None),
    }
}

fn parse_rule(keep: Option<u32>, older_than: Option<&str>) -> Result<RetentionRule> {
    let older_than = match older_than {
        None => None,
        Some(text) => {
            let age = text.parse::<Lifetime>();
            let age = age.context("invalid value of --older-than")?;
            let age = age.duration();
            Some(age.ok_or_else(|| usage_error("--older-than must be greater than 0"))?)
        }
    };
    if keep.is_none() && older_than.is_none() {
        return Err(usage_error(
            "at least one of --keep and --older-than is required",
        ));
    }
    let keep = keep.map(|keep| usize::try_from(keep).unwrap_or(usize::MAX));
    Ok(RetentionRule { keep, older_than })
}
