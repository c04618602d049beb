//! Reads of a part: the versions that the server serves, objects of the same names, and what a removal deletes.

use anyhow::Result;
use futures::future::join_all;
use serde_json::Value;
use session_shared::client::{DryRun, ListOptions, Scope};
use session_shared::failure::{self, FailureKind};
use session_shared::labels;
use session_shared::objects::resource::{INGRESS, NETWORK_POLICY};
use session_shared::objects::{ResourceType, Untyped};
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::{PlannedObject, read_or_absent};

use super::site::{Part, PartKind, Requirement, Site};
use crate::ownership::{is_of_part, is_ours};
use crate::policies::{DENY_POLICY, SESSION_POLICY};

/// The state before an apply.
#[derive(Debug)]
pub(crate) struct Observed {
    /// The objects to apply, each with the one of its name.
    pub(crate) objects: Vec<PlannedObject>,
    /// The NetworkPolicies of the namespace, if some are applied.
    pub(crate) policies: Vec<Value>,
    /// The Ingresses of all namespaces, if some are applied and the caller may list them.
    pub(crate) ingresses: Vec<Value>,
    /// The object of [`Part::rival`].
    pub(crate) rival: Option<Value>,
    /// Requirements that are missing, and reads that were refused.
    pub(crate) notes: Vec<String>,
}

/// Returns the kinds in the newest version that the server serves, and those that it does not serve.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn discover(
    cluster: &Cluster,
    kinds: &[PartKind],
) -> Result<(Vec<ResourceType>, Vec<PartKind>)> {
    let (mut types, mut missing) = (Vec::new(), Vec::new());
    for kind in kinds {
        let found = find_version(cluster, kind).await?;
        missing.extend(found.is_none().then_some(*kind));
        types.push(found.unwrap_or_else(|| kind.resource.clone()));
    }
    Ok((types, missing))
}

async fn find_version(cluster: &Cluster, kind: &PartKind) -> Result<Option<ResourceType>> {
    let newest = kind.resource;
    if kind.provider.is_none() {
        return Ok(Some(newest.clone()));
    }
    let versions = std::iter::once(newest.version.as_ref()).chain(kind.older.iter().copied());
    for version in versions {
        let api_version = format!("{}/{version}", newest.group);
        let found = cluster
            .discover_scalable(&api_version, &newest.kind)
            .await?;
        if let Some((resource, _)) = found {
            return Ok(Some(resource));
        }
    }
    Ok(None)
}

/// Reads the objects of the same names, and what the new ones have no effect without or compete with. In a client dry run, what the
/// caller may not read counts as absent, and nothing is looked for that the new objects compete with: they may be for another cluster.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn observe(
    cluster: &Cluster,
    part: &dyn Part,
    site: &Site,
    mut objects: Vec<PlannedObject>,
    dry_run: DryRun,
) -> Result<Observed> {
    let mut notes = read_present(cluster, site, &mut objects, dry_run).await?;
    let requirements = part.requirements(site);
    let missing = requirements
        .iter()
        .map(|requirement| missing_note(cluster, site, requirement));
    notes.extend(join_all(missing).await.into_iter().flatten());
    let mut observed = Observed {
        objects,
        notes,
        policies: Vec::new(),
        ingresses: Vec::new(),
        rival: None,
    };
    if dry_run != DryRun::Client {
        read_rivals(cluster, part, site, &mut observed).await?;
    }
    observed.notes.dedup();
    Ok(observed)
}

/// Reads the objects of the same names; returns a note for each that the caller may not read.
async fn read_present(
    cluster: &Cluster,
    site: &Site,
    objects: &mut [PlannedObject],
    dry_run: DryRun,
) -> Result<Vec<String>> {
    let reads = objects.iter().map(|planned| {
        let name = Untyped(&planned.object).name();
        cluster.get(
            &planned.resource,
            namespace_of(&planned.resource, site),
            name,
        )
    });
    let found = join_all(reads).await;
    let mut notes = Vec::new();
    for (planned, found) in objects.iter_mut().zip(found) {
        planned.before = match found {
            Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => None,
            found => read_or_absent(found, dry_run, &mut notes)?,
        };
    }
    Ok(notes)
}

