//! Lists that a check reads before the first write: a list that the caller may not read leaves the check out.

use std::sync::Arc;

use anyhow::Result;

use crate::Cluster;
use session_client::{ListOptions, ObjectList, Scope};
use session_model::failure::{self, FailureKind};
use session_model::objects::ResourceType;
use session_model::progress::{ProgressEvent, ProgressSink};

/// A list, or why there is none.
#[derive(Clone, Debug)]
pub(crate) enum CheckedList {
    /// The objects.
    Items(Arc<ObjectList>),
    /// The caller may not list them.
    Forbidden,
    /// No object of the start is concerned.
    NotNeeded,
}

impl CheckedList {
    pub(crate) fn into_list(self) -> Option<Arc<ObjectList>> {
        match self {
            CheckedList::Items(list) => Some(list),
            _ => None,
        }
    }
}

/// Lists objects from the server's cache if they are needed.
pub(crate) async fn list_if_needed(
    cluster: &Cluster,
    kind: &ResourceType,
    scope: Scope<'_>,
    concerned: bool,
) -> Result<CheckedList> {
    if !concerned {
        return Ok(CheckedList::NotNeeded);
    }
    list_selected(cluster, kind, scope, "").await
}

/// Lists objects that a field selector selects from the server's cache.
pub(crate) async fn list_selected(
    cluster: &Cluster,
    kind: &ResourceType,
    scope: Scope<'_>,
    fields: &str,
) -> Result<CheckedList> {
    // The server checks again at the write: a cached list is good enough, and so is one that was read for another session.
    let at_hand = ListOptions {
        from_cache: true,
        ..ListOptions::with_fields(fields)
    };
    match cluster.list_shared(kind, scope, &at_hand).await {
        Ok(list) => Ok(CheckedList::Items(list)),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
            Ok(CheckedList::Forbidden)
        }
        Err(error) => Err(error),
    }
}

/// Names the checks that are left out, each as list, name and missing right.
pub(crate) fn note_unchecked(checks: &[(&CheckedList, &str, &str)], sink: &mut dyn ProgressSink) {
    for (found, kind, right) in checks {
        if matches!(found, CheckedList::Forbidden) {
            sink.tell(ProgressEvent::Note(format!(
                "{kind} not checked: no permission to {right}"
            )));
        }
    }
}
