//! What there is and what is taken: requests of Pods, ResourceQuotas, nodes. LimitRanges change what a Pod requests (`limit_range`), so their
//! defaults are applied first; then `demand` counts.

pub mod demand;
pub mod limit_range;
pub mod quota_scope;
