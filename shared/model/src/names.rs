//! Validated names: types whose values are checked when they are parsed.
//!
//! A value of one of these types follows the rules of the field it is meant for. Invalid names are therefore reported before
//! any request is sent, and no later code checks them again.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::unicode;

/// Longest DNS label (RFC 1123), in bytes.
pub const DNS_LABEL_MAX: usize = 63;
/// Longest DNS subdomain (RFC 1123), in bytes: the limit of most object names.
pub const DNS_SUBDOMAIN_MAX: usize = 253;
/// Longest user id, in bytes. Bounded because the API's CEL rules need a limit; long enough for e-mail addresses.
pub const USER_ID_MAX: usize = 253;

/// Longest SSH user name, in bytes: glibc's LOGIN_NAME_MAX without the terminating NUL.
pub const SSH_USER_MAX: usize = 255;

/// Returns the name of the Secret that holds a session's secret parameters.
pub fn parameters_secret_name(session: &str) -> String {
    format!("session-{session}-parameters")
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = anyhow::Error;

            fn from_str(text: &str) -> Result<Self> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.to_owned())),
                    Err(reason) => bail!("invalid {} {text:?}: {reason}", $what),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = anyhow::Error;

            fn try_from(text: String) -> Result<Self> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type!(
    /// Name of a Session: a DNS label of at most 63 bytes, because it is used as a label value and in object names.
    SessionName,
    "session name",
    check_dns_label
);
name_type!(
    /// Name of a Namespace: a DNS label of at most 63 bytes.
    NamespaceName,
    "namespace",
    check_dns_label
);
name_type!(
    /// Name of a SessionTemplate: a DNS subdomain of at most 253 bytes.
    TemplateName,
    "template name",
    check_dns_subdomain
);
name_type!(
    /// Name of a parameter or placeholder: `[A-Za-z_][A-Za-z0-9_]*`, as for shell variables.
    ParameterName,
    "parameter name",
    check_parameter
);
name_type!(
    /// Id of the user that a session belongs to, as the organisation writes it (`alice@example.com`): 1 to 253 bytes without
    /// control characters and without spaces at either end. [`crate::labels`] converts it for labels and names.
    UserId,
    "user id",
    check_user_id
);
name_type!(
    /// User name on an SSH server: `[A-Za-z0-9_][A-Za-z0-9._-]*`, which neither ssh nor a shell can read as an option or syntax.
    SshUser,
    "ssh user",
    check_ssh_user
);
name_type!(
    /// UID of an object: a UUID in lower case, as API servers write it.
    Uid,
    "UID",
    check_uid
);

impl UserId {
    /// Parses the user id for a new session, which must not be mistakable for another user id. Existing sessions may have such
    /// ids and are read with `parse`.
    ///
    /// # Errors
    /// If the text is not a user id, or can be mistaken for another one.
    pub fn parse_for_new_session(text: &str) -> Result<Self> {
        let owner: Self = text.parse()?;
        match unicode::confusable_reason(text) {
            Some(reason) => bail!("user id {text:?} can be mistaken for another user id: {reason}"),
            None => Ok(owner),
        }
    }
}

/// Checks a DNS label (RFC 1123): lower-case letters, digits and `-`, alphanumeric at both ends, 1 to 63 bytes.
///
/// # Errors
/// The violated rule, without the name.
pub fn check_dns_label(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".into());
    }
    if text.len() > DNS_LABEL_MAX {
        return Err(format!(
            "must have at most {DNS_LABEL_MAX} characters, but has {}",
            text.len()
        ));
    }
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.chars().all(legal) {
        return Err("only lower-case letters, digits and \"-\" are allowed".into());
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err("must start and end with a letter or digit".into());
    }
    Ok(())
}

/// Checks a DNS subdomain (RFC 1123): DNS labels (of any length) joined by dots, 1 to 253 bytes.
///
/// # Errors
/// The violated rule, without the name.
pub fn check_dns_subdomain(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".into());
    }
    if text.len() > DNS_SUBDOMAIN_MAX {
        return Err(format!(
            "must have at most {DNS_SUBDOMAIN_MAX} characters, but has {}",
            text.len()
        ));
    }
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    for label in text.split('.') {
        if label.is_empty() || label.starts_with('-') || label.ends_with('-') {
            return Err("every part between dots must start and end with a letter or digit".into());
        }
        if !label.chars().all(legal) {
            return Err("only lower-case letters, digits, \"-\" and \".\" are allowed".into());
        }
    }
    Ok(())
}

fn check_parameter(text: &str) -> Result<(), String> {
    let mut chars = text.chars();
    let starts = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    Err("must consist of letters, digits and \"_\", and not start with a digit".into())
}

