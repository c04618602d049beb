//! Copies a container's files out to an archive.

use std::io::Write;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::archive_file::compress_checked;
use super::source_directories::SourceDirectories;
use super::tarball::ArchiveContents;
use super::transfer::{MAX_QUEUED_CHUNKS, run_with_limit, verify_checksum};
use crate::Cluster;
use crate::quiesce_hooks::QuiesceHooks;
use session_client::ContainerRef;
use session_client::container_files::ScriptPid;
use session_client::interrupt::Interrupt;
use session_model::failure::HintExt;
use session_model::progress::ProgressSink;

/// A copy of a container's files out to an archive.
#[derive(Clone, Copy)]
pub struct ContainerExport<'a> {
    /// The cluster of the container.
    pub cluster: &'a Cluster,
    /// The container.
    pub container: &'a ContainerRef,
    /// The directories to copy.
    pub directories: &'a SourceDirectories,
    /// Time limit; zero means none.
    pub limit: Duration,
    /// Interrupt that ends the copy.
    pub interrupt: &'a Interrupt,
}

/// Failure of an export, by the side it happened on.
#[derive(Debug)]
pub enum ExportError {
    /// The container, the cluster, a hook, or an interrupt.
    Remote(anyhow::Error),
    /// This machine: the writer failed, or the files could not be restored from the archive.
    Local(anyhow::Error),
}

impl ContainerExport<'_> {
    /// Returns the absolute path of the directory that the copied paths are relative to. Nothing is copied yet.
    ///
    /// # Errors
    /// A container without the programs that copy files; a directory that does not exist.
    pub async fn find_directory(&self) -> Result<String> {
        let (container, base) = (self.container, &self.directories.base);
        let inspected = self.cluster.inspect_directory(container, base);
        Ok(self.interrupt.race(inspected).await?.path)
    }

    /// Copies the directories to `writer`, between the hooks. Returns what was copied and the writer, to which the caller
    /// writes the footer.
    ///
    /// # Errors
    /// An [`ExportError`]: an incomplete transfer, a failed hook, the time limit, an interrupt, a failed write.
    pub async fn copy<W: Write + Send + 'static>(
        &self,
        directory: &str,
        writer: W,
        hooks: &QuiesceHooks,
        sink: &mut dyn ProgressSink,
    ) -> Result<(ArchiveContents, W), ExportError> {
        let (cluster, container) = (self.cluster, self.container);
        let (send, receive) = mpsc::channel(MAX_QUEUED_CHUNKS);
        let compressing = spawn_blocking(move || compress_checked(receive, writer));
        let (script, paths) = (ScriptPid::default(), &self.directories.paths);
        let packing = cluster.pack_tar(container, directory, paths, send, &script, sink);
        let packing = run_with_limit(self.limit, self.interrupt, packing);
        let packed = hooks.run_around(cluster, self.interrupt, packing).await;
        if !matches!(packed, Ok(Some(_))) {
            cluster.kill_script(container, &script).await;
        }
        // The sender is dropped by now, so the thread ends.
        let compressed = compressing.await;
        let compressed = compressed.map_err(|error| ExportError::Remote(error.into()))?;
        let Some(checksum) = packed.map_err(ExportError::Remote)? else {
            let error = compressed.err();
            let error = error.unwrap_or_else(|| anyhow!("the output was closed"));
            return Err(ExportError::Local(error));
        };
        let (contents, writer) = compressed.map_err(ExportError::Local)?;
        verify_checksum(&checksum, &contents.sha256, container)
            .with_hint("run the command again")
            .map_err(ExportError::Remote)?;
        Ok((contents, writer))
    }
}
