//! Tar streams for `restore --from`: what is accepted is written in a form that is read as the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session_shared::ops::container_archive::tarball::{ArchiveContents, transcode};

fuzz_target!(|bytes: &[u8]| {
    let mut plain = Vec::new();
    let Ok(contents) = transcode(bytes, &mut plain) else {
        return;
    };
    let mut again = Vec::new();
    let same = transcode(plain.as_slice(), &mut again).expect("what we wrote is fit");
    assert!(again == plain, "the plain form is not stable");
    let its_own = |contents: ArchiveContents| ArchiveContents {
        stream_bytes: 0,
        sha256: String::new(),
        // Left out the first time.
        setid_files: 0,
        ..contents
    };
    // A directory that is named twice is written twice: the same entries.
    assert_eq!(its_own(same), its_own(contents));
    // At most two headers for long names of 4 KiB each beside what was there.
    let longest = bytes.len() + 1024 + plain.len() / 512 * 2 * 5120;
    assert!(plain.len() <= longest && plain.len() % 512 == 0);
});
