use super::*;
use flate2::write::GzEncoder;
use sha2::Digest;
use tar::{Builder, Header};

/// A tar stream of the directory itself, and a file of 100,000 bytes that do not compress to nothing.
fn stream() -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_path("./").unwrap();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_cksum();
    tar.append(&header, &b""[..]).unwrap();
    let content: Vec<u8> = (0..100_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut header = Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o600);
    tar.append_data(&mut header, "./file", content.as_slice())
        .unwrap();
    tar.into_inner().unwrap()
}

fn recorded(stream: &[u8]) -> Result<(ArchiveContents, Vec<u8>)> {
    let (send, receive) = mpsc::channel(1024);
    for piece in stream.chunks(1000) {
        send.try_send(Bytes::copy_from_slice(piece)).unwrap();
    }
    drop(send);
    compress_checked(receive, Vec::new())
}

fn seal_of(contents: &ArchiveContents) -> ArchiveFooter {
    ArchiveFooter {
        session: "alice".into(),
        namespace: "docs".into(),
        directory: "/home/ünï".into(),
        created: "2026-03-01T12:00:00Z".into(),
        length: contents.stream_bytes,
        sha256: contents.sha256.clone(),
    }
}

fn file() -> Vec<u8> {
    let (contents, mut file) = recorded(&stream()).unwrap();
    file.extend(seal_of(&contents).to_gzip_member().unwrap());
    file
}

fn refused(file: &[u8]) -> String {
    format!("{:#}", check_archive(file).unwrap_err())
}

#[test]
fn what_was_recorded_is_found_again() {
    let (contents, _) = recorded(&stream()).unwrap();
    let checked = check_archive(file().as_slice()).unwrap();
    assert_eq!(checked.footer, Some(seal_of(&contents)));
    assert_eq!(checked.contents, contents);
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(file().as_slice())
        .read_to_end(&mut out)
        .unwrap();
    assert!(out == stream(), "any gunzip reads it");
}

#[test]
fn a_stream_that_is_cut_off_is_not_recorded() {
    let stream = stream();
    for length in [0, 100, 512, 5000, stream.len() - 512] {
        let error = recorded(&stream[..length]).unwrap_err().to_string();
        assert!(
            error.starts_with("the archive is truncated"),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_disk_that_is_full_is_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (send, receive) = mpsc::channel(1024);
    for piece in stream().chunks(1000) {
        send.try_send(Bytes::copy_from_slice(piece)).unwrap();
    }
    drop(send);
    let error = compress_checked(receive, Full).map(drop).unwrap_err();
    let error = error.downcast_ref::<io::Error>().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn wherever_a_file_is_cut_off_or_damaged_that_is_found() {
    let file = file();
    let unsealed = recorded(&stream()).unwrap().1.len();
    for length in (0..file.len())
        .step_by(97)
        .chain([unsealed - 1, file.len() - 1])
    {
        if length != unsealed {
            let said = refused(&file[..length]);
            assert!(said.starts_with("the archive is "), "{length}: {said}");
        }
    }
    let mut missed = Vec::new();
    for at in (0..unsealed).step_by(101) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        // The time and the system in gzip's header stand for nothing.
        if check_archive(damaged.as_slice()).is_ok() && !(4..10).contains(&at) {
            missed.push(at);
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn other_files_are_told_apart() {
    let gzip = |bytes: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    assert_eq!(refused(b""), "the archive is not a gzip file");
    assert_eq!(refused(b"PK\x03\x04"), "the archive is not a gzip file");
    assert_eq!(refused(&gzip(b"no tar at all")), "the archive is truncated");
    assert!(refused(&gzip(&[7; 4096])).starts_with("the archive is damaged"));
    let plain = check_archive(gzip(&stream()).as_slice()).unwrap();
    assert_eq!(plain.footer, None, "a tar.gz of any other make is welcome");
    let mut behind = file();
    behind.extend(b"garbage");
    assert!(
        refused(&behind).starts_with("the archive is "),
        "{}",
        refused(&behind)
    );
    let mut more = file();
    more.extend(gzip(&stream()));
    assert_eq!(
        refused(&more),
        "the archive is damaged: data follows the footer"
    );
}

#[test]
fn a_seal_of_another_stream_is_found() {
    let (contents, mut file) = recorded(&stream()).unwrap();
    let mut seal = seal_of(&contents);
    seal.sha256 = "0".repeat(64);
    file.extend(seal.to_gzip_member().unwrap());
    let said = refused(&file);
    assert!(
        said.starts_with("the archive is damaged: its checksum is "),
        "{said}"
    );
}

#[test]
fn the_plain_form_is_sent_without_the_directory_itself() {
    let (contents, file) = recorded(&stream()).unwrap();
    let (send, mut receive) = mpsc::channel(1024);
    let sum = super::send_plain(file.as_slice(), &contents, &send)
        .unwrap()
        .unwrap();
    drop(send);
    let mut sent = Vec::new();
    while let Ok(piece) = receive.try_recv() {
        sent.extend_from_slice(&piece);
    }
    let mut plain = Vec::new();
    transcode(stream().as_slice(), &mut plain).unwrap();
    assert!(sent == plain && !sent.starts_with(b"./"));
    assert_eq!(
        sent.len() as u64,
        check_archive(file.as_slice()).unwrap().plain_bytes
    );
    assert_eq!(sum, hex_digest(sha2::Sha256::new_with_prefix(&sent)));
}

#[test]
fn what_follows_a_seal_is_refused() {
    let mut twice = file();
    let other = ArchiveFooter {
        directory: "/etc".into(),
        ..check_archive(twice.as_slice()).unwrap().footer.unwrap()
    };
    twice.extend(other.to_gzip_member().unwrap());
    assert_eq!(
        refused(&twice),
        "the archive is damaged: data follows the footer"
    );
}

#[test]
fn a_file_that_changes_after_it_was_checked_is_found() {
    let (mut contents, file) = recorded(&stream()).unwrap();
    contents.sha256 = "0".repeat(64);
    let (send, _receive) = mpsc::channel(1024);
    let error = super::send_plain(file.as_slice(), &contents, &send).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the archive has changed since it was checked"
    );
    let (send, receive) = mpsc::channel(1);
    drop(receive);
    assert_eq!(
        super::send_plain(file.as_slice(), &contents, &send).unwrap(),
        None
    );
}
