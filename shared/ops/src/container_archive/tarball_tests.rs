use super::*;
use sha2::{Digest, Sha256};
use std::io;
use tar::{Builder, EntryType, Header};

/// An entry: its kind, its name as it stands in the header, and a link's target or a file's content.
type Made<'a> = (EntryType, &'a str, &'a str);

/// A tar stream with names that no writer would let pass.
fn stream(entries: &[Made<'_>]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (kind, name, more) in entries {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        let content = if is_link {
            header.as_gnu_mut().unwrap().linkname[..more.len()].copy_from_slice(more.as_bytes());
            ""
        } else {
            more
        };
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn usual() -> Vec<u8> {
    stream(&[
        (EntryType::Directory, "./", ""),
        (EntryType::Regular, "./a", "content"),
        (EntryType::Directory, "./empty/", ""),
        (EntryType::Symlink, "./python", "/usr/bin/python"),
        (EntryType::Symlink, "./up", "../.."),
        (EntryType::Link, "./b", "./a"),
        (EntryType::Fifo, "./pipe", ""),
        (EntryType::Regular, "./..odd", "x"),
    ])
}

/// The contents of a stream, and the plain form of it.
pub(super) fn plain(stream: &[u8]) -> (ArchiveContents, Vec<u8>) {
    let mut out = Vec::new();
    (transcode(stream, &mut out).unwrap(), out)
}

pub(super) fn refused(stream: &[u8]) -> String {
    transcode(stream, &mut io::sink()).unwrap_err().to_string()
}

#[test]
fn a_whole_stream_is_counted_and_hashed() {
    let stream = usual();
    let (contents, _) = plain(&stream);
    assert_eq!((contents.files, contents.entries), (6, 7));
    assert_eq!(contents.stream_bytes, stream.len() as u64);
    assert_eq!(
        contents.unpacked_bytes,
        2 * ALLOCATION_UNIT + ALLOCATION_UNIT,
        "two files and a directory"
    );
    assert_eq!(
        contents.sha256,
        hex_digest(Sha256::new_with_prefix(&stream))
    );
    assert_eq!(
        contents.top_names_text(),
        r#""..odd", "a", "b", "empty", "pipe", "python" and others"#
    );
    assert_eq!(plain(&stream_of_nothing()).0.entries, 0);
}

fn stream_of_nothing() -> Vec<u8> {
    stream(&[])
}

#[test]
fn the_plain_form_is_read_as_the_same_again() {
    let (contents, out) = plain(&usual());
    let (again, same) = plain(&out);
    assert!(same == out);
    let its_own = |contents: ArchiveContents| ArchiveContents {
        stream_bytes: 0,
        sha256: String::new(),
        ..contents
    };
    assert_eq!(its_own(again), its_own(contents));
    assert!(
        out.len() < usual().len(),
        "the directory itself is left out"
    );
}

#[test]
fn wherever_it_is_cut_off_that_is_found() {
    let stream = usual();
    for length in 0..stream.len() {
        let said = refused(&stream[..length]);
        assert!(
            said.starts_with("the archive is truncated"),
            "{length}: {said}"
        );
    }
}

#[test]
fn a_file_of_nothing_but_zeros_is_no_end() {
    let zeros = "\0".repeat(4096);
    let stream = stream(&[(EntryType::Regular, "zeros", &zeros)]);
    plain(&stream);
    assert_eq!(
        refused(&stream[..512 + 4096]),
        "the archive is truncated: the end marker is missing"
    );
    assert_eq!(
        refused(&stream[..512 + 4096 + 512]),
        "the archive is truncated: the end marker is incomplete"
    );
}

#[test]
fn a_damaged_header_is_found() {
    let mut stream = usual();
    stream[3] ^= 1;
    assert_eq!(
        refused(&stream),
        "the archive is damaged: a header's checksum is wrong"
    );
}

#[test]
fn names_that_lead_out_are_refused() {
    let mut text = String::new();
    for entries in [
        vec![(EntryType::Regular, "../x", "")],
        vec![(EntryType::Regular, "a/../../x", "")],
        vec![(EntryType::Directory, "..", "")],
        vec![(EntryType::Regular, "/etc/passwd", "")],
        vec![(EntryType::Symlink, "../x", "y")],
        vec![(EntryType::Link, "x", "/etc/shadow")],
        vec![(EntryType::Link, "x", "../shadow")],
        vec![
            (EntryType::Symlink, "./a", "/etc"),
            (EntryType::Regular, "a//passwd", ""),
        ],
        vec![
            (EntryType::Symlink, "a", ".."),
            (EntryType::Directory, "a/", ""),
            (EntryType::Regular, "a/b/c", ""),
        ],
        vec![
            (EntryType::Symlink, "a", "/etc"),
            (EntryType::Link, "x", "a/shadow"),
        ],
        vec![(EntryType::Char, "null", "")],
        vec![(EntryType::Block, "disk", "")],
    ] {
        text.push_str(&refused(&stream(&entries)));
        text.push('\n');
    }
    let expected = "\
entry \"../x\" leaves the target directory
entry \"a/../../x\" leaves the target directory
entry \"..\" leaves the target directory
entry \"/etc/passwd\" has an absolute path
entry \"../x\" leaves the target directory
entry \"/etc/shadow\" has an absolute path
entry \"../shadow\" leaves the target directory
entry \"a/passwd\" is below a symbolic link
entry \"a\" appears twice
entry \"x\" is a hard link to \"a/shadow\", which is not an earlier file of the archive
entry \"null\" is a device
entry \"disk\" is a device
";
    assert_eq!(text, expected);
}

#[test]
fn what_another_tar_would_still_read_is_refused() {
    // A single block of nothing: GNU's tar goes on behind it, and would find the name.
    let mut sly = usual();
    sly.truncate(sly.len() - 512);
    sly.extend(stream(&[(EntryType::Regular, "/etc/passwd", "")]));
    assert_eq!(refused(&sly), "the archive has data after its end marker");
    let mut padded = usual();
    padded.resize(padded.len() + 10_240, 0);
    plain(&padded);
    padded.resize(padded.len() + (2 << 20), 0);
    assert_eq!(
        refused(&padded),
        "the archive has data after its end marker"
    );
}

#[test]
fn long_names_are_names() {
    let long = format!("deep/{}/../../../x", "n".repeat(150));
    let mut tar = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..13].copy_from_slice(b"././@LongLink");
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(long.len() as u64 + 1);
    header.set_cksum();
    tar.append(&header, format!("{long}\0").as_bytes()).unwrap();
    let mut header = Header::new_gnu();
    header.set_path("deep").unwrap();
    header.set_size(0);
    header.set_cksum();
    tar.append(&header, &b""[..]).unwrap();
    let stream = tar.into_inner().unwrap();
    assert!(refused(&stream).contains("leaves the target directory"));
}
