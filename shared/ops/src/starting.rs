//! Bringing a session up again: from what there is of it and its template as it is now to a start that can be carried out.

use session_model::labels::MANAGER;
use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::stopping::Present;
use super::trust::Part;
use super::{checks, template, trust, unfinished};
use crate::Cluster;
use session_client::Permissions;
use session_client::Write;
use session_client::random_token;
use session_engine::plan::Plan;
use session_engine::reconcile::{
    Body, Found, Loss, Recipe, Rendered, Start, claim_conflict, claim_growths, losses_of, record,
    render, starting,
};
use session_model::api::{IntOrString, SecretsFrom, Session, SessionSpec, SessionTemplate, State};
use session_model::duration::Lifetime;
use session_model::failure::hinted;
use session_model::labels::SESSION_UID;
use session_model::names::parameters_secret;
use session_model::objects::ResourceType;
use session_model::objects::access::Access;
use session_model::objects::belonging::{Belonging, is_named};
use session_model::objects::pods::pod_metadata_paths;
use session_model::objects::resource::{SECRET, SESSION, annotation, text};
use session_model::progress::Sink;
use session_template::Assigned;
use session_template::stored_secrets;

/// What the user wants of a start.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Values of parameters.
    pub assigned: Assigned,
    /// Another preset.
    pub preset: Option<String>,
    /// Another lifetime, of this start and later ones.
    pub lifetime: Option<Lifetime>,
    /// Others' objects that may be used in place of the session's own, as `kind/name`.
    pub use_existing: Vec<String>,
    /// Somebody else's manifest, and one that takes privileges, is carried out.
    pub trust_manifest: bool,
    /// Nothing is checked before it is written.
    pub skip_checks: bool,
}

/// A start that can be carried out: everything the user can have got wrong has been found.
#[derive(Clone, Debug)]
pub struct Ahead {
    /// The session, and all that is there of it and of the objects of this start.
    pub present: Present,
    /// What is going to be made.
    pub start: Start,
    /// What is written into the Session first, as a merge patch.
    pub wish: Value,
    /// The session's spec once that is written.
    pub spec: SessionSpec,
    /// Values that the parameters Secret holds, as it is; `None` where there is none.
    pub stored: Option<BTreeMap<String, String>>,
    /// Whether the user gave secret values.
    pub gave_secrets: bool,
    /// What the user should know, a line each.
    pub notes: Vec<String>,
}

impl Ahead {
    /// Reads what a start of `present` needs, and finds everything that is wrong with it before anything is written.
    ///
    /// # Errors
    /// What is stored and nobody vouches for, a template that is gone, values that do not fit it, a manifest that is not trusted, a claim that cannot be what is
    /// wanted, checks that fail, what the server refuses.
    pub async fn of(
        cluster: &Cluster,
        mut present: Present,
        wish: &Wish,
        now: Timestamp,
        sink: &mut dyn Sink,
    ) -> Result<Self> {
        unfinished::whole(&present.object)?;
        trust::check(cluster, &present.session, Part::Start).await?;
        let (template, stored) =
            futures::try_join!(template_of(cluster, &present), stored_of(cluster, &present))?;
        let mut spec = present.session.spec.clone();
        spec.preset = wish.preset.clone().or(spec.preset);
        spec.timeout = wish.lifetime.as_ref().map(written).or(spec.timeout);
        let nothing = BTreeMap::new();
        let rendered = render(&Recipe {
            session: &present.belonging.session,
            namespace: &present.belonging.namespace,
            spec: &spec,
            body: body(&present, template.as_ref())?,
            set: &wish.assigned.set,
            files: &wish.assigned.files,
            stored: stored.as_ref().unwrap_or(&nothing),
            public: false,
        })?;
        let gave_secrets = rendered
            .rendering
            .secrets
            .keys()
            .any(|secret| wish.assigned.files.contains_key(secret));
        let notes = template::change(&present.session, template.as_ref())
            .map(|change| format!("{change}: this start takes it as it is now"));
        // A merge patch adds parameters and takes none away.
        spec.parameters.extend(rendered.parameters.clone());
        let patch = wish_of(&present.session, &rendered, wish, gave_secrets, now);
        let start = Start {
            belonging: Belonging {
                run: random_token()?,
                template: rendered.rendering.template.as_ref().map(|t| t.name.clone()),
                primary: Some(rendered.rendering.primary.clone()),
                ..present.belonging.clone()
            },
            rendering: rendered.rendering,
            use_existing: wish.use_existing.clone(),
        };
        if !wish.trust_manifest {
            trust::harmless(&present, &start)?;
        }
        no_stranger(&present, &start)?;
        present.live.rest = others(cluster, &present, &start).await?;
        if let Some(conflict) = claim_conflict(&present.session, &start, &present.live) {
            let error = anyhow!("session {:?} cannot be started: {conflict}", present.name());
            return Err(hinted(
                error,
                "a claim keeps its class and its modes: set the parameter back with --set, or delete the claim and its data",
            ));
        }
        let ahead = Self {
            present,
            start,
            wish: patch,
            spec,
            stored,
            gave_secrets,
            notes: notes.into_iter().collect(),
        };
        if !wish.skip_checks {
            futures::try_join!(ahead.check(cluster, sink), ahead.require(cluster))?;
        }
        Ok(ahead)
    }

