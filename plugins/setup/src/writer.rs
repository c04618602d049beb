//! Applies and deletes objects: everything is tried as a dry run on the server before the first one is stored or deleted.

use anyhow::Result;
use serde_json::Value;
use session_shared::api::ObjectRef;
use session_shared::client::interrupt::Interrupt;
use session_shared::client::{DryRun, WriteOptions};
use session_shared::failure::{self, FailureKind, HintExt, with_hint};
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::objects::resource::NAMESPACE;
use session_shared::objects::{ResourceType, Untyped};
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::plan::PropagationPolicy;
use session_shared::report::mutation::{MutationPrinter, apply_verb};
use session_shared::verb::Environment;

/// Applies and deletes objects of a subcommand of setup, and prints each.
pub(crate) struct ObjectWriter<'a> {
    cluster: &'a Cluster,
    options: &'a MutationOptions,
    printer: MutationPrinter,
    pub(crate) environment: &'a mut Environment,
}

impl<'a> ObjectWriter<'a> {
    /// Returns a writer with the options of a command.
    pub(crate) fn new(
        cluster: &'a Cluster,
        options: &'a MutationOptions,
        environment: &'a mut Environment,
    ) -> Self {
        Self {
            cluster,
            options,
            printer: options.printer(),
            environment,
        }
    }

    /// Applies objects and returns them as stored. A client-side dry run sends no writes and returns none.
    ///
    /// # Errors
    /// A refusal, before anything is stored; Interrupted between two writes; whatever the server refuses nevertheless.
    pub(crate) async fn apply_all(&mut self, objects: &[PlannedObject]) -> Result<Vec<Value>> {
        if self.options.dry_run == DryRun::Client {
            for planned in objects {
                self.print_unchecked(planned)?;
            }
            return Ok(Vec::new());
        }
        if self.options.dry_run == DryRun::None {
            let tried = self.try_all(objects).await;
            tried.map_err(|error| with_hint(error, "nothing has been changed"))?;
        }
        self.store_all(objects).await
    }

    /// Prints an object that only the server could compare with what is there.
    pub(crate) fn print_unchecked(&mut self, planned: &PlannedObject) -> Result<()> {
        let change = match planned.before {
            Some(_) => "configured",
            None => "created",
        };
        let text = self.printer.print_result(&planned.object, change)?;
        self.environment.console.print(&text)
    }

    /// Has the server check all objects without storing them.
    pub(crate) async fn try_all(&self, objects: &[PlannedObject]) -> Result<()> {
        let write = self.options.write.as_dry_run();
        for planned in objects {
            let tried = self.cluster.apply_planned(planned, &write);
            self.environment.interrupt.race(tried).await?;
        }
        Ok(())
    }

    /// Applies objects in order, prints what has changed, and returns them as stored. In a server dry run nothing is stored.
    pub(crate) async fn store_all(&mut self, objects: &[PlannedObject]) -> Result<Vec<Value>> {
        let mut stored = Vec::new();
        for planned in objects {
            let after = self.send(planned).await?;
            self.print_applied(planned, &after)?;
            stored.push(after);
        }
        Ok(stored)
    }

    /// Sends one object. A new Namespace is created, not applied: one that somebody else creates meanwhile must not be taken over,
    /// nor deleted again.
    pub(crate) async fn send(&self, planned: &PlannedObject) -> Result<Value> {
        let (cluster, write) = (self.cluster, &self.options.write);
        let sent = async {
            match (*planned.resource == NAMESPACE, &planned.before) {
                (true, None) => cluster.create(&NAMESPACE, "", &planned.object, write).await,
                _ => cluster.apply_planned(planned, write).await,
            }
        };
        let sent = self.environment.interrupt.race(sent).await;
        sent.map_err(finish_hint)
    }

    /// Prints what an apply has changed.
    pub(crate) fn print_applied(&mut self, planned: &PlannedObject, after: &Value) -> Result<()> {
        let change = apply_verb(planned.before.as_ref(), after);
        let text = self.printer.print_result(after, change)?;
        self.environment.console.print(&text)
    }

    /// Deletes objects as they were read, in order, and prints each. A client-side dry run sends nothing.
    ///
    /// # Errors
    /// A refusal, before anything is deleted; Interrupted between two writes; whatever the server refuses nevertheless.
    pub(crate) async fn delete_all(&mut self, objects: &[(&ResourceType, &Value)]) -> Result<()> {
        if self.options.dry_run == DryRun::None {
            let interrupt = &self.environment.interrupt;
            try_deletes(self.cluster, objects, &self.options.write, interrupt).await?;
        }
        for (resource, object) in objects {
            if self.options.dry_run != DryRun::Client {
                let deleted = send_delete(self.cluster, resource, object, &self.options.write);
                let deleted = self.environment.interrupt.race(deleted).await;
                deleted.map_err(finish_hint)?;
            }
            let (name, namespace) = (Untyped(object).name(), namespace_of(resource, object));
            let line = self.printer.print_deleted(resource, name, namespace, false);
            self.environment.console.print(&line)?;
        }
        Ok(())
    }
}

/// Has the server check the deletions of objects without deleting them. One object needs no check before its deletion.
///
/// # Errors
/// The server's refusal; Interrupted.
pub(crate) async fn try_deletes(
    cluster: &Cluster,
    objects: &[(&ResourceType, &Value)],
    write: &WriteOptions,
    interrupt: &Interrupt,
) -> Result<()> {
    let write = write.as_dry_run();
    if objects.len() < 2 {
        return Ok(());
    }
    for (resource, object) in objects {
        let tried = send_delete(cluster, resource, object, &write);
        let tried = interrupt.race(tried).await;
        tried.with_hint("nothing has been deleted")?;
    }
    Ok(())
}

/// Deletes an object as it was read.
///
/// # Errors
/// The server's refusal.
pub(crate) async fn send_delete(
    cluster: &Cluster,
    resource: &ResourceType,
    object: &Value,
    write: &WriteOptions,
) -> Result<()> {
    let (namespace, target) = (
        namespace_of(resource, object),
        ObjectRef::from_object(object),
    );
    let way = PropagationPolicy::Background;
    let deleted = cluster.delete_if_present(resource, namespace, &target, way, write);
    deleted.await
}

fn namespace_of<'o>(resource: &ResourceType, object: &'o Value) -> &'o str {
    match resource.namespaced {
        true => Untyped(object).home_namespace(),
        false => "",
    }
}

/// Adds how to go on to the error of an interrupted command.
fn finish_hint(error: anyhow::Error) -> anyhow::Error {
    match failure::has_kind(&error, FailureKind::Interrupted) {
        true => with_hint(error, "run the command again to finish it"),
        false => error,
    }
}

/// Adds what a caller without the rights can do.
pub(crate) fn administrator_hint(error: anyhow::Error) -> anyhow::Error {
    match failure::has_kind(&error, FailureKind::Forbidden) {
        true => with_hint(
            error,
            "print the objects for an administrator to apply: add --dry-run=client -o yaml",
        ),
        false => error,
    }
}

/// Adds that a namespace has to be created first, to the refusal of a write into it.
pub(crate) fn namespace_hint(error: anyhow::Error, namespace: &str) -> anyhow::Error {
    match failure::has_kind(&error, FailureKind::NotFound) {
        // The objects are not there yet, so it is the namespace that is not found.
        true => with_hint(
            error,
            format!("create the namespace first: kubectl create namespace {namespace}"),
        ),
        false => error,
    }
}
