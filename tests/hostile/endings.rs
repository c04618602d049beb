//! Verbs that end a session or take objects away.

use crate::attack::Attack;

pub(crate) fn attacks() -> Vec<Attack> {
    Vec::new()
}
