//! Container images as a tar in OCI layout, which containerd, podman, skopeo and docker read; the same bytes for the same content.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// An image of one layer.
#[derive(Clone, Debug)]
pub struct Oci {
    /// Its names, in full with registry and tag.
    pub names: Vec<String>,
    /// Processor, in Go's words: `amd64`.
    pub architecture: String,
    /// How it is run: `Entrypoint`, `User`, …
    pub settings: Value,
    /// Its files, a tar.
    pub layer: Vec<u8>,
}

impl Oci {
    /// The archive: `oci-layout`, `index.json`, and a blob each for layer, configuration and manifest.
    ///
    /// # Errors
    /// When it cannot be written into memory.
    pub fn archive(&self) -> Result<Vec<u8>> {
        let config = bytes(&json!({
            "architecture": self.architecture,
            "os": "linux",
            "config": self.settings,
            "rootfs": { "type": "layers", "diff_ids": [digest(&self.layer)] },
        }))?;
        let manifest = bytes(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &self.layer)],
        }))?;
        let manifests: Vec<Value> = self
            .names
            .iter()
            .map(|name| self.named(&manifest, name))
            .collect();
        let index = bytes(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests,
        }))?;
        let mut tar = Builder::new(Vec::new());
        append(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        append(&mut tar, "index.json", &index)?;
        for blob in [&self.layer, &config, &manifest] {
            append(&mut tar, &format!("blobs/sha256/{}", hex(blob)), blob)?;
        }
        tar.into_inner().context("cannot end the image")
    }

    fn named(&self, manifest: &[u8], name: &str) -> Value {
        let mut value = descriptor("application/vnd.oci.image.manifest.v1+json", manifest);
        value["platform"] = json!({ "os": "linux", "architecture": self.architecture });
        // containerd's own word, and everybody else's.
        value["annotations"] =
            json!({ "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name });
        value
    }
}

/// A header without a time, of root's.
#[must_use]
pub fn header(kind: EntryType, size: usize, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// `sha256:` and 64 hex digits.
#[must_use]
pub fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(content))
}

fn append(tar: &mut Builder<Vec<u8>>, path: &str, content: &[u8]) -> Result<()> {
    let mut header = header(EntryType::Regular, content.len(), 0o644);
    tar.append_data(&mut header, path, content)
        .with_context(|| format!("cannot put {path} into the image"))
}

fn bytes(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec(value).context("cannot describe the image")
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(content), "size": content.len() })
}

fn hex(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