fn check_user_id(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".into());
    }
    if text.len() > USER_ID_MAX {
        return Err(format!(
            "must have at most {USER_ID_MAX} bytes, but has {}",
            text.len()
        ));
    }
    if text.chars().any(char::is_control) {
        return Err("control characters are not allowed".into());
    }
    if text.trim() != text {
        return Err("spaces at the start or end are not allowed".into());
    }
    Ok(())
}

fn check_ssh_user(text: &str) -> Result<(), String> {
    if text.len() > SSH_USER_MAX {
        return Err(format!(
            "must have at most {SSH_USER_MAX} characters, but has {}",
            text.len()
        ));
    }
    let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(first) && text.chars().all(|c| first(c) || c == '.' || c == '-') {
        return Ok(());
    }
    Err("must consist of letters, digits, \".\", \"_\" and \"-\", and start with a letter, a digit or \"_\"".into())
}

fn check_uid(text: &str) -> Result<(), String> {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let legal = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => digit(byte),
    };
    if text.len() == 36 && text.bytes().enumerate().all(legal) {
        return Ok(());
    }
    Err("must be a lower-case UUID".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_name_is_a_dns_label() {
        assert!("alice".parse::<SessionName>().is_ok());
        assert!("a".repeat(63).parse::<SessionName>().is_ok());
        let long = "a"
            .repeat(64)
            .parse::<SessionName>()
            .unwrap_err()
            .to_string();
        assert!(long.contains("at most 63 characters, but has 64"), "{long}");
        for bad in ["", "Alice", "-a", "a-", "a.b", "a_b", "ä"] {
            assert!(bad.parse::<SessionName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_parameter_name_is_a_shell_name() {
        for good in ["A", "_a1", "DISK_SIZE"] {
            assert_eq!(good.parse::<ParameterName>().unwrap().as_str(), good);
        }
        for bad in ["", "1A", "A-B", "A B", "Ä"] {
            let error = bad.parse::<ParameterName>().unwrap_err().to_string();
            let named = error.starts_with(&format!("invalid parameter name {bad:?}: "));
            assert!(
                named && error.contains("letters, digits and \"_\""),
                "{error}"
            );
        }
    }

    #[test]
    fn a_user_id_keeps_what_the_organisation_writes() {
        for good in ["alice@example.com", "CN=Alice Smith,O=x", "jürgen"] {
            assert_eq!(good.parse::<UserId>().unwrap().as_str(), good);
        }
        for bad in ["", " alice", "a\nb", &"a".repeat(254)] {
            assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_new_owner_cannot_be_taken_for_another() {
        let error = |text| UserId::parse_for_new_session(text).unwrap_err().to_string();
        assert_eq!(
            error("al\u{200b}ice"),
            "user id \"al\\u{200b}ice\" can be mistaken for another user id: U+200B is an invisible character"
        );
        assert!(error(" alice").contains("spaces at the start or end"));
        assert!(UserId::parse_for_new_session("jürgen").is_ok());
        // The owner of an existing session can still be named, so that the session can be stopped and deleted.
        assert!("al\u{200b}ice".parse::<UserId>().is_ok());
    }

    #[test]
    fn an_ssh_user_is_one_word_for_everybody() {
        for good in ["lab", "_x", "a.b-c_d", "1000", &"a".repeat(255)] {
            assert_eq!(good.parse::<SshUser>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "-oProxyCommand=id",
            ".a",
            "a b",
            "a\nb",
            "a@b",
            "a;b",
            "%u",
            "$USER",
            "ä",
            "a\"",
            &"a".repeat(256),
        ] {
            let error = bad.parse::<SshUser>().unwrap_err().to_string();
            let named = error.starts_with(&format!("invalid ssh user {bad:?}: "));
            let rule = if bad.len() > SSH_USER_MAX {
                "at most 255"
            } else {
                "letters, digits"
            };
            assert!(named && error.contains(rule), "{error}");
        }
    }

    #[test]
    fn a_uid_is_a_uuid() {
        let good = "0f3c2a4e-5b7d-4c1f-8a55-0123456789ab";
        assert_eq!(good.parse::<Uid>().unwrap().as_str(), good);
        for bad in [
            "",
            "u-1",
            "0F3C2A4E-5B7D-4C1F-8A55-0123456789AB",
            "0f3c2a4e-5b7d-4c1f-8a55-0123456789ab\n",
            "0f3c2a4e5b7d4c1f8a550123456789abcdef",
        ] {
            let error = bad.parse::<Uid>().unwrap_err().to_string();
            let named = error.starts_with(&format!("invalid UID {bad:?}: "));
            assert!(named && error.ends_with("UUID"), "{error}");
        }
    }
}
