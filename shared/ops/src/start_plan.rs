//! Validation of a start: from a session, its objects and its current template to a `StartPlan` that only the server can still
//! refuse.
//!
//! ```text
//! ObservedSession + StartOptions ─► template, stored secrets ─► render ─► trust, conflicts, quotas, rights ─► StartPlan
//! ```

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::missing_kinds::MissingKinds;
use super::trust::StoredPart;
use super::{incomplete_copy, template_lookup, trust};
use crate::Cluster;
use crate::hours_check::SKIPPED_CHECKS_NOTE;
use crate::objects_by_name::read_objects_by_name;
use crate::observed_session::ObservedSession;
use crate::room::CheckedRoom;
use crate::stored_secrets::read_stored_secrets;
use session_client::{AccessReviews, random_token};
use session_engine::plan::Plan;
use session_engine::reconcile::{
    ManifestSource, RenderInput, RenderOutput, RenderedStart, Rendering, TargetState,
    find_claim_conflict, find_claim_losses, find_plan_losses, render, status_patch,
};
use session_model::api::{
    DesiredState, IntOrString, SecretSource, Session, SessionSpec, SessionTemplate,
};
use session_model::duration::Lifetime;
use session_model::failure::with_hint;
use session_model::objects::access::Access;
use session_model::objects::ownership::{Ownership, has_kind_and_name};
use session_model::objects::pods::pod_metadata_paths;
use session_model::objects::resource::SESSION;
use session_model::progress::{ProgressEvent, ProgressSink};
use session_template::AssignedValues;

/// Options of a start: changed values, preset and lifetime, and which checks to skip.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// Parameter values that override the stored ones.
    pub values: AssignedValues,
    /// Preset that replaces the stored one.
    pub preset: Option<String>,
    /// Lifetime of this start and later ones.
    pub lifetime: Option<Lifetime>,
    /// Objects of others that may be used in place of the session's own, as `kind/name`.
    pub use_existing: Vec<String>,
    /// Runs a manifest of another user or one that asks for privileges.
    pub trust_manifest: bool,
    /// Skips the checks of quotas, classes, claims and rights.
    pub skip_checks: bool,
    /// Leaves room to [`StartPlan::start_in_room`], which waits for it.
    pub waits_for_room: bool,
}

/// A validated start of one session: rendered objects, ownership and checks are final, so carrying it out can fail only on the
/// server's side.
#[derive(Clone, Debug)]
pub struct StartPlan {
    /// The session and all of its objects, including existing ones that the start uses by name.
    pub observed: ObservedSession,
    /// The rendered objects.
    pub start: RenderedStart,
    /// Merge patch of the Session that requests the start, without metadata.uid; it is written first.
    pub session_patch: Value,
    /// The session's spec after that patch.
    pub spec: SessionSpec,
    /// Time of the start request.
    pub requested_at: Timestamp,
    /// Values in the session's parameters Secret; `None` if the Secret does not exist.
    pub stored_secrets: Option<BTreeMap<String, String>>,
    /// True if the user gave secret values.
    pub has_new_secrets: bool,
    /// The room that the start needs; `None` if it was not checked.
    pub room: Option<CheckedRoom>,
    /// Notes for the user, a line each.
    pub notes: Vec<String>,
}

impl StartPlan {
    /// Reads template and secrets, renders the session, and validates the start before anything is written.
    ///
    /// # Errors
    /// Untrusted stored text, a template that does not exist, invalid values, a change of an immutable field of a claim, an object
    /// of that name that is not the session's, a failed check; refusals of the server.
    pub async fn prepare(
        cluster: &Cluster,
        mut observed: ObservedSession,
        options: &StartOptions,
        now: Timestamp,
        sink: &mut dyn ProgressSink,
    ) -> Result<Self> {
        incomplete_copy::check_complete(&observed.object)?;
        trust::check_trust(cluster, &observed.session, StoredPart::Start).await?;
        let (template, stored) = futures::try_join!(
            read_template(cluster, &observed),
            read_stored_secrets(cluster, &observed)
        )?;
        let mut rendered = render_start(&observed, template.as_ref(), stored.as_ref(), options)?;
        let secrets = &rendered.rendering.secrets;
        let is_given = |secret: &String| options.values.from_files.contains_key(secret);
        let has_new_secrets = secrets.keys().any(is_given);
        let mut notes = Vec::from_iter(
            template_lookup::template_change(&observed.session, template.as_ref())
                .map(|change| format!("{change}; this start applies the current version")),
        );
        let missing = MissingKinds::find(cluster, &rendered.rendering.objects).await?;
        if observed.session.spec.skip_missing_kinds == Some(true) {
            notes.extend(missing.leave_out(&mut rendered.rendering.objects));
        }
        let spec = requested_spec(&observed.session, options, &rendered.parameters, now);
        let start = rendered_start(&observed, rendered.rendering, options)?;
        if !options.trust_manifest {
            trust::check_privileges(&observed, &start)?;
        }
        missing.require_served(observed.name(), &start.rendering.objects)?;
        check_foreign_objects(&observed, &start)?;
        observed.live.by_name = read_objects_by_name(cluster, &observed, &start).await?;
        check_claims_fit(&observed, &start)?;
        let mut start_plan = Self {
            session_patch: start_request_patch(&observed.session, &spec, options, has_new_secrets),
            observed,
            start,
            spec,
            requested_at: now,
            stored_secrets: stored,
            has_new_secrets,
            room: None,
            notes,
        };
        if options.skip_checks {
            sink.tell(ProgressEvent::Note(SKIPPED_CHECKS_NOTE.to_owned()));
        } else {
            let (room, ()) = futures::try_join!(
                start_plan.check_preflight(cluster, options.waits_for_room, sink),
                start_plan.require_access(cluster)
            )?;
            start_plan.room = Some(room);
        }
        Ok(start_plan)
    }

