//! The end of a create or start: prints the result, waits until the session is ready, and prints how to connect. Never prints
//! secret values.

use std::time::Duration;

use anyhow::Result;

use crate::report::console::Console;
use crate::report::mutation::MutationPrinter;
use crate::verb::Environment;
use session_client::WriteOptions;
use session_model::names::parameters_secret_name;
use session_ops::Cluster;
use session_ops::finish_start::{self, ReadySession, Started, started_endpoint};
use session_ops::wait_ready::WaitContext;

/// Prints the result line or the object on standard output, and warnings on standard error. `word` is `created`, `started` or the
/// like.
///
/// # Errors
/// Standard output is closed.
pub fn print_started(
    started: &Started,
    word: &str,
    mutations: &mut MutationPrinter,
    console: &mut Console,
) -> Result<()> {
    for warning in &started.start.rendering.warnings {
        console.warn(warning);
    }
    console.print(&mutations.print_result(&started.object, word)?)
}

/// Waits until the session is ready if `wait` has a timeout, writes the status, and prints how to connect.
///
/// # Errors
/// The session does not become ready; it is kept.
pub async fn finish(
    cluster: &Cluster,
    started: Started,
    wait: Option<Duration>,
    write: &WriteOptions,
    environment: &mut Environment,
) -> Result<()> {
    if write.dry_run {
        return Ok(());
    }
    let endpoint = match wait {
        Some(limit) => {
            let ready = wait_ready(cluster, &started, limit, write, environment).await?;
            ready.endpoint
        }
        None => started_endpoint(&started, None),
    };
    print_next_steps(&started, endpoint, &mut environment.console);
    Ok(())
}

/// Waits as [`finish_start::wait_session_ready`] does, with the progress line and Ctrl-C of the terminal.
///
/// # Errors
/// The session does not become ready; it is kept.
pub async fn wait_ready(
    cluster: &Cluster,
    started: &Started,
    limit: Duration,
    write: &WriteOptions,
    environment: &mut Environment,
) -> Result<ReadySession> {
    let wait = async |context: &mut WaitContext<'_>| {
        finish_start::wait_session_ready(cluster, started, limit, write, context).await
    };
    environment.wait(wait).await
}

/// Prints endpoint, commands to connect and delete, and commands that read the secret parameters, all on standard error, so that
/// scripts are not disturbed.
fn print_next_steps(started: &Started, endpoint: Option<String>, console: &mut Console) {
    if console.is_quiet() {
        return;
    }
    let belonging = &started.start.ownership;
    let (name, namespace) = (belonging.session.as_str(), belonging.namespace.as_str());
    if let Some(endpoint) = endpoint {
        console.print_error_line(&format!("endpoint: {endpoint}"));
    }
    console.print_error_line(&format!(
        "connect: kubectl session connect {name} -n {namespace}"
    ));
    let secret = parameters_secret_name(name);
    for parameter in started.start.rendering.secrets.keys() {
        console.print_error_line(&format!(
            "{parameter}: kubectl get secret {secret} -n {namespace} -o jsonpath='{{.data.{parameter}}}' | base64 -d"
        ));
    }
    console.print_error_line(&format!(
        "delete: kubectl session delete {name} -n {namespace}"
    ));
}
