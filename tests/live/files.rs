//! Files of real containers in a file of the user's, and back: what they hold, and what is left when that is cut off.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::world::World;
use crate::{Live, kubelet};
use session_support::terminal::signal;

pub(crate) fn tests() -> Vec<Live> {
    vec![
        kubelet("files_come_back_as_they_were", files_come_back_as_they_were),
        kubelet(
            "files_that_are_cut_off_leave_nothing",
            files_that_are_cut_off_leave_nothing,
        ),
        kubelet("files_of_a_hostile_archive", files_of_a_hostile_archive),
        kubelet(
            "files_of_containers_without_tools",
            files_of_containers_without_tools,
        ),
    ]
}

/// Everything below the working directory: names, kinds, modes, owners, contents, targets of links.
const LISTING: &str = "find . -mindepth 1 -exec stat -c '%n %F %a %u %g %s' {} + | sort; \
    find . -type f -exec sha256sum {} + | sort; find . -type l -exec readlink {} \\; | sort; stat -c '%n %Y' bin";
/// 50 MB that do not compress, and what tars get wrong.
const FILES: &str = "head -c 50000000 /dev/urandom > bin; mkdir -p 'deep er/empty'; (umask 077; mkdir private); \
    printf '\\000\\001\\n' > private/-odd; chmod 750 private/-odd; ln -s bin link; ln -s /no/where dangling; ln bin hard; \
    : > .hidden; touch -d '2020-01-02 03:04:05' bin; mkfifo pipe; \
    n=$(printf '%0200d' 0); mkdir -p $n/$n; echo long > $n/$n/$n";

/// A world with sessions of the built-in template `shell`, whose user is not root.
fn with_sessions(prefix: &str, names: &[&str]) -> Result<World> {
    let world = World::installed(prefix)?;
    for name in names {
        let create = [
            "create",
            name,
            "--template",
            "shell",
            "--set",
            "HOME_SIZE=512Mi",
        ];
        world.session(&create)?.exits(0)?;
    }
    Ok(world)
}

fn inside(world: &World, session: &str, script: &str) -> Result<String> {
    world.inside(&format!("shell-{session}"), script)
}

