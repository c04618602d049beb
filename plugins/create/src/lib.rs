//! `kubectl session create`: creates a session and waits until it is ready.
//!
//! ```text
//! args ─► intent ─► observe ─► plan ─► checks, kept_claims ─► creation ─► wait until ready
//! Args    Intent    Observed   NewSession                     Started
//! ```
//!
//! `session_file` recognizes a Session object in the file of `-f`, `dry_run` prints a client-side dry run in place of `creation`.

mod args;
mod files;
mod intent;
mod kept;
mod make;
mod observe;
mod plan;
mod show;

use anyhow::Result;
use session_shared::ops::checks;
use session_shared::prompt::started;
use session_shared::report::format::Format;
use session_shared::report::mutation::Mutations;
use session_shared::verb::{Ground, Verb};

use crate::kept::Kept;
use crate::make::Maker;

pub use args::Args;

/// The `create` verb.
#[derive(Debug)]
pub struct Create;

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, ground: &mut Ground) -> Result<()> {
        ground.obey(&args.talk, &args.writing);
        // no requests: validation of the arguments and files
        let intent = intent::read(&args, &mut ground.console)?;
        let format = Format::of_object(&args.printing)?;
        // reads only
        let cluster = ground.connect(&args.connection).await?;
        let (observed, driver) = observe::observe(&cluster, &intent, ground.now()).await?;
        // pure
        let subject = plan::subject(&intent, &observed)?;
        for privilege in subject.privileges(&intent.body) {
            ground.console.warn(&privilege);
        }
        if intent.dry_run_shows() {
            return show::dry_run(&intent, &subject, format, &mut ground.console);
        }
        if !intent.skip_checks {
            let namespace = subject.belonging.namespace.as_str();
            let all = subject.counted(&intent.metadata);
            let (quotas, found) = (
                &mut ground.console.progress(),
                &mut ground.console.progress(),
            );
            let (checked, kept) = futures::try_join!(
                checks::look(&cluster, namespace, &all, quotas),
                Kept::look(&cluster, &subject, found),
            )?;
            checks::judge(subject.name.as_str(), &all, &checked)?;
            let notes = kept.judge(&subject, &intent)?;
            notes.iter().for_each(|note| ground.console.note(note));
        }
        // writes
        let write = args.writing.write()?;
        // Ctrl-C must not end the process from here on: the objects would be neither rolled back nor reported.
        let interrupt = ground.interrupt.clone();
        let _guard = interrupt.guard()?;
        let maker = Maker {
            cluster: &cluster,
            intent: &intent,
            observed: &observed,
            write: &write,
            interrupt: &interrupt,
            driver,
        };
        let made = maker.make(subject, &mut ground.console.progress()).await?;
        // prints
        let mut mutations = Mutations::new(format, intent.dry_run);
        started::print_made(&made, "created", &mut mutations, &mut ground.console)?;
        started::finish(&cluster, made, intent.wait, &write, ground).await
    }
}
