//! `setup namespace`: the namespace of one user, with quota, network policies and rights.
//!
//! ```text
//! args ─► intent ─► observe ─► plan ─► outcome: try on the server, apply, wait until the quota is counted
//! SetupNamespaceArgs  Intent  Observed  NamespacePlan
//! ```

pub(crate) mod args;
mod intent;
mod objects;
mod observe;
mod outcome;
mod plan;

use anyhow::Result;
use session_shared::client::{DryRun, Scope, not_found_error};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::labels;
use session_shared::names::UserId;
use session_shared::objects::Untyped;
use session_shared::objects::resource::NAMESPACE;
use session_shared::ops::Cluster;
use session_shared::report::mutation::no_resources_message;
use session_shared::verb::Environment;

use crate::install::check_no_sessions;
use crate::template_pods::read_template_pods;
use crate::writer::{ObjectWriter, administrator_hint};
use args::SetupNamespaceArgs;
use intent::Intent;

/// Prepares the namespace of a user, or takes that back.
///
/// # Errors
/// Mistakes of the command line and the file, before any request; another's namespace; the server's refusal; a quota that is not
/// counted in time.
pub(crate) async fn run(
    args: SetupNamespaceArgs,
    connection: &ConnectionFlags,
    environment: &mut Environment,
) -> Result<()> {
    // no requests: validation of the arguments and the file
    let intent = intent::parse_intent(args, connection, &mut environment.console)?;
    let cluster = environment.connect(&intent.connection).await?;
    let interrupt = environment.interrupt.clone();
    let _guard = match intent.mutation.dry_run {
        DryRun::None => Some(interrupt.guard()?),
        _ => None,
    };
    match intent.user.as_ref().filter(|_| !intent.remove) {
        Some(user) => {
            let prepared = prepare(&cluster, &intent, user, environment).await;
            prepared.map_err(administrator_hint)
        }
        None => remove(&cluster, &intent, environment).await,
    }
}

async fn prepare(
    cluster: &Cluster,
    intent: &Intent,
    user: &UserId,
    environment: &mut Environment,
) -> Result<()> {
    // reads only
    let observed = observe::observe(cluster, &intent.namespace, intent.mutation.dry_run);
    let mut observed = environment.interrupt.race(observed).await?;
    if let Some(namespace) = &observed.namespace {
        plan::check_owner(namespace, user)?;
        if !intent.force && Untyped(namespace).annotation(labels::USER_ID).is_none() {
            let sessions = observe::list_sessions(cluster, intent, &mut observed.notes);
            let sessions = environment.interrupt.race(sessions).await?;
            plan::check_sessions(&intent.namespace, user, &sessions)?;
        }
    }
    let counted = observe::count_use(cluster, intent, &mut observed);
    environment.interrupt.race(counted).await?;
    let mut ports = intent.file.as_ref().map(|file| file.ports.clone());
    for template in &intent.templates {
        let read = read_template_pods(cluster, template);
        let pods = environment.interrupt.race(read).await?;
        ports.get_or_insert_default().extend(pods.ports());
    }
    // pure
    let plan = plan::plan_namespace(intent, user, ports.as_ref(), &observed)?;
    for note in &plan.notes {
        environment.console.note(note);
    }
    // writes
    let quota = outcome::apply(cluster, &plan.objects, intent, environment).await?;
    let Some((quota, limit)) = quota.zip(intent.wait) else {
        return Ok(());
    };
    let mut sink = environment.console.progress();
    cluster
        .wait_quota_counted(&quota, limit, &environment.interrupt, &mut sink)
        .await
}

async fn remove(cluster: &Cluster, intent: &Intent, environment: &mut Environment) -> Result<()> {
    let name = intent.namespace.as_str();
    let interrupt = environment.interrupt.clone();
    let observed = observe::observe(cluster, name, DryRun::None);
    let observed = interrupt.race(observed).await?;
    let Some(namespace) = &observed.namespace else {
        return Err(not_found_error(&NAMESPACE, name));
    };
    plan::check_removal(namespace, intent.user.as_ref())?;
    if !intent.force {
        let what = format!("cannot remove the limits of namespace {name:?}");
        let scope = Scope::Namespace(name);
        interrupt
            .race(check_no_sessions(
                cluster,
                scope,
                &what,
                "would run on without them",
            ))
            .await?;
    }
    let removed = plan::plan_removal(&observed);
    let mut writer = ObjectWriter::new(cluster, &intent.mutation, environment);
    let objects = removed.iter();
    let objects: Vec<_> = objects
        .map(|(resource, object)| (*resource, object))
        .collect();
    writer.delete_all(&objects).await?;
    let console = &mut environment.console;
    if removed.is_empty() {
        console.print_error_line(&no_resources_message(Some(name)));
    }
    console.note(&format!(
        "namespace {name:?} and what is in it are kept; delete them with kubectl delete namespace {name}"
    ));
    Ok(())
}
