//! One entry of a tar stream.

/// Block size of a tar stream in bytes: the size of a header, and the multiple that content is padded to.
pub(super) const BLOCK: usize = 512;

/// Kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Directory,
    Symlink,
    HardLink,
    Fifo,
}

/// One entry of an archive, combined from all its headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TarEntry {
    pub(super) kind: EntryKind,
    /// Normalized relative path; empty for the base directory itself.
    pub(super) path: Vec<u8>,
    /// Target of a link: unchanged for a symbolic link, normalized like `path` for a hard link; empty for other kinds.
    pub(super) link_target: Vec<u8>,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) mtime: u64,
    pub(super) user: Vec<u8>,
    pub(super) group: Vec<u8>,
}

impl TarEntry {
    /// Returns the mode without setuid and setgid. Directories keep these bits: there they only make new files inherit the
    /// group.
    pub(super) fn unprivileged_mode(&self) -> u32 {
        match self.kind {
            EntryKind::Directory => self.mode & 0o7777,
            _ => self.mode & 0o777,
        }
    }

    /// Returns true for a file with a setuid or setgid bit.
    pub(super) fn is_privileged(&self) -> bool {
        matches!(self.kind, EntryKind::File | EntryKind::HardLink) && self.mode & 0o6000 != 0
    }
}
