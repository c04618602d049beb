//! `kubectl session logs`: logs of a session's containers.
//!
//! ```text
//! Args ─► Intent ─► plan: workload, Pods, containers ─► show: each log once, or all logs followed
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod intent;
mod plan;
mod print_logs;

use anyhow::Result;
use session_shared::failure::{Failure, FailureKind};
use session_shared::ops::follow_logs::ContainerSelector;
use session_shared::ops::{Cluster, ObservedSession};
use session_shared::verb::{Environment, Verb};

pub use args::Args;
use intent::{ContainerSelection, Intent};
use plan::{ContainerLog, PodSelection};

/// The verb `logs`.
#[derive(Debug)]
pub struct Logs;

impl Verb for Logs {
    const NAME: &'static str = "logs";
    const ABOUT: &'static str = args::ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let intent = intent::parse_intent(args, &mut environment.console)?;
        let cluster = environment.connect(&intent.connection).await?;
        let namespace = cluster.namespace().to_owned();
        let observed = cluster
            .observe_session(&namespace, intent.session.as_str())
            .await?;
        for impostor in &observed.live.impostors {
            environment.console.note(&impostor.note());
        }
        let chosen = plan::select_pods(&observed, intent.workload.as_ref())?;
        let sources = select_sources(&observed, &chosen, &intent, environment)?;
        let several = intent.containers == ContainerSelection::All || sources.len() > 1;
        let prefixed = intent.prefix.unwrap_or(several);
        if intent.follow {
            return follow_logs(&cluster, observed, chosen, intent, prefixed, environment).await;
        }
        let console = &mut environment.console;
        print_logs::print_existing(
            &cluster,
            &namespace,
            &sources,
            &intent.options,
            prefixed,
            console,
        )
        .await
    }
}

/// Returns the logs of the existing Pods, and prints kubectl's note about a default container.
fn select_sources(
    observed: &ObservedSession,
    chosen: &PodSelection,
    intent: &Intent,
    environment: &mut Environment,
) -> Result<Vec<ContainerLog>> {
    let mut logs = Vec::new();
    for pod in plan::find_pods(observed, chosen, intent.follow)? {
        let (containers, note) = plan::select_containers(pod, chosen, &intent.containers)?;
        // Printed once, because all Pods of a workload have the same containers.
        if let Some(note) = note.filter(|_| logs.is_empty() && !environment.console.is_quiet()) {
            environment.console.print_error_line(&note);
        }
        logs.extend(containers.into_iter().map(|container| ContainerLog {
            pod: plan::pod_name(pod).to_owned(),
            container,
        }));
    }
    Ok(logs)
}

async fn follow_logs(
    cluster: &Cluster,
    observed: ObservedSession,
    chosen: PodSelection,
    intent: Intent,
    prefixed: bool,
    environment: &mut Environment,
) -> Result<()> {
    let containers = intent.containers;
    let choose: ContainerSelector = Box::new(move |pod, workload| {
        if chosen.matches(pod, workload) {
            plan::select_containers(pod, &chosen, &containers).map(|(selected, _)| selected)
        } else {
            Ok(Vec::new())
        }
    });
    let following = cluster.follow_logs(observed, intent.options, environment.now(), choose)?;
    let console = &mut environment.console;
    let printing = print_logs::print_followed(following, prefixed, console);
    let done = intent.connection.within_request_timeout(printing).await?;
    done.ok_or_else(|| {
        let text =
            "context deadline exceeded (Client.Timeout or context cancellation while reading body)";
        Failure::client_side(FailureKind::Unreachable, text).into()
    })
}
