//! `snapshot restore --from`: what is in a file becomes files of a session that runs.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use session_shared::cluster::files::{Directory, Inside};
use session_shared::cluster::{Cluster, rights};
use session_shared::failure::{Kind, hinted, is};
use session_shared::flags::connection::Connection;
use session_shared::flags::selection::session_name;
use session_shared::flags::writing::DryRun;
use session_shared::lifecycle::pausing::{Pausing, Words};
use session_shared::lifecycle::stopping::Present;
use session_shared::names::SessionName;
use session_shared::progress::{Event, Sink};
use session_shared::quantity::size;
use session_shared::report::console::{Console, DELETION_QUESTION};
use session_shared::report::format::Format;
use session_shared::report::mutation::Mutations;
use session_shared::verb::Ground;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::args::Restore;
use crate::create::present;
use crate::file_args::alone;
use crate::inside::{container, directory, is_some_directory};
use crate::passing::{WAITING, counted, same, within};
use crate::sealed::{Checked, check};
use crate::sending;

/// What is said when the answer was no.
const CANCELLED: &str = "nothing has been restored";

/// What is wanted.
struct Bringing {
    session: SessionName,
    /// As the user named it.
    from: String,
    path: Option<String>,
    container: Option<String>,
    dry_run: DryRun,
    /// Zero for none.
    limit: Duration,
    yes: bool,
}

/// Copies the files that a file holds into the container of a session.
///
/// # Errors
/// What the user got wrong, and everything that is wrong with the file, before any request; a session that does not run; hooks;
/// a container without tar; a stream that did not get there whole.
pub(crate) async fn run(
    args: &Restore,
    from: &str,
    connection: &Connection,
    ground: &mut Ground,
) -> Result<()> {
    // no request: everything the user can have got wrong
    let bringing = Bringing::of(args, from)?;
    let format = Format::of_object(&args.printing)?;
    let (file, checked) = bringing.checked(ground).await?;
    // reads only
    let cluster = ground.connect(connection).await?;
    cluster.known().trust_all(args.trust.trust_manifest);
    let present = present(&cluster, &bringing.session).await?;
    let inside = container(&present, bringing.container.as_deref())?;
    if bringing.dry_run != DryRun::None {
        let mut mutations = Mutations::new(format, bringing.dry_run);
        return ground
            .console
            .out(&mutations.done(&present.object, "restored")?);
    }
    let base = bringing.base(&checked);
    let looked = cluster.directory(&inside, &base).await;
    let place = looked.map_err(|error| rights::explain(error, &cluster, "pods/exec"))?;
    // Nobody has asked for the root of a container; a file of several directories comes from there.
    if base.is_empty() {
        is_some_directory(&place.path, &inside)?;
    }
    if !bringing.may(&place, &inside, &mut ground.console)? {
        return Ok(());
    }
    // carries out
    let pausing = bringing.pausing(&present, args.file.skip_hooks);
    bringing
        .carry_out(
            &cluster,
            &inside,
            &place,
            (file, &checked),
            &pausing,
            ground,
        )
        .await?;
    // prints
    let mut mutations = Mutations::new(format, DryRun::None);
    let console = &mut ground.console;
    console.out(&mutations.done(&present.object, "restored")?)?;
    bringing.tell(&checked, &place, &inside, console);
    Ok(())
}

impl Bringing {
    fn of(args: &Restore, from: &str) -> Result<Self> {
        alone(
            "--from",
            &[
                ("--into", args.into.is_some()),
                ("--in-place", args.in_place),
                ("--storage", args.storage.is_some()),
                ("--class", args.class.is_some()),
                ("--wait=false", !args.waiting.wait),
            ],
        )?;
        let path = args.file.path.as_deref().map(directory).transpose()?;
        Ok(Self {
            session: session_name(&args.snapshot)?,
            from: from.to_owned(),
            path,
            container: args.file.container.clone(),
            dry_run: args.writing.dry_run()?,
            limit: args.waiting.limit(Duration::ZERO),
            yes: args.file.yes,
        })
    }

    fn named(&self) -> String {
        match self.from.as_str() {
            "-" => "standard input".to_owned(),
            file => format!("file {file:?}"),
        }
    }

    /// Opens the file and reads all of it. What comes from standard input is kept aside first: nothing is written in a session
    /// before the last byte was seen.
    async fn checked(&self, ground: &mut Ground) -> Result<(File, Checked)> {
        let wrong = || format!("{} cannot be restored", self.named());
        let mut file = match self.from.as_str() {
            "-" => aside(ground).await.with_context(wrong)?,
            path => File::open(path).with_context(|| format!("failed to open {path:?}"))?,
        };
        if file.metadata().is_ok_and(|found| found.is_dir()) {
            return Err(anyhow!("it is a directory").context(wrong()));
        }
        let reading = spawn_blocking(move || {
            file.seek(SeekFrom::Start(0))
                .context("it cannot be read twice")?;
            let checked = check(BufReader::new(&file))?;
            file.seek(SeekFrom::Start(0))?;
            Ok::<_, anyhow::Error>((file, checked))
        });
        let read = async { reading.await? };
        ground.interrupt.race(read).await.map_err(|error| {
            if is(&error, Kind::Interrupted) {
                return error;
            }
            error.context(wrong())
        })
    }

