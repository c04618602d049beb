//! Copies an archive's files into a container.

use std::cell::Cell;
use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::archive_file::{CheckedArchive, send_plain};
use super::tarball::file_count;
use super::transfer::{MAX_QUEUED_CHUNKS, run_with_limit, verify_checksum};
use crate::Cluster;
use crate::ObservedSession;
use crate::quiesce_hooks::QuiesceHooks;
use session_client::ContainerRef;
use session_client::container_directory::ContainerDirectory;
use session_client::interrupt::Interrupt;
use session_model::failure::with_hint;
use session_model::objects::storage_limit::storage_limit;
use session_model::progress::ProgressSink;
use session_model::quantity::describe_bytes;

/// A copy of a checked archive's files into a container.
#[derive(Clone, Copy)]
pub struct ContainerImport<'a> {
    /// The cluster of the container.
    pub cluster: &'a Cluster,
    /// The container.
    pub container: &'a ContainerRef,
    /// The directory to unpack in.
    pub directory: &'a ContainerDirectory,
    /// The archive.
    pub archive: &'a CheckedArchive,
    /// Time limit; zero means none.
    pub limit: Duration,
    /// Interrupt that ends the copy.
    pub interrupt: &'a Interrupt,
}

/// Result of comparing an archive's files with the room below a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpaceCheck {
    /// They fit.
    Enough,
    /// The container cannot tell.
    Unknown,
    /// They do not fit, with the amounts: `5Gi needed, 1Gi free`.
    Short(String),
}

impl ContainerImport<'_> {
    /// Checks free space and inodes: a Pod that exceeds its storage limit is evicted, and its data outside claims is lost.
    pub async fn check_space(&self, observed: &ObservedSession) -> SpaceCheck {
        let (container, contents) = (self.container, &self.archive.contents);
        let Some(space) = &self.directory.free_space else {
            return SpaceCheck::Unknown;
        };
        let mut pods = observed.live.own_pods(observed.uid());
        let pod = pods.find(|pod| pod.metadata.name.as_ref() == Some(&container.pod));
        let limit =
            pod.and_then(|pod| storage_limit(pod, &container.container, &space.mount_point));
        let mut free = space.bytes;
        if let Some(limit) = limit {
            // The usage of a container's writable layer cannot be told apart from the image.
            let used = match space.mount_point.as_str() {
                "/" => None,
                mount => self.cluster.get_directory_size(container, mount).await,
            };
            free = free.min(limit.saturating_sub(used.unwrap_or_default()));
        }
        match space.inodes {
            Some(inodes) if contents.entries > inodes => {
                let files = file_count(contents.entries);
                SpaceCheck::Short(format!("{files} to create, {inodes} inodes free"))
            }
            _ if contents.unpacked_bytes > free => {
                let unpacked = describe_bytes(contents.unpacked_bytes);
                SpaceCheck::Short(format!("{unpacked} needed, {} free", describe_bytes(free)))
            }
            _ => SpaceCheck::Enough,
        }
    }

    /// Unpacks the files between the hooks. `file` is the archive that was checked; `failure` is what an error of it
    /// begins with: `cannot restore file "dev.tar.gz"`.
    ///
    /// # Errors
    /// An archive that has changed; an incomplete transfer; a failed hook; the time limit; an interrupt.
    pub async fn copy(
        &self,
        file: File,
        failure: &str,
        hooks: &QuiesceHooks,
        sink: &mut dyn ProgressSink,
    ) -> Result<()> {
        let (cluster, container, path) = (self.cluster, self.container, &self.directory.path);
        let (send, mut receive) = mpsc::channel(MAX_QUEUED_CHUNKS);
        let (contents, length) = (self.archive.contents.clone(), self.archive.plain_bytes);
        let reading = spawn_blocking(move || send_plain(BufReader::new(file), &contents, &send));
        let has_begun = Cell::new(false);
        let unpacked = {
            // Dropped at the end of the block, so that the thread finds its end of the stream closed.
            let unpacking = async {
                has_begun.set(true);
                let unpacked = cluster.unpack_tar(container, path, length, &mut receive, sink);
                let unpacked = unpacked.await;
                drop(receive);
                unpacked
            };
            let unpacking = run_with_limit(self.limit, self.interrupt, unpacking);
            hooks.run_around(cluster, self.interrupt, unpacking).await
        };
        let sent = reading.await?.with_context(|| failure.to_owned());
        let done = match (unpacked, sent) {
            (Ok(checksum), Ok(Some(sent))) => verify_checksum(&checksum, &sent, container),
            (_, Err(error)) | (Err(error), _) => Err(error),
            (Ok(_), Ok(None)) => Err(anyhow!(
                "{failure}: the container stopped reading before the end"
            )),
        };
        done.map_err(|error| match has_begun.get() {
            true => self.with_incomplete_hint(error),
            false => error,
        })
    }

    fn with_incomplete_hint(&self, error: anyhow::Error) -> anyhow::Error {
        let left = format!(
            "run the command again: only some of the files below {:?} in container {:?} may have been replaced",
            self.directory.path, self.container.container
        );
        with_hint(error, left)
    }
}
