//! What is in the image, and that it is the same whoever writes it and whenever.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::collections::BTreeMap;
use std::io::Read as _;

use serde_json::Value;

use super::*;
use crate::oci::digest;

/// A file of a tar: its header's numbers and its content.
type File = ((u32, u64, u64, u64), Vec<u8>);

fn content_of(archive: &[u8]) -> BTreeMap<String, File> {
    let mut tar = tar::Archive::new(archive);
    let files = tar.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert!(header.entry_type().is_file());
        let numbers = (
            header.mode().unwrap(),
            header.mtime().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
        );
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (path, (numbers, content))
    });
    files.collect()
}

/// A program of 64 bits that asks for no loader: a header with an empty table.
fn program() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01".to_vec();
    bytes.resize(64, 0);
    bytes
}

#[test]
fn the_image_is_one_program_and_nothing_else() {
    let archive = image(b"the program", "amd64", NAME).unwrap().archive();
    let mut files = content_of(&archive.unwrap());
    let index: Value = serde_json::from_slice(&files["index.json"].1).unwrap();
    let mut blob = |descriptor: &Value| {
        let wanted = descriptor["digest"].as_str().unwrap();
        let name = wanted.replace("sha256:", "blobs/sha256/");
        let (_, content) = files.remove(&name).unwrap();
        assert_eq!(digest(&content), wanted);
        assert_eq!(descriptor["size"], content.len());
        content
    };
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    let only = &index["manifests"][0];
    assert_eq!(only["annotations"]["io.containerd.image.name"], NAME);
    assert_eq!(only["platform"]["architecture"], "amd64");
    let manifest: Value = serde_json::from_slice(&blob(only)).unwrap();
    let config: Value = serde_json::from_slice(&blob(&manifest["config"])).unwrap();
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    let layer = blob(&manifest["layers"][0]);
    assert_eq!(
        files.into_keys().collect::<Vec<_>>(),
        ["index.json", "oci-layout"],
        "no blob is left over"
    );
    assert_eq!(config["rootfs"]["diff_ids"][0], digest(&layer));
    assert_eq!(config["config"]["User"], "65534:65534");
    assert_eq!(config["config"]["Entrypoint"][0], "/kubectl-session");
    assert_eq!(config["created"], Value::Null, "no time");
    let inside = content_of(&layer);
    let wanted = ((0o755, 0, 0, 0), b"the program".to_vec());
    assert_eq!(
        inside.into_iter().collect::<Vec<_>>(),
        [("kubectl-session".to_owned(), wanted)]
    );
}

#[test]
fn the_same_program_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform().unwrap();
    let mut written = Vec::new();
    for (place, mode_changes) in [("a", false), ("b", true)] {
        let path = folder.path().join(place);
        std::fs::write(&path, program()).unwrap();
        if mode_changes {
            let file = std::fs::File::open(&path).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH)
                .unwrap();
        }
        let out = folder.path().join(format!("out-{place}"));
        let (archive, digest) = write(&path, platform, NAME, &out).unwrap();
        let name = archive.file_name().unwrap().to_string_lossy().into_owned();
        written.push((name, digest, std::fs::read(archive).unwrap()));
    }
    assert_eq!(written[0], written[1]);
    assert!(written[0].0.ends_with(".oci.tar"));
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
fn a_program_that_needs_a_loader_is_refused() {
    let own = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let refused = write(&own, platform().unwrap(), NAME, folder.path());
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("is not static: it asks for"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
