//! What there is and what is taken: requests of Pods, ResourceQuotas, nodes.

pub mod amount_text;
pub mod container_defaults;
pub mod cost;
pub mod cost_report;
pub mod demand;
pub mod node_pools;
pub mod quota_change;
pub mod quota_key;
pub mod quota_usage;
pub mod session_pods;
pub mod session_totals;
