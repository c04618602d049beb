//! Head of a report: owner, template, phase and lifetime.

use serde::Serialize;
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::api::{DataPolicy, OnExpiry, Phase, Session};
use session_shared::objects::Untyped;
use session_shared::objects::endpoint::session_endpoint;
use session_shared::ops::ObservedSession;
use session_shared::reconcile::{current_phase, is_expired, phase_since};

use crate::observe::{Observed, PartResult};

/// The first lines of a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportHead {
    pub(crate) owner: String,
    /// Template; `None` for a session with a manifest.
    pub(crate) template: Option<TemplateSummary>,
    pub(crate) phase: Phase,
    /// Reason of the phase, for programs.
    pub(crate) reason: String,
    /// Reason of the phase, one line for the user.
    pub(crate) message: String,
    /// Time since which the session is in this phase, RFC 3339.
    pub(crate) since: Option<String>,
    pub(crate) created: Option<String>,
    /// Time of the last start, RFC 3339.
    pub(crate) started: Option<String>,
    /// Expiry time, RFC 3339; `None` for never.
    pub(crate) expires_at: Option<String>,
    pub(crate) expired: bool,
    /// Time until which scheduled stops wait, RFC 3339; `None` if the session has not been extended past `now`.
    pub(crate) extended_until: Option<String>,
    /// Action on expiry.
    pub(crate) on_expiry: Option<OnExpiry>,
    pub(crate) endpoint: Option<String>,
    pub(crate) data_policy: Option<DataPolicy>,
}

/// The template of a session.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateSummary {
    pub(crate) name: String,
    pub(crate) preset: Option<String>,
    pub(crate) application: Option<String>,
    /// Comparison of the template with the one of the last start.
    pub(crate) state: TemplateState,
}

/// State of a template compared with the one of the last start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TemplateState {
    Unchanged,
    Changed,
    Gone,
    Unknown,
}

/// Computes the head of a report.
pub(crate) fn report_head(observed: &Observed, now: Timestamp) -> ReportHead {
    let ObservedSession {
        session,
        live,
        state,
        ..
    } = &observed.session;
    let references = &observed.references;
    let status = session.status.clone().unwrap_or_default();
    let mut stands = current_phase(session, state);
    let is_unknown = observed.session.unread_workload().is_some();
    if is_unknown && !session.is_being_deleted() {
        stands.phase = status.phase.unwrap_or(Phase::Pending);
        stands.reason = String::new();
        stands.message = String::new();
    }
    let address = live
        .pods
        .iter()
        .find_map(|pod| pod.status.as_ref()?.host_ip.clone());
    ReportHead {
        owner: session.owner().to_owned(),
        template: template_summary(session, &references.template),
        since: phase_since(session, live, state, stands.phase).map(|since| since.to_string()),
        phase: stands.phase,
        reason: stands.reason,
        message: stands.message,
        created: session
            .metadata
            .creation_timestamp
            .as_ref()
            .map(|time| time.0.to_string()),
        started: status.start_time.clone(),
        expired: is_expired(session, now),
        extended_until: extension_end(session, now),
        on_expiry: status.expires_at.as_ref().map(|_| {
            let applied = status.applied.as_ref();
            applied
                .and_then(|applied| applied.on_expiry)
                .unwrap_or_default()
        }),
        expires_at: status.expires_at,
        endpoint: session_endpoint(&references.network, address.as_deref()).or(status.endpoint),
        data_policy: status.data_policy.or(session.spec.data_policy),
    }
}

fn extension_end(session: &Session, now: Timestamp) -> Option<String> {
    let until = session.extended_until().filter(|until| *until > now);
    until.map(|until| until.to_string())
}

fn template_summary(
    session: &Session,
    template: &PartResult<Option<Value>>,
) -> Option<TemplateSummary> {
    let spec = &session.spec;
    let status = session.status.as_ref();
    let made_from = status.and_then(|status| status.template.as_deref());
    let name = made_from.or(spec.template_name())?;
    Some(TemplateSummary {
        name: name.to_owned(),
        preset: spec.preset.clone(),
        application: spec
            .application
            .clone()
            .filter(|application| application != name),
        state: match template {
            Ok(Some(now)) => template_state(session, now),
            Ok(None) if made_from.is_some() => TemplateState::Gone,
            Ok(None) | Err(_) => TemplateState::Unknown,
        },
    })
}

fn template_state(session: &Session, now: &Value) -> TemplateState {
    let Some(applied) = session.applied() else {
        return TemplateState::Unknown;
    };
    let same = applied.template_uid.is_some()
        && applied.template_uid.as_deref() == Untyped(now).uid()
        && applied.template_generation == now["metadata"]["generation"].as_i64();
    if same {
        TemplateState::Unchanged
    } else {
        TemplateState::Changed
    }
}
