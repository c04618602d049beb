//! What is packed, and what is found to be another's archive.
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
    let mut mode = file.metadata().unwrap().permissions();
    mode.set_readonly(true);
    file.set_permissions(mode).unwrap();
    pack(&packed, &two).unwrap();
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    assert_eq!(sha256(&one).unwrap(), sha256(&two).unwrap());
}

#[test]
fn an_archive_holds_what_was_packed() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("x.tar.gz");
    pack(&contents(folder.path()), &archive).unwrap();
    let entry = |name: &str, mode, content: &str| Entry {
        path: name.into(),
        mode,
        time: TIME,
        owner: (0, 0),
        content: content.into(),
    };
    assert_eq!(
        entries(&archive).unwrap(),
        [
            entry("LICENSE", 0o644, "text"),
            entry("run", 0o755, "binary")
        ]
    );
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
    let mut tar = Builder::new(flate2::write::GzEncoder::new(
        File::create(&text).unwrap(),
        Compression::fast(),
    ));
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "LICENSE", "/etc/passwd")
        .unwrap();
    tar.into_inner().unwrap().finish().unwrap();
    assert_eq!(
        entries(&text).unwrap_err().to_string(),
        "x.tar.gz holds \"LICENSE\", which is not a regular file"
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
