//! What `quota set` reads: the objects of its names, the LimitRanges of the namespace, and what is used of the limits.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;
use session_shared::failure::{self, FailureKind};
use session_shared::objects::resource::{LIMIT_RANGE, RESOURCE_QUOTA, SESSION};
use session_shared::objects::{ResourceType, Untyped};
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::read_or_absent;
use session_shared::quantity::Quantity;

use super::intent::Intent;

/// What was read before a quota is set.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// The ResourceQuota of the name.
    pub(crate) quota: Option<Value>,
    /// The LimitRange of the name.
    pub(crate) limit_range: Option<Value>,
    /// All LimitRanges of the namespace; `None` if the caller may not list them.
    pub(crate) limit_ranges: Option<Vec<Value>>,
    /// What is used, by full name of the keys. Keys that could not be counted are absent.
    pub(crate) used: BTreeMap<String, Quantity>,
    /// What was not read for lack of rights.
    pub(crate) notes: Vec<String>,
}

/// Reads what a quota of these limits depends on. In a client dry run, an object that the caller may not read counts as absent.
///
/// # Errors
/// Refusals of the server; that to list what is only counted is a note.
pub(crate) async fn observe(
    cluster: &Cluster,
    intent: &Intent,
    namespace: &str,
) -> Result<Observed> {
    let mut observed = Observed::default();
    let has_quota = !intent.hard.is_empty();
    let (quota, limit_range, limit_ranges) = futures::join!(
        get_if(
            cluster,
            has_quota,
            (&RESOURCE_QUOTA, namespace, &intent.name)
        ),
        get_if(
            cluster,
            !intent.defaults.is_empty(),
            (&LIMIT_RANGE, namespace, &intent.limits_name)
        ),
        cluster.list_allowed(&LIMIT_RANGE, namespace),
    );
    let (dry_run, notes) = (intent.mutation.dry_run, &mut observed.notes);
    observed.quota = read_or_absent(quota, dry_run, notes)?;
    observed.limit_range = read_or_absent(limit_range, dry_run, notes)?;
    observed.limit_ranges = limit_ranges?;
    let counted = cluster.count_quota_use(namespace, &intent.hard, observed.quota.as_ref());
    let counted = counted.await?;
    observed.used = counted.used;
    observed.notes.extend(counted.notes);
    Ok(observed)
}

/// Reads an object if it is needed.
async fn get_if(
    cluster: &Cluster,
    needed: bool,
    (resource, namespace, name): (&ResourceType, &str, &str),
) -> Result<Option<Value>> {
    if !needed {
        return Ok(None);
    }
    let found = cluster.get(resource, namespace, name).await?;
    // The answer of a GET for one object need not have its kind.
    Ok(found.map(|mut found| {
        found["kind"] = resource.kind.clone().into();
        found
    }))
}

/// Reads the names of the sessions that run or start; `None` if the caller may not list them.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn running_sessions(
    cluster: &Cluster,
    namespace: &str,
) -> Result<Option<Vec<String>>> {
    let sessions = match cluster.list_allowed(&SESSION, namespace).await {
        // Without their API there are no sessions.
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => None,
        listed => listed?,
    };
    let runs = |session: &&Value| {
        let phase = session["status"]["phase"].as_str();
        matches!(phase, Some("running" | "pending"))
    };
    let names = |sessions: Vec<Value>| {
        let running = sessions.iter().filter(runs);
        running.map(|one| Untyped(one).name().to_owned()).collect()
    };
    Ok(sessions.map(names))
}
