//! Evictions by the kubelet: what exceeded a limit of ephemeral storage, and what is lost with the Pod.

use k8s_openapi::api::core::v1::Pod;
use session_model::objects::metadata::name_of;

/// Ephemeral storage that exceeded a limit, by the kubelet's message (pkg/kubelet/eviction/eviction_manager.go).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StorageExcess<'a> {
    /// An emptyDir volume: `Usage of EmptyDir volume "cache" exceeds the limit "16Mi".`
    Volume { name: &'a str, limit: &'a str },
    /// A container: `Container main exceeded its local ephemeral storage limit "64Mi".`
    Container { name: &'a str, limit: &'a str },
    /// The sum of the containers: `Pod ephemeral local storage usage exceeds the total limit of containers 64Mi.`
    Containers { limit: &'a str },
}

impl<'a> StorageExcess<'a> {
    /// Reads the message of an evicted Pod; `None` for another reason, such as a node that is low on memory or storage.
    pub(super) fn parse(message: &'a str) -> Option<Self> {
        let quoted = |rest: &'a str| rest.split('"').nth(1);
        if let Some((_, rest)) = message.split_once("EmptyDir volume ") {
            let limit = rest.split_once("exceeds the limit ")?.1;
            return Some(Self::Volume {
                name: quoted(rest)?,
                limit: quoted(limit)?,
            });
        }
        if let Some((head, rest)) =
            message.split_once(" exceeded its local ephemeral storage limit ")
        {
            return Some(Self::Container {
                name: head.rsplit(' ').next()?,
                limit: quoted(rest)?,
            });
        }
        let (_, limit) = message.split_once("exceeds the total limit of containers ")?;
        let limit = limit.trim_end().trim_end_matches('.');
        Some(Self::Containers { limit })
    }

    /// Returns what happened, for the cause's message.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Volume { name, limit } => {
                format!("volume {name:?} exceeded its sizeLimit of {limit}")
            }
            Self::Container { name, limit } => {
                format!("container {name:?} exceeded its ephemeral-storage limit of {limit}")
            }
            Self::Containers { limit } => {
                format!(
                    "its containers exceeded their ephemeral-storage limits of {limit} in total"
                )
            }
        }
    }

    /// Returns the remedy.
    pub(super) fn remedy(&self) -> String {
        let raise = match self {
            Self::Volume { name, .. } => {
                format!("raise the sizeLimit of volume {name:?}, or keep less in it")
            }
            Self::Container { .. } | Self::Containers { .. } => {
                "raise the ephemeral-storage limit, or keep large files in a claim".to_owned()
            }
        };
        format!(
            "{raise}; then start the session again: what was in its emptyDir volumes and outside of volumes is gone"
        )
    }
}

/// Returns a line of evidence about what ended with the Pod: `lost with pod "p": volume "cache", files outside of volumes`.
pub(super) fn describe_loss(pod: &Pod) -> String {
    let volumes = pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    let volumes = volumes.filter(|volume| volume.empty_dir.is_some());
    let volumes = volumes.map(|volume| format!("volume {:?}", volume.name));
    let lost: Vec<String> = volumes
        .chain(["files outside of volumes".to_owned()])
        .collect();
    format!(
        "lost with pod {:?}: {}",
        name_of(&pod.metadata),
        lost.join(", ")
    )
}
