//! The suite as a container image, for what runs in a cluster: one static program, nobody's user, no shell, nothing else.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tar::{Builder, EntryType};

use crate::oci::{Oci, header};
use crate::platform::{Platform, RELEASED};
use crate::program::interpreter;

/// Its name, where nobody gives another: `snapshot schedule` asks for this one. No registry has it.
pub const NAME: &str = concat!("localhost/kubectl-session:", env!("CARGO_PKG_VERSION"));
/// The program, at the root of the image.
const PROGRAM: &str = "kubectl-session";
/// User and group that own nothing. Numbers, so that `runAsNonRoot` can be checked.
const NOBODY: &str = "65534:65534";

/// The platform of the image that this machine can build: Linux, whatever it runs itself.
///
/// # Errors
/// When nothing is released for its processor.
pub fn platform() -> Result<Platform> {
    let arch = Platform::host()?.arch;
    let mut all = RELEASED.into_iter();
    all.find(|one| (one.os, one.arch) == ("linux", arch))
        .with_context(|| format!("nothing is released for linux/{arch}"))
}

/// Writes the image of a program into a folder, which is made if need be; its archive and its digest.
///
/// # Errors
/// When the program cannot be read or is not static, or the archive cannot be written.
pub fn write(
    program: &Path,
    platform: Platform,
    name: &str,
    folder: &Path,
) -> Result<(PathBuf, String)> {
    let content =
        std::fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let place = || format!("cannot pack {}", program.display());
    if let Some(loader) = interpreter(&content).with_context(place)? {
        bail!("{} is not static: it asks for {loader}", program.display());
    }
    let archive = image(&content, platform.arch, name)?.archive()?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = format!(
        "{PROGRAM}_v{}_{}_{}.oci.tar",
        env!("CARGO_PKG_VERSION"),
        platform.os,
        platform.arch
    );
    let path = folder.join(file);
    std::fs::write(&path, &archive).with_context(|| format!("cannot write {}", path.display()))?;
    Ok((path, crate::oci::digest(&archive)))
}

fn image(program: &[u8], arch: &str, name: &str) -> Result<Oci> {
    let mut layer = Builder::new(Vec::new());
    let mut header = header(EntryType::Regular, program.len(), 0o755);
    layer
        .append_data(&mut header, PROGRAM, program)
        .context("cannot put the program into the image")?;
    let settings = json!({
        "User": NOBODY,
        "Entrypoint": [format!("/{PROGRAM}")],
        "WorkingDir": "/",
        "Labels": {
            "org.opencontainers.image.title": PROGRAM,
            "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
            "org.opencontainers.image.source": env!("CARGO_PKG_REPOSITORY"),
            "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
        },
    });
    Ok(Oci {
        names: vec![name.to_owned()],
        architecture: arch.to_owned(),
        settings,
        layer: layer.into_inner().context("cannot end the image's layer")?,
    })
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
