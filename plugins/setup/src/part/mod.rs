//! `setup PART --for TEMPLATE`: the objects that a platform's documents have beside its sessions.
//!
//! ```text
//! args ─► Part, PartIntent ─► observe: versions that the server serves ─► Site ─► Part::objects ─► observe: what is there
//!     ─► plan ─► writer: try on the server, apply, delete
//! ```
//!
//! Each part is one file: its flags, and a [`Part`](site::Part) whose objects are a pure function of its options and the [`Site`](site::Site).

pub(crate) mod autoscaling;
pub(crate) mod external_secret;
pub(crate) mod flags;
mod hosts;
pub(crate) mod ingress;
pub(crate) mod isolation;
pub(crate) mod mesh;
pub(crate) mod monitoring;
mod observe;
mod plan;
pub(crate) mod platform;
pub(crate) mod rights;
pub(crate) mod site;
pub(crate) mod storage;
mod template_isolation;

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, with_hint};
use session_shared::objects::Untyped;
use session_shared::objects::resource::{ROLE, ROLE_BINDING};
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::mutation::no_resources_message;
use session_shared::verb::Environment;

use crate::template_pods::read_template_pods;
use crate::writer::{ObjectWriter, administrator_hint, namespace_hint};
use flags::PartIntent;
use site::{Part, Site};

/// Applies or removes the objects of a part.
///
/// # Errors
/// A kind that the server lacks and an object of somebody else, before any write; the server's refusal.
pub(crate) async fn run(
    part: &dyn Part,
    intent: PartIntent,
    environment: &mut Environment,
) -> Result<()> {
    let cluster = environment.connect(&intent.connection).await?;
    let interrupt = environment.interrupt.clone();
    let _guard = match intent.mutation.dry_run {
        DryRun::None => Some(interrupt.guard()?),
        _ => None,
    };
    let served = interrupt.race(observe::discover(&cluster, part.kinds()));
    let (types, missing) = served.await?;
    let pods = match part.template().filter(|_| !intent.remove) {
        Some(template) => {
            let read = interrupt.race(read_template_pods(&cluster, template));
            Some(read.await?)
        }
        None => None,
    };
    let site = Site {
        part: part.name(),
        template: intent.template.clone(),
        pods,
        namespace: cluster.namespace().to_owned(),
        types,
        missing,
    };
    let done = match intent.remove {
        true => remove(&cluster, part, &site, &intent, environment).await,
        false => apply(&cluster, part, &site, &intent, environment).await,
    };
    done.map_err(administrator_hint)
}

async fn apply(
    cluster: &Cluster,
    part: &dyn Part,
    site: &Site,
    intent: &PartIntent,
    environment: &mut Environment,
) -> Result<()> {
    let dry_run = intent.mutation.dry_run;
    // pure
    part.check(site)?;
    let objects = part.objects(site);
    let mut notes = plan::check_served(site, &objects, dry_run)?;
    // reads only
    let observed = observe::observe(cluster, part, site, objects, dry_run);
    let observed = environment.interrupt.race(observed).await?;
    notes.extend(observed.notes.iter().cloned());
    // pure
    let plan = plan::plan_part(site, observed)?;
    for note in notes.iter().chain(&plan.notes) {
        environment.console.note(note);
    }
    for (text, hint) in &plan.warnings {
        environment.console.warn_with_hint(text, Some(hint));
    }
    // writes
    let mut writer = ObjectWriter::new(cluster, &intent.mutation, environment);
    let applied = apply_objects(&mut writer, &plan.objects, dry_run).await;
    applied.map_err(|error| match part.refusal_hint(&error, site) {
        Some(hint) => with_hint(error, hint),
        None => namespace_hint(error, &site.namespace),
    })
}

/// Applies objects. The binding of a new Role is tried before them, since a dry run stores no Role: whoever may create bindings, but has
/// not the verb `bind`, is answered that the Role is not found, because the server compares their rights with it.
async fn apply_objects(
    writer: &mut ObjectWriter<'_>,
    objects: &[PlannedObject],
    dry_run: DryRun,
) -> Result<()> {
    let count = objects.len() - usize::from(binds_new_role(objects));
    let (objects, binding) = objects.split_at(count);
    let is_not_found = |error: &anyhow::Error| failure::has_kind(error, FailureKind::NotFound);
    if dry_run == DryRun::None {
        match writer.try_all(binding).await {
            Err(error) if !is_not_found(&error) => {
                return Err(with_hint(error, "nothing has been changed"));
            }
            _ => {}
        }
    }
    writer.apply_all(objects).await?;
    let bound = match dry_run {
        DryRun::None => writer.store_all(binding).await,
        DryRun::Server | DryRun::Client => writer.apply_all(binding).await,
    };
    match bound {
        Err(error) if dry_run == DryRun::Server && is_not_found(&error) => {
            let mut unchecked = binding.iter();
            unchecked.try_for_each(|planned| writer.print_unchecked(planned))
        }
        bound => bound.map(drop),
    }
}

/// Returns true if the last object binds a Role that is created with it.
fn binds_new_role(objects: &[PlannedObject]) -> bool {
    let is_new = |name: &str| {
        objects.iter().any(|planned| {
            let is_role = *planned.resource == ROLE && planned.before.is_none();
            is_role && Untyped(&planned.object).name() == name
        })
    };
    let binding = objects.last().filter(|one| *one.resource == ROLE_BINDING);
    let role = binding.and_then(|one| Untyped(&one.object).str_at("/roleRef/name"));
    role.is_some_and(is_new)
}

async fn remove(
    cluster: &Cluster,
    part: &dyn Part,
    site: &Site,
    intent: &PartIntent,
    environment: &mut Environment,
) -> Result<()> {
    let found = observe::find_applied(cluster, site, part.object_name());
    let found = environment.interrupt.race(found).await?;
    let mut writer = ObjectWriter::new(cluster, &intent.mutation, environment);
    let objects = found.iter().rev();
    let objects: Vec<_> = objects
        .map(|(resource, object)| (resource, object))
        .collect();
    writer.delete_all(&objects).await?;
    if found.is_empty() {
        let is_namespaced = site.types.iter().any(|one| one.namespaced);
        let namespace = is_namespaced.then_some(site.namespace.as_str());
        let text = no_resources_message(namespace);
        writer.environment.console.print_error_line(&text);
    }
    Ok(())
}
