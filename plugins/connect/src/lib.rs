//! `kubectl session connect`: into a session, by the way its template offers.

mod args;
mod intent;
mod plan;
mod reach;

use anyhow::{Result, bail};
use session_shared::verb::{Ground, Verb};

pub use args::Args;
use plan::Entrance;

/// The verb.
#[derive(Debug)]
pub struct Connect;

impl Verb for Connect {
    const NAME: &'static str = "connect";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, ground: &mut Ground) -> Result<()> {
        // no request: everything the user can have got wrong
        ground.console.obey(&args.talk);
        let intent = intent::read(&args)?;
        let cluster = ground.connect(&args.connection).await?;
        // reads, and waits
        let present = reach::ready(&cluster, &intent, ground).await?;
        // pure
        let entrance = plan::entrance(&intent, &present.session)?;
        let Entrance::Command { argv, container } = &entrance else {
            bail!("not a command")
        };
        let Some((pod, container)) = plan::pod(&present, container.as_deref())? else {
            bail!("session \"{}\" has no Pod", intent.name)
        };
        let pod = pod.metadata.name.as_deref().unwrap_or_default();
        let done = cluster
            .exec(cluster.namespace(), pod, &container, argv, intent.limit)
            .await?;
        ground.console.out_bytes(&done.stdout)
    }
}
