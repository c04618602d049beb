//! Data that outlives its session, forged owners and forged snapshots.

use crate::attack::Attack;

pub(crate) fn attacks() -> Vec<Attack> {
    Vec::new()
}
