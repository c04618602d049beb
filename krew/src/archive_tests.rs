//! What is packed, and what is not unpacked.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use super::*;

fn contents(folder: &Path) -> Vec<Content> {
    std::fs::write(folder.join("a"), "binary").unwrap();
    std::fs::write(folder.join("b"), "text").unwrap();
    vec![
        Content::program("run".to_owned(), folder.join("a")),
        Content::text("LICENSE", folder.join("b")),
    ]
}

/// An archive whose header says what `change` makes it say.
fn foreign(folder: &Path, change: impl Fn(&mut Header)) -> PathBuf {
    let path = folder.join("foreign.tar.gz");
    let gzip = flate2::write::GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    let mut tar = Builder::new(gzip);
    let mut header = Header::new_ustar();
    header.set_size(0);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_path("x").unwrap();
    change(&mut header);
    header.set_cksum();
    tar.append(&header, std::io::empty()).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
    path
}

#[test]
fn the_same_content_is_the_same_archive() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        folder.path().join("1.tar.gz"),
        folder.path().join("2.tar.gz"),
    );
    let mut packed = contents(folder.path());
    pack(&packed, &one).unwrap();
    // Another order, another time of the files, another mode and, on another day, another clock.
    packed.reverse();
    let file = File::open(folder.path().join("a")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    set_mode(&file, 0o600).unwrap();
    pack(&packed, &two).unwrap();
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    assert_eq!(sha256(&one).unwrap(), sha256(&two).unwrap());
}

#[test]
fn an_archive_holds_what_was_packed() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("x.tar.gz");
    pack(&contents(folder.path()), &archive).unwrap();
    let entry = |name: &str, mode, size| Entry {
        path: name.into(),
        mode,
        size,
        time: TIME,
        owner: (0, 0),
        folder: false,
    };
    assert_eq!(
        entries(&archive).unwrap(),
        [entry("LICENSE", 0o644, 4), entry("run", 0o755, 6)]
    );
    let target = folder.path().join("out");
    unpack(&archive, &target).unwrap();
    assert_eq!(
        std::fs::read_to_string(target.join("run")).unwrap(),
        "binary"
    );
}

#[test]
fn links_and_ways_out_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut Header)| {
        let archive = foreign(folder.path(), change);
        let error = unpack(&archive, &folder.path().join("out")).unwrap_err();
        assert_eq!(
            error.to_string(),
            entries(&archive).unwrap_err().to_string()
        );
        error.to_string()
    };
    let link = |kind: EntryType| {
        move |header: &mut Header| {
            header.set_entry_type(kind);
            header.set_link_name("/etc/passwd").unwrap();
        }
    };
    assert_eq!(
        refused(&link(EntryType::Symlink)),
        "unable to handle file type 50"
    );
    assert_eq!(
        refused(&link(EntryType::Link)),
        "unable to handle file type 49"
    );
    // The writer refuses such names: they are put into the header's first bytes.
    let named = |name: &'static [u8]| {
        move |header: &mut Header| header.as_mut_bytes()[..name.len()].copy_from_slice(name)
    };
    assert_eq!(
        refused(&named(b"../x")),
        "\"../x\" leads out of the archive"
    );
    assert_eq!(refused(&named(b"/x")), "\"/x\" leads out of the archive");
}

#[test]
fn what_is_no_archive_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("x.tar.gz");
    std::fs::write(&text, "no gzip at all").unwrap();
    assert_eq!(
        entries(&text).unwrap_err().to_string(),
        "x.tar.gz cannot be unpacked"
    );
    let other = folder.path().join("x.tar.xz");
    assert_eq!(
        entries(&other).unwrap_err().to_string(),
        "x.tar.xz is no .tar.gz"
    );
}

#[test]
fn the_digest_is_lower_case_hexadecimal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("abc");
    std::fs::write(&path, "abc").unwrap();
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256(&path).unwrap(), known);
}
