//! Transfer of a tar stream between a container and this machine: time limit and checksum comparison.

use std::time::Duration;

use anyhow::{Result, anyhow};
use session_client::ContainerRef;
use session_client::container_files::TransferChecksum;
use session_client::interrupt::Interrupt;
use session_model::failure::{Failure, FailureKind};

/// Capacity, in chunks, of the channel between the network and the disk.
pub(super) const MAX_QUEUED_CHUNKS: usize = 32;

/// Runs `work` until it ends, `limit` has passed (zero means no limit) or the user interrupts.
///
/// # Errors
/// The errors of `work`; `TimedOut`; `Interrupted`.
pub(super) async fn run_with_limit<T>(
    limit: Duration,
    interrupt: &Interrupt,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let limited = async {
        if limit.is_zero() {
            return work.await;
        }
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let message = format!("timed out after {limit:?} while copying files");
            Err(Failure::client_side(FailureKind::TimedOut, message).into())
        })
    };
    interrupt.race(limited).await
}

/// Checks that the container saw the same bytes as this machine.
///
/// # Errors
/// The SHA-256 checksums differ.
pub(super) fn verify_checksum(
    checksum: &TransferChecksum,
    ours: &str,
    container: &ContainerRef,
) -> Result<()> {
    if checksum.sha256 == ours {
        return Ok(());
    }
    Err(anyhow!(
        "copied files were changed in transit: container {:?} of pod {:?} reports checksum {:?}, this machine {ours:?}",
        container.container,
        container.pod,
        checksum.sha256
    ))
}
