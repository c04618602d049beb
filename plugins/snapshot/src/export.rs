//! `snapshot create --to`: copies files of a session's container to an archive.

use std::io;
use std::time::Duration;

use anyhow::{Result, anyhow};
use session_shared::Timestamp;
use session_shared::client::DryRun;
use session_shared::client::container_files::ContainerRef;
use session_shared::client::container_files::ScriptPid;
use session_shared::encode::shell;
use session_shared::failure::{HintExt, usage_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::flags::non_empty;
use session_shared::names::SessionName;
use session_shared::ops::ObservedSession;
use session_shared::ops::quiesce_hooks::{QuiesceHooks, QuiesceMessages};
use session_shared::ops::{Cluster, missing_right};
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::quantity::format_bytes;
use session_shared::report::console::OutputClosed;
use session_shared::report::format::Format;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::archive::{ArchiveFooter, compress_checked};
use crate::archive_args::reject_other_flags;
use crate::archive_target::ArchiveTarget;
use crate::args::CreateArgs;
use crate::container_path::{SourceDirectories, ensure_not_root, find_container};
use crate::create::observe_session;
use crate::tarball::ArchiveContents;
use crate::transfer::{MAX_QUEUED_CHUNKS, file_count, run_with_limit, verify_checksum};

/// A validated `create --to`.
struct Export {
    session: SessionName,
    directories: SourceDirectories,
    container: Option<String>,
    target: ArchiveTarget,
    dry_run: DryRun,
    /// Time limit of the copy; zero means none.
    limit: Duration,
}

/// Outcome of a completed export.
struct ExportOutcome {
    inside: ContainerRef,
    directory: String,
    contents: ArchiveContents,
    /// Size of the compressed archive in bytes.
    archive_size: u64,
}

/// Copies files of a session's container to an archive.
///
/// # Errors
/// Invalid arguments, before any request; a session that is not running; a failed hook; a container without tar; an
/// incomplete transfer, which leaves no file.
pub(crate) async fn run(
    args: &CreateArgs,
    to: &str,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments
    let saving = Export::parse(args, to, environment)?;
    let format = Format::from_object_flags(&args.output)?;
    // reads only
    let cluster = environment.connect(connection).await?;
    cluster
        .known_sessions()
        .trust_all(args.trust.trust_manifest);
    let observed = observe_session(&cluster, &saving.session).await?;
    let inside = find_container(&observed, saving.container.as_deref())?;
    // carries out
    let saved = match saving.dry_run {
        DryRun::None => {
            let pausing = saving.quiesce_hooks(&observed, args.skip_hooks, to);
            let saved = saving.apply(&cluster, inside, &pausing, environment).await;
            Some(saved.map_err(|error| missing_right::explain(error, &cluster, "pods/exec"))?)
        }
        DryRun::Client | DryRun::Server => None,
    };
    // prints
    if saving.target != ArchiveTarget::Stdout {
        let mut mutations = MutationPrinter::new(format, saving.dry_run);
        let text = mutations.print_result(&observed.object, "saved")?;
        environment.console.print(&text)?;
    }
    if let Some(saved) = saved {
        environment.console.note(&saved.describe(&saving.target));
    }
    Ok(())
}

impl Export {
    fn parse(args: &CreateArgs, to: &str, environment: &Environment) -> Result<Self> {
        reject_other_flags(
            "--to",
            &[
                ("--name", args.name.is_some()),
                ("--class", args.class.is_some()),
                ("--wait=false", !args.wait_flags.wait),
            ],
        )?;
        if to == "-" && non_empty(&args.output.output).is_some() {
            return Err(usage_error(
                "-o cannot be given with --to -: standard output is the archive",
            ));
        }
        Ok(Self {
            session: parse_session_name(&args.session)?,
            directories: SourceDirectories::parse(&args.file.paths)?,
            container: args.file.container.clone(),
            target: ArchiveTarget::parse(to, args.file.overwrite, &environment.console)?,
            dry_run: args.write_flags.dry_run()?,
            limit: args.wait_flags.timeout_or(Duration::ZERO),
        })
    }

    fn quiesce_hooks(&self, observed: &ObservedSession, skip: bool, to: &str) -> QuiesceHooks {
        let (session, namespace) = (observed.name(), observed.namespace());
        let words = QuiesceMessages {
            failure: format!("cannot copy files of session {session:?}"),
            skip_hint: format!(
                "copy the files without the hooks: kubectl session snapshot create {session} -n {namespace} --to {}",
                shell::quote_word(to)
            ),
        };
        QuiesceHooks::of_session(observed, skip, words)
    }

    async fn apply(
        &self,
        cluster: &Cluster,
        inside: ContainerRef,
        pausing: &QuiesceHooks,
        environment: &mut Environment,
    ) -> Result<ExportOutcome> {
        let _guard = environment.interrupt.guard()?;
        let interrupt = environment.interrupt.clone();
        let mut sink = environment.console.progress();
        let looked = cluster.inspect_directory(&inside, &self.directories.base);
        let directory = interrupt.race(looked).await?.path;
        if self.directories.base.is_empty() {
            ensure_not_root(&directory, &inside)?;
        }
        let (opened, writer) = self.target.open(&environment.console)?;
        let (send, receive) = mpsc::channel(MAX_QUEUED_CHUNKS);
        let recording = spawn_blocking(move || compress_checked(receive, writer));
        let (running, paths) = (ScriptPid::default(), &self.directories.paths);
        let packing = cluster.pack_tar(&inside, &directory, paths, send, &running, &mut sink);
        let packing = run_with_limit(self.limit, &interrupt, packing);
        let packed = pausing.run_around(cluster, &interrupt, packing).await;
        if !matches!(packed, Ok(Some(_))) {
            cluster.kill_script(&inside, &running).await;
        }
        // The sender is dropped by now, so the thread ends.
        let recorded = recording.await?;
        sink.tell(ProgressEvent::Done);
        let passed = match packed? {
            Some(passed) => passed,
            None => {
                let why = recorded.err();
                let why = opened.output_error().await.or(why);
                let why = why.unwrap_or_else(|| anyhow!("the output was closed"));
                return Err(self.with_context(why, &inside));
            }
        };
        let (contents, writer) = match recorded {
            Ok(recorded) => recorded,
            Err(why) => {
                let why = opened.output_error().await.unwrap_or(why);
                return Err(self.with_context(why, &inside));
            }
        };
        verify_checksum(&passed, &contents.sha256, &inside).with_hint("run the command again")?;
        let seal = self.footer(&inside, &directory, &contents, environment.now());
        let seal = seal.to_gzip_member()?;
        let finished = opened.finish(writer, seal).await;
        Ok(ExportOutcome {
            archive_size: finished.map_err(|why| self.with_context(why, &inside))?,
            inside,
            directory,
            contents,
        })
    }

    fn footer(
        &self,
        inside: &ContainerRef,
        directory: &str,
        contents: &ArchiveContents,
        now: Timestamp,
    ) -> ArchiveFooter {
        ArchiveFooter {
            session: self.session.to_string(),
            namespace: inside.namespace.clone(),
            directory: directory.to_owned(),
            created: now.to_string(),
            length: contents.stream_bytes,
            sha256: contents.sha256.clone(),
        }
    }

    /// Adds context to an error on this machine: a failed write, or an archive that cannot be restored.
    fn with_context(&self, why: anyhow::Error, inside: &ContainerRef) -> anyhow::Error {
        if why.is::<OutputClosed>() {
            return why;
        }
        if why.is::<io::Error>() {
            return why.context(self.target.write_error_context());
        }
        why.context(format!(
            "cannot copy the files of container {:?} of pod {:?}",
            inside.container, inside.pod
        ))
    }
}

impl ExportOutcome {
    fn describe(&self, target: &ArchiveTarget) -> String {
        let Self {
            inside,
            directory,
            contents,
            archive_size: packed,
        } = self;
        format!(
            "{} ({}) of {directory:?} in container {:?} copied to {} ({} compressed)",
            file_count(contents.files),
            format_bytes(contents.stream_bytes),
            inside.container,
            target.display_name(),
            format_bytes(*packed)
        )
    }
}
