//! Defaults of `--timeout`.

use std::time::Duration;

/// Default of `--timeout` where a snapshot is taken or restored: a CSI driver that copies the volume takes minutes.
pub(crate) const TAKE_TIMEOUT: Duration = Duration::from_secs(600);
/// Default of `--timeout` where snapshots are deleted, for each: the CSI driver frees the storage before the object is deleted.
pub(crate) const DELETE_TIMEOUT: Duration = Duration::from_secs(300);
