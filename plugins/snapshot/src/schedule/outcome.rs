//! Observes, creates and removes the objects of a schedule, and reports the outcome.

use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use session_shared::api::ObjectRef;
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, with_hint};
use session_shared::names::SessionName;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{ROLE, string_at};
use session_shared::objects::schedule::ScheduleName;
use session_shared::ops::Cluster;
use session_shared::ops::execute::Carrying;
use session_shared::plan::{StepResult, Plan, Propagation, Step};
use session_shared::progress::ProgressSink;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::{MutationPrinter, change};
use session_shared::report::yaml;

use super::objects::TYPES;
use super::plan::{Planned, There};

/// Time limit for replacing an object that has to be deleted and created again.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Outcome of creating or changing a schedule.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Objects with kubectl's word for the change: created, configured or unchanged.
    pub(crate) told: Vec<(Value, &'static str)>,
    /// RBAC objects that the caller lacks permission to create, for an admin to apply.
    pub(crate) withheld: Vec<Value>,
    /// True if a server-side dry run could not check the RoleBinding.
    pub(crate) unchecked: bool,
}

/// Reads the objects of a session's schedule concurrently, in the order of `SCHEDULE_RESOURCES`.
///
/// # Errors
/// The server's refusal, except Forbidden for RBAC objects.
pub(crate) async fn observe(cluster: &Cluster, session: &SessionName) -> Result<Vec<There>> {
    let name = ScheduleName::for_session(session);
    let namespace = cluster.namespace();
    let reads = TYPES.map(|resource| {
        let name = name.as_str();
        async move {
            match cluster.get(resource, namespace, name).await {
                Ok(Some(found)) => Ok(There::Object(Box::new(found))),
                Ok(None) => Ok(There::Nothing),
                Err(error) if is_right(resource) && failure::has_kind(&error, FailureKind::Forbidden) => {
                    Ok(There::Hidden)
                }
                Err(error) => Err(error),
            }
        }
    });
    try_join_all(reads).await
}

fn is_right(resource: &ResourceType) -> bool {
    resource.group == ROLE.group
}

/// Returns the outcome that a client-side dry run prints.
pub(crate) fn only_said(planned: &Planned) -> Made {
    let said = |step: &Step| match step {
        Step::Create { object, .. } => Some((object.clone(), "created")),
        Step::Apply { object, .. } => Some((object.clone(), "configured")),
        Step::LeaveUnchanged { object } => Some((object.clone(), "unchanged")),
        _ => None,
    };
    let parts = [&planned.account, &planned.rights, &planned.job];
    Made {
        told: parts
            .into_iter()
            .flat_map(Plan::steps)
            .filter_map(said)
            .collect(),
        withheld: planned.withheld(),
        unchecked: false,
    }
}

/// Carries out the plan. RBAC objects that the caller may not create are left to an admin; the others are created together
/// or not at all.
///
/// # Errors
/// The server's refusal, after the objects this run has created are deleted again.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    planned: &Planned,
    with: &Carrying<'_>,
    sink: &mut dyn ProgressSink,
) -> Result<Made> {
    let mut made = Made {
        withheld: planned.withheld(),
        ..Made::default()
    };
    let mut rights = planned.rights.clone();
    if with.write.dry_run && rights.objects_to_create().count() == rights.steps().count() {
        // In a dry run the Role does not exist yet, so the server would refuse the RoleBinding.
        made.unchecked = rights.stages.len() > 1;
        rights.stages.truncate(1);
    }
    for part in [&planned.account, &rights, &planned.job] {
        let outcome = cluster.carry_out(part, with, sink).await;
        for (done, step) in outcome.results.into_iter().zip(part.steps()) {
            made.told.extend(told(done, step));
        }
        match outcome.failed {
            None => {}
            Some((step, error)) if failure::has_kind(&error, FailureKind::Forbidden) && grants(&step) => {
                made.withheld.clone_from(&planned.wanted);
            }
            Some((_, error)) => return Err(take_back(cluster, &made, with, error).await),
        }
    }
    Ok(made)
}

