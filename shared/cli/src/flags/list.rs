//! Flags that select objects of a list, by namespace and selectors; and parsers of session names and owners.

use anyhow::Result;
use clap::Args;

use super::numbers;
use crate::verb::command_line::TYPE_WORDS;
use session_client::ListOptions;
use session_model::failure::{usage_error, with_hint};
use session_model::names::{SessionName, UserId};

/// Flags that say where a list is read: in which namespaces, which of their objects, how many at a time.
#[derive(Args, Clone, Debug)]
pub struct ListScopeFlags {
    /// If true, list objects of all namespaces; the namespace of the context and of --namespace is ignored
    #[arg(help_heading = "Selection", short = 'A', long)]
    pub all_namespaces: bool,

    /// Field selector of the objects (--field-selector key1=value1); supports =, == and !=
    #[arg(help_heading = "Selection", long, value_name = "QUERY")]
    pub field_selector: Option<String>,

    /// Number of objects per request of a large list; 0 means one request
    #[arg(help_heading = "Selection", long, value_name = "NUMBER", default_value = "500", value_parser = numbers::parse_count)]
    pub chunk_size: u32,
}

impl Default for ListScopeFlags {
    fn default() -> Self {
        Self {
            all_namespaces: false,
            field_selector: None,
            chunk_size: 500,
        }
    }
}

/// Flags of verbs that read lists. The server applies the selectors.
#[derive(Args, Clone, Debug, Default)]
pub struct ListFlags {
    /// Namespaces and pages.
    #[command(flatten)]
    pub scope: ListScopeFlags,

    /// Label selector of the objects (-l key1=value1,key2=value2); supports =, ==, !=, in and notin
    #[arg(help_heading = "Selection", short = 'l', long, value_name = "QUERY")]
    pub selector: Option<String>,
}

impl ListFlags {
    /// Returns the label selector; empty text selects everything.
    pub fn label_selector(&self) -> &str {
        self.selector.as_deref().unwrap_or_default()
    }

    /// Returns the field selector; empty text selects everything.
    pub fn field_selector(&self) -> &str {
        self.scope.field_selector.as_deref().unwrap_or_default()
    }

    /// Returns the selection for the server, and the size of its pages.
    pub fn options(&self) -> ListOptions {
        ListOptions {
            label_selector: self.label_selector().to_owned(),
            field_selector: self.field_selector().to_owned(),
            limit: self.scope.chunk_size,
            ..ListOptions::default()
        }
    }
}

/// Parses the owner of a session that is about to be created.
///
/// # Errors
/// An id that no session can have, or that looks like another one.
pub fn parse_new_owner(id: &str) -> Result<UserId> {
    UserId::parse_for_new_session(id).map_err(|error| {
        with_hint(
            error,
            "use the user name that the API server knows; print yours with: kubectl auth whoami",
        )
    })
}

/// Parses a session's name, alone or as `list -o name` prints it: `alice`, `session/alice`,
/// `session.streaming.platform/alice`.
///
/// # Errors
/// A usage error for another kind; an invalid name.
pub fn parse_session_name(word: &str) -> Result<SessionName> {
    let (kind, name) = word.split_once('/').unwrap_or(("session", word));
    let short = kind.strip_suffix(".streaming.platform").unwrap_or(kind);
    if !TYPE_WORDS.contains(&short) {
        return Err(usage_error(format!(
            "the resource type {kind:?} is not a session: {word:?}"
        )));
    }
    name.parse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Verb {
        #[command(flatten)]
        selecting: ListFlags,
    }

    #[test]
    fn selectors_are_kept_as_they_are_written() {
        let flags = Verb::parse_from([
            "x",
            "-A",
            "-l",
            "a=b,c in (d)",
            "--field-selector=metadata.name=x",
            "--chunk-size=2",
        ])
        .selecting;
        assert!(flags.scope.all_namespaces);
        assert_eq!(
            (
                flags.selector.as_deref(),
                flags.scope.field_selector.as_deref(),
                flags.scope.chunk_size
            ),
            (Some("a=b,c in (d)"), Some("metadata.name=x"), 2)
        );
        let none = Verb::parse_from(["x"]).selecting;
        assert_eq!(
            (none.scope.all_namespaces, none.scope.chunk_size),
            (false, ListScopeFlags::default().chunk_size)
        );
    }
}
