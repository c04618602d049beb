//! Observes, creates and removes the objects of a schedule, and reports the outcome.

use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use session_shared::api::ObjectRef;
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, with_hint};
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::names::SessionName;
use session_shared::objects::ResourceType;
use session_shared::objects::Untyped;
use session_shared::objects::resource::ROLE;
use session_shared::objects::snapshot_schedule::ScheduleName;
use session_shared::ops::Cluster;
use session_shared::ops::apply_plan::ApplyOptions;
use session_shared::plan::{Plan, PropagationPolicy, Step, StepResult};
use session_shared::progress::ProgressSink;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::{MutationPrinter, apply_verb};
use session_shared::report::yaml;

use super::intent::DEFAULT_IMAGE;
use super::objects::SCHEDULE_RESOURCES;
use super::plan::{Observed, SchedulePlan};

/// Time limit for replacing an object that has to be deleted and created again.
pub(crate) const REPLACE_TIMEOUT: Duration = Duration::from_secs(60);

/// Outcome of creating or changing a schedule.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Objects with kubectl's word for the change: created, configured or unchanged.
    pub(crate) changes: Vec<(Value, &'static str)>,
    /// RBAC objects that the caller lacks permission to create, for an admin to apply.
    pub(crate) for_admin: Vec<Value>,
    /// True if a server-side dry run could not check the RoleBinding.
    pub(crate) is_binding_unchecked: bool,
}

/// Reads the objects of a session's schedule concurrently, in the order of `SCHEDULE_RESOURCES`.
///
/// # Errors
/// The server's refusal, except Forbidden for RBAC objects.
pub(crate) async fn observe(cluster: &Cluster, session: &SessionName) -> Result<Vec<Observed>> {
    let name = ScheduleName::for_session(session);
    let namespace = cluster.namespace();
    let reads = SCHEDULE_RESOURCES.map(|resource| {
        let name = name.as_str();
        async move {
            match cluster.get(resource, namespace, name).await {
                Ok(Some(found)) => Ok(Observed::Found(Box::new(found))),
                Ok(None) => Ok(Observed::Missing),
                Err(error)
                    if is_rbac_kind(resource)
                        && failure::has_kind(&error, FailureKind::Forbidden) =>
                {
                    Ok(Observed::Forbidden)
                }
                Err(error) => Err(error),
            }
        }
    });
    try_join_all(reads).await
}

fn is_rbac_kind(resource: &ResourceType) -> bool {
    resource.group == ROLE.group
}

/// Returns the outcome that a client-side dry run prints.
pub(crate) fn dry_run_outcome(planned: &SchedulePlan) -> Outcome {
    let said = |step: &Step| match step {
        Step::Create { object, .. } => Some((object.clone(), "created")),
        Step::Apply { object, .. } => Some((object.clone(), "configured")),
        Step::LeaveUnchanged { object } => Some((object.clone(), "unchanged")),
        _ => None,
    };
    let parts = [&planned.account, &planned.rights, &planned.job];
    Outcome {
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
pub(crate) async fn apply_schedule(
    cluster: &Cluster,
    planned: &SchedulePlan,
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
    for part in [&planned.account, &rights, &planned.job] {
        let outcome = cluster.apply_plan(part, with, sink).await;
        for (done, step) in outcome.results.into_iter().zip(part.steps()) {
            made.changes.extend(change_of_step(done, step));
        }
        match outcome.failed {
            None => {}
            Some((step, error))
                if failure::has_kind(&error, FailureKind::Forbidden) && is_rbac_write(&step) =>
            {
                made.for_admin.clone_from(&planned.rbac_objects);
            }
            Some((_, error)) => return Err(roll_back(cluster, &made, with, error).await),
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
        Err(_) => {
            let session = &with.ownership.session;
            let remove = format!(
                "remove the remaining objects: kubectl session snapshot schedule {session} -n {namespace} --remove"
            );
            with_hint(error, remove)
        }
    }
}

impl SchedulePlan {
    fn objects_for_admin(&self) -> Vec<Value> {
        if self.is_rbac_forbidden {
            self.rbac_objects.clone()
        } else {
            Vec::new()
        }
    }
}

/// Prints the outcome. In text format, objects for an admin are printed alone on standard output and all other lines on
/// standard error, so that the output can be applied.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn report(
    made: &Outcome,
    mutation: &MutationOptions,
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

/// Prints how to find out now whether the nodes can pull and run an image that has not run yet.
pub(crate) fn print_new_image(
    image: &str,
    session: &SessionName,
    namespace: &str,
    console: &mut Console,
) {
    let job = ScheduleName::for_session(session);
    let job = job.as_str();
    let import = match image == DEFAULT_IMAGE {
        true => "; it must be imported on every node, or give another one with --image",
        false => "",
    };
    console.note(&format!(
        "the schedule has not run with image {image:?} yet{import}"
    ));
    console.hint(&format!(
        "run it once: kubectl create job {job}-test --from=cronjob/{job} -n {namespace}"
    ));
    console.hint(&format!(
        "see whether it fails: kubectl session snapshot list {session} -n {namespace}"
    ));
}

/// Deletes the objects of a schedule; a client-side dry run deletes nothing.
///
/// # Errors
/// The server's refusal.
pub(crate) async fn delete_schedule_objects(
    cluster: &Cluster,
    plan: &Plan,
    dry_run: DryRun,
    with: &ApplyOptions<'_>,
    sink: &mut dyn ProgressSink,
) -> Result<()> {
    if dry_run == DryRun::Client {
        return Ok(());
    }
    let outcome = cluster.apply_plan(plan, with, sink).await;
    outcome.failed.map_or(Ok(()), |(_, error)| Err(error))
}

/// Prints the deleted objects.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn report_removal(
    plan: &Plan,
    hidden: bool,
    mutations: &MutationPrinter,
    namespace: &str,
    console: &mut Console,
) -> Result<()> {
    for step in plan.steps() {
        if let Step::Delete {
            target, resource, ..
        } = step
        {
            console.print(&mutations.print_deleted(resource, &target.name, namespace, false))?;
        }
    }
    if hidden {
        console.note("Role and RoleBinding not checked: no permission to read them; if they exist, they are deleted with the session");
    }
    Ok(())
}
