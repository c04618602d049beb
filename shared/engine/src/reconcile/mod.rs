//! The reconciler: compares a session with its live objects, and returns its phase and the plan that brings them together.
//! Pure: it sends no request and reads no clock. The command line runs it for one session until the user has an answer; a
//! controller runs it for every session again and again.
//!
//! ```text
//! Session, template or manifest ─► render ─► Rendering ─┐
//! ownership, existing objects to use ───────────────────┴► RenderedStart ─┐
//! LiveObjects ─► assess_workload ─► WorkloadState ────────────────────────┤
//! Session, now ────────► target_state ────► TargetState ──────────────────┤
//!                                                                         ▼
//!                                                   reconcile ─► Decision: PhaseReason, Plan
//! ```
//!
//! | workload | target: running | target: stopped | target: deleted |
//! |---|---|---|---|
//! | none | create what is missing if a start is requested (pending), else stopped | nothing to do | data policy, then delete the Session |
//! | not ready | wait: pending, or failed where it cannot recover | remove the workload, without the sync hook | remove, data policy, delete |
//! | ready | running | sync hook, remove the workload | sync hook, remove, data policy, delete |
//! | terminated | stopped (exit code 0) or failed; a newer start request creates it again | stopped or failed, as it ended | remove, data policy, delete |
//! | lost (Pod deleted, evicted, node lost) | failed; a start creates it again | stopped | remove, data policy, delete |
//!
//! The target includes expiry: an expired session is stopped or deleted, by its `onExpiry`.
//!
//! `status_patch` turns the outcome into merge patches of the Session's status. `attribution` and `secret_ownership` decide which
//! objects are the session's own; `run_settings` is the part of a rendering that a session needs while it runs; `data_loss` says
//! what a plan would destroy; `custom_workload` is for primary workloads whose kind is not built in.

mod assess_workload;
mod attribution;
mod custom_workload;
mod data_loss;
mod default_container;
mod hook_run;
mod job_state;
mod live_objects;
mod manifest_settings;
mod other_workloads;
mod owned_claim;
mod phase_reason;
mod phase_since;
mod render;
mod rendered_start;
mod required_access;
mod restart_plan;
mod run_history;
mod run_settings;
mod secret_ownership;
mod start;
pub mod status_patch;
mod target_state;
mod teardown;
mod workload_name;
mod workload_state;

pub use assess_workload::assess_workload;
pub use custom_workload::CustomWorkload;
pub use data_loss::{
    DataLoss, describe_evictions, find_claim_losses, find_data_at_risk, find_losses,
    find_plan_losses,
};
pub use default_container::default_container;
pub use hook_run::HookRun;
pub use live_objects::{Impostor, LiveObjects, NamedObject, is_data_of, is_primary_pod};
pub use manifest_settings::read_manifest_settings;
pub use other_workloads::find_unready_workload;
pub use owned_claim::OwnedClaim;
pub use phase_reason::{PhaseReason, current_phase, decide_phase};
pub use phase_since::phase_since;
pub use render::{ManifestSource, RenderInput, RenderOutput, render};
pub use rendered_start::{RenderedStart, Rendering, TemplateVersion, may_use_existing};
pub use required_access::{restart_accesses, teardown_accesses};
pub use restart_plan::{claim_expansions, expected_claims, find_claim_conflict};
pub use run_history::{
    pods_end, run_amounts, usage_after_settling, usage_after_start, usage_after_stop, vanished_end,
};
pub use secret_ownership::{is_secret_proven, proves_secret};
use start::plan_start;
pub use target_state::{TargetState, expiry_time, is_expired, is_start_requested, target_state};
use teardown::plan_teardown;
pub use teardown::{Teardown, effective_data_policy, is_secret_kept, kept_since_patch};
pub use workload_name::{NamedWorkload, WorkloadName, find_workload};
pub use workload_state::WorkloadState;

use jiff::Timestamp;

use crate::plan::Plan;
use session_model::api::Session;

/// The result of a reconciliation: the phase of a session, and the plan of what to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Phase, reason and message before the plan is carried out.
    pub standing: PhaseReason,
    /// Steps to carry out; empty where nothing is left to do, or where the session can only wait.
    pub plan: Plan,
}

/// Decides by the table in the module documentation. `start` is what a start would create; `None` where no start is requested
/// or the template was deleted. A running workload keeps running without it, and can be stopped and deleted.
pub fn reconcile(
    session: &Session,
    wanted: TargetState,
    start: Option<&RenderedStart>,
    live: &LiveObjects,
    now: Timestamp,
) -> Decision {
    let state = assess_workload(session, live);
    let standing = decide_phase(session, wanted, &state);
    let plan = match (&state, wanted) {
        // A terminated workload is created again only by a new start request: a shell that the user left must not come back by
        // itself. A workload that exists although a start is requested is an unfinished start: what runs of it is kept.
        (state, TargetState::Running) => match start {
            Some(start) if is_start_requested(session) || *state == WorkloadState::Lost => {
                plan_start(session, start, live)
            }
            _ => Plan::default(),
        },
        (_, TargetState::Stopped { skip_sync }) => {
            plan_teardown(session, live, &state, Teardown::Stop { skip_sync }, now)
        }
        (_, TargetState::Deleted { skip_sync }) => {
            plan_teardown(session, live, &state, Teardown::Delete { skip_sync }, now)
        }
    };
    Decision { standing, plan }
}

#[cfg(test)]
mod tests;
