//! Applies and removes the objects of setup.

use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::Value;
use session_shared::api::ADMISSION_POLICY;
use session_shared::client::interrupt::{Interrupt, interrupted_error};
use session_shared::client::{DryRun, ListOptions, Scope, WriteOptions};
use session_shared::failure::{self, FailureKind, HintExt, with_hint};
use session_shared::objects::ResourceType;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{
    CUSTOM_RESOURCE_DEFINITION, SESSION, VALIDATING_ADMISSION_POLICY,
};
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::read_or_absent;
use session_shared::progress::{ProgressEvent, ProgressSink, WaitStage};
use session_shared::report::mutation::apply_verb;

use crate::intent::SetupPart;
use crate::plan::part_objects;
use crate::writer::{send_delete, try_deletes};

/// An object after it was applied.
#[derive(Debug)]
pub(crate) struct AppliedObject {
    resource: &'static ResourceType,
    pub(crate) object: Value,
    pub(crate) change: &'static str,
    /// True if a server-side dry run could not check the object, because the server does not serve its kind yet.
    pub(crate) unchecked: bool,
    /// Why a client-side dry run did not compare the object with what is there.
    pub(crate) not_compared: Option<String>,
}

fn resource_type_of(object: &Value) -> Result<&'static ResourceType> {
    let (api_version, kind) = (Untyped(object).api_version(), Untyped(object).kind());
    ResourceType::find_known(api_version, kind)
        .ok_or_else(|| anyhow!("unknown kind {kind:?} of {api_version:?}"))
}

/// Warning for servers without admission policies.
pub(crate) const NO_ADMISSION_WARNING: &str = "admission policy skipped: the server does not serve \
validatingadmissionpolicies.admissionregistration.k8s.io/v1 (Kubernetes 1.30 or later). Users of a namespace can change \
each other's sessions, and so the manifests and hooks that the owners run: give each user a namespace of their own";

/// Returns true if the server serves admission policies.
///
/// # Errors
/// If a request fails for another reason.
pub(crate) async fn serves_admission(cluster: &Cluster) -> Result<bool> {
    let found = cluster
        .get(&VALIDATING_ADMISSION_POLICY, "", ADMISSION_POLICY)
        .await;
    match found {
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => Ok(false),
        other => other.map(|_| true),
    }
}

/// Options of an installation or removal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetupOptions<'a> {
    pub(crate) dry_run: DryRun,
    pub(crate) write: &'a WriteOptions,
    /// Ends the work between two writes.
    pub(crate) interrupt: &'a Interrupt,
}

/// Has the server check the objects of parts without storing them. Templates are not checked beside their definition, which they may
/// need in its new form; nor is the binding of a role that is not there yet, if the caller may not bind every role.
///
/// # Errors
/// The server's refusal; Interrupted.
pub(crate) async fn try_parts(
    cluster: &Cluster,
    parts: &[SetupPart],
    options: SetupOptions<'_>,
) -> Result<()> {
    let write = options.write.as_dry_run();
    let defines = parts.contains(&SetupPart::Crds);
    let tried = parts
        .iter()
        .filter(|part| !defines || **part != SetupPart::Templates);
    for part in tried {
        for object in part_objects(*part)? {
            let (resource, name) = (resource_type_of(&object)?, Untyped(&object).name());
            let tried = cluster.apply(resource, "", name, &object, &write);
            match options.interrupt.race(tried).await {
                Err(error) if failure::has_kind(&error, FailureKind::NotFound) => {}
                tried => drop(tried.with_hint("nothing has been changed")?),
            }
        }
    }
    Ok(())
}

/// Applies the objects of a part, and reports each once it is applied. A client-side dry run sends no writes and reports every
/// existing object as configured, because only the server knows whether it would change.
///
/// # Errors
/// If a request or `report` fails; Interrupted.
pub(crate) async fn apply_part(
    cluster: &Cluster,
    part: SetupPart,
    options: SetupOptions<'_>,
    mut report: impl FnMut(&AppliedObject) -> Result<()>,
) -> Result<Vec<AppliedObject>> {
    let SetupOptions {
        dry_run,
        write,
        interrupt,
    } = options;
    let mut done: Vec<AppliedObject> = Vec::new();
    let mut finish = |object: AppliedObject| {
        report(&object)?;
        done.push(object);
        anyhow::Ok(())
    };
    for object in part_objects(part)? {
        let resource = resource_type_of(&object)?;
        let name = Untyped(&object).name().to_owned();
        let mut notes = Vec::new();
        let before = match interrupt.race(cluster.get(resource, "", &name)).await {
            // A dry run before the CustomResourceDefinitions exist: there are no templates yet.
            Err(error)
                if dry_run != DryRun::None
                    && failure::has_kind(&error, FailureKind::ResourceTypeNotFound) =>
            {
                None
            }
            found => read_or_absent(found, dry_run, &mut notes)?,
        };
        let unserved =
            dry_run == DryRun::Server && before.is_none() && part == SetupPart::Templates;
        if dry_run == DryRun::Client || (unserved && !serves_templates(cluster).await) {
            let change = if before.is_some() {
                "configured"
            } else {
                "created"
            };
            finish(AppliedObject {
                resource,
                object,
                change,
                unchecked: dry_run == DryRun::Server,
                not_compared: notes.pop(),
            })?;
            continue;
        }
        let after = cluster.apply(resource, "", &name, &object, write).await?;
        let change = apply_verb(before.as_ref(), &after);
        finish(AppliedObject {
            resource,
            object: after,
            change,
            unchecked: false,
            not_compared: None,
        })?;
    }
    Ok(done)
}

