//! The end of a create or start: prints the result, waits until the session is ready, and prints how to connect. Never prints
//! secret values.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::report::console::Console;
use crate::report::mutation::MutationPrinter;
use crate::verb::Environment;
use session_client::WriteOptions;
use session_model::names::parameters_secret_name;
use session_model::objects::Untyped;
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

/// Waits until the session is ready if `wait` has a timeout, writes the status, and prints how to connect; of several sessions only
/// what differs from one to the other.
///
/// # Errors
/// The session does not become ready; it is kept.
pub async fn finish(
    cluster: &Cluster,
    started: Started,
    wait: Option<Duration>,
    write: &WriteOptions,
    is_only: bool,
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
    print_next_steps(&started, endpoint, is_only, &mut environment.console);
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
fn print_next_steps(
    started: &Started,
    endpoint: Option<String>,
    is_only: bool,
    console: &mut Console,
) {
    if console.is_quiet() {
        return;
    }
    let belonging = &started.start.ownership;
    let (name, namespace) = (belonging.session.as_str(), belonging.namespace.as_str());
    let of_session = match is_only {
        true => String::new(),
        false => format!("session {name:?}: "),
    };
    if let Some(endpoint) = endpoint {
        console.print_error_line(&format!("{of_session}endpoint: {endpoint}"));
    }
    let mut lines = Vec::new();
    if is_only {
        lines.push(format!(
            "connect: kubectl session connect {name} -n {namespace}"
        ));
    }
    let secret = parameters_secret_name(name);
    for (parameter, value) in &started.start.rendering.secrets {
        lines.push(match unused_in(started, value) {
            Some(other) => format!("{of_session}{parameter}: not in use: existing secret {other:?} is used unchanged"),
            None => format!(
                "{of_session}{parameter}: kubectl get secret {secret} -n {namespace} -o jsonpath='{{.data.{parameter}}}' | base64 -d"
            ),
        });
    }
    if is_only {
        lines.push(format!(
            "delete: kubectl session delete {name} -n {namespace}"
        ));
    }
    for line in lines {
        let line = console.with_connection_flags(&line).into_owned();
        console.print_error_line(&line);
    }
}

/// Returns the name of the existing Secret that the session uses instead of its own one, if the value of a secret parameter would
/// stand in that one alone: nothing uses the value then.
fn unused_in(started: &Started, value: &str) -> Option<String> {
    let text = Value::from(value).to_string();
    let text = text.trim_matches('"');
    let mut holders = started.start.rendering.objects.iter();
    let mut holders = holders
        .by_ref()
        .filter(|object| object.to_string().contains(text));
    let first = holders.next()?;
    let is_used = holders.next().is_none() && is_existing(started, first);
    is_used.then(|| Untyped(first).name().to_owned())
}

/// Returns true for a Secret that the user allowed to use as it is, and that was there: it is not the session's.
fn is_existing(started: &Started, secret: &Value) -> bool {
    let reference = format!("secret/{}", Untyped(secret).name());
    let owner = started.start.ownership.session_uid.as_deref();
    let mut objects = started.objects.iter();
    Untyped(secret).kind() == "Secret"
        && started.start.use_existing.contains(&reference)
        && objects.any(|object| {
            Untyped(object).kind() == "Secret"
                && Untyped(object).name() == Untyped(secret).name()
                && Untyped(object).owners().all(|one| Some(one.uid) != owner)
        })
}
