//! An image as a tar in OCI layout, in memory.

use anyhow::{Context as _, Result};
use serde_json::json;
use session_krew::oci::{Oci, header};
use tar::EntryType;

use crate::images::{Image, Kind};

impl Image {
    /// The whole image as a tar in OCI layout, as `ctr images import` reads it.
    ///
    /// # Errors
    /// When a path does not fit into a tar.
    pub fn archive(&self) -> Result<Vec<u8>> {
        let settings = json!({
            "Entrypoint": self.entrypoint,
            "Cmd": self.command,
            "Env": self.env,
            "User": self.user,
            "WorkingDir": self.workdir,
        });
        let oci = Oci {
            names: self.names.clone(),
            architecture: architecture().to_owned(),
            settings,
            layer: self.layer()?,
        };
        oci.archive()
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        for entry in &self.entries {
            let place = || format!("cannot put {} into an image", entry.path.display());
            let of = |kind, size| {
                let mut header = header(kind, size, entry.mode);
                header.set_uid(entry.owner);
                header.set_gid(entry.owner);
                header
            };
            match &entry.kind {
                Kind::Folder => {
                    let mut header = of(EntryType::Directory, 0);
                    tar.append_data(&mut header, &entry.path, std::io::empty())
                        .with_context(place)?;
                }
                Kind::File(content) => {
                    let mut header = of(EntryType::Regular, content.len());
                    tar.append_data(&mut header, &entry.path, content.as_slice())
                        .with_context(place)?;
                }
                Kind::Link(target) => {
                    let mut header = of(EntryType::Symlink, 0);
                    tar.append_link(&mut header, &entry.path, target)
                        .with_context(place)?;
                }
            }
        }
        tar.into_inner().context("cannot finish an image's layer")
    }
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        "x86_64" => "amd64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use serde_json::Value;

    use super::*;

    fn contents(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut tar = tar::Archive::new(archive);
        let entries = tar.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (
                entry.path().unwrap().to_string_lossy().into_owned(),
                content,
            )
        });
        entries.collect()
    }

    #[test]
    fn an_archive_names_blobs_that_are_in_it() {
        let image = Image::new("localhost/a:1")
            .also("localhost/b:1")
            .folder("/tmp", 0o1777)
            .file("/x", 0o755, "hello")
            .link("/y", "x");
        let archive = image.archive().unwrap();
        let files = contents(&archive);
        let find = |digest: &Value| {
            let name = format!(
                "blobs/sha256/{}",
                digest.as_str().unwrap().trim_start_matches("sha256:")
            );
            files
                .iter()
                .find(|(path, _)| *path == name)
                .map(|(_, content)| content.clone())
                .unwrap()
        };
        let index: Value = serde_json::from_slice(
            &files
                .iter()
                .find(|(path, _)| path == "index.json")
                .unwrap()
                .1,
        )
        .unwrap();
        assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
        assert_eq!(
            index["manifests"][1]["annotations"]["io.containerd.image.name"],
            "localhost/b:1"
        );
        let manifest: Value =
            serde_json::from_slice(&find(&index["manifests"][0]["digest"])).unwrap();
        let config: Value = serde_json::from_slice(&find(&manifest["config"]["digest"])).unwrap();
        assert_eq!(
            config["rootfs"]["diff_ids"][0],
            manifest["layers"][0]["digest"]
        );
        let layer = find(&manifest["layers"][0]["digest"]);
        let names: Vec<_> = contents(&layer).into_iter().map(|(path, _)| path).collect();
        assert_eq!(names, ["tmp", "x", "y"]);
    }
}
