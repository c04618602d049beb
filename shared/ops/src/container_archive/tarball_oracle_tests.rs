//! GNU's tar and busybox' as judges: what we have accepted is what they unpack, and nothing outside.
//!
//! Long because every odd archive is written here byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use super::tests::{plain, refused};
use super::*;
use tar::{EntryType, Header};

/// A block with these fields; `edit` may make it as odd as it likes before its checksum is made.
fn block(kind: u8, name: &[u8], size: u64, edit: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(EntryType::new(kind));
    header.set_mode(0o640);
    header.set_uid(u64::from(rustix_uid()));
    header.set_gid(0);
    header.set_size(size);
    edit(header.as_mut_bytes());
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn rustix_uid() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}

/// An entry with a content.
fn entry(kind: u8, name: &[u8], content: &[u8]) -> Vec<u8> {
    edited(kind, name, content, |_| {})
}

fn edited(kind: u8, name: &[u8], content: &[u8], edit: impl Fn(&mut [u8])) -> Vec<u8> {
    let mut bytes = block(kind, name, content.len() as u64, edit);
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

fn linked(kind: u8, name: &[u8], target: &[u8]) -> Vec<u8> {
    edited(kind, name, b"", |header| {
        header[157..157 + target.len()].copy_from_slice(target);
    })
}

fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in records {
        let rest = [b" ", key.as_bytes(), b"=", value, b"\n"].concat();
        let length = (1..)
            .find(|length: &usize| length.to_string().len() + rest.len() == *length)
            .unwrap();
        bytes.extend([length.to_string().as_bytes(), &rest].concat());
    }
    entry(b'x', b"pax", &bytes)
}