    /// What of the session's data the start takes away: a workload that it no longer has may run.
    pub fn losses(&self) -> Vec<Loss> {
        let present = &self.present;
        losses_of(&self.plan(), &present.session, &present.live)
    }

    fn plan(&self) -> Plan {
        starting(&self.present.session, &self.start, &self.present.live)
    }

    /// Where the start takes something away first, finds whether everything after that is allowed.
    async fn require(&self, cluster: &Cluster) -> Result<()> {
        let (plan, present) = (self.plan(), &self.present);
        if !plan.deletes() || present.controller {
            return Ok(());
        }
        let mut needs = plan.accesses();
        needs.push(Access::to("patch", &SESSION, present.name()).part("status"));
        let permissions = Permissions::of(cluster);
        permissions.require(present.namespace(), &needs).await
    }

    /// Goes on from what is there by now; what else was found by name is as it was.
    pub fn take_over(&mut self, mut present: Present) {
        present.live.rest = std::mem::take(&mut self.present.live.rest);
        // Workloads have changed since; they are among the owners again.
        present
            .live
            .rest
            .retain(|found| pod_metadata_paths(&found.resource.kind).is_empty());
        self.present = present;
    }

    /// Quotas and classes for what is going to be made, and whether claims may grow.
    async fn check(&self, cluster: &Cluster, sink: &mut dyn Sink) -> Result<()> {
        let live = &self.present.live;
        let missing = |object: &&Value| {
            let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
            live.object(kind, name).is_none()
        };
        let objects = &self.start.rendering.objects;
        let new: Vec<Value> = objects.iter().filter(missing).cloned().collect();
        let (name, namespace) = (self.present.name(), self.present.namespace());
        if !new.is_empty() {
            let checked = checks::look(cluster, namespace, &new, sink).await?;
            checks::judge(name, &new, &checked)?;
        }
        let rehearsal = Write {
            dry_run: true,
            ..Write::by(MANAGER)
        };
        let growths = claim_growths(&self.present.session, &self.start, live);
        let asks = growths.into_iter().map(|(claim, mut patch)| {
            patch["metadata"]["uid"] = claim.uid.as_str().into();
            let (rehearsal, claims) = (
                &rehearsal,
                &session_model::objects::resource::PERSISTENT_VOLUME_CLAIM,
            );
            async move {
                cluster
                    .merge_patch(claims, namespace, &claim.name, None, &patch, rehearsal)
                    .await
            }
        });
        try_join_all(asks).await.map(drop)
    }
}

pub(super) async fn template_of(
    cluster: &Cluster,
    present: &Present,
) -> Result<Option<SessionTemplate>> {
    let Some(name) = present.session.spec.template_name() else {
        return Ok(None);
    };
    let found = template::find(cluster, name).await?;
    if found.is_none() {
        let error = anyhow!(
            "session {:?} cannot be started: its template {name:?} is gone",
            present.name()
        );
        return Err(hinted(
            error,
            "its data stays; apply the template again: kubectl session template apply -f FILENAME",
        ));
    }
    Ok(found)
}

pub(super) fn body<'a>(
    present: &'a Present,
    template: Option<&'a SessionTemplate>,
) -> Result<Body<'a>> {
    match (template, &present.session.spec.manifest) {
        (Some(template), _) => Ok(Body::Template(template)),
        (None, Some(text)) => Ok(Body::Manifest {
            file: "spec.manifest",
            text,
        }),
        (None, None) => bail!(
            "session {:?} says neither spec.template nor spec.application nor spec.manifest",
            present.name()
        ),
    }
}