/// Returns true if the step writes an RBAC object.
fn grants(step: &Step) -> bool {
    match step {
        Step::Create { object, .. } | Step::Apply { object, .. } => {
            string_at(object, "/apiVersion").starts_with(ROLE.group.as_ref())
        }
        _ => false,
    }
}

fn told(done: StepResult, step: &Step) -> Option<(Value, &'static str)> {
    match (done, step) {
        (StepResult::Created(object), _) => Some((object, "created")),
        (StepResult::Applied(object), Step::Apply { found, .. }) => {
            let word = change(Some(found), &object);
            Some((object, word))
        }
        (StepResult::Applied(object) | StepResult::Adopted(object), _) => Some((object, "unchanged")),
        _ => None,
    }
}

/// Deletes the objects this run has created. Returns `error`, with a hint if the deletion failed.
async fn take_back(
    cluster: &Cluster,
    made: &Made,
    with: &Carrying<'_>,
    error: anyhow::Error,
) -> anyhow::Error {
    let namespace = with.belonging.namespace.as_str();
    let created = made.told.iter().filter(|(_, word)| *word == "created");
    let deletes = created.filter_map(|(object, _)| {
        let (api_version, kind) = (string_at(object, "/apiVersion"), string_at(object, "/kind"));
        let resource = ResourceType::find_known(api_version, kind)?;
        let target = ObjectRef::from_object(object);
        Some(async move {
            let background = Propagation::Background;
            cluster
                .take_away(resource, namespace, &target, background, &with.write)
                .await
        })
    });
    match try_join_all(deletes).await {
        Ok(_) => error,
        Err(_) => {
            let session = &with.belonging.session;
            let remove = format!(
                "remove the remaining objects: kubectl session snapshot schedule {session} -n {namespace} --remove"
            );
            with_hint(error, remove)
        }
    }
}

impl Planned {
    fn withheld(&self) -> Vec<Value> {
        if self.hidden {
            self.wanted.clone()
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
    made: &Made,
    format: Format,
    dry_run: DryRun,
    console: &mut Console,
) -> Result<()> {
    let text = matches!(format, Format::Text { .. });
    let mut mutations = MutationPrinter::new(format, dry_run);
    for (object, word) in &made.told {
        let said = mutations.print_result(object, word)?;
        if string_at && !made.withheld.is_empty() {
            console.print_error_line(said.trim_end());
        } else {
            console.print(&said)?;
        }
    }
    if made.unchecked {
        console.note("the RoleBinding was not checked: its Role does not exist yet");
    }
    if made.withheld.is_empty() {
        return Ok(());
    }
    for (at, object) in made.withheld.iter().enumerate() {
        if string_at {
            let before = if at == 0 { "" } else { "---\n" };
            console.print(&format!("{before}{}", yaml::format_yaml(object)?))?;
        } else {
            console.print(&mutations.print_result(object, "")?)?;
        }
    }
    console.warn(
        "you lack permission to create the Role and the RoleBinding: without them every run fails",
    );
    console.hint("have an admin apply the objects printed on standard output, unless already applied: kubectl apply -f FILE");
    Ok(())
}

/// Deletes the objects of a schedule; a client-side dry run deletes nothing.
///
/// # Errors
/// The server's refusal.
pub(crate) async fn remove(
    cluster: &Cluster,
    plan: &Plan,
    dry_run: DryRun,
    with: &Carrying<'_>,
    sink: &mut dyn ProgressSink,
) -> Result<()> {
    if dry_run == DryRun::Client {
        return Ok(());
    }
    let outcome = cluster.carry_out(plan, with, sink).await;
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
        console.note("you lack permission to read the Role and the RoleBinding: if they exist, they are deleted with the session");
    }
    Ok(())
}
