//! Diagnosis of one container from its state, spec and events.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};

use super::fact_query::FactQuery;
use super::image_parameters::is_image_reason;
use super::image_pull::ImagePull;
use super::message_text::{first_line, non_empty_or};
use super::start_error::{innermost_error, start_error_remedy};
use super::{Cause, EventNote, missing_reference};
use session_model::labels;
use session_model::objects::metadata::name_of;
use session_model::objects::pod_containers::is_sidecar;

/// Restarts after which a crash loop counts as unrecoverable. Before that, a dependency may not have been up yet.
const CRASH_LOOP_RESTARTS: i32 = 3;

/// State of a container that is not ready, and its outlook.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ContainerProgress {
    /// Not created yet, for no reason that the kubelet reports.
    Waiting,
    /// The image cannot be pulled, but a retry may succeed.
    PullRetried(Cause),
    /// Not running, but a retry may succeed.
    Recoverable(Cause),
    /// Running.
    Running,
    /// Terminated, and not restarted.
    Terminated { code: i32, reason: String },
    /// Cannot run unless somebody changes the Pod or the cluster.
    Unrecoverable(Cause),
}

/// A container's status with its Pod and the Pod's events: the input of its diagnosis.
pub(super) struct ContainerFacts<'a> {
    pub(super) pod: &'a Pod,
    pub(super) status: &'a ContainerStatus,
    pub(super) is_init: bool,
    /// Events about the Pod.
    pub(super) events: &'a [&'a EventNote],
}

