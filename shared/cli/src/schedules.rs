//! Schedules on the cluster: their objects are read, created, changed or removed, and reported, for every verb that has schedules.
//!
//! ```text
//! parts ─► observe_schedule ─► plan_changes ─► set_schedule ─► report, or objects for an admin
//!                           └► plan_removal ─► remove_schedule ─► report
//! ```

mod commands;

use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;

use crate::flags::mutation_options::MutationOptions;
use crate::report::console::Console;
use crate::report::format::Format;
use crate::report::mutation::{apply_verb, no_resources_message};
use crate::report::yaml;
use crate::verb::Environment;
use session_client::interrupt::Interrupt;
use session_client::{DryRun, ListOptions, ObjectList, Scope};
use session_engine::plan::{Plan, PropagationPolicy, Step, StepResult};
use session_engine::scheduled_run::{
    ObservedPart, ObservedState, ScheduleOwner, SchedulePart, SchedulePlan, is_proven, plan_removal,
};
use session_model::api::ObjectRef;
use session_model::failure::{self, FailureKind, with_hint};
use session_model::objects::resource::{CRON_JOB, NODE, POD, ROLE};
use session_model::objects::{ResourceType, Untyped};
use session_model::progress::{ProgressEvent, ProgressSink};
use session_ops::Cluster;
use session_ops::apply_plan::ApplyOptions;

pub use commands::ScheduleCommands;
use commands::print_new_image;

/// Time limit for replacing an object that has to be deleted and created again.
const REPLACE_TIMEOUT: Duration = Duration::from_secs(60);

/// Outcome of creating or changing a schedule.
#[derive(Debug, Default)]
struct Outcome {
    /// Objects with kubectl's word for the change: created, configured or unchanged.
    changes: Vec<(Value, &'static str)>,
    /// CronJobs that are no longer wanted.
    deleted: Vec<ObjectRef>,
    /// RBAC objects that the caller lacks permission to create, for an admin to apply.
    for_admin: Vec<Value>,
    /// True if a server-side dry run could not check the RoleBinding.
    is_binding_unchecked: bool,
}

/// Reads the objects of a schedule, all at the same time.
///
/// # Errors
/// The server's refusal, except Forbidden for RBAC objects.
pub async fn observe_schedule(
    cluster: &Cluster,
    parts: Vec<SchedulePart>,
) -> Result<Vec<ObservedPart>> {
    let reads = parts.into_iter().map(async |part| {
        let found = cluster.get(part.resource, cluster.namespace(), part.name.as_str());
        let state = match found.await {
            Ok(Some(found)) => ObservedState::Found(Box::new(found)),
            Ok(None) => ObservedState::Missing,
            Err(error)
                if part.resource.group == ROLE.group
                    && failure::has_kind(&error, FailureKind::Forbidden) =>
            {
                ObservedState::Forbidden
            }
            Err(error) => return Err(error),
        };
        Ok(ObservedPart { part, state })
    });
    try_join_all(reads).await
}

/// Creates or changes a schedule, and prints what was done.
///
/// # Errors
/// The server's refusal, after the objects this run has created are deleted again; standard output is closed.
pub async fn set_schedule(
    cluster: &Cluster,
    mut planned: SchedulePlan,
    owner: &ScheduleOwner<'_>,
    commands: &ScheduleCommands,
    mutation: &MutationOptions,
    environment: &mut Environment,
) -> Result<()> {
    // reads only
    if mutation.dry_run != DryRun::Client
        && let Some(image) = &planned.new_image
        && has_image_run(cluster, image).await
    {
        planned.new_image = None;
    }
    // writes
    let made = if mutation.dry_run == DryRun::Client {
        dry_run_outcome(&planned)
    } else {
        let _guard = environment.interrupt.guard()?;
        let interrupt = environment.interrupt.clone();
        let with = apply_options(owner, mutation, &interrupt);
        let mut sink = environment.console.progress();
        let made = apply_schedule(cluster, &planned, commands, &with, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        made?
    };
    // prints
    let console = &mut environment.console;
    report(&made, mutation, cluster.namespace(), console)?;
    if mutation.dry_run == DryRun::None
        && made.for_admin.is_empty()
        && let Some(image) = &planned.new_image
    {
        print_new_image(image, commands, cluster.namespace(), console);
    }
    Ok(())
}

/// Deletes the objects of a schedule, and prints them.
///
/// # Errors
/// An existing object that is not of this schedule; the server's refusal; standard output is closed.
pub async fn remove_schedule(
    cluster: &Cluster,
    observed: &[ObservedPart],
    owner: &ScheduleOwner<'_>,
    mutation: &MutationOptions,
    environment: &mut Environment,
) -> Result<()> {
    let plan = plan_removal(observed, owner)?;
    // writes
    if mutation.dry_run != DryRun::Client {
        let _guard = environment.interrupt.guard()?;
        let interrupt = environment.interrupt.clone();
        let with = apply_options(owner, mutation, &interrupt);
        let mut sink = environment.console.progress();
        let outcome = cluster.apply_plan(&plan, &with, &mut sink).await;
        sink.tell(ProgressEvent::Done);
        if let Some((_, error)) = outcome.failed {
            return Err(error);
        }
    }
    // prints
    let (console, namespace) = (&mut environment.console, cluster.namespace());
    if plan.is_empty() {
        console.print_error_line(&no_resources_message(Some(namespace)));
        return Ok(());
    }
    for step in plan.steps() {
        if let Step::Delete {
            target, resource, ..
        } = step
        {
            let mutations = mutation.printer();
            console.print(&mutations.print_deleted(resource, &target.name, namespace, false))?;
        }
    }
    let mut states = observed.iter().map(|one| &one.state);
    if states.any(|state| matches!(state, ObservedState::Forbidden)) {
        let rest = match owner.selection {
            Some(_) => "if they exist, have an admin delete them",
            None => "if they exist, they are deleted with the session",
        };
        console.note(&format!(
            "Role and RoleBinding not checked: no permission to read them; {rest}"
        ));
    }
    Ok(())
}

fn apply_options<'a>(
    owner: &ScheduleOwner<'a>,
    mutation: &MutationOptions,
    interrupt: &'a Interrupt,
) -> ApplyOptions<'a> {
    ApplyOptions {
        ownership: owner.ownership,
        write: mutation.write.clone(),
        interrupt,
        wait_limit: REPLACE_TIMEOUT,
    }
}

