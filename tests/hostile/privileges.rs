//! Manifests and templates that ask for more than a session needs, or render to more than they hold.

use crate::attack::Attack;

pub(crate) fn attacks() -> Vec<Attack> {
    Vec::new()
}