    /// Returns the data that the start destroys, one entry an object: that of Pods which the template no longer contains, and claims
    /// that go with such a workload.
    pub fn losses(&self) -> Vec<String> {
        let (plan, observed) = (self.steps(), &self.observed);
        let pods = find_plan_losses(&plan, &observed.session, &observed.live).into_iter();
        let claims = find_claim_losses(&plan, &observed.live).into_iter();
        let pods = pods.map(|loss| loss.to_string());
        pods.chain(claims.map(ToString::to_string)).collect()
    }

    /// Returns the steps after the start request, which is written into the Session first.
    fn steps(&self) -> Plan {
        let mut requested = self.observed.clone();
        requested.session.spec = self.spec.clone();
        requested.plan(TargetState::Running, Some(&self.start), self.requested_at)
    }

    /// Checks, if the start deletes objects first or wakes a custom workload, that the caller has the rights for every step.
    async fn require_access(&self, cluster: &Cluster) -> Result<()> {
        let (plan, observed) = (self.steps(), &self.observed);
        let primary = observed.session.primary();
        let custom = observed.live.custom.as_ref();
        let resting = custom.filter(|custom| custom.is_at_rest(primary));
        if (!plan.deletes() && resting.is_none()) || observed.driver.is_controller() {
            return Ok(());
        }
        let mut needs = plan.required_permissions();
        needs.extend(
            resting
                .into_iter()
                .flat_map(|custom| custom.start_accesses(primary)),
        );
        needs.push(Access::new("patch", &SESSION, observed.name()).on_subresource("status"));
        let permissions = AccessReviews::new(cluster);
        permissions.require(observed.namespace(), &needs).await
    }

    /// Returns the same start, requested at another time.
    pub(super) fn with_request_time(&self, now: Timestamp) -> Self {
        let mut later = self.clone();
        let request = next_start_request(&self.observed.session, now);
        later.session_patch["spec"]["startRequest"] = request.as_str().into();
        later.spec.start_request = Some(request);
        later.requested_at = now;
        later
    }

    /// Replaces the observed state, keeping the objects that were looked up by name.
    pub fn replace_observed(&mut self, mut observed: ObservedSession) {
        observed.live.by_name = std::mem::take(&mut self.observed.live.by_name);
        // Workloads have changed since: the new state has them among the owners.
        observed
            .live
            .by_name
            .retain(|found| pod_metadata_paths(&found.resource.kind).is_empty());
        self.observed = observed;
    }
}

pub(super) async fn read_template(
    cluster: &Cluster,
    observed: &ObservedSession,
) -> Result<Option<SessionTemplate>> {
    let Some(name) = observed.session.spec.template_name() else {
        return Ok(None);
    };
    let found = template_lookup::find_template(cluster, name).await?;
    if found.is_none() {
        let error = anyhow!(
            "cannot start session {:?}: template {name:?} does not exist",
            observed.name()
        );
        // A session that was never started may name a template that never existed.
        let hint = match observed.session.applied() {
            Some(_) => "apply the template again, the session's data is kept: kubectl session template apply -f FILENAME".to_owned(),
            None => template_lookup::template_names_hint(cluster).await,
        };
        return Err(with_hint(error, hint));
    }
    Ok(found)
}

pub(super) fn manifest_source<'a>(
    observed: &'a ObservedSession,
    template: Option<&'a SessionTemplate>,
) -> Result<ManifestSource<'a>> {
    match (template, &observed.session.spec.manifest) {
        (Some(template), _) => Ok(ManifestSource::Template(template)),
        (None, Some(text)) => Ok(ManifestSource::Manifest {
            file: "spec.manifest",
            text,
        }),
        (None, None) => bail!(
            "cannot start session {:?}: one of spec.template, spec.application and spec.manifest is required",
            observed.name()
        ),
    }
}

/// Renders the session with its stored values and those of the options.
fn render_start(
    observed: &ObservedSession,
    template: Option<&SessionTemplate>,
    stored: Option<&BTreeMap<String, String>>,
    options: &StartOptions,
) -> Result<RenderOutput> {
    let ownership = observed.ownership()?;
    let nothing = BTreeMap::new();
    render(&RenderInput {
        session: &ownership.session,
        namespace: &ownership.namespace,
        spec: &spec_with_options(&observed.session, options),
        source: manifest_source(observed, template)?,
        set_values: &options.values.from_arguments,
        file_values: &options.values.from_files,
        stored_secrets: stored.unwrap_or(&nothing),
        omit_secrets: false,
    })
}