/// Returns true if a Pod of the namespace or the nodes show that `image` can be had. What the caller may not list shows nothing.
async fn has_image_run(cluster: &Cluster, image: &str) -> bool {
    let cached = ListOptions {
        from_cache: true,
        ..ListOptions::default()
    };
    let namespace = Scope::Namespace(cluster.namespace());
    let (pods, nodes) = futures::join!(
        cluster.list(&POD, namespace, &cached),
        cluster.list(&NODE, Scope::Cluster, &cached),
    );
    let items = |list: Result<ObjectList>| list.map(|list| list.items).unwrap_or_default();
    is_proven(image, &items(pods), &items(nodes))
}

/// Returns the outcome that a client-side dry run prints.
fn dry_run_outcome(planned: &SchedulePlan) -> Outcome {
    let said = |step: &Step| match step {
        Step::Create { object, .. } => Some((object.clone(), "created")),
        Step::Apply { object, .. } => Some((object.clone(), "configured")),
        Step::LeaveUnchanged { object } => Some((object.clone(), "unchanged")),
        _ => None,
    };
    let parts = [&planned.account, &planned.rights, &planned.jobs];
    Outcome {
        deleted: deletions(&planned.jobs),
        changes: parts
            .into_iter()
            .flat_map(Plan::steps)
            .filter_map(said)
            .collect(),
        for_admin: planned.objects_for_admin(),
        is_binding_unchecked: false,
    }
}

/// Carries out the plan. RBAC objects that the caller may not create are left to an admin; the others are created together
/// or not at all.
///
/// # Errors
/// The server's refusal, after the objects this run has created are deleted again.
async fn apply_schedule(
    cluster: &Cluster,
    planned: &SchedulePlan,
    commands: &ScheduleCommands,
    with: &ApplyOptions<'_>,
    sink: &mut dyn ProgressSink,
) -> Result<Outcome> {
    let mut made = Outcome {
        for_admin: planned.objects_for_admin(),
        ..Outcome::default()
    };
    let mut rights = planned.rights.clone();
    if with.write.dry_run && rights.objects_to_create().count() == rights.steps().count() {
        // In a dry run the Role does not exist yet, so the server would refuse the RoleBinding.
        made.is_binding_unchecked = rights.stages.len() > 1;
        rights.stages.truncate(1);
    }
    for part in [&planned.account, &rights, &planned.jobs] {
        let outcome = cluster.apply_plan(part, with, sink).await;
        for (done, step) in outcome.results.into_iter().zip(part.steps()) {
            if let StepResult::Deleted(target) = &done {
                made.deleted.push(target.clone());
            }
            made.changes.extend(change_of_step(done, step));
        }
        match outcome.failed {
            None => {}
            Some((step, error))
                if failure::has_kind(&error, FailureKind::Forbidden) && is_rbac_write(&step) =>
            {
                made.for_admin.clone_from(&planned.rbac_objects);
            }
            Some((_, error)) => return Err(roll_back(cluster, &made, commands, with, error).await),
        }
    }
    Ok(made)
}

