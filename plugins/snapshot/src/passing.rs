//! A stream of files between a container and this machine: how long it may take, and whether both ends saw the same.

use std::time::Duration;

use anyhow::{Result, anyhow};
use session_shared::client::files::Inside;
use session_shared::client::files::Passed;
use session_shared::client::interrupt::Interrupt;
use session_shared::failure::{Failure, Kind};

/// Pieces of the stream that may wait for a disk.
pub(crate) const WAITING: usize = 32;

/// Does `work`, for at most `limit` where that is not zero, until the user has had enough.
///
/// # Errors
/// Those of `work`, TimedOut, Interrupted.
pub(crate) async fn within<T>(
    limit: Duration,
    interrupt: &Interrupt,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let limited = async {
        if limit.is_zero() {
            return work.await;
        }
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let message = format!("timed out after {limit:?} copying files");
            Err(Failure::local(Kind::TimedOut, message).into())
        })
    };
    interrupt.race(limited).await
}

/// # Errors
/// When a container saw another stream than we did.
pub(crate) fn same(passed: &Passed, ours: &str, inside: &Inside) -> Result<()> {
    if passed.sha256 == ours {
        return Ok(());
    }
    Err(anyhow!(
        "the files were changed on their way: container {:?} of pod {:?} says checksum {:?}, and here it is {ours:?}",
        inside.container,
        inside.pod,
        passed.sha256
    ))
}

/// Files as a sentence counts them.
pub(crate) fn counted(files: u64) -> String {
    match files {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    }
}