fn names(folder: &TempDir) -> Result<Vec<String>> {
    let all = std::fs::read_dir(folder.path())?;
    let names = all.map(|file| Ok(file?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

fn files_come_back_as_they_were() -> Result<()> {
    let world = with_sessions("files", &["a", "b"])?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("a.tar.gz");
    let file = file.to_str().context("a path is text")?;
    inside(&world, "a", FILES)?;
    let before = inside(&world, "a", LISTING)?;
    ensure!(before.lines().count() == 21, "{before}");
    let plain = world.session(&["snapshot", "create", "a"])?.exits(1)?;
    ensure!(
        plain.stderr.contains("has no claims") && plain.stderr.contains("--to FILE.tar.gz"),
        "{plain:?}"
    );
    let saved = world
        .session(&["snapshot", "create", "a", "--to", file])?
        .exits(0)?;
    ensure!(
        saved.stdout == "session.streaming.platform/a saved\n"
            && saved
                .stderr
                .contains("(47.6Mi) of \"/home/session\" in container \"shell\" copied to"),
        "{saved:?}"
    );
    ensure!(names(&folder)? == ["a.tar.gz"], "{:?}", names(&folder)?);
    any_tar_reads_it(file)?;

    let restore = ["snapshot", "restore", "b", "--from", file];
    let restored = world.session(&restore)?.exits(0)?;
    ensure!(
        restored.stdout == "session.streaming.platform/b restored\n",
        "{restored:?}"
    );
    let after = inside(&world, "b", LISTING)?;
    ensure!(after == before, "{before}\n---\n{after}");
    inside(&world, "b", "echo other > bin; rm link; echo new > new")?;
    let refused = world.session(&restore)?.exits(1)?;
    ensure!(refused.stderr.contains("confirm with --yes"), "{refused:?}");
    world.session(&[&restore[..], &["-y"]].concat())?.exits(0)?;
    ensure!(
        inside(&world, "b", "cat new; rm new")? == "new\n",
        "what the file does not name stays"
    );
    ensure!(inside(&world, "b", LISTING)? == before, "replaced");
    several_directories(&world, folder.path())?;
    too_little_room(&world, folder.path())
}

/// 100 MB for a file system of 64 MiB, and 1 GiB for an emptyDir of 512 MiB: told before anything is sent, so that the Pod stays.
fn too_little_room(world: &World, folder: &Path) -> Result<()> {
    inside(
        world,
        "a",
        "mkdir /tmp/much /tmp/bomb; truncate -s 100M /tmp/much/zeros; truncate -s 1G /tmp/bomb/zeros",
    )?;
    for (from, to, needed) in [
        ("/tmp/much", "/dev/shm", "100Mi needed, 64Mi free"),
        ("/tmp/bomb", "/home/session", "1Gi needed, "),
    ] {
        let path = folder.join("much.tar.gz");
        let path = path.to_str().context("a path is text")?;
        let create = [
            "snapshot",
            "create",
            "a",
            "--to",
            path,
            "--path",
            from,
            "--overwrite",
        ];
        world.session(&create)?.exits(0)?;
        let before = inside(world, "b", "ls -A /home/session /dev/shm")?;
        let restore = [
            "snapshot", "restore", "b", "--from", path, "--path", to, "-y",
        ];
        let failed = world.session(&restore)?.exits(1)?;
        ensure!(
            failed.stderr.contains(needed)
                && failed
                    .stderr
                    .contains("hint: delete files in the container"),
            "{failed:?}"
        );
        ensure!(inside(world, "b", "ls -A /home/session /dev/shm")? == before);
    }
    Ok(())
}

/// Entries as no tar writes them, unpacked by the container's own busybox: what was accepted is there, and nothing else.
fn files_of_a_hostile_archive() -> Result<()> {
    let world = with_sessions("files-odd", &["a"])?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("odd.tar.gz");
    let file = path.to_str().context("a path is text")?;
    let entry =
        |tar: &mut tar::Builder<Vec<u8>>, kind, name: &[u8], link: &[u8], content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(0o6755);
            header.set_size(content.len() as u64);
            header.as_mut_bytes()[..name.len()].copy_from_slice(name);
            header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
            header.set_cksum();
            tar.append(&header, content)
        };
    use tar::EntryType::{Directory, Link, Regular, Symlink, XHeader};
    let mut odd = tar::Builder::new(Vec::new());
    entry(&mut odd, Directory, b"./", b"", b"")?;
    entry(&mut odd, XHeader, b"pax", b"", "11 path=ä\n".as_bytes())?;
    entry(&mut odd, Regular, b"a", b"", b"one\n")?;
    entry(&mut odd, Regular, b"./d//-rf", b"", b"two\n")?;
    entry(&mut odd, Symlink, b"link", b"/etc/passwd", b"")?;
    entry(&mut odd, Link, b"hard", b"./d/-rf", b"")?;
    write_gzip(&path, &odd.into_inner()?)?;
    let restored = world
        .session(&["snapshot", "restore", "a", "--from", file])?
        .exits(0)?;
    ensure!(
        restored
            .stderr
            .contains("setuid and setgid bits removed from 3 files"),
        "{restored:?}"
    );
    let found = inside(
        &world,
        "a",
        "find . -mindepth 1 | sort; stat -c '%a %h' d/-rf hard; cat ä d/-rf; readlink link",
    )?;
    ensure!(
        found == "./d\n./d/-rf\n./hard\n./link\n./ä\n755 2\n755 2\none\ntwo\n/etc/passwd\n",
        "{found}"
    );

    let mut sly = tar::Builder::new(Vec::new());
    entry(&mut sly, Symlink, b"s", b"/tmp", b"")?;
    entry(&mut sly, Link, b"h", b"s", b"")?;
    entry(&mut sly, Regular, b"h/evil", b"", b"evil\n")?;
    write_gzip(&path, &sly.into_inner()?)?;
    let refused = world
        .session(&["snapshot", "restore", "a", "--from", file, "-y"])?
        .exits(1)?;
    ensure!(
        refused.stderr.contains("is a hard link to \"s\""),
        "{refused:?}"
    );
    let left = inside(&world, "a", "ls -d s h /tmp/evil 2>/dev/null; true")?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

fn write_gzip(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = std::fs::File::create(path)?;
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, bytes)?;
    gzip.finish()?;
    Ok(())
}

/// What `tar tzf` of this machine finds in it.
fn any_tar_reads_it(file: &str) -> Result<()> {
    let listed = std::process::Command::new("tar")
        .args(["tzf", file])
        .output()?;
    let text = String::from_utf8_lossy(&listed.stdout);
    ensure!(
        listed.status.success() && text.contains("./private/-odd"),
        "{listed:?}"
    );
    Ok(())
}

/// Two directories of one session, through pipes, to where they were in another.
fn several_directories(world: &World, folder: &Path) -> Result<()> {
    inside(
        world,
        "a",
        "mkdir one two /tmp/x; echo 1 > one/f; echo 2 > two/f; echo 3 > /tmp/x/f",
    )?;
    let create = [
        "snapshot",
        "create",
        "a",
        "--to",
        "-",
        "--path",
        "/home/session/one",
        "--path",
        "/tmp/x",
    ];
    let path = folder.join("piped");
    let mut create = world.command(&create);
    let create = create
        .stdout(std::fs::File::create(&path)?)
        .stderr(Stdio::null());
    ensure!(create.status()?.success());
    let mut restore = world.command(&["snapshot", "restore", "b", "--from", "-", "-y"]);
    let restore = restore
        .stdin(std::fs::File::open(&path)?)
        .stdout(Stdio::null());
    ensure!(restore.stderr(Stdio::null()).status()?.success());
    let read = inside(world, "b", "cat one/f /tmp/x/f; ls -d two || echo none")?;
    ensure!(read == "1\n3\nnone\n", "{read}");
    Ok(())
}

/// A copy that goes on for long: zeros that take no room.
fn copying(world: &World, folder: &TempDir) -> Result<Child> {
    let file = folder.path().join("a.tar.gz");
    let file = file.to_str().context("a path is text")?;
    let mut create = world.command(&["snapshot", "create", "a", "--to", file]);
    let mut child = create
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let begun = Instant::now();
    let is_written = || {
        let all = std::fs::read_dir(folder.path()).ok()?;
        all.flatten()
            .find(|file| file.metadata().is_ok_and(|found| found.len() > 0))
    };
    while is_written().is_none() {
        if let Some(status) = child.try_wait()? {
            anyhow::bail!("it has ended: {status}");
        }
        ensure!(begun.elapsed().as_secs() < 60, "nothing is copied");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(child)
}

fn files_that_are_cut_off_leave_nothing() -> Result<()> {
    let world = with_sessions("files-cut", &["a"])?;
    inside(&world, "a", "truncate -s 50G zeros")?;
    let folder = tempfile::tempdir()?;
    let child = copying(&world, &folder)?;
    signal(child.id(), rustix::process::Signal::INT)?;
    let ended = child.wait_with_output()?;
    ensure!(ended.status.code() == Some(130), "{ended:?}");
    ensure!(names(&folder)?.is_empty(), "{:?}", names(&folder)?);
    // Nor does anything go on in the container.
    let left = inside(&world, "a", "ps")?;
    ensure!(!left.contains("tar -cf"), "{left}");

    let child = copying(&world, &folder)?;
    let delete = ["delete", "pod", "shell-a", "--grace-period=0", "--force"];
    world.namespace.kubectl(&delete, None)?;
    let ended = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.code() == Some(1), "{ended:?}");
    ensure!(
        said.contains("container \"shell\" of pod \"shell-a\""),
        "{said}"
    );
    ensure!(names(&folder)?.is_empty(), "{:?}", names(&folder)?);
    Ok(())
}

/// A container with nothing in it but the program it runs.
const BARE: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: "bare-${SESSION_ID}"}
spec:
  containers:
  - {name: main, image: "localhost/pause:1", imagePullPolicy: Never}
"#;

fn files_of_containers_without_tools() -> Result<()> {
    let world = World::installed("files-bare")?;
    let folder = tempfile::tempdir()?;
    let manifest = folder.path().join("bare.yaml");
    std::fs::write(&manifest, BARE)?;
    let manifest = manifest.to_str().context("a path is text")?;
    world
        .session(&["create", "bare", "-f", manifest])?
        .exits(0)?;
    let file = folder.path().join("x.tar.gz");
    let file = file.to_str().context("a path is text")?;
    let failed = world
        .session(&["snapshot", "create", "bare", "--to", file])?
        .exits(1)?;
    ensure!(
        failed.stderr.starts_with(
            "error: cannot copy files: container \"main\" of pod \"bare-bare\" has no shell\nhint: "
        ),
        "{failed:?}"
    );
    ensure!(names(&folder)? == ["bare.yaml"], "{:?}", names(&folder)?);
    Ok(())
}
