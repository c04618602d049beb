//! The end of a create or start: prints the result, waits until the session is ready, and prints how to connect. Never prints
//! secret values.

use std::time::Duration;

use anyhow::Result;

use crate::report::console::Console;
use crate::report::mutation::Mutations;
use crate::verb::Ground;
use session_client::Write;
use session_model::names::parameters_secret;
use session_ops::Cluster;
use session_ops::settling::{self, Made, ReadySession, made_endpoint};
use session_ops::wait::Waiting;

/// Prints the result line or the object on standard output, and warnings on standard error. `word` is `created`, `started` or the
/// like.
///
/// # Errors
/// Standard output is closed.
pub fn print_made(
    made: &Made,
    word: &str,
    mutations: &mut Mutations,
    console: &mut Console,
) -> Result<()> {
    for warning in &made.start.rendering.warnings {
        console.warn(warning);
    }
    console.out(&mutations.done(&made.object, word)?)
}

/// Waits until the session is ready if `wait` has a timeout, writes the status, and prints how to connect.
///
/// # Errors
/// The session does not become ready; it is kept.
pub async fn finish(
    cluster: &Cluster,
    made: Made,
    wait: Option<Duration>,
    write: &Write,
    ground: &mut Ground,
) -> Result<()> {
    if write.dry_run {
        return Ok(());
    }
    let endpoint = match wait {
        Some(limit) => {
            let ready = wait_ready(cluster, &made, limit, write, ground).await?;
            ready.endpoint
        }
        None => made_endpoint(&made, None),
    };
    tell(&made, endpoint, &mut ground.console);
    Ok(())
}

/// Waits as [`settling::ready`] does, with the progress line and Ctrl-C of the terminal.
///
/// # Errors
/// The session does not become ready; it is kept.
pub async fn wait_ready(
    cluster: &Cluster,
    made: &Made,
    limit: Duration,
    write: &Write,
    ground: &mut Ground,
) -> Result<ReadySession> {
    let (interrupt, now) = (ground.interrupt.clone(), ground.clock());
    let mut sink = ground.console.progress();
    let mut run = Waiting {
        interrupt: &interrupt,
        sink: &mut sink,
        now: &now,
    };
    settling::ready(cluster, made, limit, write, &mut run).await
}

/// Prints endpoint, commands to connect and delete, and commands that read the secret parameters, all on standard error, so that
/// scripts are not disturbed.
fn tell(made: &Made, endpoint: Option<String>, console: &mut Console) {
    if console.is_quiet() {
        return;
    }
    let belonging = &made.start.belonging;
    let (name, namespace) = (belonging.session.as_str(), belonging.namespace.as_str());
    if let Some(endpoint) = endpoint {
        console.err_line(&format!("endpoint: {endpoint}"));
    }
    console.err_line(&format!(
        "connect: kubectl session connect {name} -n {namespace}"
    ));
    let secret = parameters_secret(name);
    for parameter in made.start.rendering.secrets.keys() {
        console.err_line(&format!(
            "{parameter}: kubectl get secret {secret} -n {namespace} -o jsonpath='{{.data.{parameter}}}' | base64 -d"
        ));
    }
    console.err_line(&format!(
        "delete: kubectl session delete {name} -n {namespace}"
    ));
}
