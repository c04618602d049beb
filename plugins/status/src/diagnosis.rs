//! Diagnosis section of a report: the causes that the diagnosis finds for every Pod and workload.

use serde::Serialize;
use session_shared::Pod;
use session_shared::api::{Phase, Session};
use session_shared::diagnosis::{
    Cause, Finding, Prognosis, find_service_cause, inspect_missing_pods, inspect_pod,
};
use session_shared::objects::kept_data::is_claim;
use session_shared::objects::metadata::name_of;
use session_shared::objects::resource::SERVICE;
use session_shared::ops::ObservedSession;
use session_shared::reconcile::{WorkloadState, current_phase, is_primary_pod};

use crate::head::ReportHead;
use crate::observe::Observed;
use session_shared::objects::Untyped;

/// Reason of a phase that says no more than the phase.
const NOT_READY: &str = "NotReady";

/// One cause, as the report shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiagnosisReport {
    /// Object as `kind/name` in lower case: `pod/x`.
    pub(crate) object: String,
    pub(crate) reason: String,
    pub(crate) message: String,
    /// Facts behind the message, one line each.
    pub(crate) evidence: Vec<String>,
    pub(crate) remedy: Option<String>,
    /// RFC 3339 time of a cause that is not computed but read from the session's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recorded_at: Option<String>,
}

/// Computes the diagnosis section of a report, the cause of the primary workload first. Causes that have been explained are shown
/// in their explained form.
///
/// The head takes its reason from the first cause where it has none of its own: of a session that is only not ready, or that has lost
/// a Pod which tells why.
pub(crate) fn diagnosis_reports(
    observed: &Observed,
    head: &mut ReportHead,
) -> Vec<DiagnosisReport> {
    let causes = find_all_causes(observed);
    let mut found: Vec<DiagnosisReport> = causes
        .into_iter()
        .map(|(object, cause)| diagnosis_report(object, explained(observed, cause)))
        .collect();
    if observed.session.state == WorkloadState::Lost && head.phase == Phase::Failed {
        put_loss_first(&mut found, observed, head);
    }
    if let Err(why) = &observed.events {
        let line = format!("events: not available ({why})");
        found
            .iter_mut()
            .for_each(|one| one.evidence.push(line.clone()));
    }
    if found.is_empty() {
        found.extend(recorded_report(observed, head));
    }
    // Where the primary workload only waits, the first cause may be of another.
    if let Some(first) = found.first().filter(|_| head.reason == NOT_READY) {
        head.reason.clone_from(&first.reason);
    }
    found
}

/// Puts first why the session has lost its Pod: the cause of the Pod that goes, or else the loss itself.
fn put_loss_first(found: &mut Vec<DiagnosisReport>, observed: &Observed, head: &mut ReportHead) {
    let ObservedSession { session, live, .. } = &observed.session;
    let pods = live
        .own_pods(session.uid())
        .filter(|pod| is_primary_pod(pod));
    let pods: Vec<String> = pods
        .map(|pod| format!("pod/{}", name_of(&pod.metadata)))
        .collect();
    if let Some(at) = found.iter().position(|one| pods.contains(&one.object)) {
        found[..=at].rotate_right(1);
        head.reason.clone_from(&found[0].reason);
        head.message.clone_from(&found[0].message);
        return;
    }
    let remedy = match live.own_data(session).any(is_claim) {
        true => "start the session again; its claims are kept and used again",
        false => "start the session again",
    };
    let loss = DiagnosisReport {
        object: session_ref(session),
        reason: head.reason.clone(),
        message: head.message.clone(),
        evidence: Vec::new(),
        remedy: Some(remedy.into()),
        recorded_at: None,
    };
    found.insert(0, loss);
}

