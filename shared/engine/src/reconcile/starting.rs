//! What a start makes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::live::Live;
use super::renewal::Renewal;
use crate::plan::{Plan, Step};
use session_model::api::{
    Applied, ConnectMethod, DataPolicy, Hooks, OnExpiry, PrimaryRef, Session,
};
use session_model::labels;
use session_model::names::parameters_secret;
use session_model::objects::order::{tier, tiers};
use session_model::objects::resource::{annotation, text};
use session_model::objects::{ObjectRef, belonging};

/// What a session's template or manifest came to, with every value in its place: complete and legal, but nobody's yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendering {
    /// The objects, as the author ordered them; the parameters Secret is not among them.
    pub objects: Vec<Value>,
    /// The primary workload.
    pub primary: PrimaryRef,
    /// How the session is entered.
    pub connect: Vec<ConnectMethod>,
    /// What runs in it around stop, delete and snapshots.
    pub hooks: Option<Hooks>,
    /// How long this start may live; `None` for ever.
    pub lifetime: Option<Duration>,
    /// What happens then.
    pub on_expiry: OnExpiry,
    /// What happens to data on delete.
    pub data_policy: DataPolicy,
    /// Which template it was; `None` for a manifest session.
    pub template: Option<TemplateIdentity>,
    /// Values of the secret parameters.
    pub secrets: BTreeMap<String, String>,
    /// What the author should know, one line each.
    pub warnings: Vec<String>,
}

/// Which template a start was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateIdentity {
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// Generation.
    pub generation: i64,
}

/// A start: a rendering, and whose it is going to be.
#[derive(Clone, Debug)]
pub struct Start {
    /// What to make.
    pub rendering: Rendering,
    /// Whose it is.
    pub belonging: belonging::Belonging,
    /// Others' objects that may be used in place of ours, as `kind/name` in lower case, by the user's word.
    pub use_existing: Vec<String>,
}

impl Start {
    /// The objects as they are sent: marked, owned, narrowed, in order.
    pub fn objects(&self) -> Vec<Value> {
        let mut objects = self.rendering.objects.clone();
        session_model::objects::pods::narrow_selectors(
            &mut objects,
            self.belonging.session.as_str(),
        );
        for object in &mut objects {
            self.belonging.put_on(object);
        }
        objects.sort_by_key(tier);
        objects
    }

    /// The Secret of secret parameters, `None` where the session has none. It is data: nobody owns it.
    pub fn parameters_secret(&self) -> Option<Value> {
        let secrets = &self.rendering.secrets;
        if secrets.is_empty() {
            return None;
        }
        let mut secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": { "name": parameters_secret(self.belonging.session.as_str()), "labels": {} },
            "stringData": secrets,
        });
        secret["metadata"]["labels"][labels::PARAMETERS] = "true".into();
        self.belonging.put_on(&mut secret);
        Some(secret)
    }

    /// The first stage of every start: what holds the secrets that all others are rendered with.
    pub fn parameters_plan(&self) -> Plan {
        let mut plan = Plan::default();
        let step = self.parameters_secret().map(|object| Step::Create {
            existing: may_be_others(&object, &self.use_existing),
            object,
        });
        plan.stage(step.into_iter().collect());
        plan
    }

    /// status.applied, once the objects are there.
    pub fn applied(&self, objects: &[Value]) -> Applied {
        let rendering = &self.rendering;
        let replicas = objects.iter().filter_map(|object| {
            let count = object.pointer("/spec/replicas")?.as_i64()?;
            let key = format!(
                "{}/{}",
                text(object, "/kind"),
                text(object, "/metadata/name")
            );
            Some((key, i32::try_from(count).ok()?))
        });
        Applied {
            template_uid: rendering
                .template
                .as_ref()
                .map(|template| template.uid.clone()),
            template_generation: rendering
                .template
                .as_ref()
                .map(|template| template.generation),
            primary: Some(rendering.primary.clone()),
            connect: rendering.connect.clone(),
            hooks: rendering.hooks.clone(),
            on_expiry: Some(rendering.on_expiry),
            replicas: replicas.collect(),
            objects: objects.iter().map(ObjectRef::of).collect(),
        }
    }
}

/// The plan of a start of `session` over what is there of it, tier after tier: what is missing by POST, what an earlier start
/// left by apply; what runs stays as it is.
pub fn starting(session: &Session, start: &Start, live: &Live) -> Plan {
    let mut start = start.clone();
    start.belonging.session_uid = session.metadata.uid.clone().unwrap_or_default();
    let (mut plan, mut objects) = (Plan::default(), start.objects());
    let renewal = Renewal {
        session,
        start: &start,
        live,
    };
    renewal.scale(&mut objects);
    renewal.clear(&objects, &mut plan);
    plan.stage(renewal.in_use());
    let mut claims = renewal.adoptions(&objects);
    for tier in tiers(objects) {
        // Whose the claims are that a StatefulSet finds by name is known before it is made.
        if tier
            .iter()
            .any(|object| text(object, "/kind") == "StatefulSet")
        {
            plan.stage(std::mem::take(&mut claims));
        }
        plan.stage(
            tier.into_iter()
                .map(|object| renewal.step(object))
                .collect(),
        );
    }
    plan
}

pub(super) fn may_be_others(object: &Value, by_user: &[String]) -> bool {
    let by_author = annotation(object, labels::EXISTING) == Some("allowed");
    let name = format!(
        "{}/{}",
        text(object, "/kind").to_lowercase(),
        text(object, "/metadata/name")
    );
    by_author || by_user.contains(&name)
}
