//! `kubectl session start`: brings sessions up again, with the data they had.

mod args;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::cluster::Write;
use session_shared::lifecycle::consent;
use session_shared::report::format::Format;
use session_shared::verb::{Ground, Verb};

use crate::plan::Deed;

pub use args::Args;

/// The verb.
#[derive(Debug)]
pub struct Start;

impl Verb for Start {
    const NAME: &'static str = "start";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, ground: &mut Ground) -> Result<()> {
        // no request: everything the user can have got wrong
        ground.obey(&args.talk, &args.writing);
        let intent = plan::read(&args, ground.console.input())?;
        let format = Format::of_object(&args.printing)?;
        let write = Write::of(&args.writing)?;
        // reads only
        let cluster = ground.connect(&args.connection).await?;
        cluster.known().trust_all(args.trust_manifest);
        let Some(found) = outcome::observe(&cluster, &intent, ground).await? else {
            return Ok(());
        };
        // the user's word
        let ends = found
            .iter()
            .flatten()
            .filter(|one| one.deed == Deed::Restart);
        let ends: Vec<_> = ends.map(|one| one.present.clone()).collect();
        if !intent.is_agreed() && !consent::ask(&ends, &mut ground.console)? {
            return Ok(());
        }
        // writes, waits and prints
        outcome::carry_out(&cluster, &intent, found, &write, format, ground).await
    }
}
