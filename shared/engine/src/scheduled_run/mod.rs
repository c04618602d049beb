//! Schedules: CronJobs that run this program, with an account of their own that may do no more than they need. Pure.
//!
//! ```text
//! ScheduledRun ─► render ─► wanted objects ─┐
//!                           ObservedParts ──┴─► plan_changes ─► SchedulePlan
//! ```

mod image;
mod objects;
mod parts;
mod permissions;
mod plan;

pub use image::{existing_image, existing_time_zone, is_proven};
pub use objects::{
    CronRun, DEFAULT_IMAGE, MountedFile, ScheduleOwner, ScheduledRun, selection_ownership,
};
pub use parts::{ObservedPart, ObservedState, SchedulePart};
pub use permissions::{creation_rules, rule};
pub use plan::{SchedulePlan, plan_changes, plan_removal};
