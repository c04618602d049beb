//! Carries out a plan: everything is tried as a dry run on the server before the first object is stored.

use anyhow::Result;
use serde_json::Value;
use session_shared::api::ObjectRef;
use session_shared::client::{AccessReviews, DryRun, WriteOptions};
use session_shared::failure::{self, FailureKind, with_hint};
use session_shared::objects::Untyped;
use session_shared::objects::access::Access;
use session_shared::objects::resource::{NAMESPACE, RESOURCE_QUOTA};
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::plan::PropagationPolicy;
use session_shared::report::mutation::{MutationPrinter, apply_verb};
use session_shared::verb::Environment;

use super::intent::Intent;

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
    let mut mutations = intent.mutation.printer();
    if intent.mutation.dry_run == DryRun::Client {
        for planned in objects {
            print_unchecked(planned, &mut mutations, environment)?;
        }
        return Ok(None);
    }
    let is_new =
        |planned: &&PlannedObject| planned.resource == &NAMESPACE && planned.before.is_none();
    match objects.split_first().filter(|(first, _)| is_new(first)) {
        Some((namespace, rest)) => {
            require_access(cluster, objects, intent, environment).await?;
            if intent.mutation.dry_run == DryRun::Server {
                store(cluster, namespace, intent, &mut mutations, environment).await?;
                for planned in rest {
                    print_unchecked(planned, &mut mutations, environment)?;
                }
                let note = "only rights checked in the namespace, which does not exist yet";
                environment.console.note(note);
                return Ok(None);
            }
            let made = send(cluster, namespace, intent, environment).await?;
            if let Err(error) = try_all(cluster, rest, intent, environment).await {
                return Err(undo(cluster, &made, error, intent).await);
            }
            print_applied(namespace, &made, &mut mutations, environment)?;
            store_all(cluster, rest, intent, &mut mutations, environment).await
        }
        None => {
            if intent.mutation.dry_run == DryRun::None {
                let tried = try_all(cluster, objects, intent, environment).await;
                tried.map_err(|error| with_hint(error, "nothing has been changed"))?;
            }
            store_all(cluster, objects, intent, &mut mutations, environment).await
        }
    }
}

/// Prints an object that only the server could compare with what is there.
fn print_unchecked(
    planned: &PlannedObject,
    mutations: &mut MutationPrinter,
    environment: &mut Environment,
) -> Result<()> {
    let change = match planned.before {
        Some(_) => "configured",
        None => "created",
    };
    let text = mutations.print_result(&planned.object, change)?;
    environment.console.print(&text)
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
        .map(|planned| Access::new("create", planned.resource, ""));
    // An apply needs both; the Namespace is created.
    let applied = objects.iter().filter(|planned| planned.resource.namespaced);
    let patch = applied.map(|planned| {
        let name = Untyped(&planned.object).name();
        Access::new("patch", planned.resource, name)
    });
    let accesses: Vec<Access> = create.chain(patch).collect();
    let required = reviews.require(&intent.namespace, &accesses);
    environment.interrupt.race(required).await?;
    if let Some(note) = reviews.unchecked_note() {
        environment.console.note(&note);
    }
    Ok(())
}

/// Has the server check all objects without storing them.
async fn try_all(
    cluster: &Cluster,
    objects: &[PlannedObject],
    intent: &Intent,
    environment: &Environment,
) -> Result<()> {
    let write = WriteOptions {
        dry_run: true,
        ..intent.mutation.write.clone()
    };
    for planned in objects {
        let tried = cluster.apply_planned(planned, &write);
        environment.interrupt.race(tried).await?;
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

async fn store_all(
    cluster: &Cluster,
    objects: &[PlannedObject],
    intent: &Intent,
    mutations: &mut MutationPrinter,
    environment: &mut Environment,
) -> Result<Option<Value>> {
    let mut quota = None;
    for planned in objects {
        let after = store(cluster, planned, intent, mutations, environment).await?;
        if planned.resource == &RESOURCE_QUOTA {
            quota = Some(after);
        }
    }
    Ok(quota)
}

/// Applies one object and prints what has changed. In a server dry run nothing is stored.
async fn store(
    cluster: &Cluster,
    planned: &PlannedObject,
    intent: &Intent,
    mutations: &mut MutationPrinter,
    environment: &mut Environment,
) -> Result<Value> {
    let after = send(cluster, planned, intent, environment).await?;
    print_applied(planned, &after, mutations, environment)?;
    Ok(after)
}

/// Sends one object. A new Namespace is created, not applied: one that somebody else creates meanwhile must not be taken over, nor
/// deleted again.
async fn send(
    cluster: &Cluster,
    planned: &PlannedObject,
    intent: &Intent,
    environment: &Environment,
) -> Result<Value> {
    let write = &intent.mutation.write;
    let sent = async {
        match (planned.resource == &NAMESPACE, &planned.before) {
            (true, None) => cluster.create(&NAMESPACE, "", &planned.object, write).await,
            _ => cluster.apply_planned(planned, write).await,
        }
    };
    environment.interrupt.race(sent).await.map_err(|error| {
        match failure::has_kind(&error, FailureKind::Interrupted) {
            true => with_hint(error, "run the command again to finish it"),
            false => error,
        }
    })
}

fn print_applied(
    planned: &PlannedObject,
    after: &Value,
    mutations: &mut MutationPrinter,
    environment: &mut Environment,
) -> Result<()> {
    let change = apply_verb(planned.before.as_ref(), after);
    let text = mutations.print_result(after, change)?;
    environment.console.print(&text)
}
