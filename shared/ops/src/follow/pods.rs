//! The Pods whose logs are followed: added, removed and replaced ones.

use anyhow::Result;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch::{Sender, channel};

use super::follower::{Follower, Said, Whose};
use super::{Following, Told, uid_of};
use session_client::LogOptions;
use session_model::objects::instance::ContainerRun;

/// A Pod with selected containers.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) uid: String,
    name: String,
    /// Kind of the Pod's workload.
    kind: String,
    /// The Pod exists and is not being deleted.
    stays: bool,
    failed: bool,
    /// The Pod is gone, or was replaced.
    gone: bool,
    /// The Pod is gone or going, and no other Pod has replaced it yet.
    vacant: bool,
    /// The Pod was created later and has not replaced another one yet.
    fresh: bool,
}

/// The log of one container.
pub(super) struct Source {
    /// UID of the Pod.
    pod: String,
    container: String,
    state: Sender<ContainerRun>,
    /// `None` after the end of the log.
    pub(super) stream: Option<BoxStream<'static, Result<Said>>>,
}

impl Following {
    /// Adds or updates a Pod.
    pub(super) fn take_pod(&mut self, pod: &Pod) -> Result<()> {
        let Some(workload) = self.live.workload_of(pod, &self.session_uid) else {
            return Ok(());
        };
        let containers = (self.choose)(pod, &workload)?;
        if containers.is_empty() {
            return Ok(());
        }
        let uid = uid_of(pod);
        if !self.known.iter().any(|known| known.uid == uid) {
            self.known.push(Known {
                uid: uid.to_owned(),
                name: pod.metadata.name.clone().unwrap_or_default(),
                kind: workload.kind,
                stays: true,
                failed: false,
                gone: false,
                vacant: false,
                fresh: self.begun,
            });
        }
        for container in &containers {
            self.take_container(pod, container);
        }
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref());
        let (deleted, failed) = (
            pod.metadata.deletion_timestamp.is_some(),
            phase == Some("Failed"),
        );
        if let Some(known) = self.known.iter_mut().find(|known| known.uid == uid) {
            known.failed |= failed;
            known.vacant |= known.stays && deleted;
            known.stays &= !deleted;
        }
        self.pair();
        Ok(())
    }

    fn take_container(&mut self, pod: &Pod, container: &str) {
        let uid = uid_of(pod);
        let now = ContainerRun::of(pod, container);
        let mut sources = self.sources.iter();
        if let Some(source) = sources.find(|s| s.pod == uid && s.container == container) {
            source.state.send_if_modified(|state| {
                let changed = *state != now;
                *state = now;
                changed
            });
            return;
        }
        let name = pod.metadata.name.clone().unwrap_or_default();
        let (state, states) = channel(now);
        // The user's position applies to logs of the initial Pods only.
        let options = if self.begun {
            LogOptions {
                timestamps: self.options.timestamps,
                limit_bytes: self.options.limit_bytes,
                ..LogOptions::default()
            }
        } else {
            self.options.clone()
        };
        let whose = Whose {
            namespace: self.namespace.clone(),
            pod: name.clone(),
            uid: uid.to_owned(),
            container: container.to_owned(),
        };
        self.ready.push_back(Told::Began {
            source: self.sources.len(),
            pod: name,
            container: container.to_owned(),
        });
        self.sources.push(Source {
            pod: uid.to_owned(),
            container: container.to_owned(),
            state,
            stream: Some(Follower::stream(
                self.cluster.clone(),
                whose,
                options,
                states,
            )),
        });
    }

    /// Removes a Pod.
    pub(super) fn lose_pod(&mut self, uid: &str) {
        for source in self.sources.iter().filter(|source| source.pod == uid) {
            source.state.send_replace(ContainerRun::of_gone_pod());
        }
        if let Some(known) = self
            .known
            .iter_mut()
            .find(|known| known.uid == uid && !known.gone)
        {
            known.vacant |= known.stays;
            known.gone = true;
            known.stays = false;
        }
        self.pair();
    }

    /// Matches new Pods with those they replace, and announces the replacements.
    fn pair(&mut self) {
        while let Some(new) = self.known.iter().position(|known| known.fresh) {
            let vacant =
                |known: &Known| known.vacant || (known.failed && known.stays && !known.fresh);
            let same = |known: &Known| vacant(known) && known.name == self.known[new].name;
            let old = self.known.iter().position(same);
            let Some(old) = old.or_else(|| self.known.iter().position(vacant)) else {
                return;
            };
            let note = if self.known[old].name == self.known[new].name {
                format!("pod {:?} was replaced by a new one", self.known[old].name)
            } else {
                let (old, new) = (&self.known[old].name, &self.known[new].name);
                format!("pod {old:?} was replaced by {new:?}")
            };
            self.known[old].vacant = false;
            self.known[old].gone = true;
            self.known[new].fresh = false;
            // The message precedes the new Pod's output.
            self.ready.push_front(Told::Note(note));
        }
    }

    /// True if all logs have ended and no further Pod is expected.
    pub(super) fn is_over(&self) -> bool {
        if self.sources.iter().any(|source| source.stream.is_some()) {
            return false;
        }
        if self.ending {
            return true;
        }
        let ends_by_itself = |known: &&Known| matches!(known.kind.as_str(), "Pod" | "Job");
        let mut there = self.known.iter().filter(|known| !known.gone).peekable();
        there.peek().is_some()
            && there.all(|known| known.stays && (!known.failed || ends_by_itself(&known)))
            && !self.known.iter().any(|known| known.vacant)
    }
}
