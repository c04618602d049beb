//! API servers, proxies and credential plugins that answer badly.

use crate::attack::Attack;

pub(crate) fn attacks() -> Vec<Attack> {
    Vec::new()
}
