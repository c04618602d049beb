//! `snapshot create --to`: copies files of a session's container to an archive.

use std::io;
use std::time::Duration;

use anyhow::Result;
use session_shared::client::ContainerRef;
use session_shared::client::DryRun;
use session_shared::encode::shell;
use session_shared::failure::usage_error;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::non_empty;
use session_shared::flags::output::ObjectOutputFlags;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::names::SessionName;
use session_shared::ops::Cluster;
use session_shared::ops::ObservedSession;
use session_shared::ops::container_archive::archive_file::ArchiveFooter;
use session_shared::ops::container_archive::source_directories::SourceDirectories;
use session_shared::ops::container_archive::tarball::{ArchiveContents, file_count};
use session_shared::ops::container_archive::{ContainerExport, ExportError, find_container};
use session_shared::ops::quiesce_hooks::{QuiesceHooks, QuiesceMessages};
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::quantity::describe_bytes;
use session_shared::report::console::{Console, OutputClosed};
use session_shared::verb::Environment;

use crate::archive_args::{ExportFlags, ensure_not_root, parse_directory};
use crate::archive_target::ArchiveTarget;
use crate::observe::observe_session;

/// A validated `create --to`.
pub(crate) struct Export {
    pub(crate) session: SessionName,
    pub(crate) files: ExportedFiles,
    pub(crate) skip_hooks: bool,
    pub(crate) trust: TrustFlags,
    pub(crate) mutation: MutationOptions,
    /// Time limit of the copy; zero means none.
    pub(crate) limit: Duration,
}

/// Files to copy, and the archive that they are copied to.
pub(crate) struct ExportedFiles {
    directories: SourceDirectories,
    container: Option<String>,
    /// Value of `--to`.
    to: String,
    target: ArchiveTarget,
}

/// Outcome of a completed export.
struct ExportOutcome {
    container: ContainerRef,
    directory: String,
    contents: ArchiveContents,
    /// Size of the compressed archive in bytes.
    archive_size: u64,
}

/// Copies files of a session's container to an archive.
///
/// # Errors
/// A session that is not running; a failed hook; a container without tar; an incomplete
/// transfer, which leaves no file.
pub(crate) async fn run(
    export: Export,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // reads only
    let cluster = environment
        .connect_trusting(connection, export.trust)
        .await?;
    let observed = observe_session(&cluster, &export.session).await?;
    let container = find_container(&observed, export.files.container.as_deref())?;
    // carries out
    let saved = match export.mutation.dry_run {
        DryRun::None => {
            let hooks = export.quiesce_hooks(&observed);
            let saved = export.apply(&cluster, container, &hooks, environment).await;
            Some(saved?)
        }
        DryRun::Client | DryRun::Server => None,
    };
    // prints
    if export.files.target != ArchiveTarget::Stdout {
        let mut mutations = export.mutation.printer();
        let text = mutations.print_result(&observed.object, "saved")?;
        environment.console.print(&text)?;
    }
    if let Some(saved) = saved {
        environment
            .console
            .note(&saved.describe(&export.files.target));
    }
    Ok(())
}

impl ExportedFiles {
    /// Validates the flags of an archive, and checks that it can be written.
    ///
    /// # Errors
    /// `-o` although standard output is the archive; an invalid directory; as [`ArchiveTarget::parse`].
    pub(crate) fn parse(
        flags: ExportFlags,
        output: &ObjectOutputFlags,
        console: &Console,
    ) -> Result<Self> {
        let ExportFlags {
            to,
            paths,
            container,
            overwrite,
        } = flags;
        let to = to.unwrap_or_default();
        if to == "-" && non_empty(&output.output).is_some() {
            return Err(usage_error(
                "-o cannot be given with --to -: standard output is the archive",
            ));
        }
        let directories = paths.iter().map(|path| parse_directory(path));
        Ok(Self {
            directories: SourceDirectories::new(directories.collect::<Result<_>>()?),
            container,
            target: ArchiveTarget::parse(&to, overwrite, console)?,
            to,
        })
    }
}

impl Export {
    fn quiesce_hooks(&self, observed: &ObservedSession) -> QuiesceHooks {
        let (session, namespace) = (observed.name(), observed.namespace());
        let words = QuiesceMessages {
            failure: format!("cannot copy files of session {session:?}"),
            skip_hint: format!(
                "copy the files without the hooks: kubectl session snapshot create {session} -n {namespace} --to {}",
                shell::quote_word(&self.files.to)
            ),
        };
        QuiesceHooks::of_session(observed, self.skip_hooks, words)
    }

    async fn apply(
        &self,
        cluster: &Cluster,
        container: ContainerRef,
        hooks: &QuiesceHooks,
        environment: &mut Environment,
    ) -> Result<ExportOutcome> {
        let _guard = environment.interrupt.guard()?;
        let interrupt = environment.interrupt.clone();
        let copy = ContainerExport {
            cluster,
            container: &container,
            directories: &self.files.directories,
            limit: self.limit,
            interrupt: &interrupt,
        };
        let directory = copy.find_directory().await?;
        if self.files.directories.base.is_empty() {
            ensure_not_root(&directory, &container)?;
        }
        let mut sink = environment.console.progress();
        let (target, writer) = self.files.target.open(&environment.console)?;
        let copied = copy.copy(&directory, writer, hooks, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        let (contents, writer) = match copied {
            Ok(copied) => copied,
            Err(ExportError::Remote(error)) => return Err(error),
            Err(ExportError::Local(error)) => {
                let error = target.output_error().await.unwrap_or(error);
                return Err(self.with_context(error, &container));
            }
        };
        let now = environment.now();
        let footer = ArchiveFooter::new(&self.session, &container, &directory, &contents, now);
        let finished = target.finish(writer, footer.to_gzip_member()?).await;
        Ok(ExportOutcome {
            archive_size: finished.map_err(|error| self.with_context(error, &container))?,
            container,
            directory,
            contents,
        })
    }

    /// Adds context to an error on this machine: a failed write, or an archive that cannot be restored.
    fn with_context(&self, error: anyhow::Error, container: &ContainerRef) -> anyhow::Error {
        if error.is::<OutputClosed>() {
            return error;
        }
        if error.is::<io::Error>() {
            return error.context(self.files.target.write_error_context());
        }
        let name = container.display_name();
        error.context(format!("cannot copy the files of {name}"))
    }
}

impl ExportOutcome {
    fn describe(&self, target: &ArchiveTarget) -> String {
        let Self {
            container,
            directory,
            contents,
            archive_size,
        } = self;
        format!(
            "{} ({}) of {directory:?} in container {:?} copied to {} ({} compressed)",
            file_count(contents.files),
            describe_bytes(contents.stream_bytes),
            container.container,
            target.display_name(),
            describe_bytes(*archive_size)
        )
    }
}