impl ContainerFacts<'_> {
    /// Returns the name for messages: `container "main" of pod "x"`.
    pub(super) fn quoted_name(&self) -> String {
        let pod = name_of(&self.pod.metadata);
        let kind = match (self.is_init, self.is_sidecar()) {
            (_, true) => "sidecar container",
            (true, false) => "init container",
            (false, false) => "container",
        };
        format!("{kind} {:?} of pod {pod:?}", self.status.name)
    }

    /// True for an init container that keeps running beside the containers.
    pub(super) fn is_sidecar(&self) -> bool {
        let spec = self.pod.spec.iter();
        let mut init = spec.flat_map(|spec| spec.init_containers.iter().flatten());
        self.is_init && init.any(|one| one.name == self.status.name && is_sidecar(one))
    }

    /// Reads the container's state.
    pub(super) fn progress(&self) -> ContainerProgress {
        let Some(state) = &self.status.state else {
            return ContainerProgress::Waiting;
        };
        if state.running.is_some() {
            return ContainerProgress::Running;
        }
        if let Some(end) = &state.terminated {
            return self.after_termination(end);
        }
        let Some(waiting) = &state.waiting else {
            return ContainerProgress::Waiting;
        };
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let told = || {
            self.newest_event("Failed")
                .map(|event| event.message.as_str())
        };
        let message = waiting.message.as_deref().or_else(told).unwrap_or_default();
        self.while_waiting(reason, message)
    }

    fn after_termination(&self, end: &ContainerStateTerminated) -> ContainerProgress {
        let policy = self
            .pod
            .spec
            .as_ref()
            .and_then(|spec| spec.restart_policy.as_deref());
        let stays = !self.is_sidecar()
            && match policy.unwrap_or("Always") {
                "Never" => true,
                "OnFailure" => end.exit_code == 0,
                _ => self.is_init && end.exit_code == 0,
            };
        if stays {
            return ContainerProgress::Terminated {
                code: end.exit_code,
                reason: end.reason.clone().unwrap_or_default(),
            };
        }
        self.crash_loop()
    }

    fn while_waiting(&self, reason: &str, message: &str) -> ContainerProgress {
        let place = self.quoted_name();
        let pull = ImagePull {
            container: &place,
            image: &self.status.image,
            node: self
                .pod_spec_field(|spec| spec.node_name.as_deref())
                .unwrap_or_default(),
            has_pull_secrets: self
                .pod_spec_field(|spec| spec.image_pull_secrets.as_deref())
                .is_some_and(|secrets| !secrets.is_empty()),
        };
        match reason {
            "ContainerCreating" | "PodInitializing" | "" => ContainerProgress::Waiting,
            "ErrImageNeverPull" => {
                ContainerProgress::Unrecoverable(self.with_states(reason, pull.never_pull_cause()))
            }
            "InvalidImageName" => ContainerProgress::Unrecoverable(
                self.with_states(reason, pull.invalid_name_cause()),
            ),
            "ErrImagePull"
            | "ImagePullBackOff"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => {
                let (cause, is_final) = pull.failure_cause(message);
                let cause = self.with_states(reason, cause);
                if is_final {
                    ContainerProgress::Unrecoverable(cause)
                } else {
                    ContainerProgress::PullRetried(cause)
                }
            }
            "CrashLoopBackOff" | "PostStartHookError" => self.crash_loop(),
            "RunContainerError" | "CreateContainerError" if is_transient(message) => {
                ContainerProgress::Recoverable(self.start_error_cause(reason, message))
            }
            "RunContainerError" | "CreateContainerError" => {
                ContainerProgress::Unrecoverable(self.start_error_cause(reason, message))
            }
            "CreateContainerConfigError" => self.config_error(reason, message),
            other => ContainerProgress::Recoverable(self.with_states(
                other,
                Cause {
                    message: format!("{place} has not started, for an unknown reason: {other}"),
                    ..Cause::default()
                },
            )),
        }
    }

    fn config_error(&self, reason: &str, message: &str) -> ContainerProgress {
        let place = self.quoted_name();
        if let Some(cause) = missing_reference::parse_missing_reference(&place, message) {
            return ContainerProgress::Unrecoverable(self.with_states(reason, cause));
        }
        // The kubelet retries what it could not read in time.
        let may_pass = is_transient(message);
        let cause = Cause {
            message: format!(
                "{place} cannot be created from its configuration: {}",
                non_empty_or(first_line(message), reason)
            ),
            remedy: Some(
                "correct the setting that the message names, then restart the session".into(),
            ),
            ..Cause::default()
        };
        let cause = self.with_states(reason, cause);
        if may_pass {
            ContainerProgress::Recoverable(cause)
        } else {
            ContainerProgress::Unrecoverable(cause)
        }
    }

    fn start_error_cause(&self, reason: &str, message: &str) -> Cause {
        self.with_states(
            reason,
            Cause {
                message: format!(
                    "{} could not be started: {}",
                    self.quoted_name(),
                    non_empty_or(&innermost_error(message), reason)
                ),
                remedy: Some(start_error_remedy(message, self.container_spec()).to_owned()),
                ..Cause::default()
            },
        )
    }

    /// Returns the state of a container that is restarted again and again.
    fn crash_loop(&self) -> ContainerProgress {
        let cause = self.crash_cause();
        if self.status.restart_count >= CRASH_LOOP_RESTARTS {
            ContainerProgress::Unrecoverable(cause)
        } else {
            ContainerProgress::Recoverable(cause)
        }
    }

    pub(super) fn newest_event(&self, reason: &str) -> Option<&EventNote> {
        let own = self.events.iter().rev().copied();
        own.into_iter()
            .find(|event| event.reason == reason && event.concerns(&self.status.name))
    }

    fn pod_spec_field<'b, T: ?Sized>(
        &'b self,
        read: impl Fn(&'b k8s_openapi::api::core::v1::PodSpec) -> Option<&'b T>,
    ) -> Option<&'b T> {
        self.pod.spec.as_ref().and_then(read)
    }

    /// Returns `cause` with the container's states as evidence, and `reason` as its reason.
    fn with_states(&self, reason: &str, cause: Cause) -> Cause {
        let mut cause = Cause {
            reason: reason.to_owned(),
            evidence: self.state_evidence(),
            ..cause
        };
        let own = self.pod.metadata.labels.as_ref();
        if let Some(session) = own.and_then(|own| own.get(labels::SESSION))
            && is_image_reason(reason)
        {
            cause.queries.push(FactQuery::ImageParameters {
                session: session.clone(),
                container: self.status.name.clone(),
            });
        }
        cause
    }

    pub(super) fn state_evidence(&self) -> Vec<String> {
        let name = &self.status.name;
        let now = self.status.state.as_ref().and_then(describe_state);
        let last = self.status.last_state.as_ref().and_then(describe_state);
        let now = now.map(|state| format!("container {name:?}: {state}"));
        let last = last.map(|state| format!("container {name:?} previously: {state}"));
        now.into_iter().chain(last).collect()
    }
}

fn describe_state(state: &ContainerState) -> Option<String> {
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let message = waiting.message.as_deref().unwrap_or_default();
        let colon = if message.is_empty() { "" } else { ": " };
        return Some(format!("waiting: {reason}{colon}{message}"));
    }
    if let Some(end) = &state.terminated {
        let message = end
            .message
            .as_deref()
            .map(|message| format!(": {}", message.trim()));
        return Some(format!(
            "terminated: {}, exit code {}{}",
            end.reason.as_deref().unwrap_or("no reason"),
            end.exit_code,
            message.unwrap_or_default()
        ));
    }
    state.running.as_ref().map(|_| "running".to_owned())
}

/// Returns true for messages of a busy runtime or kubelet: the next try may succeed.
fn is_transient(message: &str) -> bool {
    [
        "failed to sync",
        "deadline exceeded",
        "is reserved for",
        "not registered",
        "connection error",
    ]
    .iter()
    .any(|word| message.contains(word))
}
