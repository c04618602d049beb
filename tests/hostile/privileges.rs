//! Manifests and templates that ask for more than a session needs, or render to more than they hold.
//!
//! ```text
//! stored.rs     what somebody has stored in a Session
//! secrets.rs    passwords in a manifest
//! manifests.rs  files that are not what they seem
//! runs.rs       runs of the program against a fake API
//! ```

mod manifests;
mod runs;
mod secrets;
mod stored;

use crate::attack::Attack;

pub(crate) fn attacks() -> Vec<Attack> {
    [stored::attacks(), secrets::attacks(), manifests::attacks()]
        .into_iter()
        .flatten()
        .collect()
}
