//! Record of a session's runs in its status: when each began and ended, and what it requested.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::int_or_string::IntOrString;

/// Runs of a session, as its starts and stops recorded them. Bounded: old runs are summed in `earlier`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionUsage {
    /// Run that has not ended; absent while the session is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Run>,
    /// Ended runs, oldest first. A resize in place ends a run and begins the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub runs: Vec<Run>,
    /// Sum of the runs before those in `runs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<EarlierRuns>,
}

/// One run of a session: the time for which its workload existed with these requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// RFC 3339 time at which the workload was created.
    #[schemars(length(max = 64))]
    pub start_time: String,
    /// RFC 3339 time at which the workload was removed or ended by itself; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub end_time: Option<String>,
    /// If true, the Pods vanished at an unknown time: endTime is the last time at which the session was known to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_unknown: Option<bool>,
    /// CPU that all Pods request, in cores or millicores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<IntOrString>,
    /// Memory that all Pods request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<IntOrString>,
    /// GPUs that all Pods request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<IntOrString>,
    /// Storage that the session's claims request. It is taken until the next run begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<IntOrString>,
}

/// Sum of a session's oldest runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlierRuns {
    /// RFC 3339 time at which the first of these runs began.
    #[schemars(length(max = 64))]
    pub since: String,
    /// RFC 3339 time until which they are summed: the start of the next run.
    #[schemars(length(max = 64))]
    pub until: String,
    /// Number of these runs.
    pub runs: i64,
    /// Seconds for which the session ran.
    pub running_seconds: i64,
    /// Requested CPU times seconds, in millicore-seconds.
    #[serde(default)]
    pub cpu_millicore_seconds: i64,
    /// Requested memory times seconds, in MiB-seconds.
    #[serde(default)]
    pub memory_mebibyte_seconds: i64,
    /// Requested GPUs times seconds.
    #[serde(default)]
    pub gpu_seconds: i64,
    /// Requested storage times seconds, in MiB-seconds.
    #[serde(default)]
    pub storage_mebibyte_seconds: i64,
}