fn rendered_start(
    observed: &ObservedSession,
    rendering: Rendering,
    options: &StartOptions,
) -> Result<RenderedStart> {
    let template = rendering.template.as_ref();
    Ok(RenderedStart {
        ownership: Ownership {
            command_token: random_token()?,
            template: template.map(|template| template.name.clone()),
            primary: Some(rendering.primary.clone()),
            ..observed.ownership()?.clone()
        },
        rendering,
        use_existing: options.use_existing.clone(),
    })
}

fn spec_with_options(session: &Session, options: &StartOptions) -> SessionSpec {
    let mut spec = session.spec.clone();
    spec.preset = options.preset.clone().or(spec.preset);
    let lifetime = options.lifetime.as_ref().map(lifetime_value);
    spec.timeout = lifetime.or(spec.timeout);
    spec
}

/// Returns the spec after the start request.
fn requested_spec(
    session: &Session,
    options: &StartOptions,
    parameters: &BTreeMap<String, String>,
    now: Timestamp,
) -> SessionSpec {
    let mut spec = spec_with_options(session, options);
    // A merge patch adds parameters and removes none.
    spec.parameters.extend(parameters.clone());
    spec.state = Some(DesiredState::Running);
    spec.start_request = Some(next_start_request(session, now));
    spec
}

/// Checks that the start changes no immutable field of a claim.
fn check_claims_fit(observed: &ObservedSession, start: &RenderedStart) -> Result<()> {
    let Some(conflict) = find_claim_conflict(&observed.session, start, &observed.live) else {
        return Ok(());
    };
    let error = anyhow!("cannot start session {:?}: {conflict}", observed.name());
    Err(with_hint(
        error,
        "set the parameter back with --set, or delete the claim and its data: class and modes of a claim are immutable",
    ))
}

/// Checks that no Pod or workload with a name of this start carries the session's labels without being the session's.
fn check_foreign_objects(observed: &ObservedSession, start: &RenderedStart) -> Result<()> {
    let mut strangers = observed.live.impostors.iter();
    let needed = strangers.find(|stranger| {
        let mut objects = start.rendering.objects.iter();
        objects.any(|object| has_kind_and_name(object, &stranger.kind, &stranger.name))
    });
    let Some(stranger) = needed else {
        return Ok(());
    };
    let error = anyhow!(
        "cannot start session {:?}: {} {:?} already exists and is not part of the session",
        observed.name(),
        stranger.kind,
        stranger.name
    );
    let (kind, name) = (stranger.kind.to_lowercase(), &stranger.name);
    Err(with_hint(
        error,
        format!(
            "delete the object if nobody needs it: kubectl delete {kind} {name} -n {}",
            observed.namespace()
        ),
    ))
}

/// Returns the merge patch of the Session that requests the start, without metadata.uid.
fn start_request_patch(
    session: &Session,
    requested: &SessionSpec,
    options: &StartOptions,
    gave_secrets: bool,
) -> Value {
    let mut spec = json!({ "state": requested.state, "startRequest": requested.start_request });
    if requested.parameters != session.spec.parameters {
        spec["parameters"] = json!(requested.parameters);
    }
    if let Some(preset) = &options.preset {
        spec["preset"] = preset.as_str().into();
    }
    if let Some(lifetime) = &options.lifetime {
        spec["timeout"] = json!(lifetime_value(lifetime));
    }
    if gave_secrets {
        spec["secretsFrom"] = json!(SecretSource::Client);
    }
    let mut patch = json!({ "spec": spec });
    let annotations = session.metadata.annotations.as_ref();
    if annotations.is_some_and(|all| all.contains_key(session_model::labels::SKIP_SYNC)) {
        // The annotation belonged to the last stop.
        patch["metadata"]["annotations"][session_model::labels::SKIP_SYNC] = Value::Null;
    }
    patch
}

fn lifetime_value(lifetime: &Lifetime) -> IntOrString {
    lifetime.to_string().as_str().into()
}

/// Returns `now`, or one second after the latest start request if that is later: requests have whole seconds and come from
/// different clocks.
fn next_start_request(session: &Session, now: Timestamp) -> String {
    let status = session.status.as_ref();
    let before = [
        session.spec.start_request.as_deref(),
        status.and_then(|status| status.start_request.as_deref()),
    ];
    let before = before.into_iter().flatten();
    let latest = before.filter_map(|at| at.parse::<Timestamp>().ok()).max();
    let after = latest.and_then(|at| at.checked_add(jiff::SignedDuration::from_secs(1)).ok());
    status_patch::format_rfc3339(after.map_or(now, |after| after.max(now)))
}

#[cfg(test)]
#[path = "start_plan_tests.rs"]
mod tests;
