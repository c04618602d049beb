//! API servers, proxies and credential plugins that answer badly.

mod answers;
mod credentials;
mod raw;
mod streams;

use crate::attack::Attack;

pub(crate) fn attacks() -> Vec<Attack> {
    [
        streams::attacks(),
        answers::attacks(),
        credentials::attacks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
