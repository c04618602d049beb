//! Operating systems and processors, in krew's words and in Rust's.

use std::fmt;

use anyhow::{Context as _, Result};

/// A pair that krew knows, and what Rust builds for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `linux`, `darwin` or `windows`.
    pub os: &'static str,
    /// `amd64` or `arm64`.
    pub arch: &'static str,
    /// The target triple of a release.
    pub target: &'static str,
}

const fn pair(os: &'static str, arch: &'static str, target: &'static str) -> Platform {
    Platform { os, arch, target }
}

/// What is released. Linux is built against musl: static, so that it runs under any C library, and without NSS.
pub const RELEASED: [Platform; 5] = [
    pair("darwin", "amd64", "x86_64-apple-darwin"),
    pair("darwin", "arm64", "aarch64-apple-darwin"),
    pair("linux", "amd64", "x86_64-unknown-linux-musl"),
    pair("linux", "arm64", "aarch64-unknown-linux-musl"),
    pair("windows", "amd64", "x86_64-pc-windows-msvc"),
];

impl Platform {
    /// The platform of this machine.
    ///
    /// # Errors
    /// When nothing is released for it.
    pub fn host() -> Result<Self> {
        let os = match std::env::consts::OS {
            "macos" => "darwin",
            other => other,
        };
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let found = RELEASED
            .into_iter()
            .find(|one| (one.os, one.arch) == (os, arch));
        found.with_context(|| format!("nothing is released for {os}/{arch}"))
    }

    /// A program's file name: with `.exe` on Windows.
    #[must_use]
    pub fn program(self, name: &str) -> String {
        let suffix = if self.os == "windows" { ".exe" } else { "" };
        format!("{name}{suffix}")
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.arch)
    }
}
