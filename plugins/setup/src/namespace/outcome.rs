//! Carries out a plan. In a new Namespace the server can try nothing, so the caller's rights are checked before it is made.

use anyhow::Result;
use serde_json::Value;
use session_shared::api::ObjectRef;
use session_shared::client::{AccessReviews, DryRun};
use session_shared::failure::with_hint;
use session_shared::objects::Untyped;
use session_shared::objects::access::Access;
use session_shared::objects::resource::{NAMESPACE, RESOURCE_QUOTA};
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::plan::PropagationPolicy;
use session_shared::verb::Environment;

use super::intent::Intent;
use crate::writer::ObjectWriter;

/// Applies the objects and prints each. Returns the ResourceQuota as the server has it now, if there is one.
///
/// # Errors
/// A refusal, before anything is stored; Interrupted between two writes; whatever the server refuses nevertheless.
pub(crate) async fn apply(
    cluster: &Cluster,
    objects: &[PlannedObject],
    intent: &Intent,
    environment: &mut Environment,
) -> Result<Option<Value>> {
    let is_new =
        |planned: &&PlannedObject| *planned.resource == NAMESPACE && planned.before.is_none();
    let new = objects.split_first().filter(|(first, _)| is_new(first));
    let mut writer = ObjectWriter::new(cluster, &intent.mutation, environment);
    let stored = match (new, intent.mutation.dry_run) {
        (None, _) | (_, DryRun::Client) => writer.apply_all(objects).await?,
        (Some((namespace, rest)), dry_run) => {
            require_access(cluster, objects, intent, writer.environment).await?;
            if dry_run == DryRun::Server {
                writer.store_all(std::slice::from_ref(namespace)).await?;
                for planned in rest {
                    writer.print_unchecked(planned)?;
                }
                let note = "only your rights were checked: the server checks objects only in a namespace that exists";
                writer.environment.console.note(note);
                return Ok(None);
            }
            let made = writer.send(namespace).await?;
            if let Err(error) = writer.try_all(rest).await {
                return Err(undo(cluster, &made, error, intent).await);
            }
            writer.print_applied(namespace, &made)?;
            writer.store_all(rest).await?
        }
    };
    let is_quota = |object: &Value| Untyped(object).kind() == RESOURCE_QUOTA.kind;
    Ok(stored.into_iter().find(is_quota))
}

/// Checks the caller's rights where a dry run is not possible: the server looks for the namespace first.
async fn require_access(
    cluster: &Cluster,
    objects: &[PlannedObject],
    intent: &Intent,
    environment: &mut Environment,
) -> Result<()> {
    let reviews = AccessReviews::new(cluster);
    let create = objects
        .iter()
        .map(|planned| Access::new("create", &planned.resource, ""));
    // An apply needs both; the Namespace is created.
    let applied = objects.iter().filter(|planned| planned.resource.namespaced);
    let patch = applied.map(|planned| {
        let name = Untyped(&planned.object).name();
        Access::new("patch", &planned.resource, name)
    });
    let accesses: Vec<Access> = create.chain(patch).collect();
    let required = reviews.require(&intent.namespace, &accesses);
    environment.interrupt.race(required).await?;
    if let Some(note) = reviews.unchecked_note() {
        environment.console.note(&note);
    }
    Ok(())
}

/// Deletes the Namespace that this run made, in which nothing is stored yet.
async fn undo(
    cluster: &Cluster,
    namespace: &Value,
    error: anyhow::Error,
    intent: &Intent,
) -> anyhow::Error {
    let target = ObjectRef::from_object(namespace);
    let name = &intent.namespace;
    let write = &intent.mutation.write;
    let deleted = cluster
        .delete_if_present(
            &NAMESPACE,
            "",
            &target,
            PropagationPolicy::Background,
            write,
        )
        .await;
    match deleted {
        Ok(()) => with_hint(error, format!("namespace {name:?} has been deleted again")),
        Err(failed) => with_hint(
            error,
            format!(
                "namespace {name:?} has been created and could not be deleted again: {failed:#}"
            ),
        ),
    }
}