/// Returns true if the step writes an RBAC object.
fn is_rbac_write(step: &Step) -> bool {
    match step {
        Step::Create { object, .. } | Step::Apply { object, .. } => Untyped(object)
            .api_version()
            .starts_with(ROLE.group.as_ref()),
        _ => false,
    }
}

fn change_of_step(done: StepResult, step: &Step) -> Option<(Value, &'static str)> {
    match (done, step) {
        (StepResult::Created(object), _) => Some((object, "created")),
        (StepResult::Applied(object), Step::Apply { current: found, .. }) => {
            let word = apply_verb(Some(found), &object);
            Some((object, word))
        }
        (StepResult::Applied(object) | StepResult::Adopted(object), _) => {
            Some((object, "unchanged"))
        }
        _ => None,
    }
}

/// Deletes the objects this run has created. Returns `error`, with a hint if the deletion failed.
async fn roll_back(
    cluster: &Cluster,
    made: &Outcome,
    commands: &ScheduleCommands,
    with: &ApplyOptions<'_>,
    error: anyhow::Error,
) -> anyhow::Error {
    let namespace = with.ownership.namespace.as_str();
    let created = made.changes.iter().filter(|(_, word)| *word == "created");
    let deletes = created.filter_map(|(object, _)| {
        let (api_version, kind) = (Untyped(object).api_version(), Untyped(object).kind());
        let resource = ResourceType::find_known(api_version, kind)?;
        let target = ObjectRef::from_object(object);
        Some(async move {
            let background = PropagationPolicy::Background;
            cluster
                .delete_if_present(resource, namespace, &target, background, &with.write)
                .await
        })
    });
    match try_join_all(deletes).await {
        Ok(_) => error,
        Err(_) => with_hint(
            error,
            format!("remove the remaining objects: {}", commands.remove),
        ),
    }
}

fn deletions(plan: &Plan) -> Vec<ObjectRef> {
    let targets = plan.steps().filter_map(|step| match step {
        Step::Delete { target, .. } => Some(target.clone()),
        _ => None,
    });
    targets.collect()
}

/// Prints the outcome. In text format, objects for an admin are printed alone on standard output and all other lines on
/// standard error, so that the output can be applied.
///
/// # Errors
/// Standard output is closed.
fn report(
    made: &Outcome,
    mutation: &MutationOptions,
    namespace: &str,
    console: &mut Console,
) -> Result<()> {
    let text = matches!(mutation.format, Format::Text { .. });
    let mut mutations = mutation.printer();
    for (object, word) in &made.changes {
        let said = mutations.print_result(object, word)?;
        if text && !made.for_admin.is_empty() {
            console.print_error_line(said.trim_end());
        } else {
            console.print(&said)?;
        }
    }
    for target in &made.deleted {
        let gone = mutations.print_deleted(&CRON_JOB, &target.name, namespace, false);
        console.print(&gone)?;
    }
    if made.is_binding_unchecked {
        console.note("the RoleBinding was not checked: its Role does not exist yet");
    }
    if made.for_admin.is_empty() {
        return Ok(());
    }
    for (at, object) in made.for_admin.iter().enumerate() {
        if text {
            let before = if at == 0 { "" } else { "---\n" };
            console.print(&format!("{before}{}", yaml::format_yaml(object)?))?;
        } else {
            console.print(&mutations.print_result(object, "")?)?;
        }
    }
    console.warn(
        "Role and RoleBinding not created: no permission to create them; without them every run fails",
    );
    console.hint("have an admin apply the objects printed on standard output, unless already applied: kubectl apply -f FILE");
    Ok(())
}