/// Reads what the new objects compete with: NetworkPolicies of the namespace, Ingresses of all namespaces, and the part's rival.
async fn read_rivals(
    cluster: &Cluster,
    part: &dyn Part,
    site: &Site,
    observed: &mut Observed,
) -> Result<()> {
    let (namespace, all) = (site.namespace.as_str(), ListOptions::default());
    let writes = |resource: &ResourceType| {
        let mut objects = observed.objects.iter();
        objects.any(|planned| *planned.resource == *resource)
    };
    let (has_policy, has_ingress) = (writes(&NETWORK_POLICY), writes(&INGRESS));
    if has_policy {
        let scope = Scope::Namespace(namespace);
        observed.policies = cluster.list(&NETWORK_POLICY, scope, &all).await?.items;
    }
    if has_ingress {
        observed.ingresses = match cluster.list(&INGRESS, Scope::All, &all).await {
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => {
                let note = "hosts of Ingresses in other namespaces not checked: no permission to list them";
                observed.notes.push(note.to_owned());
                cluster
                    .list_allowed(&INGRESS, namespace)
                    .await?
                    .unwrap_or_default()
            }
            list => list?.items,
        };
    }
    if let Some((resource, name)) = part.rival() {
        observed.rival = match cluster.get_metadata(resource, namespace, name).await {
            Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => None,
            found => found?,
        };
    }
    Ok(())
}

fn namespace_of<'s>(resource: &ResourceType, site: &'s Site) -> &'s str {
    match resource.namespaced {
        true => &site.namespace,
        false => "",
    }
}

/// Returns a note if a requirement is not there. What cannot be read is taken to be there: the objects do not depend on it.
async fn missing_note(cluster: &Cluster, site: &Site, requirement: &Requirement) -> Option<String> {
    let Requirement {
        resource,
        name,
        effect,
    } = requirement;
    let (kind, api_version) = (&resource.kind, resource.api_version());
    let Some(name) = name else {
        let found = cluster.discover_scalable(&api_version, kind).await;
        let note = format!("the server does not serve {api_version}: {effect}");
        return matches!(found, Ok(None)).then_some(note);
    };
    let namespace = namespace_of(resource, site);
    let place = match namespace {
        "" => String::new(),
        namespace => format!(" in namespace {namespace:?}"),
    };
    let note = || format!("{kind} {name:?} does not exist{place}: {effect}");
    match cluster.get(resource, namespace, name).await {
        Ok(None) => Some(note()),
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => Some(note()),
        _ => None,
    }
}

/// Returns the objects that this part has applied for its template, whatever its options were; only the one of a name if there is one.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn find_applied(
    cluster: &Cluster,
    site: &Site,
    name: Option<&str>,
) -> Result<Vec<(ResourceType, Value)>> {
    let part = site.part;
    let mut selector = format!(
        "{}={},{}={part}",
        labels::MANAGED_BY,
        labels::MANAGER,
        labels::PART
    );
    if let Some(template) = &site.template {
        selector += &format!(",{}={template}", labels::TEMPLATE);
    }
    let options = ListOptions {
        label_selector: selector,
        ..ListOptions::default()
    };
    let is_missing = |resource: &ResourceType| {
        let mut missing = site.missing.iter();
        missing.any(|kind| kind.resource == resource)
    };
    let mut found = Vec::new();
    for resource in site.types.iter().filter(|one| !is_missing(one)) {
        let scope = match resource.namespaced {
            true => Scope::Namespace(&site.namespace),
            false => Scope::Cluster,
        };
        let list = cluster.list(resource, scope, &options).await?;
        let items = list.items.into_iter();
        let items = items.filter(|item| name.is_none_or(|name| Untyped(item).name() == name));
        found.extend(items.map(|item| (resource.clone(), item)));
    }
    let is_deny = |object: &Value| Untyped(object).name() == DENY_POLICY;
    if found.iter().any(|(_, object)| is_deny(object)) && is_tenant(cluster, site).await? {
        found.retain(|(_, object)| !is_deny(object));
    }
    Ok(found)
}

/// Returns true for a namespace of `setup namespace`, which needs the policy that denies, too.
async fn is_tenant(cluster: &Cluster, site: &Site) -> Result<bool> {
    let found = cluster.get(&NETWORK_POLICY, &site.namespace, SESSION_POLICY);
    let is_its_own = |policy: &Value| is_ours(policy) && !is_of_part(policy);
    Ok(found.await?.is_some_and(|policy| is_its_own(&policy)))
}
