//! Reader for the entries of a tar stream, block by block.
//!
//! An entry's values can come from its own header, from GNU long-name headers or from a PAX header before it. A tar program
//! that does not support these reads the entry's own header only. The sources may therefore differ only if the header has
//! no room for the value.

use std::io::{self, Read, Write};

use anyhow::{Result, anyhow, bail};
use tar::{EntryType, Header};

use super::entry_names::{display_path, normalize_relative};
use super::hashing_stream::HashingStream;
use super::pax::{PaxRecords, check_global_records};
use super::tar_entry::{BLOCK, EntryKind, TarEntry};

/// Maximum size in bytes of a long-name or PAX header.
const EXTENDED_MAX: u64 = 1 << 20;
/// Maximum padding in bytes after the end marker: most tar programs pad to 10 kB, few to more.
const PADDING_MAX: u64 = 1 << 20;
/// Buffer size in bytes for reading.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// ASCII names shorter than this fit in every header.
const HEADER_NAME_BYTES: usize = 100;
/// Maximum size that fits in every header: 11 octal digits.
const MAX_HEADER_SIZE: u64 = 0o77_777_777_777;
/// Upper bound of numeric owners (exclusive) and times (inclusive).
const MAX_ID_OR_TIME: u64 = u32::MAX as u64;

/// Values of the extended headers before an entry's own header.
#[derive(Default)]
struct ExtendedHeaders {
    path: Option<Vec<u8>>,
    link_target: Option<Vec<u8>>,
    records: Option<PaxRecords>,
}

/// Reader of a tar stream.
pub(super) struct TarReader<R> {
    stream: HashingStream<R>,
    buffer: Vec<u8>,
}

impl<R: Read> TarReader<R> {
    pub(super) fn new(stream: HashingStream<R>) -> Self {
        let buffer = vec![0; READ_BUFFER_BYTES];
        Self { stream, buffer }
    }

    /// Reads the next entry; `None` at the end marker. Call `TarReader::copy_content` before the next call.
    ///
    /// # Errors
    /// A stream that is truncated or damaged; an entry that is ambiguous or not allowed.
    pub(super) fn next_entry(&mut self) -> Result<Option<TarEntry>> {
        let (mut extended, mut is_first) = (ExtendedHeaders::default(), true);
        while let Some(header) = self.read_header()? {
            let kind = header.entry_type();
            let size = parse_field(&header, "size", &header.as_old().size)?;
            let mut name = |to: &mut Option<Vec<u8>>| {
                let bytes = self.read_extended(size)?;
                let name = bytes.strip_suffix(b"\0").unwrap_or(&bytes).to_vec();
                set_once(to, name)
            };
            match kind {
                EntryType::GNULongName => name(&mut extended.path)?,
                EntryType::GNULongLink => name(&mut extended.link_target)?,
                EntryType::XHeader => {
                    let records = PaxRecords::parse(&self.read_extended(size)?)?;
                    set_once(&mut extended.records, records)?;
                }
                EntryType::XGlobalHeader => check_global_records(&self.read_extended(size)?)?,
                kind => return extended.into_entry(&header, kind, size).map(Some),
            }
            is_first &= kind == EntryType::XGlobalHeader;
        }
        if !is_first {
            bail!("the archive is truncated: the entry of an extended header is missing");
        }
        Ok(None)
    }