fn stream(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = parts.concat();
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

/// Where a field of a header stands.
const SIZE: usize = 124;
const MODE: usize = 100;
const MAGIC: usize = 257;
const PREFIX: usize = 345;

/// Archives by what is odd about them, and whether they are accepted.
fn corpus() -> Vec<(&'static str, bool, Vec<u8>)> {
    let file = |name: &[u8]| entry(b'0', name, b"content");
    let long = |kind: u8, name: &[u8]| entry(kind, b"././@LongLink", &[name, b"\0"].concat());
    let deep = "n".repeat(90) + "/" + &"m".repeat(90);
    let deep = deep.as_bytes();
    let sized = |text: &'static [u8]| {
        edited(b'0', b"f", b"content", move |header| {
            header[SIZE..SIZE + 12].fill(0);
            header[SIZE..SIZE + text.len()].copy_from_slice(text);
        })
    };
    let magic = |magic: &'static [u8]| {
        edited(b'0', b"f", b"content", move |header| {
            header[MAGIC..MAGIC + 8].copy_from_slice(magic);
        })
    };
    let inner = stream(&[linked(b'2', b"evil", b"/etc")]);
    vec![
        ("a usual file", true, stream(&[file(b"a")])),
        (
            "odd names",
            true,
            stream(&[
                file(b"-rf"),
                file(b"back\\slash"),
                file(b"line\nbreak"),
                file(b"\xff\xfe"),
                file(b" "),
                file(b"a b/..c/d"),
                file("ünï".as_bytes()),
                file(b"*"),
                file(b"sub//./x"),
            ]),
        ),
        (
            "a directory twice",
            true,
            stream(&[
                entry(b'5', b"d/", b""),
                file(b"d/a"),
                entry(b'5', b"./d", b""),
                file(b"d/b"),
            ]),
        ),
        (
            "setuid and setgid",
            true,
            stream(&[
                edited(b'0', b"su", b"content", |header| {
                    header[MODE..MODE + 8].copy_from_slice(b"0006755\0")
                }),
                edited(b'5', b"sg", b"", |header| {
                    header[MODE..MODE + 8].copy_from_slice(b"0002755\0")
                }),
            ]),
        ),
        (
            "a symbolic link to anywhere",
            true,
            stream(&[
                linked(b'2', b"l", b"/etc/passwd"),
                linked(b'2', b"up", b"../../.."),
                linked(b'2', b"q", b"a//./b/"),
            ]),
        ),
        (
            "a hard link to a file",
            true,
            stream(&[
                file(b"a"),
                linked(b'1', b"b", b"./a"),
                linked(b'1', b"c", b"b"),
            ]),
        ),
        ("a fifo", true, stream(&[entry(b'6', b"pipe", b"")])),
        (
            "contiguous and old files",
            true,
            stream(&[entry(b'7', b"a", b"content"), entry(0, b"b", b"content")]),
        ),
        (
            "GNU's long names",
            true,
            stream(&[
                long(b'L', deep),
                entry(b'0', &deep[..100], b"content"),
                long(b'K', deep),
                linked(b'2', b"l", &deep[..100]),
                long(b'K', deep),
                linked(b'1', b"h", &deep[..100]),
            ]),
        ),
        (
            "a name of 100 bytes",
            true,
            stream(&[file(&deep[..100]), file(&[b'x'; 99])]),
        ),
        (
            "ustar with a prefix",
            true,
            stream(&[edited(b'0', b"name", b"content", |header| {
                header[MAGIC..MAGIC + 8].copy_from_slice(b"ustar\x0000");
                header[PREFIX..PREFIX + 3].copy_from_slice(b"p/q");
            })]),
        ),
        (
            "PAX names",
            true,
            stream(&[
                pax(&[("path", deep), ("mtime", b"1700000000.5")]),
                entry(b'0', &deep[..100], b"content"),
                pax(&[("path", "ä".as_bytes()), ("uname", b"nobody")]),
                file(b"a"),
            ]),
        ),
        (
            "a PAX size that says the same",
            true,
            stream(&[pax(&[("size", b"7")]), file(b"a")]),
        ),
        (
            "a comment for all",
            true,
            stream(&[entry(b'g', b"pax", b"15 comment=abc\n"), file(b"a")]),
        ),
        (
            "a size in GNU's 64 bits",
            true,
            stream(&[sized(b"\x80\0\0\0\0\0\0\0\0\0\0\x07")]),
        ),
        ("a size between spaces", true, stream(&[sized(b"      7 ")])),
        (
            "a content that is an archive",
            true,
            stream(&[entry(b'0', b"inner.tar", &inner)]),
        ),
        // One archive, two readings.
        (
            "a hard link to a symbolic link, and a file through it",
            false,
            stream(&[
                linked(b'2', b"s", b"/etc"),
                linked(b'1', b"h", b"s"),
                file(b"h/passwd"),
            ]),
        ),
        (
            "a hard link to a symbolic link",
            false,
            stream(&[linked(b'2', b"s", b"x"), linked(b'1', b"h", b"s")]),
        ),
        (
            "a hard link to what is not there",
            false,
            stream(&[linked(b'1', b"h", b"bin/sh")]),
        ),
        (
            "a hard link to a directory",
            false,
            stream(&[entry(b'5', b"d", b""), linked(b'1', b"h", b"d")]),
        ),
        (
            "a hard link to itself",
            false,
            stream(&[linked(b'1', b"h", b"h")]),
        ),
        (
            "a symbolic link, then a file of its name",
            false,
            stream(&[linked(b'2', b"a", b"/etc/passwd"), file(b"a")]),
        ),
        (
            "a file, then a symbolic link, then a file",
            false,
            stream(&[file(b"a"), linked(b'2', b"a", b"x"), file(b"a")]),
        ),
        (
            "a symbolic link in place of a directory",
            false,
            stream(&[file(b"d/a"), linked(b'2', b"d", b"/etc"), file(b"d/b")]),
        ),
        (
            "a file in a file",
            false,
            stream(&[file(b"a"), file(b"a/b")]),
        ),
        (
            "two files of one name",
            false,
            stream(&[file(b"a"), file(b"./a")]),
        ),
        (
            "a PAX size that is larger",
            false,
            stream(&[
                pax(&[("size", b"1024")]),
                entry(b'0', b"a", b""),
                linked(b'2', b"evil", b"/etc"),
                file(b"b"),
            ]),
        ),
        (
            "a PAX size of nothing",
            false,
            stream(&[pax(&[("size", b"0")]), entry(b'0', b"a", &inner)]),
        ),
        (
            "a PAX path that differs",
            false,
            stream(&[pax(&[("path", b"b")]), file(b"a")]),
        ),
        (
            "a PAX link that differs",
            false,
            stream(&[pax(&[("linkpath", b"/etc")]), linked(b'2', b"a", b"x")]),
        ),
        (
            "two PAX paths",
            false,
            stream(&[pax(&[("path", b"a"), ("path", b"../b")]), file(b"a")]),
        ),
        (
            "two PAX headers",
            false,
            stream(&[pax(&[("path", b"a")]), pax(&[("path", b"a")]), file(b"a")]),
        ),
        (
            "a PAX path with a NUL",
            false,
            stream(&[pax(&[("path", b"a\0b")]), file(b"a")]),
        ),
        (
            "a PAX path that leads out",
            false,
            stream(&[pax(&[("path", "../ä".as_bytes())]), file(b"a")]),
        ),
        (
            "a path for all",
            false,
            stream(&[entry(b'g', b"pax", b"10 path=b\n"), file(b"a")]),
        ),
        (
            "a size for all",
            false,
            stream(&[entry(b'g', b"pax", b"10 size=0\n"), file(b"a")]),
        ),
        (
            "GNU's sparse files in PAX",
            false,
            stream(&[
                pax(&[
                    ("GNU.sparse.major", b"1"),
                    ("GNU.sparse.minor", b"0"),
                    ("GNU.sparse.name", b"../x"),
                ]),
                file(b"a"),
            ]),
        ),
        (
            "GNU's sparse files",
            false,
            stream(&[entry(b'S', b"a", b"")]),
        ),
        (
            "two long names",
            false,
            stream(&[long(b'L', deep), long(b'L', b"b"), file(&deep[..100])]),
        ),
        (
            "a long name and a PAX path",
            false,
            stream(&[long(b'L', deep), pax(&[("path", deep)]), file(&deep[..100])]),
        ),
        (
            "a long name for what has room",
            false,
            stream(&[long(b'L', b"b"), file(b"a")]),
        ),
        (
            "a long name with a NUL",
            false,
            stream(&[long(b'L', &[deep, b"\0/../x"].concat()), file(&deep[..100])]),
        ),
        (
            "a long name that leads out",
            false,
            stream(&[
                long(b'L', &[deep, b"/../../../x"].concat()),
                file(&deep[..100]),
            ]),
        ),
        ("a long name of nothing", false, stream(&[long(b'L', deep)])),
        (
            "a long name of 2 MiB",
            false,
            stream(&[long(b'L', &vec![b'a'; 2 << 20]), file(b"a")]),
        ),
        (
            "a name that no file system takes",
            false,
            stream(&[long(b'L', &[b'a'; 300]), file(&[b'a'; 100])]),
        ),
        (
            "a path that no file system takes",
            false,
            stream(&[long(b'L', &b"a/".repeat(2500)), file(&b"a/".repeat(50))]),
        ),
        (
            "a negative size",
            false,
            stream(&[sized(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")]),
        ),
        (
            "a size beyond 64 bits",
            false,
            stream(&[sized(b"\x80\0\0\x01\0\0\0\0\0\0\0\x07")]),
        ),
        ("a size with a sign", false, stream(&[sized(b"+7")])),
        ("a size with letters", false, stream(&[sized(b"7x")])),
        (
            "a size with a digit that is none",
            false,
            stream(&[sized(b"9")]),
        ),
        (
            "a size with more behind it",
            false,
            stream(&[sized(b"7\x007777")]),
        ),
        (
            "a directory with a content",
            false,
            stream(&[entry(b'5', b"d", &inner)]),
        ),
        (
            "a symbolic link with a content",
            false,
            stream(&[entry(b'2', b"d", &inner)]),
        ),
        (
            "a symbolic link to nothing",
            false,
            stream(&[linked(b'2', b"l", b"")]),
        ),
        (
            "a file with the name of a directory",
            false,
            stream(&[file(b"a/")]),
        ),
        ("a file without a name", false, stream(&[file(b"")])),
        (
            "the directory itself as a file",
            false,
            stream(&[file(b"./.")]),
        ),
        ("a device", false, stream(&[entry(b'3', b"null", b"")])),
        ("a disk", false, stream(&[entry(b'4', b"disk", b"")])),
        ("a label", false, stream(&[entry(b'V', b"label", b"")])),
        (
            "part of another volume",
            false,
            stream(&[entry(b'M', b"a", b"content")]),
        ),
        (
            "a directory of GNU's dumps",
            false,
            stream(&[entry(b'D', b"d", b"Ya\0\0")]),
        ),
        (
            "a kind that nobody knows",
            false,
            stream(&[entry(b'Z', b"a", b"content")]),
        ),
        ("an old header", false, stream(&[magic(&[0; 8])])),
        (
            "a header of nobody",
            false,
            stream(&[magic(b"ustar\0\0\0")]),
        ),
        (
            "a name that leads out",
            false,
            stream(&[file(b"a/../../x")]),
        ),
        ("an absolute name", false, stream(&[file(b"/tmp/x")])),
        (
            "a prefix that leads out",
            false,
            stream(&[edited(b'0', b"x", b"", |header| {
                header[MAGIC..MAGIC + 8].copy_from_slice(b"ustar\x0000");
                header[PREFIX..PREFIX + 2].copy_from_slice(b"..");
            })]),
        ),
        (
            "an archive behind one block of zeros",
            false,
            [file(b"a"), vec![0; BLOCK], stream(&[file(b"b")])].concat(),
        ),
        (
            "an archive behind its end",
            false,
            [stream(&[file(b"a")]), stream(&[file(b"b")])].concat(),
        ),
        (
            "a byte behind its end",
            false,
            [stream(&[file(b"a")]), vec![1]].concat(),
        ),
        (
            "an owner that chown leaves alone",
            false,
            stream(&[pax(&[("uid", b"4294967295")]), file(b"a")]),
        ),
    ]
}

/// What is below a directory: kind, mode where that is ours to set, content or target of each.
fn tree(root: &Path, below: &Path, found: &mut BTreeMap<Vec<u8>, String>) {
    for file in fs::read_dir(below).unwrap() {
        let path = file.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        let kind = meta.file_type();
        let what = if kind.is_symlink() {
            let target = fs::read_link(&path).unwrap().into_os_string().into_vec();
            format!("link to {}", target.escape_ascii())
        } else if kind.is_dir() {
            tree(root, &path, found);
            "directory".to_owned()
        } else if kind.is_fifo() {
            format!("fifo {mode:o}")
        } else {
            let content = fs::read(&path).unwrap();
            format!(
                "file {mode:o} {} links {}",
                meta.nlink(),
                content.escape_ascii()
            )
        };
        let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes();
        found.insert(name.to_vec(), what);
    }
}

/// What a plain stream says, by the crate's own reader.
fn meant(plain: &[u8]) -> BTreeMap<Vec<u8>, String> {
    let mut found: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    let mut groups: Vec<Vec<Vec<u8>>> = Vec::new();
    for entry in tar::Archive::new(plain).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path_bytes().into_owned();
        for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            found.insert(path[..at].to_vec(), "directory".to_owned());
        }
        let mode = entry.header().mode().unwrap();
        let target = entry.link_name_bytes().map(|target| target.into_owned());
        let what = match entry.header().entry_type() {
            EntryType::Directory => "directory".to_owned(),
            EntryType::Symlink => format!("link to {}", target.unwrap().escape_ascii()),
            EntryType::Fifo => format!("fifo {mode:o}"),
            EntryType::Link => {
                let target = target.unwrap();
                let group = groups.iter_mut().find(|group| group.contains(&target));
                group.unwrap().push(path.clone());
                found[&target].clone()
            }
            EntryType::Regular => {
                groups.push(vec![path.clone()]);
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                format!("file {mode:o} 1 links {}", content.escape_ascii())
            }
            other => panic!("{other:?} is not plain"),
        };
        found.insert(path, what);
    }
    for group in groups {
        let links = format!(" {} links ", group.len());
        for name in &group {
            let what = found[name].replacen(" 1 links ", &links, 1);
            found.insert(name.clone(), what);
        }
    }
    found
}

