//! One reconciler, two drivers: session + rendering + what is there → phase and plan. Pure. The command line drives it for
//! one session until the user has an answer; a controller drives it for all of them, for ever.

mod attribution;
mod container;
mod conventions;
mod ending;
mod foreseen;
mod hook;
mod live;
mod loss;
pub mod record;
mod rendering;
mod renewal;
mod seen;
mod starting;
mod state;
mod vouching;

pub use attribution::Stranger;
pub use container::{containers, default_container};
pub use ending::{Ending, data_policy, ending, kept_since};
pub use foreseen::{ending_accesses, restart_accesses};
pub use hook::HookRun;
pub use live::{Found, Live, is_data_of, is_primary};
pub use loss::{Loss, at_risk, losses, losses_of};
pub use rendering::{Body, Recipe, Rendered, render};
pub use renewal::{claim_conflict, claim_growths, wanted_claims};
pub use seen::{Seen, look};
pub use starting::{Rendering, Start, TemplateIdentity, starting};
pub use state::{Standing, Wanted, expires_at, is_expired, is_start_asked, standing, wanted};
pub use vouching::{is_vouched, vouches};

use jiff::Timestamp;

use crate::diagnosis::EventNote;
use crate::plan::Plan;
use session_model::api::Session;

/// What stands and what is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Where the session stands, before anything is done.
    pub standing: Standing,
    /// What is to be done; empty where there is nothing, or where somebody has to be waited for.
    pub plan: Plan,
}

/// The table of design.md §4. `start` is what a start would make; `None` where the template is gone or no start is asked:
/// what runs goes on running and can be stopped and deleted without it.
pub fn reconcile(
    session: &Session,
    wanted: Wanted,
    start: Option<&Start>,
    live: &Live,
    events: &[EventNote],
    now: Timestamp,
) -> Decision {
    let seen = look(session, live, events);
    let standing = standing(session, wanted, &seen);
    let plan = match (&seen, wanted) {
        // An ended workload is made again only when somebody asks: a shell that was left must not come back by itself. One
        // that comes up although a start is asked was left half made: what runs of it stays.
        (seen, Wanted::Running) => match start {
            Some(start) if is_start_asked(session) || *seen == Seen::Lost => {
                starting(session, start, live)
            }
            _ => Plan::default(),
        },
        (_, Wanted::Stopped) => {
            let skip_sync = state::skips_sync(session);
            ending(session, live, &seen, Ending::Workload { skip_sync }, now)
        }
        (_, Wanted::Gone { skip_sync }) => {
            ending(session, live, &seen, Ending::Everything { skip_sync }, now)
        }
    };
    Decision { standing, plan }
}

#[cfg(test)]
mod tests;