/// Finds a Pod or a workload of a name that the start needs, which claims to be the session's and is not.
fn no_stranger(present: &Present, start: &Start) -> Result<()> {
    let mut strangers = present.live.strangers.iter();
    let needed = strangers.find(|stranger| {
        let mut objects = start.rendering.objects.iter();
        objects.any(|object| is_named(object, &stranger.kind, &stranger.name))
    });
    let Some(stranger) = needed else {
        return Ok(());
    };
    let error = anyhow!(
        "session {:?} cannot be started: {} {:?} already exists and is not part of it",
        present.name(),
        stranger.kind,
        stranger.name
    );
    let (kind, name) = (stranger.kind.to_lowercase(), &stranger.name);
    Err(hinted(
        error,
        format!(
            "look at it, then delete it: kubectl delete {kind} {name} -n {}",
            present.namespace()
        ),
    ))
}

/// The values of the parameters Secret, if it is the session's. Of a Session that exists it names the UID, which a create that
/// takes it up writes on it.
pub(super) async fn stored_of(
    cluster: &Cluster,
    present: &Present,
) -> Result<Option<BTreeMap<String, String>>> {
    let name = parameters_secret(present.belonging.session.as_str());
    let mut own = present.live.own_data(&present.session);
    let uid = present.session.metadata.uid.as_deref();
    let is_its = |object: &Value| uid.is_none() || annotation(object, SESSION_UID) == uid;
    if !own.any(|object| is_named(object, "Secret", &name) && is_its(object)) {
        return Ok(None);
    }
    let secret = cluster.get(&SECRET, present.namespace(), &name).await?;
    secret.as_ref().map(stored_secrets).transpose()
}

/// The merge patch that asks for the start.
fn wish_of(
    session: &Session,
    rendered: &Rendered,
    wish: &Wish,
    gave_secrets: bool,
    now: Timestamp,
) -> Value {
    let mut spec = json!({ "state": State::Running, "startRequest": request(session, now) });
    if rendered.parameters != session.spec.parameters {
        spec["parameters"] = json!(rendered.parameters);
    }
    if let Some(preset) = &wish.preset {
        spec["preset"] = preset.as_str().into();
    }
    if let Some(lifetime) = &wish.lifetime {
        spec["timeout"] = json!(written(lifetime));
    }
    if gave_secrets {
        spec["secretsFrom"] = json!(SecretsFrom::Client);
    }
    let uid = session.metadata.uid.as_deref().unwrap_or_default();
    let mut patch = json!({ "metadata": { "uid": uid }, "spec": spec });
    let annotations = session.metadata.annotations.as_ref();
    if annotations.is_some_and(|all| all.contains_key(session_model::labels::SKIP_SYNC)) {
        // It was said of the last stop.
        patch["metadata"]["annotations"][session_model::labels::SKIP_SYNC] = Value::Null;
    }
    patch
}

fn written(lifetime: &Lifetime) -> IntOrString {
    lifetime.to_string().as_str().into()
}

/// A time that is newer than every start that was asked for: times have whole seconds, and clocks differ.
fn request(session: &Session, now: Timestamp) -> String {
    let status = session.status.as_ref();
    let before = [
        session.spec.start_request.as_deref(),
        status.and_then(|status| status.start_request.as_deref()),
    ];
    let before = before.into_iter().flatten();
    let latest = before.filter_map(|at| at.parse::<Timestamp>().ok()).max();
    let after = latest.and_then(|at| at.checked_add(jiff::SignedDuration::from_secs(1)).ok());
    record::rfc3339(after.map_or(now, |after| after.max(now)))
}

/// What there is by the names of this start's objects and of those that it no longer has, as far as that is not known yet.
async fn others(cluster: &Cluster, present: &Present, start: &Start) -> Result<Vec<Found>> {
    let applied = present.session.status.as_ref();
    let applied = applied.and_then(|status| status.applied.as_ref());
    let objects = &start.rendering.objects;
    let mut names: Vec<(String, String, String)> = objects
        .iter()
        .map(|object| {
            let part = |pointer| text(object, pointer).to_owned();
            (part("/apiVersion"), part("/kind"), part("/metadata/name"))
        })
        .collect();
    for object in applied.iter().flat_map(|applied| &applied.objects) {
        let name = (
            object.api_version.clone(),
            object.kind.clone(),
            object.name.clone(),
        );
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let live = &present.live;
    names.retain(|(_, kind, name)| kind != "Pod" && live.object(kind, name).is_none());
    let namespace = present.namespace();
    let reads = names.iter().map(|(api_version, kind, name)| async move {
        let Some(resource) = cluster.discover(api_version, kind).await? else {
            return anyhow::Ok(None);
        };
        let found = cluster.get(&resource, namespace, name).await?;
        let typed = |object| with_type(object, &resource);
        Ok(found.map(typed))
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

fn with_type(object: Value, resource: &ResourceType) -> Found {
    Found {
        resource: resource.clone(),
        object,
    }
}

#[cfg(test)]
#[path = "starting_tests.rs"]
mod tests;
