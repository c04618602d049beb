//! Reads from the cluster what [`compute_fit`](session_engine::capacity::fit::compute_fit) needs to count how many sessions fit.

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use session_client::{ListOptions, Scope};
use session_engine::capacity::fit::{Admission, FitInput, VolumeFacts};
use session_engine::diagnosis::Cause;
use session_engine::diagnosis::missing_class::{find_missing_class, named_storage_classes};
use session_model::failure::{self, FailureKind};
use session_model::objects::Untyped;
use session_model::objects::ephemeral_volumes::mounted_claims;
use session_model::objects::pods::pod_spec;
use session_model::objects::resource::{
    LIMIT_RANGE, NAMESPACE, NODE, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, POD, RESOURCE_QUOTA,
    RUNTIME_CLASS, ResourceType, STORAGE_CLASS,
};

/// Pods that take something of a node.
const ACTIVE_PODS: &str = "status.phase!=Succeeded,status.phase!=Failed";

const NO_QUOTAS: &str = "no permission to list ResourceQuotas: quotas are not counted";
const NO_LIMIT_RANGES: &str =
    "no permission to list LimitRanges: their defaults and bounds are not counted";
const NO_NODES: &str = "no permission to list nodes: the count is by quota alone";
const NO_PODS: &str = "no permission to list Pods of all namespaces: the count is by quota alone";
const NO_CLASSES: &str = "no permission to list StorageClasses: the default class and the topologies of classes are not known";
const NO_RUNTIME_CLASSES: &str =
    "no permission to list RuntimeClasses: their overhead is not counted";
const NO_NAMESPACES: &str =
    "no permission to list Namespaces: affinity by their labels is not counted";
const NO_VOLUMES: &str =
    "no permission to list claims and volumes: nodes that cannot reach them are counted";

/// Objects of the cluster that decide how many sessions fit; `None` for lists that the caller may not read.
#[derive(Clone, Debug, Default)]
pub struct FitFacts {
    /// ResourceQuotas of the namespace.
    pub quotas: Option<Vec<Value>>,
    /// LimitRanges of the namespace.
    pub limit_ranges: Vec<Value>,
    /// Nodes.
    pub nodes: Option<Vec<Value>>,
    /// Pods of all namespaces that have not ended.
    pub pods: Option<Vec<Value>>,
    /// What could not be read, and what that means for the count: a sentence each.
    pub notes: Vec<String>,
    runtime_classes: Vec<Value>,
    namespaces: Vec<Value>,
    storage_classes: Option<Vec<Value>>,
    claims: Option<Vec<Value>>,
    volumes: Vec<Value>,
}

impl FitFacts {
    /// Reads what sessions of these objects depend on, with concurrent requests. A list that the caller may not read is a note.
    ///
    /// # Errors
    /// Other refusals of the server.
    pub async fn read(cluster: &Cluster, namespace: &str, objects: &[Value]) -> Result<Self> {
        Self::read_needed(cluster, namespace, Needs::of(objects)).await
    }

    /// Reads only what completes the objects when the server admits them: defaults of LimitRanges, StorageClasses and RuntimeClasses.
    ///
    /// # Errors
    /// As [`FitFacts::read`].
    pub async fn read_admission(
        cluster: &Cluster,
        namespace: &str,
        objects: &[Value],
    ) -> Result<Self> {
        let needs = Needs {
            room: false,
            mounted_claims: false,
            namespaces: false,
            ..Needs::of(objects)
        };
        Self::read_needed(cluster, namespace, needs).await
    }

    /// Reads what [`FitFacts::read`] does, but not which nodes reach the volumes that exist already.
    ///
    /// # Errors
    /// As [`FitFacts::read`].
    pub(crate) async fn read_without_volumes(
        cluster: &Cluster,
        namespace: &str,
        objects: &[Value],
    ) -> Result<Self> {
        let needs = Needs {
            mounted_claims: false,
            ..Needs::of(objects)
        };
        Self::read_needed(cluster, namespace, needs).await
    }