/// Returns the cause in the session's status, for a session that does not run and whose Pods, workloads or events may not be read
/// here.
fn recorded_report(observed: &Observed, head: &ReportHead) -> Option<DiagnosisReport> {
    let is_blind = observed.session.unread_workload().is_some() || observed.events.is_err();
    let may_be_why = matches!(head.phase, Phase::Pending | Phase::Failed);
    let session = &observed.session.session;
    let record = session.diagnosis().filter(|_| is_blind && may_be_why)?;
    let cause = Cause::from_record(record);
    Some(DiagnosisReport {
        recorded_at: Some(record.time.clone()),
        ..diagnosis_report(session_ref(session), cause)
    })
}

/// Returns the causes of Services that lead to none of the session's Pods.
fn find_service_causes(observed: &Observed) -> impl Iterator<Item = (String, Cause)> {
    let live = &observed.session.live;
    let pods: Vec<&Pod> = live.own_pods(observed.session.uid()).collect();
    let network = observed.references.network.iter();
    let services = network.filter(|object| Untyped(object).kind() == SERVICE.kind);
    services.filter_map(move |service| {
        let cause = find_service_cause(&Untyped(service).read()?, &pods, &live.owners)?;
        Some((format!("service/{}", Untyped(service).name()), cause))
    })
}

/// Returns the explained form of a cause; the cause itself if there is none.
fn explained(observed: &Observed, cause: Cause) -> Cause {
    let mut known = observed.explained_causes.iter();
    let finer = known.find(|(before, _)| *before == cause);
    finer.map_or(cause, |(_, finer)| finer.clone())
}

/// Returns the state with the explained form of its cause.
pub(crate) fn explained_state(observed: &Observed) -> WorkloadState {
    let mut state = observed.session.state.clone();
    if let Some(cause) = state.cause_mut() {
        *cause = explained(observed, std::mem::take(cause));
    }
    state
}

/// Returns the causes of a session before they are explained.
pub(crate) fn unexplained_causes(observed: &Observed) -> Vec<Cause> {
    let found = find_all_causes(observed);
    found.into_iter().map(|(_, cause)| cause).collect()
}

/// Returns each cause with its object, those of Services last.
fn find_all_causes(observed: &Observed) -> Vec<(String, Cause)> {
    let ObservedSession { session, state, .. } = &observed.session;
    let mut found = find_causes(&observed.session);
    // Before and after that, Pods are missing that a Service may select.
    if current_phase(session, state).phase == Phase::Running {
        found.extend(find_service_causes(observed));
    }
    found
}

/// Returns each cause with its object.
fn find_causes(session: &ObservedSession) -> Vec<(String, Cause)> {
    let (uid, live, state) = (session.uid(), &session.live, &session.state);
    let pods = live.own_pods(uid).map(|pod| inspect_pod(pod, &live.events));
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
            .any(|w| Untyped(object).has_uid(&w.uid) && !has_pods(&w.name, &w.kind))
    });
    let missing = bare.map(|object| inspect_missing_pods(object, &live.events));
    let all = pods.chain(missing);
    let mut found: Vec<(String, Cause)> = all
        .filter_map(|finding| Some((finding.object.clone(), reportable_cause(&finding)?)))
        .collect();
    if let Some(first) = state.cause() {
        // The sort is stable: everything else stays in its order.
        found.sort_by_key(|(_, cause)| cause.message != first.message);
    }
    found
}

/// Returns the report's form of a cause.
fn diagnosis_report(object: String, cause: Cause) -> DiagnosisReport {
    DiagnosisReport {
        object,
        reason: cause.reason,
        message: cause.message,
        evidence: cause.evidence,
        remedy: cause.remedy,
        recorded_at: None,
    }
}

/// Returns the cause of a finding, including one that may still pass. `None` for a ready Pod and for exit code 0.
fn reportable_cause(finding: &Finding) -> Option<Cause> {
    match &finding.prognosis {
        Prognosis::Ready | Prognosis::Ended { code: 0, .. } => None,
        _ => finding.cause().cloned(),
    }
}

fn session_ref(session: &Session) -> String {
    format!("session/{}", session.name())
}
