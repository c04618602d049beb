//! A session that was made: what is printed of it, the wait until it is ready, and how to go on. The password itself is told
//! nowhere.

use std::time::Duration;

use anyhow::Result;

use crate::report::console::Console;
use crate::report::mutation::Mutations;
use crate::verb::Ground;
use session_client::Write;
use session_model::names::parameters_secret;
use session_ops::Cluster;
use session_ops::settling::{self, Made, made_endpoint};

/// Prints the one line, or the object, that standard output has; `word` says what was done, `created` or `started`.
///
/// # Errors
/// When it cannot be printed.
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

/// Waits `wait` if it was asked to, writes down how the session stands, and tells how to go on.
///
/// # Errors
/// When the session does not get ready: it is kept.
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
        Some(limit) => wait_ready(cluster, &made, limit, write, ground).await?,
        None => made_endpoint(&made, None),
    };
    tell(&made, endpoint, &mut ground.console);
    Ok(())
}

/// As [`settling::ready`], with this terminal's progress and Ctrl-C.
///
/// # Errors
/// When the session does not get ready in time: it is kept.
pub async fn wait_ready(
    cluster: &Cluster,
    made: &Made,
    limit: Duration,
    write: &Write,
    ground: &mut Ground,
) -> Result<Option<String>> {
    let (interrupt, now) = (ground.interrupt.clone(), ground.clock());
    let mut sink = ground.console.progress();
    let mut run = settling::Waiting {
        interrupt: &interrupt,
        sink: &mut sink,
        now: &now,
    };
    settling::ready(cluster, made, limit, write, &mut run).await
}

/// What to do with a session that is ready: all of it on standard error, where no script trips over it.
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
        "enter it: kubectl session connect {name} -n {namespace}"
    ));
    let secret = parameters_secret(name);
    for parameter in made.start.rendering.secrets.keys() {
        console.err_line(&format!(
            "{parameter}: kubectl get secret {secret} -n {namespace} -o jsonpath='{{.data.{parameter}}}' | base64 -d"
        ));
    }
    console.err_line(&format!(
        "delete it: kubectl session delete {name} -n {namespace}"
    ));
}
