//! Prompts, standard streams, files and signals.

use crate::attack::Attack;

pub(crate) fn attacks() -> Vec<Attack> {
    Vec::new()
}
