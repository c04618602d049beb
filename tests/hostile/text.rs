//! Text that the suite writes for other programs, or shows on a terminal.

use crate::attack::Attack;

pub(crate) fn attacks() -> Vec<Attack> {
    Vec::new()
}
