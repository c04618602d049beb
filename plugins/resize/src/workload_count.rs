//! Numbers of Pods that flags give for workloads: `api=5`.

use anyhow::Result;
use session_shared::failure::usage_error;
use session_shared::reconcile::WorkloadName;

/// Most Pods that a flag may ask for.
const REPLICAS_MAX: i64 = 1000;

/// A number of Pods for a workload, as a flag gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkloadCount {
    pub(crate) workload: WorkloadName,
    pub(crate) count: i64,
}

/// Parses values such as `api=5`.
///
/// # Errors
/// A usage error for another form, or a count that is no positive number.
pub(crate) fn parse_counts(flag: &str, values: &[String]) -> Result<Vec<WorkloadCount>> {
    let parse = |text: &String| {
        let invalid = |why: &str| usage_error(format!("invalid value of --{flag} {text:?}: {why}"));
        let (workload, count) = text
            .split_once('=')
            .ok_or_else(|| invalid("must be WORKLOAD=COUNT, such as api=5"))?;
        let count = count.parse().ok();
        let count = count.filter(|count| (1..=REPLICAS_MAX).contains(count));
        let range = format!("the count must be a number from 1 to {REPLICAS_MAX}");
        Ok(WorkloadCount {
            workload: workload.parse()?,
            count: count.ok_or_else(|| invalid(&range))?,
        })
    };
    values.iter().map(parse).collect()
}
