//! Applies and takes away.

use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::api::{ADMISSION_POLICY, ObjectRef};
use session_shared::client::DryRun;
use session_shared::client::Place;
use session_shared::client::Selection;
use session_shared::client::Write;
use session_shared::failure::{self, Kind, hinted};
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{
    CUSTOM_RESOURCE_DEFINITION, SESSION, VALIDATING_ADMISSION_POLICY, text,
};
use session_shared::ops::Cluster;
use session_shared::plan::Propagation;
use session_shared::progress::{Event, Sink, Stage};
use session_shared::report::mutation::change;

use crate::plan::{Part, objects};

/// How long the server may take to serve a new definition when nobody says.
pub(crate) const USUAL_WAIT: Duration = Duration::from_secs(60);

/// One object and what became of it.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) resource: &'static ResourceType,
    pub(crate) object: Value,
    pub(crate) change: &'static str,
    /// The server should have looked at it, but does not serve its kind yet.
    pub(crate) unchecked: bool,
}

fn resource_of(object: &Value) -> Result<&'static ResourceType> {
    let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
    ResourceType::of_kind(api_version, kind)
        .ok_or_else(|| anyhow!("unknown kind {kind:?} of {api_version:?}"))
}

/// What is said where the server has no admission policies.
pub(crate) const NO_ADMISSION: &str = "the admission policy is skipped: the server does not serve \
    validatingadmissionpolicies.admissionregistration.k8s.io/v1, which Kubernetes has from 1.30 on. Users of one namespace can \
    change each other's sessions, and with them what their owners run: give each user a namespace of their own";

/// True if the server serves the kinds of that part, as far as they are not ours.
///
/// # Errors
/// What else the server refuses.
pub(crate) async fn is_served(cluster: &Cluster, part: Part) -> Result<bool> {
    if part != Part::Admission {
        return Ok(true);
    }
    let found = cluster
        .get(&VALIDATING_ADMISSION_POLICY, "", ADMISSION_POLICY)
        .await;
    match found {
        Err(error) if failure::is(&error, Kind::NoSuchResource) => Ok(false),
        other => other.map(|_| true),
    }
}

/// Applies the objects of one part. In a client-side dry run nothing is sent that writes: an object that is there already is
/// told as configured, since only the server knows whether anything would change.
///
/// # Errors
/// What the server refuses.
pub(crate) async fn apply(
    cluster: &Cluster,
    part: Part,
    dry_run: DryRun,
    write: &Write,
) -> Result<Vec<Applied>> {
    let mut done = Vec::new();
    for object in objects(part)? {
        let resource = resource_of(&object)?;
        let name = text(&object, "/metadata/name").to_owned();
        let before = match cluster.get(resource, "", &name).await {
            // Templates in a cluster that has no definitions yet: there is none.
            Err(error) if dry_run != DryRun::None && failure::is(&error, Kind::NoSuchResource) => {
                None
            }
            other => other?,
        };
        let unserved = dry_run == DryRun::Server && before.is_none() && part == Part::Templates;
        if dry_run == DryRun::Client || (unserved && !serves_templates(cluster).await) {
            let change = if before.is_some() {
                "configured"
            } else {
                "created"
            };
            done.push(Applied {
                resource,
                object,
                change,
                unchecked: dry_run == DryRun::Server,
            });
            continue;
        }
        let after = cluster.apply(resource, "", &name, &object, write).await?;
        let change = change(before.as_ref(), &after);
        done.push(Applied {
            resource,
            object: after,
            change,
            unchecked: false,
        });
    }
    Ok(done)
}

async fn serves_templates(cluster: &Cluster) -> bool {
    let selection = Selection::default();
    cluster
        .list_metadata(
            &session_shared::objects::resource::SESSION_TEMPLATE,
            Place::Cluster,
            &selection,
        )
        .await
        .is_ok()
}

/// Waits until the server serves the definitions.
///
/// # Errors
/// When it does not in time, or refuses their names.
pub(crate) async fn established(
    cluster: &Cluster,
    applied: &[Applied],
    limit: Duration,
    sink: &mut dyn Sink,
) -> Result<()> {
    for definition in applied
        .iter()
        .filter(|applied| applied.resource.kind == CUSTOM_RESOURCE_DEFINITION.kind)
    {
        let name = text(&definition.object, "/metadata/name");
        let object = format!("customresourcedefinition/{name}");
        sink.tell(Event::Waiting {
            stage: Stage::Establishing,
            object,
            detail: String::new(),
        });
        cluster
            .await_condition(&CUSTOM_RESOURCE_DEFINITION, "", name, "Established", limit)
            .await?;
    }
    sink.tell(Event::Done);
    Ok(())
}

/// Refuses to take the API away while it is in use.
///
/// # Errors
/// When there are sessions, with some of them by name.
pub(crate) async fn check_unused(cluster: &Cluster) -> Result<()> {
    let sessions = match cluster
        .list_metadata(&SESSION, Place::All, &Selection::default())
        .await
    {
        Ok(list) => list.items,
        Err(error) if failure::is(&error, Kind::NoSuchResource) => return Ok(()),
        Err(error) => return Err(error),
    };
    if sessions.is_empty() {
        return Ok(());
    }
    let named = |session: &Value| {
        format!(
            "{}/{}",
            text(session, "/metadata/namespace"),
            text(session, "/metadata/name")
        )
    };
    let some: Vec<String> = sessions.iter().take(3).map(named).collect();
    let more = if sessions.len() > some.len() {
        ", …"
    } else {
        ""
    };
    let count = match sessions.len() {
        1 => "is 1 session".to_owned(),
        several => format!("are {several} sessions"),
    };
    let error = anyhow!(
        "there {count} ({}{more}): removing the API would delete every session",
        some.join(", ")
    );
    Err(hinted(
        error,
        "delete them first with kubectl session delete, or use --force",
    ))
}

/// Takes the objects of a part away, last ones first.
///
/// # Errors
/// What the server refuses.
pub(crate) async fn remove(
    cluster: &Cluster,
    part: Part,
    dry_run: DryRun,
    write: &Write,
) -> Result<Vec<Applied>> {
    let mut done = Vec::new();
    for object in objects(part)?.into_iter().rev() {
        let resource = resource_of(&object)?;
        let found = match cluster
            .get(resource, "", text(&object, "/metadata/name"))
            .await
        {
            Err(error) if failure::is(&error, Kind::NoSuchResource) => None,
            other => other?,
        };
        let Some(found) = found else { continue };
        if dry_run != DryRun::Client {
            cluster
                .take_away(
                    resource,
                    "",
                    &ObjectRef::of(&found),
                    Propagation::Background,
                    write,
                )
                .await?;
        }
        done.push(Applied {
            resource,
            object: found,
            change: "deleted",
            unchecked: false,
        });
    }
    Ok(done)
}
