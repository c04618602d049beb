//! What a subcommand lists and how it prints it, checked.

use anyhow::Result;
use session_shared::client::{ListOptions, Scope};
use session_shared::flags::list::ListFlags;
use session_shared::flags::non_empty;
use session_shared::flags::output::ListOutputFlags;
use session_shared::ops::Cluster;
use session_shared::report::format::Format;
use session_shared::report::table::TableOptions;

/// Selection and output of a list, validated.
#[derive(Debug)]
pub(crate) struct ListIntent {
    pub(crate) all_namespaces: bool,
    /// Selection of the listed objects, for the server.
    pub(crate) select: ListOptions,
    pub(crate) format: Format,
    /// Columns and order of the table.
    pub(crate) output: ListOutputFlags,
}

impl ListIntent {
    /// Checks the flags of a list.
    ///
    /// # Errors
    /// An invalid output format.
    pub(crate) fn parse(selecting: &ListFlags, output: ListOutputFlags) -> Result<Self> {
        Ok(Self {
            all_namespaces: selecting.scope.all_namespaces,
            select: selecting.options(),
            format: Format::from_list_flags(&output)?,
            output,
        })
    }

    /// Returns the namespace to list, or all namespaces.
    pub(crate) fn scope<'c>(&self, cluster: &'c Cluster) -> Scope<'c> {
        cluster.scope(self.all_namespaces)
    }

    /// Returns true if a selector narrows the list.
    pub(crate) fn is_narrowed(&self) -> bool {
        !self.select.label_selector.is_empty() || !self.select.field_selector.is_empty()
    }

    /// Returns the path to sort by, if one is given.
    pub(crate) fn sort_by(&self) -> Option<&str> {
        non_empty(&self.output.sort_by)
    }

    /// Returns the options of the table, with NAMESPACE as its first column or without.
    pub(crate) fn table_options(&self, namespace: bool) -> TableOptions {
        TableOptions {
            namespace,
            ..TableOptions::from_flags(&self.output)
        }
    }
}
