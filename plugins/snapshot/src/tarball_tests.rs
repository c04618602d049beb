use super::*;
use tar::{Builder, Header};

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

fn refused(stream: &[u8]) -> String {
    examine(stream).unwrap_err().to_string()
}

#[test]
fn a_whole_stream_is_counted_and_hashed() {
    let stream = usual();
    let contents = examine(stream.as_slice()).unwrap();
    assert_eq!((contents.files, contents.length), (6, stream.len() as u64));
    let mut hash = Sha256::new();
    hash.update(&stream);
    assert_eq!(contents.sha256, digits(hash));
    let itself = contents.itself.as_slice();
    assert!(matches!(itself, [at] if *at == (0..BLOCK)), "{itself:?}");
    let empty = stream_of_nothing();
    assert_eq!(examine(empty.as_slice()).unwrap().files, 0);
}

fn stream_of_nothing() -> Vec<u8> {
    stream(&[])
}

#[test]
fn wherever_it_is_cut_off_that_is_found() {
    let stream = usual();
    for length in 0..stream.len() {
        let said = refused(&stream[..length]);
        assert!(said.starts_with("it is "), "{length}: {said}");
    }
}

#[test]
fn a_file_of_nothing_but_zeros_is_no_end() {
    let zeros = "\0".repeat(4096);
    let stream = stream(&[(EntryType::Regular, "zeros", &zeros)]);
    assert!(examine(stream.as_slice()).is_ok());
    assert_eq!(
        refused(&stream[..512 + 4096]),
        "it is cut off: its end is not marked"
    );
    assert_eq!(
        refused(&stream[..512 + 4096 + 512]),
        "it is cut off: its end is not whole"
    );
}

#[test]
fn a_damaged_header_is_found() {
    let mut stream = usual();
    stream[3] ^= 1;
    assert_eq!(
        refused(&stream),
        "it is damaged: archive header checksum mismatch"
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
it holds a name that leads out of its directory: \"../x\"
it holds a name that leads out of its directory: \"a/../../x\"
it holds a name that leads out of its directory: \"..\"
it holds an absolute name: \"/etc/passwd\"
it holds a name that leads out of its directory: \"../x\"
it holds an absolute name: \"/etc/shadow\"
it holds a name that leads out of its directory: \"../shadow\"
it holds a name that leads through a link: \"a//passwd\"
it holds a name that leads through a link: \"a/b/c\"
it holds a name that leads through a link: \"a/shadow\"
it holds a device: \"null\"
it holds a device: \"disk\"
";
    assert_eq!(text, expected);
}

#[test]
fn what_another_tar_would_still_read_is_refused() {
    // A single block of nothing: GNU's tar goes on behind it, and would find the name.
    let mut sly = usual();
    sly.truncate(sly.len() - 512);
    sly.extend(stream(&[(EntryType::Regular, "/etc/passwd", "")]));
    assert_eq!(refused(&sly), "it goes on after its end");
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
    assert!(refused(&stream).starts_with("it holds a name that leads out"));
}
