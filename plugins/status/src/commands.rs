//! Commands to copy: the connection methods of a session, and the suggested next steps.

use serde::Serialize;
use session_shared::api::{ConnectMethod, Phase, Session};
use session_shared::diagnosis::{Remedy, RemedyFacts, find_remedies};
use session_shared::encode::shell;
use session_shared::reconcile::{LiveObjects, WorkloadState};

use crate::diagnosis::DiagnosisReport;
use crate::head::ReportHead;

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

/// Returns the suggested next steps: the remedies of a session that does not run well. `state` has the explained causes.
pub(crate) fn next_steps(
    session: &Session,
    live: &LiveObjects,
    head: &ReportHead,
    state: &WorkloadState,
    diagnosis: &[DiagnosisReport],
) -> Vec<NextStep> {
    if head.phase == Phase::Running && diagnosis.is_empty() && !head.expired {
        return Vec::new();
    }
    let facts = RemedyFacts {
        is_expired: head.expired,
        ..RemedyFacts::new(session, live, state)
    };
    let remedies = find_remedies(head.phase, state, &facts);
    let step = |remedy: Remedy| NextStep {
        what: remedy.what,
        command: remedy.command(session.name(), session.namespace()),
    };
    remedies.into_iter().map(step).collect()
}
