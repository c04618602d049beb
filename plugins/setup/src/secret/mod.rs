//! `setup secrets NAME`: keys of a Secret, set one by one and never shown.
//!
//! ```text
//! args ─► values: flags, files ─► SecretIntent ─► read the Secret ─► plan ─► SecretWrite: apply or patch
//!                                                         └─► without_values: keys and lengths, all that is printed
//! ```

pub(crate) mod args;
pub(crate) mod intent;
pub(crate) mod plan;
pub(crate) mod values;

use anyhow::Result;
use serde_json::Value;
use session_shared::client::{DryRun, not_found_error};
use session_shared::failure::{self, FailureKind};
use session_shared::objects::resource::SECRET;
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::read_or_absent;
use session_shared::report::format::Format;
use session_shared::report::mutation::{apply_verb, no_resources_message};
use session_shared::report::table::format_table;
use session_shared::verb::Environment;

use crate::writer::{ObjectWriter, administrator_hint, namespace_hint};
use intent::{SecretAction, SecretChange, SecretIntent};
use plan::SecretWrite;

/// Attempts to write a Secret that others change at the same time.
const MAX_ATTEMPTS: usize = 5;

/// Prints, changes or deletes a Secret.
///
/// # Errors
/// A Secret of somebody else, before any write; the server's refusal.
pub(crate) async fn run(intent: SecretIntent, environment: &mut Environment) -> Result<()> {
    let cluster = environment.connect(&intent.connection).await?;
    let interrupt = environment.interrupt.clone();
    let _guard = match intent.mutation.dry_run {
        DryRun::None => Some(interrupt.guard()?),
        _ => None,
    };
    match &intent.action {
        SecretAction::View => view(&cluster, &intent, environment).await,
        SecretAction::Remove => remove(&cluster, &intent, environment).await,
        SecretAction::Change(change) => {
            let changed = set(&cluster, &intent, change, environment).await;
            changed.map_err(administrator_hint)
        }
    }
}

async fn view(
    cluster: &Cluster,
    intent: &SecretIntent,
    environment: &mut Environment,
) -> Result<()> {
    let found = cluster.get(&SECRET, cluster.namespace(), &intent.name);
    let found = environment.interrupt.race(found).await?;
    let secret = found.ok_or_else(|| not_found_error(&SECRET, &intent.name))?;
    let lengths = plan::key_lengths(&secret);
    let text = match intent.mutation.format {
        Format::Text { .. } => {
            let rows = lengths.iter();
            let rows = rows.map(|(key, bytes)| vec![(*key).to_owned(), bytes.to_string()]);
            format_table(&["KEY", "BYTES"], &rows.collect::<Vec<_>>(), false)
        }
        Format::Objects(_) => {
            let mut printer = intent.mutation.printer();
            printer.print_result(&plan::without_values(&secret), "")?
        }
    };
    let console = &mut environment.console;
    console.print(&text)?;
    if lengths.is_empty() {
        console.note(&format!("Secret {:?} has no keys", intent.name));
    }
    let expected = intent.expected.iter();
    let missing = expected.filter(|key| !lengths.contains_key(**key));
    let missing: Vec<&str> = missing.copied().collect();
    if !missing.is_empty() {
        let keys = missing.join(", ");
        console.note(&format!(
            "keys of Sindri's documents that are not set: {keys}"
        ));
    }
    Ok(())
}

async fn set(
    cluster: &Cluster,
    intent: &SecretIntent,
    change: &SecretChange,
    environment: &mut Environment,
) -> Result<()> {
    let (namespace, name, options) = (cluster.namespace(), &intent.name, &intent.mutation);
    let (manager, interrupt) = (&options.write.field_manager, environment.interrupt.clone());
    let mut attempt = 1;
    loop {
        let mut notes = Vec::new();
        let found = interrupt.race(cluster.get(&SECRET, namespace, name)).await;
        let before = read_or_absent(found, options.dry_run, &mut notes)?;
        let is_new = before.is_none();
        let write = plan::plan_change(name, namespace, change, manager, before)?;
        for note in &notes {
            environment.console.note(note);
        }
        let mut printer = options.printer();
        if options.dry_run == DryRun::Client {
            let verb = if is_new { "created" } else { "configured" };
            let object = plan::manifest(name, namespace, change);
            return environment
                .console
                .print(&printer.print_result(&object, verb)?);
        }
        match interrupt.race(send(cluster, &write, intent)).await {
            Err(error)
                if attempt < MAX_ATTEMPTS && failure::has_kind(&error, FailureKind::Conflict) =>
            {
                attempt += 1;
            }
            sent => {
                let (after, verb) = sent.map_err(|error| namespace_hint(error, namespace))?;
                let text = printer.print_result(&plan::without_values(&after), verb)?;
                if let Some(note) = plan::remaining_note(&after, &change.removed) {
                    environment.console.note(&note);
                }
                return environment.console.print(&text);
            }
        }
    }
}

/// Writes a change, and returns the Secret as stored and what has become of it.
async fn send(
    cluster: &Cluster,
    write: &SecretWrite,
    intent: &SecretIntent,
) -> Result<(Value, &'static str)> {
    let options = &intent.mutation.write;
    let (before, after) = match write {
        SecretWrite::Apply(planned) => {
            let after = cluster.apply_planned(planned, options).await?;
            (planned.before.as_ref(), after)
        }
        SecretWrite::Patch { before, patch } => {
            let (namespace, name) = (cluster.namespace(), &intent.name);
            let patched = cluster.merge_patch(&SECRET, namespace, name, None, patch, options);
            (Some(before), patched.await?)
        }
    };
    let verb = apply_verb(before, &after);
    Ok((after, verb))
}

async fn remove(
    cluster: &Cluster,
    intent: &SecretIntent,
    environment: &mut Environment,
) -> Result<()> {
    let namespace = cluster.namespace();
    let found = cluster.get(&SECRET, namespace, &intent.name);
    let Some(found) = environment.interrupt.race(found).await? else {
        let text = no_resources_message(Some(namespace));
        environment.console.print_error_line(&text);
        return Ok(());
    };
    plan::check_removal(&found)?;
    let mut writer = ObjectWriter::new(cluster, &intent.mutation, environment);
    writer.delete_all(&[(&SECRET, &found)]).await
}
