//! The report: everything that the screen shows, as plain data, and the document that `-o json` prints. It holds times instead of
//! ages; the screen computes ages when it is drawn.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use session_shared::Timestamp;
use session_shared::api::{API_VERSION, Condition, Phase, Session};
use session_shared::objects::cron_schedule::CronSchedule;
use session_shared::ops::ObservedSession;
use session_shared::ops::observed_session::Part;

use crate::commands::{self, MethodReport, NextStep};
use crate::data::{self, DataReport};
use crate::diagnosis::{self, DiagnosisReport};
use crate::events::{self, EventReport};
use crate::head::{self, ReportHead};
use crate::network::{self, NetworkReport};
use crate::observe::{Observed, References};
use crate::workloads::{self, WorkloadReport};

/// Kind of the document.
const REPORT_KIND: &str = "SessionReport";

/// A report on one session.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) metadata: ReportMetadata,
    #[serde(flatten)]
    pub(crate) head: ReportHead,
    /// Reason why the phase is the recorded one; `None` for one that was observed.
    #[serde(skip)]
    pub(crate) unobserved: Option<String>,
    pub(crate) diagnosis: Vec<DiagnosisReport>,
    pub(crate) workloads: Vec<WorkloadReport>,
    pub(crate) network: Vec<NetworkReport>,
    pub(crate) data: DataReport,
    /// Schedules that stop and start the session.
    pub(crate) schedules: Vec<CronSchedule>,
    pub(crate) connect: Vec<MethodReport>,
    pub(crate) conditions: Vec<Condition>,
    /// Latest events, oldest first.
    pub(crate) events: Vec<EventReport>,
    pub(crate) next: Vec<NextStep>,
    /// Reasons why parts are unknown, by name of the part.
    pub(crate) unknown: BTreeMap<&'static str, String>,
    /// Session as the server returned it, including unknown fields.
    pub(crate) session: Value,
}

/// Name and namespace of the session.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportMetadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl Report {
    /// Computes the report. `now` decides if the session has expired.
    pub(crate) fn from_observed(observed: &Observed, now: Timestamp) -> Self {
        let ObservedSession { session, live, .. } = &observed.session;
        let References {
            network,
            schedule,
            stop_start,
            usage,
            ..
        } = &observed.references;
        let events = observed.events.as_deref().unwrap_or_default();
        let usage = usage.as_deref().unwrap_or_default();
        let mut head = head::report_head(observed, now);
        let workloads = workloads::workload_reports(session, live, usage);
        let diagnosis = diagnosis::diagnosis_reports(observed, &mut head);
        let explained = diagnosis::explained_state(observed);
        let schedule = schedule.clone().unwrap_or_default();
        let data = data::data_report(session, live, schedule, usage);
        Self {
            api_version: API_VERSION,
            kind: REPORT_KIND,
            metadata: report_metadata(session),
            network: network::network_report(network, live, session),
            schedules: stop_start.clone().unwrap_or_default(),
            connect: commands::connect_methods(session),
            conditions: corrected_conditions(session, &head),
            events: events::latest_events(events, session, live, &data),
            next: commands::next_steps(session, live, &head, &explained, &diagnosis),
            unobserved: observed.session.unread_workload().map(str::to_owned),
            unknown: unknown_parts(observed),
            session: observed.session.object.clone(),
            head,
            diagnosis,
            workloads,
            data,
        }
    }

    /// Returns the reason why a part is unknown; `None` where it is known.
    pub(crate) fn unknown_reason(&self, part: &str) -> Option<&str> {
        self.unknown.get(part).map(String::as_str)
    }
}

fn report_metadata(session: &Session) -> ReportMetadata {
    ReportMetadata {
        name: session.name().to_owned(),
        namespace: session.namespace().to_owned(),
    }
}

/// Returns the reasons why parts are unknown, by name of the part.
fn unknown_parts(observed: &Observed) -> BTreeMap<&'static str, String> {
    let Observed {
        session,
        events,
        references,
        ..
    } = observed;
    let workloads = session.unreadable(Part::Pods);
    let workloads = workloads.or(session.unreadable(Part::Owners));
    let parts = [
        ("claims", session.unreadable(Part::Claims)),
        ("events", events.as_ref().err().map(String::as_str)),
        ("network", references.unread_network.as_deref()),
        (
            "parametersSecret",
            session.unreadable(Part::ParametersSecret),
        ),
        (
            "schedule",
            references.schedule.as_ref().err().map(String::as_str),
        ),
        (
            "schedules",
            references.stop_start.as_ref().err().map(String::as_str),
        ),
        ("snapshots", session.unreadable(Part::Snapshots)),
        (
            "template",
            references.template.as_ref().err().map(String::as_str),
        ),
        ("usage", references.usage.as_ref().err().map(String::as_str)),
        ("workloads", workloads),
    ];
    parts
        .into_iter()
        .filter_map(|(part, why)| Some((part, why?.to_owned())))
        .collect()
}

/// Returns the recorded conditions, with Ready corrected to the observed phase: without a controller nobody updates it.
fn corrected_conditions(session: &Session, head: &ReportHead) -> Vec<Condition> {
    let mut conditions = session.conditions().to_vec();
    let is_ready = if head.phase == Phase::Running {
        "True"
    } else {
        "False"
    };
    if let Some(ready) = conditions
        .iter_mut()
        .find(|condition| condition.r#type == "Ready")
        && ready.status != is_ready
    {
        ready.status = is_ready.into();
        ready.reason.clone_from(&head.reason);
        ready.message.clear();
        ready.last_transition_time = head.since.clone().unwrap_or_default();
    }
    conditions
}
