//! What there is and what is taken: requests of Pods, ResourceQuotas, nodes, hours of runs.

pub mod amount_text;
pub mod container_defaults;
pub mod cost;
pub mod cost_report;
pub mod demand;
pub mod hours_budget;
pub mod node_pools;
pub mod quota_change;
pub mod quota_key;
pub mod quota_usage;
pub mod run_hours;
pub mod run_record;
pub mod session_pods;
pub mod session_totals;
