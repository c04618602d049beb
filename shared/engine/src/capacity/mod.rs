//! What there is and what is taken: requests of Pods, ResourceQuotas, nodes.

pub mod cost;
pub mod cost_report;
pub mod demand;
pub mod node_pools;
pub mod session_pods;
