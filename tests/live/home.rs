//! A session of a manifest that keeps its files on a volume of the node.

use std::io::Write;

use anyhow::Result;

use crate::world::World;

/// The session, and what is asked of it.
pub(crate) struct Home<'a> {
    world: &'a World,
    name: &'a str,
    /// The StorageClass of its volume, as the manifest's parameter `CLASS`.
    class: String,
    file: tempfile::NamedTempFile,
}

impl<'a> Home<'a> {
    /// Creates it, and waits until it is ready.
    pub(crate) fn made(world: &'a World, name: &'a str, manifest: &str) -> Result<Self> {
        Self::of(world, name, manifest, &[])
    }

    /// The same with other flags.
    pub(crate) fn of(
        world: &'a World,
        name: &'a str,
        manifest: &str,
        flags: &[&str],
    ) -> Result<Self> {
        let home = Self::planned(world, name, manifest)?;
        home.world.session(&home.create(flags))?.exits(0)?;
        Ok(home)
    }

    /// Has a volume and a file with the manifest, and creates nothing.
    pub(crate) fn planned(world: &'a World, name: &'a str, manifest: &str) -> Result<Self> {
        let class = format!("local-{}", world.namespace.name());
        let volume = format!("volume-{}", world.namespace.name());
        world.cluster.host_path_volume(&volume, "1Gi", &class)?;
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(manifest.as_bytes())?;
        Ok(Self {
            world,
            name,
            class: format!("CLASS={class}"),
            file,
        })
    }

    /// The words of its create.
    pub(crate) fn create<'b>(&'b self, flags: &[&'b str]) -> Vec<&'b str> {
        let path = self.file.path().to_str().unwrap_or_default();
        let words = ["create", self.name, "-f", path, "--set", &self.class];
        [&words, flags].concat()
    }

    /// What one of its Pods says to a command of a shell.
    pub(crate) fn inside(&self, pod: &str, script: &str) -> Result<String> {
        self.world.inside(pod, script)
    }

    /// Its phase, as `list` tells it.
    pub(crate) fn phase(&self) -> Result<String> {
        let words = ["list", self.name, "-o", "jsonpath={.status.phase}"];
        Ok(self.world.session(&words)?.exits(0)?.stdout)
    }

    /// A field of one of its objects.
    pub(crate) fn field(&self, object: &str, path: &str) -> Result<String> {
        let path = format!("jsonpath={path}");
        let words = ["get", object, "-o", &path];
        self.world.namespace.kubectl(&words, None)
    }
}
