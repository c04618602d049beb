//! State of a Job: its Pods may fail and be replaced, and it has ended only when it completes or has no retry left.

use k8s_openapi::api::batch::v1::JobSpec;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::workload_state::{WorkloadState, decisive_state};
use crate::diagnosis::{Finding, Prognosis};
use session_model::objects::Untyped;
use session_model::objects::conditions::{condition, has_condition};
use session_model::objects::rest_method::is_finished_job;

/// Retries of a Job whose `backoffLimit` is not set: the API server's default.
const DEFAULT_BACKOFF_LIMIT: i32 = 6;

/// Returns the state of a Job by its Pods, none of which makes it ready. The Job itself may have been read before they ended.
pub(super) fn assess_job(
    name: &str,
    job: Option<&Value>,
    mut findings: Vec<(&Pod, Finding)>,
) -> WorkloadState {
    let wanted = job.and_then(job_spec).and_then(|job| job.completions);
    let complete = |finding: &Finding| is_success(&finding.prognosis);
    let completions = findings
        .iter()
        .filter(|(_, finding)| complete(finding))
        .count();
    if i32::try_from(completions).is_ok_and(|count| count >= wanted.unwrap_or(1)) {
        // Failed Pods that were replaced are not how it ended.
        findings.retain(|(_, finding)| complete(finding));
        return decisive_state(findings);
    }
    match job.is_some_and(is_finished_job) || has_failed_for_good(job, &findings) {
        true => decisive_state(findings),
        // The controller replaces a failed Pod, and the others are on their way.
        false => waiting_job(name, findings),
    }
}

/// Returns the spec of a Job.
pub(super) fn job_spec(object: &Value) -> Option<JobSpec> {
    Untyped(object.get("spec")?).read()
}

/// Returns the state of a Job that has ended and whose Pods are gone; `None` for any other object. The exit code is no longer known: a
/// failed Job counts as 1.
pub(super) fn ended_job(job: &Value) -> Option<WorkloadState> {
    if !is_finished_job(job) {
        return None;
    }
    let failure = condition(job, "Failed").filter(|_| has_condition(job, "Failed", "True"));
    let text = |field: &str| Untyped(failure?).str_at(field);
    let (reason, end) = match failure {
        Some(_) => (text("/reason"), text("/message")),
        None => (Some("Completed"), Some("is complete")),
    };
    Some(WorkloadState::Terminated {
        pod: String::new(),
        code: i32::from(failure.is_some()),
        reason: reason.map_or_else(String::new, str::to_owned),
        detail: format!("job {:?} {}", Untyped(job).name(), end.unwrap_or("failed")),
        cause: None,
    })
}

/// Returns true for a Pod that ended with exit code 0.
pub(super) fn is_success(prognosis: &Prognosis) -> bool {
    matches!(prognosis, Prognosis::Ended { code: 0, .. })
}

fn is_failure(finding: &Finding) -> bool {
    matches!(&finding.prognosis, Prognosis::Ended { code, .. } if *code != 0)
}

/// Returns true for a Job that has no retry left, by its failed Pods.
fn has_failed_for_good(object: Option<&Value>, findings: &[(&Pod, Finding)]) -> bool {
    let limit = object.and_then(job_spec).and_then(|job| job.backoff_limit);
    let failed = findings.iter().filter(|(_, finding)| is_failure(finding));
    let failed = i32::try_from(failed.count()).unwrap_or(i32::MAX);
    failed > limit.unwrap_or(DEFAULT_BACKOFF_LIMIT)
}

/// Returns the state of a Job that may still complete: by the Pod that runs now, with the cause of a failed one.
fn waiting_job(name: &str, mut findings: Vec<(&Pod, Finding)>) -> WorkloadState {
    let failed = findings.iter().find(|(_, finding)| is_failure(finding));
    let problem = failed.and_then(|(_, finding)| finding.problem.clone());
    findings.retain(|(_, finding)| !matches!(finding.prognosis, Prognosis::Ended { .. }));
    let mut finding = match findings.into_iter().next() {
        Some((_, finding)) => finding,
        None => Finding {
            stage: session_model::progress::WaitStage::Scheduling,
            object: String::new(),
            detail: String::new(),
            prognosis: Prognosis::Waiting,
            problem: None,
        },
    };
    if let Prognosis::Unrecoverable(cause) = finding.prognosis {
        return WorkloadState::Unrecoverable(cause);
    }
    if finding.prognosis == Prognosis::Ready || finding.object.is_empty() {
        finding.object = format!("job/{name}");
        finding.detail = "not complete yet".to_owned();
    }
    finding.prognosis = Prognosis::Waiting;
    finding.problem = finding.problem.or(problem);
    WorkloadState::NotReady(finding)
}