async fn serves_templates(cluster: &Cluster) -> bool {
    let selection = ListOptions::default();
    cluster
        .list_metadata(
            &session_shared::objects::resource::SESSION_TEMPLATE,
            Scope::Cluster,
            &selection,
        )
        .await
        .is_ok()
}

/// Waits until the server serves the CustomResourceDefinitions.
///
/// # Errors
/// If the wait times out, or the server refuses a definition's names.
pub(crate) async fn wait_established(
    cluster: &Cluster,
    applied: &[AppliedObject],
    limit: Duration,
    sink: &mut dyn ProgressSink,
) -> Result<()> {
    for definition in applied
        .iter()
        .filter(|applied| applied.resource.kind == CUSTOM_RESOURCE_DEFINITION.kind)
    {
        let name = Untyped(&definition.object).name();
        let object = format!("customresourcedefinition/{name}");
        sink.tell(ProgressEvent::Waiting {
            stage: WaitStage::Establishing,
            object,
            detail: String::new(),
        });
        cluster
            .wait_condition(&CUSTOM_RESOURCE_DEFINITION, "", name, "Established", limit)
            .await?;
    }
    sink.tell(ProgressEvent::Done);
    Ok(())
}

/// Checks that no sessions exist before what they need is removed: `refused` is what cannot be done, `fate` what would become of
/// them.
///
/// # Errors
/// If sessions exist. The message names up to three of them.
pub(crate) async fn check_no_sessions(
    cluster: &Cluster,
    scope: Scope<'_>,
    refused: &str,
    fate: &str,
) -> Result<()> {
    let Some((count, named)) = find_sessions(cluster, scope).await? else {
        return Ok(());
    };
    let exist = if count == 1 { "exists" } else { "exist" };
    let sessions = count_sessions(count);
    let error = anyhow!("{refused}: {sessions} {exist} ({named}) and {fate}");
    Err(with_hint(
        error,
        "delete the sessions with kubectl session delete, or use --force",
    ))
}

/// Returns the warning about the sessions that go with the API, if there are some.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn deleted_sessions_warning(cluster: &Cluster) -> Result<Option<String>> {
    let found = find_sessions(cluster, Scope::All).await?;
    Ok(found.map(|(count, named)| {
        let are = if count == 1 { "is" } else { "are" };
        format!("{} {are} deleted ({named})", count_sessions(count))
    }))
}

fn count_sessions(count: usize) -> String {
    match count {
        1 => "1 session".to_owned(),
        several => format!("{several} sessions"),
    }
}

/// Returns the number of sessions, and the names of up to three of them; `None` if there are none.
async fn find_sessions(cluster: &Cluster, scope: Scope<'_>) -> Result<Option<(usize, String)>> {
    let all = ListOptions::default();
    let sessions = match cluster.list_metadata(&SESSION, scope, &all).await {
        Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {
            return Ok(None);
        }
        list => list?.items,
    };
    let name = |session: &Value| {
        let session = Untyped(session);
        format!("{}/{}", session.home_namespace(), session.name())
    };
    let named = first_names(sessions.iter().map(name));
    Ok(named.map(|named| (sessions.len(), named)))
}

/// Joins up to three names, and shows that there are more; `None` if there are none.
pub(crate) fn first_names(mut names: impl Iterator<Item = String>) -> Option<String> {
    let mut named: Vec<String> = names.by_ref().take(3).collect();
    named.extend(names.next().map(|_| "…".to_owned()));
    (!named.is_empty()).then(|| named.join(", "))
}

/// Deletes the objects of parts, the last ones first, and reports each once it is deleted.
///
/// # Errors
/// A refusal, before anything is deleted; if a request or `report` fails; Interrupted.
pub(crate) async fn remove_parts(
    cluster: &Cluster,
    parts: &[SetupPart],
    options: SetupOptions<'_>,
    mut report: impl FnMut(&'static ResourceType, &Value) -> Result<()>,
) -> Result<()> {
    let SetupOptions {
        dry_run,
        write,
        interrupt,
    } = options;
    let found = interrupt.race(find_objects(cluster, parts)).await?;
    let objects = found.iter().rev();
    let objects: Vec<_> = objects
        .map(|(resource, object)| (*resource, object))
        .collect();
    if dry_run == DryRun::None {
        try_deletes(cluster, &objects, write, interrupt).await?;
    }
    for (resource, object) in objects {
        if interrupt.is_set() {
            return Err(interrupted_error());
        }
        if dry_run != DryRun::Client {
            send_delete(cluster, resource, object, write).await?;
        }
        report(resource, object)?;
    }
    Ok(())
}

/// Reads the objects of parts that are there, in the order of installation.
async fn find_objects(
    cluster: &Cluster,
    parts: &[SetupPart],
) -> Result<Vec<(&'static ResourceType, Value)>> {
    let mut all = Vec::new();
    for part in parts {
        for object in part_objects(*part)? {
            let resource = resource_type_of(&object)?;
            match cluster.get(resource, "", Untyped(&object).name()).await {
                Err(error) if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) => {}
                found => all.extend(found?.map(|found| (resource, found))),
            }
        }
    }
    Ok(all)
}