    /// Copies the content of `entry` to `out`, padded to whole blocks.
    ///
    /// # Errors
    /// A stream that is truncated or damaged; write errors of `out`.
    pub(super) fn copy_content(&mut self, entry: &TarEntry, out: &mut impl Write) -> Result<()> {
        let mut left = entry.size;
        while left > 0 {
            let count =
                usize::try_from(left).map_or(READ_BUFFER_BYTES, |left| left.min(READ_BUFFER_BYTES));
            let part = self.buffer.get_mut(..count).unwrap_or_default();
            let count = match self.stream.read(part) {
                Ok(0) => return Err(truncated_error()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(read_error(&error)),
            };
            out.write_all(part.get(..count).unwrap_or_default())?;
            left -= count as u64;
        }
        let padding = padding_of(entry.size);
        self.read_bytes(padding)?;
        out.write_all([0; BLOCK].get(..padding).unwrap_or_default())?;
        Ok(())
    }

    /// Reads to the end of the stream. Only zeros may follow the end marker: some tar programs read on after it, others stop.
    ///
    /// # Errors
    /// Data other than zeros, or more padding than any tar program writes.
    pub(super) fn read_end(mut self) -> Result<HashingStream<R>> {
        let begun = self.stream.length;
        loop {
            let count = match self.stream.read(&mut self.buffer) {
                Ok(0) if self.stream.length - begun < BLOCK as u64 => {
                    bail!("the archive is truncated: the end marker is incomplete")
                }
                Ok(0) => return Ok(self.stream),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(read_error(&error)),
            };
            let is_nothing = self.buffer.iter().take(count).all(|byte| *byte == 0);
            if !is_nothing || self.stream.length - begun > PADDING_MAX {
                bail!("the archive has data after its end marker");
            }
        }
    }

    /// Reads the next header; `None` for a block of zeros, the first half of the end marker.
    fn read_header(&mut self) -> Result<Option<Header>> {
        let begun = self.stream.length;
        let read = self.read_bytes(BLOCK);
        if read.is_err() && self.stream.length == begun {
            bail!("the archive is truncated: the end marker is missing");
        }
        let block = read?;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(&block);
        let before = block.iter().take(148).chain(block.iter().skip(156));
        let sum = before.map(|byte| u64::from(*byte)).sum::<u64>() + 8 * u64::from(b' ');
        if parse_header_number(&header.as_old().cksum) != Some(sum) {
            bail!("the archive is damaged: a header's checksum is wrong");
        }
        if header.as_gnu().is_none() && header.as_ustar().is_none() {
            bail!("the archive is neither in GNU nor in POSIX format");
        }
        Ok(Some(header))
    }

    /// Reads the content of an extended header.
    fn read_extended(&mut self, size: u64) -> Result<Vec<u8>> {
        let length = usize::try_from(size).ok().filter(|_| size <= EXTENDED_MAX);
        let length = length.ok_or_else(|| {
            anyhow!("the archive has an extended header that is too large: {size} bytes")
        })?;
        let bytes = self.read_bytes(length)?;
        self.read_bytes(padding_of(size))?;
        Ok(bytes)
    }

    fn read_bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream
            .read_exact(&mut bytes)
            .map_err(|error| read_error(&error))?;
        Ok(bytes)
    }
}

impl ExtendedHeaders {
    /// Combines `header` with the extended headers before it.
    fn into_entry(self, header: &Header, kind: EntryType, size: u64) -> Result<TarEntry> {
        let records = self.records.unwrap_or_default();
        let own = header.path_bytes();
        let path = agreed_value(&own, self.path, records.path, |a, b| {
            normalize_relative(a).ok() == normalize_relative(b).ok()
        })?;
        let link = header.link_name_bytes().unwrap_or_default();
        let link = agreed_value(&link, self.link_target, records.link_target, |a, b| a == b)?;
        let name = display_path(&path);
        let kind = entry_kind(kind, &path)?;
        let size = match records.size {
            Some(said) if said != size && said <= MAX_HEADER_SIZE => {
                bail!("entry {name} has two sizes: {size} and {said}")
            }
            said => said.unwrap_or(size),
        };
        if size > 0 && kind != EntryKind::File {
            bail!("entry {name} is not a file but has content");
        }
        let link_target = match kind {
            EntryKind::Symlink if link.is_empty() => {
                bail!("entry {name} is a symbolic link without a target")
            }
            EntryKind::Symlink => link,
            EntryKind::HardLink => normalize_relative(&link)?,
            _ => Vec::new(),
        };
        let old = header.as_old();
        let mode = parse_field(header, "mode", &old.mode)?;
        // A time before 1970 or far in the future is replaced by 0.
        let mtime = records.mtime.or_else(|| parse_header_number(&old.mtime));
        let mtime = mtime.filter(|time| *time <= MAX_ID_OR_TIME);
        let user = || to_owned_bytes(header.username_bytes());
        let group = || to_owned_bytes(header.groupname_bytes());
        Ok(TarEntry {
            kind,
            path: normalize_relative(&path)?,
            link_target,
            size,
            mode: u32::try_from(mode & 0o7777).unwrap_or_default(),
            uid: owner_id(header, &name, "uid", records.uid, &old.uid)?,
            gid: owner_id(header, &name, "gid", records.gid, &old.gid)?,
            mtime: mtime.unwrap_or_default(),
            user: records.user.unwrap_or_else(user),
            group: records.group.unwrap_or_else(group),
        })
    }
}

