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
//! `port_forwarder` builds the forwarder that `open`, `serve_ports` and `stdio` share, `host_keys` keeps ssh's keys apart by run.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod exec;
mod host_keys;
mod intent;
mod left_command;
mod open;
mod plan;
mod port_forward;
mod port_forwarder;
mod port_name;
mod print;
mod ready_session;
mod serve_ports;
mod ssh;
mod start_stopped;
mod stdio;

use std::path::Path;

use anyhow::Result;
use session_shared::encode::ssh::SshHost;
use session_shared::failure::check_exit_code;
use session_shared::ops::trust::StoredPart;
use session_shared::ops::{Cluster, ContainerTarget, ObservedSession};
use session_shared::prompt::trust;
use session_shared::report::console::Console;
use session_shared::verb::{Environment, Verb};

pub use args::Args;
use host_keys::ServerRun;
use intent::{ConnectMode, Intent};
use plan::ConnectTarget;

/// The `connect` verb.
#[derive(Debug)]
pub struct Connect;

impl Verb for Connect {
    const NAME: &'static str = "connect";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        // no requests: validation of the arguments
        let intent = intent::parse_intent(args, &mut environment.console)?;
        let listeners = match &intent.mode {
            ConnectMode::Forward { ports } => serve_ports::listen_known_ports(ports).await?,
            _ => Vec::new(),
        };
        let cluster = environment
            .connect_trusting(&intent.connection, intent.trust)
            .await?;
        // reads, and waits
        let observed = ready_session::get_ready_session(&cluster, &intent, environment).await?;
        // pure
        let target = plan::resolve_target(&intent, &observed.session)?;
        // streams, or prints
        if let ConnectMode::Forward { ports } = &intent.mode {
            return serve_ports::run(&cluster, &intent, &observed, ports, listeners, environment)
                .await;
        }
        open_connection(&cluster, &intent, &observed, &target, environment).await
    }
}

/// Opens the connection of the mode, or of the method. Returns when it has ended.
///
/// # Errors
/// A target that the session does not have; the server's refusal; the exit code of a command.
async fn open_connection(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    target: &ConnectTarget,
    environment: &mut Environment,
) -> Result<()> {
    match (&intent.mode, target) {
        (ConnectMode::Print { json }, _) => {
            let console = &mut environment.console;
            print::run(cluster, intent, observed, target, *json, console).await
        }
        (ConnectMode::Stdio { port, known_hosts }, _) => {
            let known_hosts = known_hosts.as_deref();
            connect_stdio(cluster, intent, observed, port, known_hosts, environment).await
        }
        (
            _,
            ConnectTarget::Command {
                argv,
                place,
                kill_on_exit: kill,
            },
        ) => {
            if !confirm_stored_command(cluster, intent, observed, environment).await? {
                return check_exit_code(1);
            }
            exec::run(cluster, intent, observed, argv, place, *kill, environment).await
        }
        (_, ConnectTarget::Page { port, path, place }) => {
            open_page(cluster, intent, observed, place, port, path, environment).await
        }
        (mode, ConnectTarget::Ssh { port, user, place }) => {
            let user = user.as_ref();
            let host = ssh::ssh_host(cluster, intent, observed, place, port, user)?;
            if *mode == ConnectMode::SshConfig {
                return print_ssh_config(host, intent, observed, port, &mut environment.console);
            }
            ssh::exec_ssh(&host, &intent.command)
        }
    }
}

/// Connects a port to standard input and output. With `known_hosts`, a file of ssh, the keys of other runs are dropped from it first.
///
/// # Errors
/// A port that the session does not have; a file that cannot be written; the server's refusal.
async fn connect_stdio(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    port: &str,
    known_hosts: Option<&Path>,
    environment: &mut Environment,
) -> Result<()> {
    let place = &intent.place();
    let pod = port_forwarder::require_pod(intent, observed, place)?;
    // Before ssh gets the first byte, after which it reads the file.
    if let (Some(file), Some(run)) = (known_hosts, ServerRun::of(observed, place, port)) {
        host_keys::drop_keys_of_other_runs(file, &run, intent, &mut environment.console)?;
    }
    let console = &mut environment.console;
    let port = port_forwarder::resolve_remote_port(cluster, observed, pod, port, console).await?;
    let (forwarder, _) =
        port_forwarder::new_forwarder(cluster, intent, observed, place, environment)?;
    stdio::run(&forwarder, pod, port, environment).await
}

/// Opens the web page at `path` in a browser, through a local port.
///
/// # Errors
/// A port that the session does not have; the server's refusal.
async fn open_page(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    place: &ContainerTarget,
    port: &str,
    path: &str,
    environment: &mut Environment,
) -> Result<()> {
    let pod = port_forwarder::require_pod(intent, observed, place)?;
    let console = &mut environment.console;
    let port = port_forwarder::resolve_remote_port(cluster, observed, pod, port, console).await?;
    let forwarder = port_forwarder::new_forwarder(cluster, intent, observed, place, environment)?;
    open::run(forwarder, pod, port, path, environment).await
}

/// Prints the Host block of ssh, and says where its port comes from if no method names it.
///
/// # Errors
/// Standard output is closed; a name that the block cannot hold.
fn print_ssh_config(
    host: SshHost,
    intent: &Intent,
    observed: &ObservedSession,
    port: &str,
    console: &mut Console,
) -> Result<()> {
    let methods = plan::connect_methods(&observed.session);
    if !methods.iter().any(|method| method.ssh.is_some()) {
        let session = &intent.name;
        console.note(&format!(
            "session \"{session}\" has no SSH method: the block connects to port {port}"
        ));
    }
    ssh::print_host_block(host, &intent.connection, console)
}

/// Asks before a command that the session has stored. One that the user typed needs no trust in the session.
async fn confirm_stored_command(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    environment: &mut Environment,
) -> Result<bool> {
    let session = &observed.session;
    if !intent.command.is_empty() || plan::connect_methods(session).is_empty() {
        return Ok(true);
    }
    let console = &mut environment.console;
    trust::confirm_trust(cluster, session, StoredPart::Connect, console).await
}
