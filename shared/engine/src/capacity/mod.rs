//! What there is and what is taken: requests of Pods, ResourceQuotas, nodes.

pub mod amount_text;
pub mod container_defaults;
pub mod demand;
pub mod quota_change;
pub mod quota_key;
pub mod quota_usage;
pub mod session_totals;
