//! `setup PART --for TEMPLATE`: the objects that a platform's documents have beside its sessions.
//!
//! ```text
//! args ─► Part, PartIntent ─► observe: versions that the server serves ─► Site ─► Part::objects ─► observe: what is there
//!     ─► plan ─► writer: try on the server, apply, delete
//! ```
//!
//! Each part is one file: its flags, and a [`Part`] whose objects are a pure function of its options and the [`Site`].

pub(crate) mod autoscaling;
pub(crate) mod external_secret;
pub(crate) mod flags;
pub(crate) mod isolation;
pub(crate) mod mesh;
pub(crate) mod monitoring;
mod observe;
mod plan;
pub(crate) mod platform;
pub(crate) mod rights;
pub(crate) mod storage;

use std::borrow::Cow;
use std::fmt::Debug;

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::client::DryRun;
use session_shared::failure::{self, FailureKind, with_hint};
use session_shared::labels;
use session_shared::objects::ResourceType;
use session_shared::ops::Cluster;
use session_shared::ops::planned_object::PlannedObject;
use session_shared::report::mutation::no_resources_message;
use session_shared::verb::Environment;

use crate::writer::{ObjectWriter, administrator_hint};
use flags::PartIntent;
use platform::Platform;

/// A part with its validated options.
pub(crate) trait Part: Debug + Send + Sync {
    /// Name on the command line.
    fn name(&self) -> &'static str;

    /// Kinds of its objects, with any options.
    fn kinds(&self) -> &'static [PartKind];

    /// The objects to apply, in order.
    fn objects(&self, site: &Site) -> Vec<PlannedObject>;

    /// What the objects have no effect without. Its absence is told, and hinders nothing.
    fn requirements(&self, _site: &Site) -> Vec<Requirement> {
        Vec::new()
    }

    /// Name of its only object, if the user has chosen it. Otherwise a removal deletes all objects of the part and the template.
    fn object_name(&self) -> Option<&str> {
        None
    }
}

/// A kind of object that a part writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartKind {
    /// The type in its newest version.
    pub(crate) resource: &'static ResourceType,
    /// Older versions of the same form, which an older server may serve instead.
    pub(crate) older: &'static [&'static str],
    /// What to install where the server lacks the kind; `None` for a kind that every server has.
    pub(crate) provider: Option<&'static str>,
}

impl PartKind {
    /// Returns a kind that every server has.
    pub(crate) const fn built_in(resource: &'static ResourceType) -> Self {
        Self {
            resource,
            older: &[],
            provider: None,
        }
    }

    /// Returns a kind that is there once its provider is installed.
    pub(crate) const fn of_provider(
        resource: &'static ResourceType,
        older: &'static [&'static str],
        provider: &'static str,
    ) -> Self {
        Self {
            resource,
            older,
            provider: Some(provider),
        }
    }
}

/// Something that objects have no effect without.
#[derive(Debug)]
pub(crate) struct Requirement {
    pub(crate) resource: ResourceType,
    /// Name of the object; `None` if any server of the type will do.
    pub(crate) name: Option<String>,
    /// What happens without it.
    pub(crate) effect: &'static str,
}

/// Where the objects of a part go.
#[derive(Debug)]
pub(crate) struct Site {
    /// Name of the part.
    pub(crate) part: &'static str,
    pub(crate) platform: Option<Platform>,
    pub(crate) namespace: String,
    /// The kinds of the part in the version that the server serves; in the newest version if it serves none.
    pub(crate) types: Vec<ResourceType>,
    /// Those that the server does not serve.
    pub(crate) missing: Vec<PartKind>,
}

impl Site {
    /// Returns a type in the version that the server serves.
    pub(crate) fn served(&self, resource: &ResourceType) -> ResourceType {
        let is_same = |served: &&ResourceType| {
            (&served.group, &served.kind) == (&resource.group, &resource.kind)
        };
        let served = self.types.iter().find(is_same);
        served.unwrap_or(resource).clone()
    }

    /// Returns an object with the labels of the part and the fields of `content`, to be compared with what is there.
    pub(crate) fn object(
        &self,
        resource: &ResourceType,
        name: &str,
        content: Value,
    ) -> PlannedObject {
        let served = self.served(resource);
        let mut object = json!({
            "apiVersion": served.api_version(),
            "kind": served.kind,
            "metadata": {"name": name},
        });
        if served.namespaced {
            object["metadata"]["namespace"] = self.namespace.as_str().into();
        }
        object["metadata"]["labels"] =
            json!({labels::MANAGED_BY: labels::MANAGER, labels::PART: self.part});
        if let Some(platform) = self.platform {
            object["metadata"]["labels"][labels::TEMPLATE] = platform.name().into();
        }
        if let (Some(object), Value::Object(content)) = (object.as_object_mut(), content) {
            object.extend(content);
        }
        PlannedObject {
            resource: Cow::Owned(served),
            object,
            before: None,
        }
    }
}

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
    let site = Site {
        part: part.name(),
        platform: intent.platform,
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
    let objects = part.objects(site);
    let mut notes = plan::check_served(site, &objects, dry_run)?;
    // reads only
    let requirements = part.requirements(site);
    let observed = observe::observe(cluster, site, objects, &requirements, dry_run);
    let observed = environment.interrupt.race(observed).await?;
    notes.extend(observed.notes);
    // pure
    let plan = plan::plan_part(site, observed.objects, &observed.policies)?;
    for note in notes.iter().chain(&plan.notes) {
        environment.console.note(note);
    }
    // writes
    let mut writer = ObjectWriter::new(cluster, &intent.mutation, environment);
    let applied = writer.apply_all(&plan.objects).await;
    match applied {
        // The objects are not there yet, so it is the namespace that is not found.
        Err(error) if failure::has_kind(&error, FailureKind::NotFound) => {
            let namespace = &site.namespace;
            let hint = format!("create the namespace first: kubectl create namespace {namespace}");
            Err(with_hint(error, hint))
        }
        applied => applied.map(drop),
    }
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
    for (resource, object) in found.iter().rev() {
        writer.delete(resource, object).await?;
    }
    if found.is_empty() {
        let is_namespaced = site.types.iter().any(|one| one.namespaced);
        let namespace = is_namespaced.then_some(site.namespace.as_str());
        let text = no_resources_message(namespace);
        writer.environment.console.print_error_line(&text);
    }
    Ok(())
}
