//! Why it is not as it should be, and what to do: the causes that the diagnosis finds, of every workload.

use serde::Serialize;
use session_shared::api::{Phase, Session};
use session_shared::diagnosis::{Cause, EventNote, Finding, Verdict, inspect, inspect_missing};
use session_shared::reconcile::{Live, Seen};

use crate::head::Head;

/// One cause.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Diagnosis {
    /// What it is about, `pod/x`.
    pub(crate) object: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    /// Raw facts, a line each.
    pub(crate) evidence: Vec<String>,
    pub(crate) remedy: Option<String>,
}

/// All causes, that of the primary workload first.
pub(crate) fn of(
    session: &Session,
    live: &Live,
    seen: &Seen,
    head: &Head,
    notes: &[EventNote],
) -> Vec<Diagnosis> {
    let mut found: Vec<Diagnosis> = Vec::new();
    if let (Seen::Lost, Phase::Failed) = (seen, head.phase) {
        found.push(Diagnosis {
            object: about(session),
            reason: head.reason.clone(),
            message: head.message.clone(),
            evidence: Vec::new(),
            remedy: Some(
                "delete the session and create it again: its claims are kept and taken up".into(),
            ),
        });
    }
    let uid = session.metadata.uid.as_deref().unwrap_or_default();
    let pods = live.own_pods(uid).map(|pod| inspect(pod, notes));
    let has_pods = |name: &str, kind: &str| {
        let mut owners = live
            .own_pods(uid)
            .filter_map(|pod| live.workload_of(pod, uid));
        owners.any(|owner| owner.kind == kind && owner.name == name)
    };
    let workloads = live.workloads(uid);
    let bare = live.owners.iter().filter(|object| {
        workloads
            .iter()
            .any(|w| object["metadata"]["uid"] == w.uid.as_str() && !has_pods(&w.name, &w.kind))
    });
    let missing = bare.map(|object| inspect_missing(object, notes));
    for finding in pods.chain(missing) {
        if let Some(cause) = cause(&finding) {
            found.push(of_cause(finding.object, cause));
        }
    }
    if let Seen::Hopeless(first) = seen {
        // The sort is stable: everything else stays in its order.
        found.sort_by_key(|diagnosis| diagnosis.message != first.message);
    }
    found
}

/// What a diagnosis shows of a cause.
fn of_cause(object: String, cause: Cause) -> Diagnosis {
    Diagnosis {
        object,
        reason: cause.reason,
        message: cause.message,
        evidence: cause.evidence,
        remedy: cause.remedy,
    }
}

/// A cause that still lets it come up counts as well; an end as it should be has none.
fn cause(finding: &Finding) -> Option<Cause> {
    match (&finding.verdict, finding.cause()) {
        (Verdict::Ready | Verdict::Ended { code: 0, .. }, _) => None,
        (_, Some(cause)) => Some(cause.clone()),
        (Verdict::Ended { reason, .. }, None) => Some(Cause {
            reason: reason.clone(),
            message: finding.detail.clone(),
            evidence: Vec::new(),
            remedy: Some("see the logs of the container".into()),
        }),
        (_, None) => None,
    }
}

fn about(session: &Session) -> String {
    format!(
        "session/{}",
        session.metadata.name.as_deref().unwrap_or_default()
    )
}
