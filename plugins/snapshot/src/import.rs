//! `snapshot restore --from`: copies the files of an archive into the container of a running session.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use session_shared::client::DryRun;
use session_shared::encode::shell;
use session_shared::failure::{FailureKind, has_kind, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::trust_manifest::TrustFlags;
use session_shared::names::SessionName;
use session_shared::ops::ObservedSession;
use session_shared::ops::container_archive::archive_file::{CheckedArchive, check_archive};
use session_shared::ops::container_archive::source_directories::normalize_absolute;
use session_shared::ops::container_archive::tarball::file_count;
use session_shared::ops::container_archive::{ContainerImport, SpaceCheck, find_container};
use session_shared::ops::quiesce_hooks::{QuiesceHooks, QuiesceMessages};
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::quantity::describe_bytes;
use session_shared::report::console::{Console, DELETION_QUESTION, cancelled_text};
use session_shared::verb::Environment;
use tokio::task::spawn_blocking;

use crate::archive_args::{ImportFlags, ensure_not_root, parse_directory};
use crate::observe::observe_session;

/// Line printed after a declined prompt.
const UNCHANGED: &str = "nothing has been restored";

/// A validated `restore --from`.
pub(crate) struct Import {
    pub(crate) session: SessionName,
    pub(crate) files: ImportedFiles,
    pub(crate) trust: TrustFlags,
    pub(crate) mutation: MutationOptions,
    /// Time limit of the copy; zero means none.
    pub(crate) limit: Duration,
}

/// An archive, and where its files are copied to.
pub(crate) struct ImportedFiles {
    /// Path of the archive as typed; `-` means standard input.
    from: String,
    path: Option<String>,
    container: Option<String>,
    skip_hooks: bool,
    yes: bool,
}

/// Copies the files of an archive into the container of a session.
///
/// # Errors
/// An invalid archive, before any request; a session not running; a failed hook; no tar; an incomplete transfer.
pub(crate) async fn run(
    import: Import,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the archive
    let (file, archive) = import.open_checked(environment).await?;
    let base = import.target_directory(&archive)?;
    // reads only
    let cluster = environment
        .connect_trusting(connection, import.trust)
        .await?;
    let observed = observe_session(&cluster, &import.session).await?;
    let container = find_container(&observed, import.files.container.as_deref())?;
    if import.mutation.dry_run != DryRun::None {
        let mut mutations = import.mutation.printer();
        return environment
            .console
            .print(&mutations.print_result(&observed.object, "restored")?);
    }
    let directory = cluster.inspect_directory(&container, &base).await?;
    // An archive of several directories has the root as its directory; without a recorded directory the root is refused.
    if base.is_empty() {
        ensure_not_root(&directory.path, &container)?;
    }
    let interrupt = environment.interrupt.clone();
    let copy = ContainerImport {
        cluster: &cluster,
        container: &container,
        directory: &directory,
        archive: &archive,
        limit: import.limit,
        interrupt: &interrupt,
    };
    let console = &mut environment.console;
    import.ensure_free_space(&copy, &observed, console).await?;
    if !import.confirm(&copy, console)? {
        return Ok(());
    }
    // carries out
    let hooks = import.quiesce_hooks(&observed);
    let copied = {
        let _guard = environment.interrupt.guard()?;
        let mut sink = environment.console.progress();
        let copied = copy.copy(file, &import.failure(), &hooks, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        copied
    };
    copied?;
    // prints
    let mut mutations = import.mutation.printer();
    let console = &mut environment.console;
    console.print(&mutations.print_result(&observed.object, "restored")?)?;
    import.print_notes(&copy, console);
    Ok(())
}

impl ImportedFiles {
    /// Validates the flags of an archive.
    ///
    /// # Errors
    /// An invalid directory.
    pub(crate) fn parse(flags: ImportFlags) -> Result<Self> {
        let ImportFlags {
            from,
            path,
            container,
            skip_hooks,
            yes,
        } = flags;
        Ok(Self {
            from: from.unwrap_or_default(),
            path: path.as_deref().map(parse_directory).transpose()?,
            container,
            skip_hooks,
            yes,
        })
    }
}

impl Import {
    fn source_name(&self) -> String {
        match self.files.from.as_str() {
            "-" => "standard input".to_owned(),
            file => format!("file {file:?}"),
        }
    }

    /// Returns what an error of the archive begins with.
    fn failure(&self) -> String {
        format!("cannot restore {}", self.source_name())
    }

    /// Opens the archive and checks all of it. Standard input is first copied to a temporary file: nothing is written in a
    /// session before the last byte has been checked.
    async fn open_checked(&self, environment: &mut Environment) -> Result<(File, CheckedArchive)> {
        let wrong = || self.failure();
        let mut file = match self.files.from.as_str() {
            "-" => buffer_stdin(environment).await.with_context(wrong)?,
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
        match (&self.files.path, &checked.footer) {
            (Some(path), _) => Ok(path.clone()),
            (None, None) => Ok(String::new()),
            (None, Some(footer)) => normalize_absolute(&footer.directory).ok_or_else(|| {
                let named = &footer.directory;
                anyhow!("archive footer names invalid directory {named:?}").context(self.failure())
            }),
        }
    }

    /// Refuses an archive whose files do not fit.
    ///
    /// # Errors
    /// Too little free space, or too few inodes.
    async fn ensure_free_space(
        &self,
        copy: &ContainerImport<'_>,
        observed: &ObservedSession,
        console: &mut Console,
    ) -> Result<()> {
        let (path, container) = (&copy.directory.path, copy.container);
        match copy.check_space(observed).await {
            SpaceCheck::Enough => Ok(()),
            SpaceCheck::Unknown => {
                console.note(&format!(
                    "free space below {path:?} in container {:?} is unknown: {} needed",
                    container.container,
                    describe_bytes(copy.archive.contents.unpacked_bytes)
                ));
                Ok(())
            }
            SpaceCheck::Short(amounts) => {
                let error = anyhow!(
                    "{} to {path:?} in {}: {amounts}",
                    self.failure(),
                    container.display_name()
                );
                let hint = format!(
                    "delete files in the container, or choose another directory with --path DIR; {UNCHANGED}"
                );
                Err(with_hint(error, hint))
            }
        }
    }

    /// Confirms, if needed, that files are replaced or that the directory is the archive's. An error without a terminal.
    fn confirm(&self, copy: &ContainerImport<'_>, console: &mut Console) -> Result<bool> {
        let (place, checked) = (copy.directory, copy.archive);
        // A directory that the user has named needs no confirmation.
        let is_chosen = self.files.path.is_some() || checked.footer.is_none() || place.is_default;
        if self.files.yes || (is_chosen && place.is_empty) {
            return Ok(true);
        }
        let (path, container, session) = (
            &place.path,
            &copy.container.container,
            self.session.as_str(),
        );
        let file = self.source_name();
        if !console.can_prompt() {
            return Err(match is_chosen {
                true => with_hint(
                    anyhow!(
                        "restoring would replace files with the same names below {path:?} in container {container:?} of session {session:?}"
                    ),
                    format!("confirm with --yes; {UNCHANGED}"),
                ),
                false => with_hint(
                    anyhow!(
                        "cannot restore {file} without confirmation: the archive names directory {path:?}, which is not the working directory of container {container:?} of session {session:?}"
                    ),
                    format!(
                        "choose a directory with --path DIR, or confirm with --yes; {UNCHANGED}"
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
        console.print_line(&cancelled_text("restore"))?;
        Ok(false)
    }

    fn quiesce_hooks(&self, observed: &ObservedSession) -> QuiesceHooks {
        let (session, namespace) = (observed.name(), observed.namespace());
        let words = QuiesceMessages {
            failure: format!("cannot restore files of session {session:?}"),
            skip_hint: format!(
                "restore without the hooks: kubectl session snapshot restore {session} -n {namespace} --from {}",
                shell::quote_word(&self.files.from)
            ),
        };
        QuiesceHooks::of_session(observed, self.files.skip_hooks, words)
    }

    fn print_notes(&self, copy: &ContainerImport<'_>, console: &mut Console) {
        let contents = &copy.archive.contents;
        console.note(&format!(
            "{} ({}) restored below {:?} in container {:?}",
            file_count(contents.files),
            describe_bytes(contents.stream_bytes),
            copy.directory.path,
            copy.container.container
        ));
        if contents.setid_files > 0 {
            console.note(&format!(
                "setuid and setgid bits removed from {}",
                file_count(contents.setid_files)
            ));
        }
        if copy.archive.footer.is_none() {
            console.note(&format!(
                "{} was not written by kubectl session: only its gzip checksum was verified",
                self.source_name()
            ));
        }
    }
}

/// Copies standard input to an unnamed temporary file.
async fn buffer_stdin(environment: &mut Environment) -> Result<File> {
    let (mut file, mut input) = (tempfile::tempfile()?, environment.console.stdin_stream());
    while let Some(piece) = input.read_chunk().await {
        file.write_all(&piece)?;
    }
    Ok(file)
}
