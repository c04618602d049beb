//! A rendered template or manifest, and a start of it: what is created, as it is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::custom_workload::merge_start_patch;
use crate::plan::{Plan, Step};
use session_model::api::{
    ConnectMethod, DataPolicy, Hooks, OnExpiry, PrimaryRef, StartRecord, replicas_key,
};
use session_model::labels;
use session_model::names::{NamespaceName, SessionName, UserId, parameters_secret_name};
use session_model::objects::Untyped;
use session_model::objects::creation_order::creation_tier;
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::pods::replica_count;
use session_model::objects::{ObjectRef, ownership};

/// A rendered template or manifest: all values filled in and all checks passed, without ownership.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendering {
    /// Objects in the author's order, without the parameters Secret.
    pub objects: Vec<Value>,
    /// Primary workload.
    pub primary: PrimaryRef,
    /// Methods to connect to the session; the first is the default.
    pub connect: Vec<ConnectMethod>,
    /// Hooks that run in the workload before stop and delete and around snapshots.
    pub hooks: Option<Hooks>,
    /// Time until this start expires; `None` for never.
    pub lifetime: Option<Duration>,
    /// Action on expiry.
    pub on_expiry: OnExpiry,
    /// Data policy on deletion.
    pub data_policy: DataPolicy,
    /// Template it was rendered from; `None` for a session with a manifest.
    pub template: Option<TemplateVersion>,
    /// Values of the secret parameters.
    pub secrets: BTreeMap<String, String>,
    /// Warnings for the author of the template, one line each.
    pub warnings: Vec<String>,
}

impl Rendering {
    /// Returns what marks the objects as those of a session that does not exist yet.
    pub fn new_ownership(
        &self,
        session: &SessionName,
        namespace: &NamespaceName,
        user_id: &UserId,
        command_token: &str,
    ) -> ownership::Ownership {
        let template = self.template.as_ref();
        ownership::Ownership {
            session: session.clone(),
            session_uid: None,
            namespace: namespace.clone(),
            user_id: user_id.clone(),
            command_token: command_token.to_owned(),
            template: template.map(|template| template.name.clone()),
            primary: Some(self.primary.clone()),
        }
    }
}

/// The template of a start, to notice later changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateVersion {
    /// Name.
    pub name: String,
    /// UID.
    pub uid: Option<String>,
    /// Generation.
    pub generation: Option<i64>,
}

/// A validated start of one session: a rendering and its ownership.
#[derive(Clone, Debug)]
pub struct RenderedStart {
    /// Objects and settings to create.
    pub rendering: Rendering,
    /// Labels, annotations and ownerReference that mark the objects as the session's.
    pub ownership: ownership::Ownership,
    /// Existing objects of other owners that the user allows to use instead of creating them, as `kind/name` in lower case.
    pub use_existing: Vec<String>,
}

impl RenderedStart {
    /// Returns the objects as they are sent: labelled, owned, with narrowed selectors, in the order of creation.
    pub fn owned_objects(&self) -> Vec<Value> {
        let mut objects = self.rendering.objects.clone();
        session_model::objects::pods::narrow_selectors(
            &mut objects,
            self.ownership.session.as_str(),
        );
        for object in &mut objects {
            self.ownership.apply_to(object);
        }
        let primary = &self.rendering.primary;
        let mut workloads = objects.iter_mut();
        let found =
            workloads.find(|object| has_kind_and_name(object, &primary.kind, &primary.name));
        if let Some(workload) = found {
            merge_start_patch(workload, primary);
        }
        objects.sort_by_key(creation_tier);
        objects
    }

    /// Returns the Secret of secret parameters; `None` where the session has none. It has no ownerReference, because it is data.
    pub fn parameters_secret(&self) -> Option<Value> {
        let secrets = &self.rendering.secrets;
        if secrets.is_empty() {
            return None;
        }
        let mut secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": { "name": parameters_secret_name(self.ownership.session.as_str()), "labels": {} },
            "stringData": secrets,
        });
        secret["metadata"]["labels"][labels::PARAMETERS] = "true".into();
        self.ownership.apply_to(&mut secret);
        Some(secret)
    }

    /// Returns the first stage of every start, which creates the parameters Secret.
    pub fn parameters_plan(&self) -> Plan {
        let mut plan = Plan::default();
        let step = self.parameters_secret().map(|object| Step::Create {
            use_existing: may_use_existing(&object, &self.use_existing),
            object,
        });
        plan.push_stage(step.into_iter().collect());
        plan
    }

    /// Returns `status.applied` for the created objects.
    pub fn start_record(&self, objects: &[Value]) -> StartRecord {
        let rendering = &self.rendering;
        let replicas = objects.iter().filter_map(|object| {
            let key = replicas_key(Untyped(object).kind(), Untyped(object).name());
            Some((key, replica_count(object)?))
        });
        StartRecord {
            template_uid: rendering
                .template
                .as_ref()
                .and_then(|template| template.uid.clone()),
            template_generation: rendering
                .template
                .as_ref()
                .and_then(|template| template.generation),
            primary: Some(rendering.primary.clone()),
            connect: rendering.connect.clone(),
            hooks: rendering.hooks.clone(),
            on_expiry: Some(rendering.on_expiry),
            replicas: replicas.collect(),
            objects: objects.iter().map(ObjectRef::from_object).collect(),
        }
    }
}

/// Returns true for an object that may exist already and belong to somebody else: its author allows it with an annotation, or the
/// user in `by_user`, as `kind/name` in lower case.
pub fn may_use_existing(object: &Value, by_user: &[String]) -> bool {
    let by_author = Untyped(object).annotation(labels::EXISTING) == Some("allowed");
    let name = format!(
        "{}/{}",
        Untyped(object).kind().to_lowercase(),
        Untyped(object).name()
    );
    by_author || by_user.contains(&name)
}
