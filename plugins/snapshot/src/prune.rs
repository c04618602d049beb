//! `snapshot prune`.

use std::time::Duration;

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::duration::Lifetime;
use session_shared::failure::{self, usage_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::selection::parse_session_name;
use session_shared::names::SessionName;
use session_shared::report::format::Format;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;

use crate::args::Prune;
use crate::chosen;
use crate::delete::carry_out;
use crate::doomed;
use crate::plan::{Rule, Writes};

/// Default of `--timeout`, for each snapshot.
pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(300);

/// Deletes old snapshots.
///
/// # Errors
/// Invalid arguments, before any request; no terminal to ask on; the server's refusals, after the other snapshots have been
/// deleted.
pub(crate) async fn run(args: &Prune, connection: &ConnectionFlags, ground: &mut Environment) -> Result<()> {
    // no requests: validation of the arguments
    let (session, rule) = (session(args)?, rule(args)?);
    let writes = Writes::of(&args.writing, &args.waiting, USUAL_WAIT)?;
    let format = Format::from_name_flags(&args.printing)?;
    // reads only
    let cluster = ground.connect(connection).await?;
    let all = chosen::sets(&cluster, session.as_ref()).await?;
    let sink = &mut ground.console.progress();
    let all = chosen::counted(&cluster, all, |_| true, sink).await?;
    let doomed = rule.doomed(all, ground.now());
    // confirmation
    let agreed = args.yes || writes.dry_run != DryRun::None;
    if !agreed && !doomed::ask(&doomed, &mut ground.console)? {
        return Ok(());
    }
    // writes and prints
    let mutations = MutationPrinter::new(format, writes.dry_run);
    let errors = carry_out(&cluster, &doomed, &writes, &mutations, ground).await?;
    if doomed.is_empty() {
        ground.console.note("nothing to prune");
    }
    failure::combine_errors(errors)
}

fn session(args: &Prune) -> Result<Option<SessionName>> {
    match (&args.session, args.all) {
        (Some(_), true) => Err(usage_error("setting 'all' parameter but found a non empty name")),
        (None, false) => Err(usage_error("one of NAME or --all is required")),
        (Some(word), false) => parse_session_name(word).map(Some),
        (None, true) => Ok(None),
    }
}

fn rule(args: &Prune) -> Result<Rule> {
    let older_than = match &args.older_than {
        None => None,
        Some(text) => {
            let age: Lifetime = text.parse()?;
            let age = age.duration();
            Some(age.ok_or_else(|| usage_error("--older-than must be greater than 0"))?)
        }
    };
    if args.keep.is_none() && older_than.is_none() {
        return Err(usage_error("--keep or --older-than is required"));
    }
    let keep = args
        .keep
        .map(|keep| usize::try_from(keep).unwrap_or(usize::MAX));
    Ok(Rule { keep, older_than })
}
