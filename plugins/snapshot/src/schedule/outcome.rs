//! Makes a schedule, or takes it away, and tells of it.

use std::time::Duration;

use anyhow::Result;
use futures::future::try_join_all;
use serde_json::Value;
use session_shared::api::ObjectRef;
use session_shared::client::DryRun;
use session_shared::failure::{self, Kind, hinted};
use session_shared::names::SessionName;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{ROLE, text};
use session_shared::objects::schedule::ScheduleName;
use session_shared::ops::Cluster;
use session_shared::ops::execute::Carrying;
use session_shared::plan::{Done, Plan, Propagation, Step};
use session_shared::progress::Sink;
use session_shared::report::console::Console;
use session_shared::report::format::Format;
use session_shared::report::mutation::{Mutations, change};
use session_shared::report::yaml;

use super::objects::TYPES;
use super::plan::{Planned, There};

/// How long is waited for an object that has to be made anew.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// What became of a schedule.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Objects, and kubectl's word for what was done to them.
    pub(crate) told: Vec<(Value, &'static str)>,
    /// What only an admin may make.
    pub(crate) withheld: Vec<Value>,
    /// The server was not asked what it thinks of the RoleBinding.
    pub(crate) unchecked: bool,
}

/// Looks for everything of a session's schedule, all at once; as [`TYPES`] has it.
///
/// # Errors
/// What the server refuses, other than a look at rights.
pub(crate) async fn observe(cluster: &Cluster, session: &SessionName) -> Result<Vec<There>> {
    let name = ScheduleName::of(session);
    let namespace = cluster.namespace();
    let reads = TYPES.map(|resource| {
        let name = name.as_str();
        async move {
            match cluster.get(resource, namespace, name).await {
                Ok(Some(found)) => Ok(There::Object(Box::new(found))),
                Ok(None) => Ok(There::Nothing),
                Err(error) if is_right(resource) && failure::is(&error, Kind::Forbidden) => {
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

/// What a client-side dry run tells of.
pub(crate) fn only_said(planned: &Planned) -> Made {
    let said = |step: &Step| match step {
        Step::Create { object, .. } => Some((object.clone(), "created")),
        Step::Apply { object, .. } => Some((object.clone(), "configured")),
        Step::Keep { object } => Some((object.clone(), "unchanged")),
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

/// Makes it: the rights as far as the caller may, everything else or nothing.
///
/// # Errors
/// What the server refuses; what this run has made by then is taken away again.
pub(crate) async fn carry_out(
    cluster: &Cluster,
    planned: &Planned,
    with: &Carrying<'_>,
    sink: &mut dyn Sink,
) -> Result<Made> {
    let mut made = Made {
        withheld: planned.withheld(),
        ..Made::default()
    };
    let mut rights = planned.rights.clone();
    if with.write.dry_run && rights.creations().count() == rights.steps().count() {
        // A binding to a Role that is not there is refused, though it will be there.
        made.unchecked = rights.stages.len() > 1;
        rights.stages.truncate(1);
    }
    for part in [&planned.account, &rights, &planned.job] {
        let outcome = cluster.carry_out(part, with, sink).await;
        for (done, step) in outcome.done.into_iter().zip(part.steps()) {
            made.told.extend(told(done, step));
        }
        match outcome.failed {
            None => {}
            Some((step, error)) if failure::is(&error, Kind::Forbidden) && grants(&step) => {
                made.withheld.clone_from(&planned.wanted);
            }
            Some((_, error)) => return Err(take_back(cluster, &made, with, error).await),
        }
    }
    Ok(made)
}

/// True if the step gives rights.
fn grants(step: &Step) -> bool {
    match step {
        Step::Create { object, .. } | Step::Apply { object, .. } => {
            text(object, "/apiVersion").starts_with(ROLE.group.as_ref())
        }
        _ => false,
    }
}

fn told(done: Done, step: &Step) -> Option<(Value, &'static str)> {
    match (done, step) {
        (Done::Created(object), _) => Some((object, "created")),
        (Done::Applied(object), Step::Apply { found, .. }) => {
            let word = change(Some(found), &object);
            Some((object, word))
        }
        (Done::Applied(object) | Done::TakenUp(object), _) => Some((object, "unchanged")),
        _ => None,
    }
}

/// Takes away what this run has made; the error, which says so if that did not work.
async fn take_back(
    cluster: &Cluster,
    made: &Made,
    with: &Carrying<'_>,
    error: anyhow::Error,
) -> anyhow::Error {
    let namespace = with.belonging.namespace.as_str();
    let created = made.told.iter().filter(|(_, word)| *word == "created");
    let deletes = created.filter_map(|(object, _)| {
        let (api_version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
        let resource = ResourceType::of_kind(api_version, kind)?;
        let target = ObjectRef::of(object);
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
                "take away what is left of it: kubectl session snapshot schedule {session} -n {namespace} --remove"
            );
            hinted(error, remove)
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

/// Tells what was made. What an admin has to make stands alone on standard output, where no format was asked for.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn report(
    made: &Made,
    format: Format,
    dry_run: DryRun,
    console: &mut Console,
) -> Result<()> {
    let text = matches!(format, Format::Text { .. });
    let mut mutations = Mutations::new(format, dry_run);
    for (object, word) in &made.told {
        let said = mutations.done(object, word)?;
        if text && !made.withheld.is_empty() {
            console.err_line(said.trim_end());
        } else {
            console.out(&said)?;
        }
    }
    if made.unchecked {
        console.note("the RoleBinding is not checked: its Role is not there yet");
    }
    if made.withheld.is_empty() {
        return Ok(());
    }
    for (at, object) in made.withheld.iter().enumerate() {
        if text {
            let before = if at == 0 { "" } else { "---\n" };
            console.out(&format!("{before}{}", yaml::document(object)?))?;
        } else {
            console.out(&mutations.done(object, "")?)?;
        }
    }
    console.warn("you may not make the Role and the RoleBinding: without them every run fails");
    console.hint("have an admin apply what stands on standard output, unless that has been done: kubectl apply -f FILE");
    Ok(())
}

/// Takes a schedule away; the objects that were, with their types.
///
/// # Errors
/// What the server refuses.
pub(crate) async fn remove(
    cluster: &Cluster,
    plan: &Plan,
    dry_run: DryRun,
    with: &Carrying<'_>,
    sink: &mut dyn Sink,
) -> Result<()> {
    if dry_run == DryRun::Client {
        return Ok(());
    }
    let outcome = cluster.carry_out(plan, with, sink).await;
    outcome.failed.map_or(Ok(()), |(_, error)| Err(error))
}

/// Tells what was taken away.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn report_removal(
    plan: &Plan,
    hidden: bool,
    mutations: &Mutations,
    namespace: &str,
    console: &mut Console,
) -> Result<()> {
    for step in plan.steps() {
        if let Step::Delete {
            target, resource, ..
        } = step
        {
            console.out(&mutations.deleted(resource, &target.name, namespace, false))?;
        }
    }
    if hidden {
        console.note("the Role and the RoleBinding, if there are any, go with the session: you may not look at them");
    }
    Ok(())
}
