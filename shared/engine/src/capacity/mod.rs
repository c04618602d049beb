//! What there is and what is taken: requests of Pods, ResourceQuotas, nodes, hours of runs. LimitRanges change what a Pod requests
//! (`limit_range`), so their defaults are applied first; then `demand` counts.
//!
//! How many sessions fit, by quota and by nodes, is [`fit::compute_fit`] of a [`fit::FitInput`]; with `limit: Some(1)` it says whether one fits.

pub mod amount_text;
pub mod container_defaults;
pub mod cost;
pub mod cost_estimate;
pub mod cost_report;
pub mod demand;
pub mod fit;
pub mod grouping;
pub mod hours_budget;
pub mod limit_range;
pub mod node_pools;
pub mod node_shortage;
pub mod quota_change;
pub mod quota_key;
pub mod quota_scope;
pub mod quota_usage;
pub mod run_hours;
pub mod run_record;
pub mod session_pods;
pub mod session_totals;