/// Returns the kind of the entry at `path`.
///
/// # Errors
/// A kind that is not allowed, or that not all tar programs understand.
fn entry_kind(kind: EntryType, path: &[u8]) -> Result<EntryKind> {
    let name = display_path(path);
    Ok(match kind {
        EntryType::Regular | EntryType::Continuous if path.ends_with(b"/") => {
            bail!("entry {name} is a file but its name ends in \"/\"")
        }
        EntryType::Regular | EntryType::Continuous => EntryKind::File,
        EntryType::Directory => EntryKind::Directory,
        EntryType::Symlink => EntryKind::Symlink,
        EntryType::Link => EntryKind::HardLink,
        EntryType::Fifo => EntryKind::Fifo,
        EntryType::Char | EntryType::Block => bail!("entry {name} is a device"),
        EntryType::GNUSparse => {
            bail!("entry {name} is a sparse file, which not all tar programs support")
        }
        kind => bail!(
            "entry {name} has a type that not all tar programs support: {:?}",
            char::from(kind.as_byte())
        ),
    })
}

/// Returns the numeric owner or group of the entry `name`: that of a PAX record, `said`, else the header's.
///
/// # Errors
/// It is not a number, or one that no system has.
fn owner_id(
    header: &Header,
    name: &str,
    what: &str,
    said: Option<u64>,
    field: &[u8],
) -> Result<u64> {
    let owner = said.map_or_else(|| parse_field(header, what, field), Ok)?;
    if owner >= MAX_ID_OR_TIME {
        bail!("entry {name} has an invalid {what}: {owner}");
    }
    Ok(owner)
}

fn to_owned_bytes(bytes: Option<&[u8]>) -> Vec<u8> {
    bytes.unwrap_or_default().to_vec()
}

/// Returns the value on which the entry's header, a GNU long-name header and a PAX record agree.
fn agreed_value(
    own: &[u8],
    gnu: Option<Vec<u8>>,
    pax: Option<Vec<u8>>,
    same: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<Vec<u8>> {
    let long = match (gnu, pax) {
        (Some(_), Some(_)) => bail!("an entry has two long names"),
        (long, None) | (None, long) => long,
    };
    let Some(long) = long else {
        return Ok(own.to_vec());
    };
    let has_room = long.len() < HEADER_NAME_BYTES && long.is_ascii();
    if (has_room && !same(own, &long)) || long.contains(&0) {
        bail!(
            "an entry has two names: {} and {}",
            display_path(own),
            display_path(&long)
        );
    }
    Ok(long)
}

fn set_once<T>(to: &mut Option<T>, value: T) -> Result<()> {
    match to.replace(value) {
        Some(_) => bail!("an entry has two extended headers of the same kind"),
        None => Ok(()),
    }
}

fn parse_field(header: &Header, what: &str, bytes: &[u8]) -> Result<u64> {
    let name = display_path(&header.path_bytes());
    parse_header_number(bytes)
        .ok_or_else(|| anyhow!("entry {name} has a {what} that is not a number"))
}

/// Parses a number of a header: octal digits between spaces or zeros, or GNU's 64-bit form after 0x80.
fn parse_header_number(field: &[u8]) -> Option<u64> {
    if let Some((0x80, rest)) = field.split_first() {
        let (high, low) = rest.split_at(rest.len().saturating_sub(8));
        let value = low
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        return (high.iter().all(|byte| *byte == 0) && value <= i64::MAX as u64).then_some(value);
    }
    let is_blank = |byte: &u8| matches!(*byte, b' ' | 0);
    let start = field
        .iter()
        .position(|byte| *byte != b' ')
        .unwrap_or(field.len());
    let field = field.get(start..)?;
    let end = field.iter().position(is_blank).unwrap_or(field.len());
    let (digits, rest) = field.split_at(end);
    let octal = |value: u64, digit: &u8| {
        matches!(digit, b'0'..=b'7').then(|| value << 3 | u64::from(digit - b'0'))
    };
    // Eleven or twelve digits: no overflow.
    rest.iter().all(is_blank).then_some(())?;
    digits.iter().try_fold(0, octal)
}

fn padding_of(size: u64) -> usize {
    let over = size % BLOCK as u64;
    usize::try_from((BLOCK as u64 - over) % BLOCK as u64).unwrap_or_default()
}

fn truncated_error() -> anyhow::Error {
    anyhow!("the archive is truncated")
}

/// Converts a read error of the stream.
fn read_error(error: &io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => truncated_error(),
        _ => anyhow!("the archive is damaged: {error}"),
    }
}
