//! Plan of a start: what it creates, and in which order.

use super::live_objects::LiveObjects;
use super::rendered_start::RenderedStart;
use super::restart_plan::RestartPlan;
use crate::plan::Plan;
use session_model::api::Session;
use session_model::objects::Untyped;
use session_model::objects::creation_order::group_by_tier;

/// Returns the plan of a start, tier by tier: missing objects are created by POST, objects of an earlier start are applied, and
/// running workloads and data are kept unchanged.
pub(super) fn plan_start(session: &Session, start: &RenderedStart, live: &LiveObjects) -> Plan {
    let mut start = start.clone();
    start.ownership.session_uid = session.uid().map(str::to_owned);
    let (mut plan, mut objects) = (Plan::default(), start.owned_objects());
    let renewal = RestartPlan {
        session,
        start: &start,
        live,
    };
    renewal.wake(&mut objects);
    renewal.keep_minimums(&mut objects);
    renewal.plan_cleanup(&objects, &mut plan);
    plan.push_stage(renewal.unmark_kept());
    let mut claims = renewal.adopt_claims(&objects);
    for tier in group_by_tier(objects) {
        // The ownership of claims that a StatefulSet would find by name is checked before it is created.
        if tier
            .iter()
            .any(|object| Untyped(object).kind() == "StatefulSet")
        {
            plan.push_stage(std::mem::take(&mut claims));
        }
        plan.push_stage(
            tier.into_iter()
                .map(|object| renewal.object_step(object))
                .collect(),
        );
    }
    plan.push_stage(renewal.scale_steps());
    plan
}
