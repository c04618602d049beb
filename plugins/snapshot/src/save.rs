//! `snapshot create --to`: copies files of a session's container to an archive.

use std::io;
use std::time::Duration;

use anyhow::{Result, anyhow};
use session_shared::Timestamp;
use session_shared::client::DryRun;
use session_shared::client::files::Inside;
use session_shared::client::files::Script;
use session_shared::encode::shell;
use session_shared::failure::{HintExt, usage_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::non_empty;
use session_shared::flags::selection::parse_session_name;
use session_shared::names::SessionName;
use session_shared::ops::Cluster;
use session_shared::ops::missing_right;
use session_shared::ops::pausing::{QuiesceHooks, QuiesceMessages};
use session_shared::ops::stopping::ObservedSession;
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::quantity::format_bytes;
use session_shared::report::console::OutputClosed;
use session_shared::report::format::Format;
use session_shared::report::mutation::MutationPrinter;
use session_shared::verb::Environment;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::args::Create;
use crate::create::present;
use crate::file_args::alone;
use crate::inside::{Folders, container, is_some_directory};
use crate::passing::{WAITING, counted, same, within};
use crate::sealed::{Seal, record};
use crate::tarball::Contents;
use crate::target::Target;

/// A validated `create --to`.
struct Saving {
    session: SessionName,
    folders: Folders,
    container: Option<String>,
    target: Target,
    dry_run: DryRun,
    /// Time limit of the copy; zero means none.
    limit: Duration,
}

/// Outcome of a completed export.
struct Saved {
    inside: Inside,
    directory: String,
    contents: Contents,
    /// Size of the compressed archive in bytes.
    size: u64,
}

/// Copies files of a session's container to an archive.
///
/// # Errors
/// Invalid arguments, before any request; a session that is not running; a failed hook; a container without tar; an
/// incomplete transfer, which leaves no file.
pub(crate) async fn run(
    args: &Create,
    to: &str,
    connection: &ConnectionFlags,
    ground: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments
    let saving = Saving::of(args, to, ground)?;
    let format = Format::from_object_flags(&args.printing)?;
    // reads only
    let cluster = ground.connect(connection).await?;
    cluster.known().trust_all(args.trust.trust_manifest);
    let present = present(&cluster, &saving.session).await?;
    let inside = container(&present, saving.container.as_deref())?;
    // carries out
    let saved = match saving.dry_run {
        DryRun::None => {
            let pausing = saving.pausing(&present, args.skip_hooks, to);
            let saved = saving.carry_out(&cluster, inside, &pausing, ground).await;
            Some(saved.map_err(|error| missing_right::explain(error, &cluster, "pods/exec"))?)
        }
        DryRun::Client | DryRun::Server => None,
    };
    // prints
    if saving.target != Target::Output {
        let mut mutations = MutationPrinter::new(format, saving.dry_run);
        let text = mutations.print_result(&present.object, "saved")?;
        ground.console.print(&text)?;
    }
    if let Some(saved) = saved {
        ground.console.note(&saved.told(&saving.target));
    }
    Ok(())
}

impl Saving {
    fn of(args: &Create, to: &str, ground: &Environment) -> Result<Self> {
        alone(
            "--to",
            &[
                ("--name", args.name.is_some()),
                ("--class", args.class.is_some()),
                ("--wait=false", !args.waiting.wait),
            ],
        )?;
        if to == "-" && non_empty(&args.printing.output).is_some() {
            return Err(usage_error(
                "-o cannot be given with --to -: standard output is the archive",
            ));
        }
        Ok(Self {
            session: parse_session_name(&args.session)?,
            folders: Folders::of(&args.file.paths)?,
            container: args.file.container.clone(),
            target: Target::of(to, args.file.overwrite, &ground.console)?,
            dry_run: args.writing.dry_run()?,
            limit: args.waiting.timeout_or(Duration::ZERO),
        })
    }

    fn pausing(&self, present: &ObservedSession, skip: bool, to: &str) -> QuiesceHooks {
        let (session, namespace) = (present.name(), present.namespace());
        let words = QuiesceMessages {
            failure: format!("cannot copy files of session {session:?}"),
            skip_hint: format!(
                "copy the files without the hooks: kubectl session snapshot create {session} -n {namespace} --to {}",
                shell::quote_word(to)
            ),
        };
        QuiesceHooks::of_session(present, skip, words)
    }

    async fn carry_out(
        &self,
        cluster: &Cluster,
        inside: Inside,
        pausing: &QuiesceHooks,
        ground: &mut Environment,
    ) -> Result<Saved> {
        let _guard = ground.interrupt.guard()?;
        let interrupt = ground.interrupt.clone();
        let mut sink = ground.console.progress();
        let looked = cluster.directory(&inside, &self.folders.base);
        let directory = interrupt.race(looked).await?.path;
        if self.folders.base.is_empty() {
            is_some_directory(&directory, &inside)?;
        }
        let (opened, writer) = self.target.open(&ground.console)?;
        let (send, receive) = mpsc::channel(WAITING);
        let recording = spawn_blocking(move || record(receive, writer));
        let (running, paths) = (Script::default(), &self.folders.paths);
        let packing = cluster.pack(&inside, &directory, paths, send, &running, &mut sink);
        let packing = within(self.limit, &interrupt, packing);
        let packed = pausing.run_around(cluster, &interrupt, packing).await;
        if !matches!(packed, Ok(Some(_))) {
            cluster.end(&inside, &running).await;
        }
        // The sender is dropped by now, so the thread ends.
        let recorded = recording.await?;
        sink.tell(ProgressEvent::Done);
        let passed = match packed? {
            Some(passed) => passed,
            None => {
                let why = recorded.err();
                let why = opened.given_up().await.or(why);
                let why = why.unwrap_or_else(|| anyhow!("the output was closed"));
                return Err(self.explained(why, &inside));
            }
        };
        let (contents, writer) = match recorded {
            Ok(recorded) => recorded,
            Err(why) => {
                let why = opened.given_up().await.unwrap_or(why);
                return Err(self.explained(why, &inside));
            }
        };
        same(&passed, &contents.sha256, &inside).with_hint("run the command again")?;
        let seal = self.seal(&inside, &directory, &contents, ground.now());
        let seal = seal.bytes()?;
        let finished = opened.finish(writer, seal).await;
        Ok(Saved {
            size: finished.map_err(|why| self.explained(why, &inside))?,
            inside,
            directory,
            contents,
        })
    }

    fn seal(&self, inside: &Inside, directory: &str, contents: &Contents, now: Timestamp) -> Seal {
        Seal {
            session: self.session.to_string(),
            namespace: inside.namespace.clone(),
            directory: directory.to_owned(),
            made: now.to_string(),
            length: contents.length,
            sha256: contents.sha256.clone(),
        }
    }

    /// Adds context to an error on this machine: a failed write, or an archive that cannot be restored.
    fn explained(&self, why: anyhow::Error, inside: &Inside) -> anyhow::Error {
        if why.is::<OutputClosed>() {
            return why;
        }
        if why.is::<io::Error>() {
            return why.context(self.target.unwritten());
        }
        why.context(format!(
            "cannot copy the files of container {:?} of pod {:?}",
            inside.container, inside.pod
        ))
    }
}

impl Saved {
    fn told(&self, target: &Target) -> String {
        let Self {
            inside,
            directory,
            contents,
            size: packed,
        } = self;
        format!(
            "{} ({}) of {directory:?} in container {:?} copied to {} ({} compressed)",
            counted(contents.files),
            format_bytes(contents.length),
            inside.container,
            target.named(),
            format_bytes(*packed)
        )
    }
}
