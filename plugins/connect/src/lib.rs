//! `kubectl session connect`: opens a shell, command, web page, port or SSH connection to a session.
//!
//! ```text
//! args ─► intent ─► ready_session (observe; wait, or start_stopped) ─► plan ─► one of:
//! Args    Intent    ObservedSession                                   ConnectTarget
//!
//!   exec         shell or command       stdio  one port on standard input and output
//!   open         web page in a browser  ssh    ssh, or a Host block
//!   serve_ports  local ports            print  addresses
//! ```
//!
//! `port_forwarder` builds the forwarder that `open`, `serve_ports` and `stdio` share.

mod args;
mod enter;
mod forward;
mod intent;
mod link;
mod open;
mod plan;
mod ports;
mod print;
mod reach;
mod ssh;
mod stdio;
mod wake;

use anyhow::Result;
use session_shared::failure::check_exit_code;
use session_shared::ops::Cluster;
use session_shared::ops::Present;
use session_shared::ops::trust::StoredPart;
use session_shared::prompt::trust;
use session_shared::verb::{Environment, Verb};

pub use args::Args;
use intent::{Intent, Way};
use plan::Entrance;

/// The `connect` verb.
#[derive(Debug)]
pub struct Connect;

impl Verb for Connect {
    const NAME: &'static str = "connect";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, ground: &mut Environment) -> Result<()> {
        // no requests: validation of the arguments
        ground.console.apply_flags(&args.talk);
        let intent = intent::read(&args)?;
        let listeners = match &intent.way {
            Way::Forward { ports } => forward::take(ports).await?,
            _ => Vec::new(),
        };
        let cluster = ground.connect(&args.connection).await?;
        cluster.known().trust_all(args.trust.trust_manifest);
        // reads, and waits
        let present = reach::reach(&cluster, &intent, ground).await?;
        // pure
        let entrance = plan::entrance(&intent, &present.session)?;
        // streams, or prints
        if let Way::Forward { ports } = &intent.way {
            return forward::run(&cluster, &intent, &present, ports, listeners, ground).await;
        }
        go(&cluster, &intent, &args, &present, &entrance, ground).await
    }
}

async fn go(
    cluster: &Cluster,
    intent: &Intent,
    args: &Args,
    present: &Present,
    entrance: &Entrance,
    ground: &mut Environment,
) -> Result<()> {
    match (&intent.way, entrance) {
        (Way::Print { json }, _) => {
            let console = &mut ground.console;
            print::run(cluster, intent, present, entrance, *json, console).await
        }
        (Way::Stdio { port }, _) => {
            let container = intent.container.as_deref();
            let port = plan::port(link::pod(intent, present, container)?, port)?;
            let (forwarder, _) = link::forwarder(cluster, intent, present, container, ground)?;
            stdio::run(cluster, &forwarder, port, ground).await
        }
        (_, Entrance::Command { argv, container }) => {
            let container = container.as_deref();
            // A command typed by the user needs no trust in the session.
            let stored = intent.command.is_empty() && !plan::methods(&present.session).is_empty();
            if stored
                && !trust::confirm_trust(
                    cluster,
                    &present.session,
                    StoredPart::Connect,
                    &mut ground.console,
                )
                .await?
            {
                return check_exit_code(1);
            }
            enter::run(cluster, intent, present, argv, container, ground).await
        }
        (
            _,
            Entrance::Page {
                port,
                path,
                container,
            },
        ) => {
            let container = container.as_deref();
            let port = plan::port(link::pod(intent, present, container)?, port)?;
            let forwarder = link::forwarder(cluster, intent, present, container, ground)?;
            open::run(cluster, forwarder, port, path, ground).await
        }
        (way, Entrance::Ssh { port, user, .. }) => {
            let user = user.as_ref();
            let host = ssh::host(cluster, intent, present, &args.connection, port, user)?;
            if *way == Way::SshConfig {
                return ssh::block(host, &args.connection, &mut ground.console);
            }
            ssh::run(&host, &intent.command)
        }
    }
}
