//! `kubectl session extend`: more time for sessions that run.

mod args;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::report::format::Format;
use session_shared::verb::{Ground, Verb};

pub use args::Args;

/// The verb.
#[derive(Debug)]
pub struct Extend;

impl Verb for Extend {
    const NAME: &'static str = "extend";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, ground: &mut Ground) -> Result<()> {
        // no request: everything the user can have got wrong
        ground.obey(&args.talk, &args.writing);
        let now = ground.now();
        let intent = plan::read(&args, now)?;
        let format = Format::of_object(&args.printing)?;
        let write = args.writing.write()?;
        // reads only, and what follows from it
        let cluster = ground.connect(&args.connection).await?;
        let found = outcome::observe(&cluster, &intent, now).await?;
        // writes
        let extended = outcome::carry_out(&cluster, &intent, &found, &write, now).await;
        // prints
        outcome::report(&intent, found, extended, format, &mut ground.console, now)
    }
}
