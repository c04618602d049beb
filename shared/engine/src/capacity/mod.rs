//! What there is and what is taken: requests of Pods, ResourceQuotas, nodes.

pub mod container_defaults;
pub mod demand;
pub mod quota_change;
pub mod quota_key;
