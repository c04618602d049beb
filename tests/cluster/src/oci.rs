//! An image as a tar in OCI layout, in memory.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::images::{Image, Kind};

impl Image {
    /// The whole image as a tar in OCI layout, as `ctr images import` reads it.
    ///
    /// # Errors
    /// When a path does not fit into a tar.
    pub fn archive(&self) -> Result<Vec<u8>> {
        let layer = self.layer()?;
        let config = serde_json::to_vec(&self.config(&digest(&layer)))
            .context("cannot write an image's configuration")?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
        });
        let manifest = serde_json::to_vec(&manifest).context("cannot write an image's manifest")?;
        let index = json!({ "schemaVersion": 2, "manifests": self.names.iter().map(|name| named(&manifest, name)).collect::<Vec<_>>() });
        let index = serde_json::to_vec(&index).context("cannot write an image's index")?;
        let mut tar = tar::Builder::new(Vec::new());
        append(
            &mut tar,
            Path::new("oci-layout"),
            0o644,
            br#"{"imageLayoutVersion":"1.0.0"}"#,
        )?;
        append(&mut tar, Path::new("index.json"), 0o644, &index)?;
        for blob in [&layer, &config, &manifest] {
            append(
                &mut tar,
                &Path::new("blobs/sha256").join(hex(blob)),
                0o644,
                blob,
            )?;
        }
        tar.into_inner().context("cannot finish an image")
    }

    fn config(&self, layer: &str) -> Value {
        json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "Entrypoint": self.entrypoint,
                "Cmd": self.command,
                "Env": self.env,
                "User": self.user,
                "WorkingDir": self.workdir,
            },
            "rootfs": { "type": "layers", "diff_ids": [layer] },
        })
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        for entry in &self.entries {
            let mut header = tar::Header::new_gnu();
            header.set_mode(entry.mode);
            header.set_uid(entry.owner);
            header.set_gid(entry.owner);
            let place = || format!("cannot put {} into an image", entry.path.display());
            match &entry.kind {
                Kind::Folder => {
                    header.set_entry_type(tar::EntryType::Directory);
                    header.set_size(0);
                    tar.append_data(&mut header, &entry.path, std::io::empty())
                        .with_context(place)?;
                }
                Kind::File(content) => {
                    header.set_size(content.len() as u64);
                    tar.append_data(&mut header, &entry.path, content.as_slice())
                        .with_context(place)?;
                }
                Kind::Link(target) => {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_size(0);
                    tar.append_link(&mut header, &entry.path, target)
                        .with_context(place)?;
                }
            }
        }
        tar.into_inner().context("cannot finish an image's layer")
    }
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &Path, mode: u32, content: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, path, content)
        .with_context(|| format!("cannot put {} into an image", path.display()))
}

fn named(manifest: &[u8], name: &str) -> Value {
    let mut value = descriptor("application/vnd.oci.image.manifest.v1+json", manifest);
    value["annotations"] = json!({ "io.containerd.image.name": name });
    value["platform"] = json!({ "os": "linux", "architecture": architecture() });
    value
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(content), "size": content.len() })
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(content))
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
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
