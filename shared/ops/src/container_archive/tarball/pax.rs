//! Parser for the records of a PAX extended header: `LENGTH KEY=VALUE` and a newline, strictly as POSIX defines them.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};

/// Keys that are ignored because they do not change the unpacked files: times that are not kept, and metadata that a plain
/// header cannot hold.
const IGNORED_KEYS: &[&str] = &[
    "atime",
    "ctime",
    "comment",
    "LIBARCHIVE.creationtime",
    "RHT.security.selinux",
    "SCHILY.dev",
    "SCHILY.fflags",
    "SCHILY.ino",
    "SCHILY.nlink",
];
/// Prefixes of ignored keys.
const IGNORED_KEY_PREFIXES: &[&str] = &["LIBARCHIVE.xattr.", "SCHILY.acl.", "SCHILY.xattr."];

/// Values that a PAX header gives for the entry after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PaxRecords {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link_target: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    /// Whole seconds since 1970; 0 for an earlier time.
    pub(super) mtime: Option<u64>,
    pub(super) user: Option<Vec<u8>>,
    pub(super) group: Option<Vec<u8>>,
}

impl PaxRecords {
    /// Parses the records for one entry.
    ///
    /// # Errors
    /// A malformed record; a duplicate key; a key that only some tar programs know and that changes the entry.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut found = Self::default();
        for (key, value) in parse_records(bytes)? {
            match key {
                "path" => found.path = Some(value.to_vec()),
                "linkpath" => found.link_target = Some(value.to_vec()),
                "size" => found.size = Some(parse_number(key, value)?),
                "uid" => found.uid = Some(parse_number(key, value)?),
                "gid" => found.gid = Some(parse_number(key, value)?),
                "mtime" => found.mtime = Some(parse_seconds(value)?),
                "uname" => found.user = Some(value.to_vec()),
                "gname" => found.group = Some(value.to_vec()),
                "hdrcharset" if matches!(value, b"BINARY" | b"ISO-IR 10646 2000 UTF-8") => {}
                key if is_ignored_key(key) => {}
                key => bail!("PAX record {key:?} is not supported by all tar programs"),
            }
        }
        Ok(found)
    }
}

/// Parses a global PAX header and checks that it has only comments.
///
/// # Errors
/// Those of `PaxRecords::parse`; any key but `comment`.
pub(super) fn check_global_records(bytes: &[u8]) -> Result<()> {
    match parse_records(bytes)?.keys().find(|key| **key != "comment") {
        Some(key) => bail!("global PAX record {key:?} is not supported by all tar programs"),
        None => Ok(()),
    }
}

fn is_ignored_key(key: &str) -> bool {
    let begins = |start: &&str| key.starts_with(*start);
    IGNORED_KEYS.contains(&key) || IGNORED_KEY_PREFIXES.iter().any(begins)
}

fn parse_records(mut rest: &[u8]) -> Result<BTreeMap<&str, &[u8]>> {
    let mut found = BTreeMap::new();
    while !rest.is_empty() {
        let (key, value, length) = parse_first_record(rest)
            .ok_or_else(|| anyhow!("the archive is damaged: a PAX record is malformed"))?;
        if found.insert(key, value).is_some() {
            bail!("PAX record {key:?} appears twice for one entry");
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(found)
}

/// Returns key and value of the first record, and the record's length.
fn parse_first_record(bytes: &[u8]) -> Option<(&str, &[u8], usize)> {
    let digits = bytes.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(parse_decimal(bytes.get(..digits)?)?).ok()?;
    let record = bytes.get(digits + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let key = std::str::from_utf8(record.get(..equals)?).ok()?;
    let value = record.get(equals + 1..)?;
    (!key.is_empty() && !value.contains(&0)).then_some((key, value, length))
}

/// Parses a number of decimal digits only.
fn parse_decimal(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok()?;
    plain.then(|| text.parse().ok()).flatten()
}

fn parse_number(key: &str, value: &[u8]) -> Result<u64> {
    parse_decimal(value).ok_or_else(|| anyhow!("PAX record {key:?} is not a number"))
}

/// Parses a time in seconds, which may be negative and have a fraction.
fn parse_seconds(value: &[u8]) -> Result<u64> {
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    match whole.strip_prefix(b"-") {
        Some(before) => parse_number("mtime", before).map(|_| 0),
        None => parse_number("mtime", whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: &str) -> Vec<u8> {
        let rest = format!(" {key}={value}\n");
        let length = (1..).find(|n| format!("{n}{rest}").len() == *n).unwrap();
        format!("{length}{rest}").into_bytes()
    }

    fn said(bytes: &[u8]) -> String {
        PaxRecords::parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn usual_records_are_read() {
        let all = [
            record("path", "ä/b=c"),
            record("size", "9000000000"),
            record("mtime", "1700000000.25"),
            record("SCHILY.xattr.user.note", "x\ny"),
            record("hdrcharset", "BINARY"),
        ]
        .concat();
        let found = PaxRecords::parse(&all).unwrap();
        assert_eq!(found.path.as_deref(), Some("ä/b=c".as_bytes()));
        assert_eq!(found.size, Some(9_000_000_000));
        assert_eq!(found.mtime, Some(1_700_000_000));
        let before = PaxRecords::parse(&record("mtime", "-3.5")).unwrap();
        assert_eq!(before.mtime, Some(0));
    }

    #[test]
    fn what_programs_read_differently_is_refused() {
        for (key, value) in [
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.name", "x"),
            ("SCHILY.realsize", "1"),
            ("SCHILY.filetype", "5"),
            ("hdrcharset", "EBCDIC"),
            ("whatever", "1"),
        ] {
            let said = said(&record(key, value));
            assert!(
                said.contains(key) && said.contains("not supported"),
                "{said}"
            );
        }
        let twice = [record("path", "a"), record("path", "b")].concat();
        assert_eq!(
            said(&twice),
            "PAX record \"path\" appears twice for one entry"
        );
        assert_eq!(
            said(&record("size", "+1")),
            "PAX record \"size\" is not a number"
        );
        assert!(check_global_records(&record("comment", "0123abc")).is_ok());
        assert!(check_global_records(&record("path", "x")).is_err());
    }

    #[test]
    fn a_record_is_as_long_as_it_says() {
        for bytes in [
            &b"8 path=a\n"[..],
            b"11 path=a\n",
            b"9 path=a\nx",
            b" 9 path=a\n",
            b"9 path=a\n\0",
            b"+9 path=a\n",
            b"6 =aa\n",
            b"7 path\n",
            b"10 path=\0a\n",
            b"99999999999999999999 path=a\n",
        ] {
            let Err(error) = PaxRecords::parse(bytes) else {
                panic!("{} was taken", bytes.escape_ascii());
            };
            assert_eq!(
                error.to_string(),
                "the archive is damaged: a PAX record is malformed",
                "{}",
                bytes.escape_ascii()
            );
        }
        let path = |bytes| PaxRecords::parse(bytes).unwrap().path;
        assert_eq!(path(b"9 path=a\n"), Some(b"a".to_vec()));
        assert_eq!(path(b""), None);
    }
}