/// Unpacks a stream as a container does, and says what is there then, inside and around.
fn unpacked(tar: &[&str], plain: &[u8]) -> BTreeMap<Vec<u8>, String> {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("outside/inside");
    fs::create_dir_all(&inside).unwrap();
    let mut child = Command::new(tar[0])
        .args(&tar[1..])
        .args(["-xpf", "-", "-C"])
        .arg(&inside)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(plain).unwrap();
    assert!(child.wait().unwrap().success(), "{tar:?}");
    let (mut found, mut around) = (BTreeMap::new(), BTreeMap::new());
    tree(&inside, &inside, &mut found);
    tree(folder.path(), folder.path(), &mut around);
    let expected: usize = 2;
    assert_eq!(
        around.len(),
        found.len() + expected,
        "{tar:?} wrote outside"
    );
    found
}

const TARS: [&[&str]; 2] = [&["tar"], &["busybox", "tar"]];

#[test]
fn what_is_accepted_is_what_gnu_and_busybox_unpack() {
    let mut wrong = Vec::new();
    for (what, good, bytes) in corpus() {
        let mut out = Vec::new();
        match transcode(bytes.as_slice(), &mut out) {
            Err(error) if good => wrong.push(format!("{what}: refused: {error:#}")),
            Err(_) => {}
            Ok(_) if !good => wrong.push(format!("{what}: accepted")),
            Ok(_) => {
                let meant = meant(&out);
                for tar in TARS {
                    let found = unpacked(tar, &out);
                    if found != meant {
                        wrong.push(format!(
                            "{what}: {tar:?}\n{found:#?}\ninstead of\n{meant:#?}"
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_both_tars_write_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let deep = home.join("d".repeat(200)).join("e".repeat(200));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("long"), "long\n").unwrap();
    fs::write(home.join("x".repeat(100)), "100\n").unwrap();
    fs::write(home.join("ünï"), vec![7; 100_000]).unwrap();
    std::os::unix::fs::symlink("y".repeat(150), home.join("link")).unwrap();
    fs::hard_link(deep.join("long"), home.join("hard")).unwrap();
    let sparse = fs::File::create(home.join("sparse")).unwrap();
    sparse.set_len(1 << 20).unwrap();
    let mut before = BTreeMap::new();
    tree(&home, &home, &mut before);
    for tar in [
        &["tar", "--format=gnu"][..],
        &["tar", "--format=oldgnu"],
        &["tar", "--format=posix"],
        &["busybox", "tar"],
    ] {
        let packed = Command::new(tar[0])
            .args(&tar[1..])
            .args(["-cf", "-", "-C"])
            .arg(&home)
            .arg(".")
            .output()
            .unwrap();
        let (_, out) = plain(&packed.stdout);
        for reader in TARS {
            assert!(unpacked(reader, &out) == before, "{tar:?} to {reader:?}");
        }
    }
    let sparse = Command::new("tar")
        .args(["-Scf", "-", "-C"])
        .arg(&home)
        .arg("sparse")
        .output()
        .unwrap();
    assert!(refused(&sparse.stdout).contains("is a sparse file"));
}
