//! `snapshot restore --from`: copies the files of an archive into the container of a running session.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use session_shared::client::DryRun;
use session_shared::client::container_directory::ContainerDirectory;
use session_shared::client::container_files::ContainerRef;
use session_shared::encode::shell;
use session_shared::failure::{FailureKind, has_kind, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::parse_session_name;
use session_shared::names::SessionName;
use session_shared::objects::storage_limit::storage_limit;
use session_shared::ops::ObservedSession;
use session_shared::ops::quiesce_hooks::{QuiesceHooks, QuiesceMessages};
use session_shared::ops::{Cluster, missing_right};
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::quantity::format_bytes;
use session_shared::report::console::{Console, DELETION_QUESTION};
use session_shared::report::format::Format;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::archive::{self, CheckedArchive, check_archive};
use crate::archive_args::reject_other_flags;
use crate::args::RestoreArgs;
use crate::container_path::{ensure_not_root, find_container, normalize_absolute, parse_directory};
use crate::create::observe_session;
use crate::transfer::{MAX_QUEUED_CHUNKS, file_count, run_with_limit, verify_checksum};

/// Line printed after a declined prompt.
const CANCELLED: &str = "nothing has been restored";

/// A validated `restore --from`.
struct Import {
    session: SessionName,
    /// Path of the archive as typed; `-` means standard input.
    from: String,
    path: Option<String>,
    container: Option<String>,
    dry_run: DryRun,
    /// Time limit of the copy; zero means none.
    limit: Duration,
    yes: bool,
}

/// Copies the files of an archive into the container of a session.
///
/// # Errors
/// Invalid arguments or archive, before any request; a session not running; a failed hook; no tar; an incomplete transfer.
pub(crate) async fn run(
    args: &RestoreArgs,
    from: &str,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments and the archive
    let bringing = Import::parse(args, from)?;
    let format = Format::from_object_flags(&args.output)?;
    let (file, checked) = bringing.open_checked(environment).await?;
    let base = bringing.target_directory(&checked)?;
    // reads only
    let cluster = environment.connect(connection).await?;
    cluster
        .known_sessions()
        .trust_all(args.trust.trust_manifest);
    let observed = observe_session(&cluster, &bringing.session).await?;
    let inside = find_container(&observed, bringing.container.as_deref())?;
    if bringing.dry_run != DryRun::None {
        let mut mutations = MutationPrinter::new(format, bringing.dry_run);
        return environment
            .console
            .print(&mutations.print_result(&observed.object, "restored")?);
    }
    let looked = cluster.inspect_directory(&inside, &base).await;
    let place = looked.map_err(|error| missing_right::explain(error, &cluster, "pods/exec"))?;
    // An archive of several directories has the root as its directory; without a recorded directory the root is refused.
    if base.is_empty() {
        ensure_not_root(&place.path, &inside)?;
    }
    bringing
        .ensure_free_space(
            &cluster,
            &observed,
            &inside,
            &place,
            &checked,
            &mut environment.console,
        )
        .await?;
    if !bringing.confirm(&checked, &place, &inside, &mut environment.console)? {
        return Ok(());
    }
    // carries out
    let pausing = bringing.quiesce_hooks(&observed, args.file.skip_hooks);
    bringing
        .apply(
            &cluster,
            &inside,
            &place,
            (file, &checked),
            &pausing,
            environment,
        )
        .await?;
    // prints
    let mut mutations = MutationPrinter::new(format, DryRun::None);
    let console = &mut environment.console;
    console.print(&mutations.print_result(&observed.object, "restored")?)?;
    bringing.print_notes(&checked, &place, &inside, console);
    Ok(())
}

impl Import {
    fn parse(args: &RestoreArgs, from: &str) -> Result<Self> {
        reject_other_flags(
            "--from",
            &[
                ("--into", args.into.is_some()),
                ("--in-place", args.in_place),
                ("--storage", args.storage.is_some()),
                ("--class", args.class.is_some()),
                ("--wait=false", !args.wait_flags.wait),
            ],
        )?;
        let path = args.file.path.as_deref().map(parse_directory).transpose()?;
        Ok(Self {
            session: parse_session_name(&args.snapshot)?,
            from: from.to_owned(),
            path,
            container: args.file.container.clone(),
            dry_run: args.write_flags.dry_run()?,
            limit: args.wait_flags.timeout_or(Duration::ZERO),
            yes: args.file.yes,
        })
    }

    fn source_name(&self) -> String {
        match self.from.as_str() {
            "-" => "standard input".to_owned(),
            file => format!("file {file:?}"),
        }
    }

    fn error_context(&self) -> String {
        format!("cannot restore {}", self.source_name())
    }

    /// Opens the archive and checks all of it. Standard input is first copied to a temporary file: nothing is written in a
    /// session before the last byte has been checked.
    async fn open_checked(&self, environment: &mut Environment) -> Result<(File, CheckedArchive)> {
        let wrong = || self.error_context();
        let mut file = match self.from.as_str() {
            "-" => crate::archive::buffer_stdin(environment)
                .await
                .with_context(wrong)?,
            path => File::open(path).with_context(|| format!("failed to open {path:?}"))?,
        };
        if file.metadata().is_ok_and(|found| found.is_dir()) {
            return Err(anyhow!("a directory is not an archive").context(wrong()));
        }
        let reading = spawn_blocking(move || {
            file.seek(SeekFrom::Start(0))
                .context("failed to seek to the start")?;
            let checked = check_archive(BufReader::new(&file))?;
            file.seek(SeekFrom::Start(0))?;
            Ok::<_, anyhow::Error>((file, checked))
        });
        let read = async { reading.await? };
        environment.interrupt.race(read).await.map_err(|error| {
            if has_kind(&error, FailureKind::Interrupted) {
                return error;
            }
            error.context(wrong())
        })
    }

    /// Returns the directory to unpack in; empty for the container's default directory.
    ///
    /// # Errors
    /// An archive whose footer names an invalid directory.
    fn target_directory(&self, checked: &CheckedArchive) -> Result<String> {
        match (&self.path, &checked.footer) {
            (Some(path), _) => Ok(path.clone()),
            (None, None) => Ok(String::new()),
            (None, Some(seal)) => normalize_absolute(&seal.directory).ok_or_else(|| {
                let named = &seal.directory;
                anyhow!("archive footer names invalid directory {named:?}")
                    .context(self.error_context())
            }),
        }
    }

    /// Checks free space and inodes: a Pod that exceeds its storage limit is evicted, and its data outside claims is lost.
    async fn ensure_free_space(
        &self,
        cluster: &Cluster,
        observed: &ObservedSession,
        inside: &ContainerRef,
        place: &ContainerDirectory,
        checked: &CheckedArchive,
        console: &mut Console,
    ) -> Result<()> {
        let (path, container) = (&place.path, &inside.container);
        let Some(room) = &place.free_space else {
            console.note(&format!(
                "free space below {path:?} in container {container:?} is unknown: {} needed",
                format_bytes(checked.contents.unpacked_bytes)
            ));
            return Ok(());
        };
        let mut pods = observed.live.own_pods(&observed.ownership.session_uid);
        let pod = pods.find(|pod| pod.metadata.name.as_ref() == Some(&inside.pod));
        let limit = pod.and_then(|pod| storage_limit(pod, container, &room.mount_point));
        let mut free = room.bytes;
        if let Some(limit) = limit {
            // The usage of a container's writable layer cannot be told apart from the image.
            let used = match room.mount_point.as_str() {
                "/" => None,
                mount => cluster.get_directory_size(inside, mount).await,
            };
            free = free.min(limit.saturating_sub(used.unwrap_or_default()));
        }
        let lacks = match room.inodes {
            Some(files) if checked.contents.entries > files => {
                let entries = checked.contents.entries;
                format!("{} to create, {files} inodes free", file_count(entries))
            }
            _ if checked.contents.unpacked_bytes > free => {
                let unpacked = format_bytes(checked.contents.unpacked_bytes);
                format!("{unpacked} needed, {} free", format_bytes(free))
            }
            _ => return Ok(()),
        };
        let error = anyhow!(
            "cannot restore {} to {path:?} in container {container:?} of pod {:?}: {lacks}",
            self.source_name(),
            inside.pod
        );
        let hint = format!(
            "delete files in the container, or choose another directory with --path DIR; {CANCELLED}"
        );
        Err(with_hint(error, hint))
    }

    /// Confirms, if needed, that files are replaced or that the directory is the archive's. An error without a terminal.
    fn confirm(
        &self,
        checked: &CheckedArchive,
        place: &ContainerDirectory,
        inside: &ContainerRef,
        console: &mut Console,
    ) -> Result<bool> {
        // A directory that the user has named needs no confirmation.
        let is_chosen = self.path.is_some() || checked.footer.is_none() || place.is_default;
        if self.yes || (is_chosen && place.is_empty) {
            return Ok(true);
        }
        let (path, container, session) = (&place.path, &inside.container, self.session.as_str());
        let file = self.source_name();
        if !console.can_prompt() {
            return Err(match is_chosen {
                true => with_hint(
                    anyhow!(
                        "restoring would replace files with the same names below {path:?} in container {container:?} of session {session:?}"
                    ),
                    format!("confirm with --yes; {CANCELLED}"),
                ),
                false => with_hint(
                    anyhow!(
                        "cannot restore {file} without confirmation: the archive names directory {path:?}, which is not the working directory of container {container:?} of session {session:?}"
                    ),
                    format!(
                        "choose a directory with --path DIR, or confirm with --yes; {CANCELLED}"
                    ),
                ),
            });
        }
        let mut preview = Vec::new();
        if !is_chosen {
            preview.push(format!(
                "The archive names directory {path:?}, which is not the working directory of container {container:?} of session {session:?}. The archive contains {}.",
                checked.contents.top_names_text()
            ));
        }
        if !place.is_empty {
            preview.push(format!(
                "Files with the same names below {path:?} in container {container:?} of session {session:?} will be replaced."
            ));
        }
        if console.confirm(&preview, DELETION_QUESTION)? {
            return Ok(true);
        }
        console.print_line(CANCELLED)?;
        Ok(false)
    }

    fn quiesce_hooks(&self, observed: &ObservedSession, skip: bool) -> QuiesceHooks {
        let (session, namespace) = (observed.name(), observed.namespace());
        let words = QuiesceMessages {
            failure: format!("cannot restore files of session {session:?}"),
            skip_hint: format!(
                "restore without the hooks: kubectl session snapshot restore {session} -n {namespace} --from {}",
                shell::quote_word(&self.from)
            ),
        };
        QuiesceHooks::of_session(observed, skip, words)
    }

    async fn apply(
        &self,
        cluster: &Cluster,
        inside: &ContainerRef,
        place: &ContainerDirectory,
        (file, checked): (File, &CheckedArchive),
        pausing: &QuiesceHooks,
        environment: &mut Environment,
    ) -> Result<()> {
        let _guard = environment.interrupt.guard()?;
        let interrupt = environment.interrupt.clone();
        let mut sink = environment.console.progress();
        let (send, mut receive) = mpsc::channel(MAX_QUEUED_CHUNKS);
        let (contents, length) = (checked.contents.clone(), checked.plain_bytes);
        let reading =
            spawn_blocking(move || archive::send_plain(BufReader::new(file), &contents, &send));
        let begun = Cell::new(false);
        let unpacked = {
            // Dropped at the end of the block, so that the thread finds its end of the stream closed.
            let unpacking = async {
                begun.set(true);
                let passed =
                    cluster.unpack_tar(inside, &place.path, length, &mut receive, &mut sink);
                let passed = passed.await;
                drop(receive);
                passed
            };
            let unpacking = run_with_limit(self.limit, &interrupt, unpacking);
            pausing.run_around(cluster, &interrupt, unpacking).await
        };
        let read = reading.await?;
        sink.tell(ProgressEvent::Done);
        let half = |error| match begun.get() {
            true => crate::container_path::with_incomplete_hint(error, place, inside),
            false => error,
        };
        let sent = read.with_context(|| self.error_context());
        match (unpacked, sent) {
            (Ok(passed), Ok(Some(sent))) => verify_checksum(&passed, &sent, inside).map_err(half),
            (_, Err(error)) | (Err(error), _) => Err(half(error)),
            (Ok(_), Ok(None)) => Err(half(anyhow!(
                "cannot restore {}: the container stopped reading before the end",
                self.source_name()
            ))),
        }
    }

    fn print_notes(
        &self,
        checked: &CheckedArchive,
        place: &ContainerDirectory,
        inside: &ContainerRef,
        console: &mut Console,
    ) {
        let contents = &checked.contents;
        console.note(&format!(
            "{} ({}) restored below {:?} in container {:?}",
            file_count(contents.files),
            format_bytes(contents.stream_bytes),
            place.path,
            inside.container
        ));
        if contents.setid_files > 0 {
            console.note(&format!(
                "setuid and setgid bits removed from {}",
                file_count(contents.setid_files)
            ));
        }
        if checked.footer.is_none() {
            console.note(&format!(
                "{} was not written by kubectl session: only its gzip checksum was verified",
                self.source_name()
            ));
        }
    }
}
