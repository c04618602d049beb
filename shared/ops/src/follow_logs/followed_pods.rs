//! The Pods whose logs are followed: added, removed and replaced ones.

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::watch::channel;

use super::container_follower::{ContainerFollower, LogTarget};
use super::log_follower::{FollowedPod, LogEvent, LogFollower, LogSource};
use session_client::LogOptions;
use session_model::objects::container_run::ContainerRun;

impl LogFollower {
    /// Adds or updates a Pod.
    pub(super) fn update_pod(&mut self, pod: &Pod) -> Result<()> {
        let Some(workload) = self.live.workload_of(pod, &self.session_uid) else {
            return Ok(());
        };
        let containers = (self.choose)(pod, &workload)?;
        if containers.is_empty() {
            return Ok(());
        }
        let uid = pod_uid(pod);
        let deleted = pod.metadata.deletion_timestamp.is_some();
        if self.skipped_pods.iter().any(|skipped| skipped == uid) {
            return Ok(());
        }
        // Pods that are not being deleted come first.
        if !self.is_initialized && deleted && self.pods_seen.iter().any(|known| known.is_alive) {
            self.skipped_pods.push(uid.to_owned());
            return Ok(());
        }
        if !self.pods_seen.iter().any(|known| known.uid == uid) {
            self.pods_seen.push(FollowedPod {
                uid: uid.to_owned(),
                name: pod.metadata.name.clone().unwrap_or_default(),
                kind: workload.kind,
                is_alive: true,
                has_failed: false,
                is_gone: false,
                is_replaced: false,
                awaits_replacement: false,
                is_unmatched: self.is_initialized,
                end: None,
            });
        }
        for container in &containers {
            self.update_container(pod, container);
        }
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref());
        let failed = phase == Some("Failed");
        if let Some(known) = self.pods_seen.iter_mut().find(|known| known.uid == uid) {
            known.has_failed |= failed;
            known.end = end_text(pod).or_else(|| known.end.take());
            known.awaits_replacement |= known.is_alive && deleted;
            known.is_alive &= !deleted;
        }
        self.match_replacements();
        Ok(())
    }

    fn update_container(&mut self, pod: &Pod, container: &str) {
        let uid = pod_uid(pod);
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
        let options = if self.is_initialized {
            LogOptions {
                timestamps: self.options.timestamps,
                limit_bytes: self.options.limit_bytes,
                ..LogOptions::default()
            }
        } else {
            self.options.clone()
        };
        let whose = LogTarget {
            namespace: self.namespace.clone(),
            pod: name.clone(),
            uid: uid.to_owned(),
            container: container.to_owned(),
        };
        self.queue.push_back(LogEvent::Started {
            source: self.sources.len(),
            pod: name,
            container: container.to_owned(),
        });
        self.sources.push(LogSource {
            pod: uid.to_owned(),
            container: container.to_owned(),
            state,
            stream: Some(ContainerFollower::stream(
                self.cluster.clone(),
                whose,
                options,
                states,
            )),
        });
    }

    /// Removes a Pod.
    pub(super) fn remove_pod(&mut self, uid: &str) {
        for source in self.sources.iter().filter(|source| source.pod == uid) {
            source.state.send_replace(ContainerRun::of_gone_pod());
        }
        if let Some(known) = self
            .pods_seen
            .iter_mut()
            .find(|known| known.uid == uid && !known.is_gone)
        {
            known.awaits_replacement |= known.is_alive;
            let deleted = || format!("pod {:?} was deleted", known.name);
            known.end.get_or_insert_with(deleted);
            known.is_gone = true;
            known.is_alive = false;
        }
        self.match_replacements();
    }

    /// Announces the end of a Pod once its last log has ended, unless the end of the session or a replacement explains it.
    pub(super) fn announce_end(&mut self, source: usize) {
        let Some(uid) = self.sources.get(source).map(|source| &source.pod) else {
            return;
        };
        let mut own = self.sources.iter().filter(|source| source.pod == *uid);
        if self.is_ending || own.any(|source| source.stream.is_some()) {
            return;
        }
        let mut pods = self.pods_seen.iter_mut();
        let known = pods.find(|known| known.uid == *uid && !known.is_replaced);
        if let Some(end) = known.and_then(|known| known.end.take()) {
            self.queue.push_back(LogEvent::Note(end));
        }
    }

    /// Matches new Pods with those they replace, and announces the replacements.
    fn match_replacements(&mut self) {
        while let Some(new) = self.pods_seen.iter().position(|known| known.is_unmatched) {
            let vacant = |known: &FollowedPod| {
                known.awaits_replacement
                    || (known.has_failed && known.is_alive && !known.is_unmatched)
            };
            let same =
                |known: &FollowedPod| vacant(known) && known.name == self.pods_seen[new].name;
            let old = self.pods_seen.iter().position(same);
            let Some(old) = old.or_else(|| self.pods_seen.iter().position(vacant)) else {
                return;
            };
            let note = if self.pods_seen[old].name == self.pods_seen[new].name {
                format!(
                    "pod {:?} was replaced by a new one",
                    self.pods_seen[old].name
                )
            } else {
                let (old, new) = (&self.pods_seen[old].name, &self.pods_seen[new].name);
                format!("pod {old:?} was replaced by {new:?}")
            };
            self.pods_seen[old].awaits_replacement = false;
            self.pods_seen[old].is_gone = true;
            self.pods_seen[old].is_replaced = true;
            self.pods_seen[new].is_unmatched = false;
            // The message precedes the new Pod's output.
            self.queue.push_front(LogEvent::Note(note));
        }
    }

    /// True if all logs have ended and no further Pod is expected.
    pub(super) fn is_finished(&self) -> bool {
        if self.sources.iter().any(|source| source.stream.is_some()) {
            return false;
        }
        if self.is_ending {
            return true;
        }
        let ends_by_itself = |known: &&FollowedPod| matches!(known.kind.as_str(), "Pod" | "Job");
        let mut there = self
            .pods_seen
            .iter()
            .filter(|known| !known.is_gone)
            .peekable();
        there.peek().is_some()
            && there.all(|known| known.is_alive && (!known.has_failed || ends_by_itself(&known)))
            && !self.pods_seen.iter().any(|known| known.awaits_replacement)
    }
}

/// Returns how a Pod ended, with its own reason, else that of its containers; `None` for a Pod that has not.
fn end_text(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let word = match status.phase.as_deref()? {
        "Failed" => "failed",
        "Succeeded" => "completed",
        _ => return None,
    };
    if let Some(reason) = &status.reason {
        let message = status.message.as_deref().map(|text| format!(": {text}"));
        return Some(format!(
            "pod {name:?} {word}: {reason}{}",
            message.unwrap_or_default()
        ));
    }
    let ends = status
        .container_statuses
        .iter()
        .flatten()
        .filter_map(|status| {
            let end = status.state.as_ref()?.terminated.as_ref()?;
            let reason = end
                .reason
                .as_deref()
                .filter(|reason| !matches!(*reason, "Error" | "Completed"));
            let reason = reason
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default();
            Some(format!(
                "container {:?} ended with exit code {}{reason}",
                status.name, end.exit_code
            ))
        });
    let ends: Vec<String> = ends.collect();
    Some(match ends.as_slice() {
        [] => format!("pod {name:?} {word}"),
        ends => format!("pod {name:?} {word}: {}", ends.join(", ")),
    })
}

/// Returns a Pod's UID.
fn pod_uid(object: &Pod) -> &str {
    object.metadata.uid.as_deref().unwrap_or_default()
}