    /// Where it is unpacked; empty for the container's own directory.
    fn base(&self, checked: &Checked) -> String {
        let own = checked.seal.as_ref().map(|seal| seal.directory.as_str());
        let own = own.filter(|path| path.starts_with('/'));
        self.path.as_deref().or(own).unwrap_or_default().to_owned()
    }

    /// Asks on a terminal whether files may be replaced; without one that needs -y.
    fn may(&self, place: &Directory, inside: &Inside, console: &mut Console) -> Result<bool> {
        if place.is_empty || self.yes {
            return Ok(true);
        }
        let (path, container, session) = (&place.path, &inside.container, &self.session);
        if !console.can_ask() {
            let error = anyhow!(
                "restoring would replace files of the same names below {path:?} in container {container:?} of session {:?}",
                session.as_str()
            );
            return Err(hinted(
                error,
                format!("say that it may with -y; {CANCELLED}"),
            ));
        }
        let preview = [format!(
            "Files of the same names below {path:?} in container {container:?} of session {:?} are replaced.",
            session.as_str()
        )];
        if console.confirm(&preview, DELETION_QUESTION)? {
            return Ok(true);
        }
        console.line(CANCELLED)?;
        Ok(false)
    }

    fn pausing(&self, present: &Present, skip: bool) -> Pausing {
        let (session, namespace) = (present.name(), present.namespace());
        let words = Words {
            undone: format!("nothing was restored in session {session:?}"),
            without: format!(
                "restore it while the session writes: kubectl session snapshot restore {session} -n {namespace} --from {}",
                self.from
            ),
        };
        Pausing::of(present, skip, words)
    }

    async fn carry_out(
        &self,
        cluster: &Cluster,
        inside: &Inside,
        place: &Directory,
        (file, checked): (File, &Checked),
        pausing: &Pausing,
        ground: &mut Ground,
    ) -> Result<()> {
        let _guard = ground.interrupt.guard();
        let interrupt = ground.interrupt.clone();
        let mut sink = ground.console.progress();
        let (send, mut receive) = mpsc::channel(WAITING);
        let contents = checked.contents.clone();
        let length = sending::length(&contents);
        let reading = spawn_blocking(move || sending::send(BufReader::new(file), &contents, &send));
        let begun = Cell::new(false);
        let unpacked = {
            // Dropped at the end of the block, so that the thread finds its end of the stream closed.
            let unpacking = async {
                begun.set(true);
                let passed = cluster.unpack(inside, &place.path, length, &mut receive, &mut sink);
                let passed = passed.await;
                drop(receive);
                passed
            };
            let unpacking = within(self.limit, &interrupt, unpacking);
            pausing.around(cluster, &interrupt, unpacking).await
        };
        let read = reading.await?;
        sink.tell(Event::Done);
        let half = |error| match begun.get() {
            true => half_done(error, place, inside),
            false => error,
        };
        let sent = read.with_context(|| format!("{} cannot be restored", self.named()));
        match (unpacked, sent) {
            (Ok(passed), Ok(Some(sent))) => same(&passed, &sent, inside).map_err(half),
            (_, Err(error)) | (Err(error), _) => Err(half(error)),
            (Ok(_), Ok(None)) => Err(half(anyhow!("not all of {} was taken", self.named()))),
        }
    }

    fn tell(&self, checked: &Checked, place: &Directory, inside: &Inside, console: &mut Console) {
        let contents = &checked.contents;
        console.note(&format!(
            "{} ({}) restored below {:?} in container {:?}",
            counted(contents.files),
            size(contents.length),
            place.path,
            inside.container
        ));
        if checked.seal.is_none() {
            console.note(&format!(
                "{} was not written by this suite: it holds no checksum but that of gzip",
                self.named()
            ));
        }
    }
}

/// Says what is there of a restore that was not finished.
fn half_done(error: anyhow::Error, place: &Directory, inside: &Inside) -> anyhow::Error {
    let left = format!(
        "some files below {:?} in container {:?} may be replaced by then, others not: do it again",
        place.path, inside.container
    );
    hinted(error, left)
}

/// Keeps standard input in a file without a name.
async fn aside(ground: &mut Ground) -> Result<File> {
    let (mut file, mut input) = (tempfile::tempfile()?, ground.console.inlet());
    while let Some(piece) = input.next().await {
        file.write_all(&piece)?;
    }
    Ok(file)
}
