//! Writes an entry in the simplest form that can hold it: a GNU header, preceded by one long-name header for each name that
//! does not fit. GNU, busybox, BSD and toybox tar read this form alike; busybox does not support PAX records.

use std::io::{self, Write};

use tar::{EntryType, Header};

use super::tar_entry::{BLOCK, EntryKind, TarEntry};

/// Maximum length of a name in a header, in bytes.
const MAX_SHORT_NAME: usize = 99;
/// Maximum length of a user or group name in a header, in bytes.
const MAX_OWNER_NAME: usize = 31;

/// Writes the headers of an entry.
///
/// # Errors
/// Write errors of `out`.
pub(super) fn write_entry(entry: &TarEntry, out: &mut impl Write) -> io::Result<()> {
    write_long_name(EntryType::GNULongLink, &entry.link_target, out)?;
    write_long_name(EntryType::GNULongName, &entry.path, out)?;
    let kind = match entry.kind {
        EntryKind::File => EntryType::Regular,
        EntryKind::Directory => EntryType::Directory,
        EntryKind::Symlink => EntryType::Symlink,
        EntryKind::HardLink => EntryType::Link,
        EntryKind::Fifo => EntryType::Fifo,
    };
    let mut header = new_header(kind, &entry.path, entry.size);
    header.set_mode(entry.unprivileged_mode());
    header.set_uid(entry.uid);
    header.set_gid(entry.gid);
    header.set_mtime(entry.mtime);
    if let Some(gnu) = header.as_gnu_mut() {
        copy_truncated(&mut gnu.linkname, &entry.link_target);
        for (field, name) in [
            (&mut gnu.uname, &entry.user),
            (&mut gnu.gname, &entry.group),
        ] {
            // A name that does not fit is left out: the header also holds the numeric id.
            if name.len() <= MAX_OWNER_NAME {
                copy_truncated(field, name);
            }
        }
    }
    write_header(header, out)
}

/// Writes a GNU long-name header if `name` does not fit in the entry's own header.
fn write_long_name(kind: EntryType, name: &[u8], out: &mut impl Write) -> io::Result<()> {
    if name.len() <= MAX_SHORT_NAME {
        return Ok(());
    }
    let length = name.len() + 1;
    let mut header = new_header(kind, b"././@LongLink", length as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    write_header(header, out)?;
    out.write_all(name)?;
    out.write_all(&vec![0; length.next_multiple_of(BLOCK) - name.len()])
}

fn new_header(kind: EntryType, name: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    if let Some(gnu) = header.as_gnu_mut() {
        copy_truncated(&mut gnu.name, name);
    }
    header
}

fn write_header(mut header: Header, out: &mut impl Write) -> io::Result<()> {
    header.set_cksum();
    out.write_all(header.as_bytes())
}

/// Copies as much of `name` as fits.
fn copy_truncated(field: &mut [u8], name: &[u8]) {
    field
        .iter_mut()
        .zip(name)
        .for_each(|(to, from)| *to = *from);
}
