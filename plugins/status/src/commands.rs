//! Commands to copy: the connection methods of a session, and the suggested next steps.

use serde::Serialize;
use session_shared::api::{ConnectMethod, Phase, Session};
use session_shared::encode::shell;

use crate::data::DataReport;
use crate::diagnosis::DiagnosisReport;
use crate::head::ReportHead;
use crate::workloads::WorkloadReport;

/// A connection method with its command.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodReport {
    pub(crate) name: String,
    /// True for the method used without --method.
    pub(crate) default: bool,
    /// Type: exec, http or ssh.
    pub(crate) r#type: &'static str,
    pub(crate) command: String,
}

/// A suggested next command.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NextStep {
    pub(crate) what: &'static str,
    pub(crate) command: String,
}

/// Returns the connection methods of the last start.
pub(crate) fn connect_methods(session: &Session) -> Vec<MethodReport> {
    let applied = session.applied();
    let methods = applied
        .into_iter()
        .flat_map(|applied| &applied.connect)
        .enumerate();
    methods
        .map(|(at, method)| method_report(session, method, at == 0))
        .collect()
}

fn method_report(session: &Session, method: &ConnectMethod, default: bool) -> MethodReport {
    let (r#type, flag) = match (&method.http, &method.ssh) {
        (Some(_), _) => ("http", " --open"),
        (None, Some(_)) => ("ssh", " --ssh"),
        (None, None) => ("exec", ""),
    };
    let chosen = if default {
        String::new()
    } else {
        format!(" --method {}", shell::quote_word(&method.name))
    };
    MethodReport {
        name: method.name.clone(),
        default,
        r#type,
        command: format!("{}{chosen}{flag}", session_command(session, "connect")),
    }
}

fn session_command(session: &Session, verb: &str) -> String {
    let name = session.name();
    let namespace = session.namespace();
    shell::quote_command(&["kubectl", "session", verb, name, "-n", namespace])
}

/// Returns the suggested next steps for the session's phase.
pub(crate) fn next_steps(
    session: &Session,
    head: &ReportHead,
    diagnosis: &[DiagnosisReport],
    workloads: &[WorkloadReport],
    data: &DataReport,
) -> Vec<NextStep> {
    let step = |what, command| NextStep { what, command };
    let delete = || {
        let what = if data.claims.is_empty() {
            "delete the session"
        } else {
            "delete the session and keep its claims"
        };
        step(what, session_command(session, "delete"))
    };
    let again = workloads
        .iter()
        .flat_map(|workload| &workload.pods)
        .flat_map(|pod| &pod.containers);
    let restarted = again
        .into_iter()
        .any(|container| container.restarts > 0 && !container.ready);
    // The default container has no log while an init container fails.
    let mut pods = workloads.iter().flat_map(|workload| &workload.pods);
    let failed_init = pods.find_map(|pod| {
        let mut init = pod.containers.iter().filter(|one| one.init);
        init.find(|one| one.exit_code.is_some_and(|code| code != 0))
    });
    let logs = || match (failed_init, restarted) {
        (Some(failed), _) => {
            let container = shell::quote_word(&failed.name);
            step(
                "show the logs of the failed init container",
                format!("{} -c {container}", session_command(session, "logs")),
            )
        }
        (None, true) => step(
            "show the logs of the previous run",
            format!("{} --previous", session_command(session, "logs")),
        ),
        (None, false) => step("show the logs", session_command(session, "logs")),
    };
    match head.phase {
        _ if head.expired && head.phase != Phase::Stopped => vec![delete()],
        Phase::Running if diagnosis.is_empty() => Vec::new(),
        Phase::Pending => vec![step(
            "watch the session start",
            format!("{} -w", session_command(session, "status")),
        )],
        Phase::Running | Phase::Failed if has_run_container(workloads) => vec![logs(), delete()],
        Phase::Stopped => vec![
            step("start the session", session_command(session, "start")),
            delete(),
        ],
        Phase::Running | Phase::Failed => vec![delete()],
        Phase::Terminating => vec![step(
            "watch the deletion",
            format!("{} -w", session_command(session, "status")),
        )],
    }
}

/// Returns true if a container has ever run, so that logs exist.
fn has_run_container(workloads: &[WorkloadReport]) -> bool {
    let containers = workloads
        .iter()
        .flat_map(|workload| &workload.pods)
        .flat_map(|pod| &pod.containers);
    containers
        .into_iter()
        .any(|container| container.state != "waiting" || container.restarts > 0)
}