    async fn read_needed(cluster: &Cluster, namespace: &str, needs: Needs) -> Result<Self> {
        let own = Scope::Namespace(namespace);
        let on_nodes = needs.pods && needs.room;
        let (quotas, ranges, nodes, pods) = futures::try_join!(
            list(cluster, &RESOURCE_QUOTA, own, needs.room),
            list(cluster, &LIMIT_RANGE, own, needs.pods),
            list(cluster, &NODE, Scope::Cluster, on_nodes),
            list(cluster, &POD, Scope::All, on_nodes),
        )?;
        let (classes, runtimes, namespaces, claims, volumes) = futures::try_join!(
            list(cluster, &STORAGE_CLASS, Scope::Cluster, needs.claims),
            list(
                cluster,
                &RUNTIME_CLASS,
                Scope::Cluster,
                needs.runtime_classes
            ),
            list(cluster, &NAMESPACE, Scope::Cluster, needs.namespaces),
            list(cluster, &PERSISTENT_VOLUME_CLAIM, own, needs.mounted_claims),
            list(
                cluster,
                &PERSISTENT_VOLUME,
                Scope::Cluster,
                needs.mounted_claims
            ),
        )?;
        let unread = |found: &Option<Vec<Value>>, needed: bool| found.is_none() && needed;
        let reach = needs.mounted_claims && (claims.is_none() || volumes.is_none());
        let notes = [
            (unread(&quotas, needs.room), NO_QUOTAS),
            (unread(&ranges, needs.pods), NO_LIMIT_RANGES),
            (unread(&nodes, on_nodes), NO_NODES),
            (unread(&pods, on_nodes) && nodes.is_some(), NO_PODS),
            (unread(&classes, needs.claims), NO_CLASSES),
            (unread(&runtimes, needs.runtime_classes), NO_RUNTIME_CLASSES),
            (unread(&namespaces, needs.namespaces), NO_NAMESPACES),
            (reach, NO_VOLUMES),
        ];
        Ok(Self {
            quotas,
            limit_ranges: ranges.unwrap_or_default(),
            nodes,
            pods,
            notes: kept_notes(&notes),
            runtime_classes: runtimes.unwrap_or_default(),
            namespaces: namespaces.unwrap_or_default(),
            storage_classes: classes,
            claims: claims.filter(|_| volumes.is_some()),
            volumes: volumes.unwrap_or_default(),
        })
    }

    /// Returns the StorageClass that the objects name and the cluster does not have.
    pub fn find_missing_class(&self, objects: &[Value]) -> Option<Cause> {
        let named = named_storage_classes(objects);
        find_missing_class(
            STORAGE_CLASS.kind.as_ref(),
            &named,
            self.storage_classes.as_ref()?,
        )
    }

    /// Returns the input of the count for sessions in `namespace`. `other_session` are the objects of a session of another name; `limit` ends
    /// the count early.
    pub fn input<'a>(
        &'a self,
        namespace: &'a str,
        objects: &'a [Value],
        other_session: &'a [Value],
        limit: Option<u64>,
    ) -> FitInput<'a> {
        let nodes = self.nodes.as_deref().zip(self.pods.as_deref());
        FitInput {
            namespace,
            objects,
            other_session,
            admission: Admission {
                limit_ranges: &self.limit_ranges,
                runtime_classes: &self.runtime_classes,
            },
            quotas: self.quotas.as_deref(),
            nodes,
            namespaces: &self.namespaces,
            volumes: VolumeFacts {
                storage_classes: self.storage_classes.as_deref().unwrap_or_default(),
                claims: self.claims.as_deref(),
                volumes: &self.volumes,
            },
            limit,
            wanted: 0,
        }
    }
}

fn kept_notes(notes: &[(bool, &str)]) -> Vec<String> {
    let kept = notes.iter().filter(|(is_unread, _)| *is_unread);
    kept.map(|(_, note)| (*note).to_owned()).collect()
}

/// Kinds of objects that sessions depend on.
struct Needs {
    /// What is there and what is taken: quotas, and for Pods the nodes.
    room: bool,
    pods: bool,
    claims: bool,
    mounted_claims: bool,
    runtime_classes: bool,
    namespaces: bool,
}

impl Needs {
    fn of(objects: &[Value]) -> Self {
        let specs = || objects.iter().filter_map(pod_spec);
        let mounts = |name: &str| {
            let mut own = objects.iter();
            !own.any(|object| {
                Untyped(object).kind() == "PersistentVolumeClaim" && Untyped(object).name() == name
            })
        };
        let has = |words: &str| {
            specs().any(|spec| spec.values().any(|value| value.to_string().contains(words)))
        };
        Self {
            room: true,
            pods: specs().next().is_some(),
            claims: objects.iter().any(|object| {
                Untyped(object).kind() == "PersistentVolumeClaim"
                    || object.pointer("/spec/volumeClaimTemplates").is_some()
            }) || has("volumeClaimTemplate"),
            mounted_claims: specs().any(|spec| mounted_claims(spec).any(mounts)),
            runtime_classes: specs().any(|spec| spec.contains_key("runtimeClassName")),
            namespaces: has("namespaceSelector"),
        }
    }
}

/// Lists objects; `None` if they are not needed or may not be read.
async fn list(
    cluster: &Cluster,
    kind: &ResourceType,
    scope: Scope<'_>,
    needed: bool,
) -> Result<Option<Vec<Value>>> {
    if !needed {
        return Ok(None);
    }
    let mut options = ListOptions::default();
    if *kind == POD {
        options.field_selector = ACTIVE_PODS.into();
    }
    match cluster.list(kind, scope, &options).await {
        Ok(list) => Ok(Some(list.items)),
        Err(error) if failure::has_kind(&error, FailureKind::Forbidden) => Ok(None),
        Err(error) => Err(error),
    }
}
