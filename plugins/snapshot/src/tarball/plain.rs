//! An entry in the plainest form that carries it: a GNU header, before it one for each name that is too long for it. GNU,
//! busybox, BSD and toybox tar read that alike; busybox knows no PAX records.

use std::io::{self, Write};

use tar::{EntryType, Header};

use super::BLOCK;
use super::source::{Entry, Kind};

/// Longest name that stands in a header itself.
const SHORT: usize = 99;
/// Longest name of a user or a group.
const OWNER: usize = 31;

/// Writes the headers of an entry.
///
/// # Errors
/// What `out` refuses.
pub(super) fn write(entry: &Entry, out: &mut impl Write) -> io::Result<()> {
    long(EntryType::GNULongLink, &entry.link, out)?;
    long(EntryType::GNULongName, &entry.path, out)?;
    let kind = match entry.kind {
        Kind::File => EntryType::Regular,
        Kind::Directory => EntryType::Directory,
        Kind::Symlink => EntryType::Symlink,
        Kind::Link => EntryType::Link,
        Kind::Fifo => EntryType::Fifo,
    };
    let mut header = header(kind, &entry.path, entry.size);
    header.set_mode(entry.unprivileged_mode());
    header.set_uid(entry.uid);
    header.set_gid(entry.gid);
    header.set_mtime(entry.mtime);
    if let Some(gnu) = header.as_gnu_mut() {
        fill(&mut gnu.linkname, &entry.link);
        for (field, name) in [
            (&mut gnu.uname, &entry.user),
            (&mut gnu.gname, &entry.group),
        ] {
            // The number stands beside it.
            if name.len() <= OWNER {
                fill(field, name);
            }
        }
    }
    finish(header, out)
}

/// A header that tells the next one's name, if it needs that.
fn long(kind: EntryType, name: &[u8], out: &mut impl Write) -> io::Result<()> {
    if name.len() <= SHORT {
        return Ok(());
    }
    let length = name.len() + 1;
    let mut header = header(kind, b"././@LongLink", length as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    finish(header, out)?;
    out.write_all(name)?;
    out.write_all(&vec![0; length.next_multiple_of(BLOCK) - name.len()])
}

fn header(kind: EntryType, name: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    if let Some(gnu) = header.as_gnu_mut() {
        fill(&mut gnu.name, name);
    }
    header
}

fn finish(mut header: Header, out: &mut impl Write) -> io::Result<()> {
    header.set_cksum();
    out.write_all(header.as_bytes())
}

/// As much of `name` as there is room for.
fn fill(field: &mut [u8], name: &[u8]) {
    field
        .iter_mut()
        .zip(name)
        .for_each(|(to, from)| *to = *from);
}
