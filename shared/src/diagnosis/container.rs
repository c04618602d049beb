//! What one container's state means.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus};

use super::Cause;

/// Restarts after which a crash loop is taken for what it is: the first may be a dependency that was not up yet.
const CRASHES: i32 = 3;

/// What a container that is not ready waits for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting(String),
    Pulling(String),
    Running,
    Ended { code: i32, reason: String },
    Hopeless(Cause),
}

/// Reads a container's status. `pod` is its name, `why` the newest message of the kubelet about it, if any.
pub(super) fn read(pod: &str, status: &ContainerStatus, why: Option<&str>) -> State {
    let Some(state) = &status.state else {
        return State::Waiting(String::new());
    };
    if state.running.is_some() {
        return State::Running;
    }
    if let Some(ended) = &state.terminated {
        let reason = ended.reason.clone().unwrap_or_default();
        return State::Ended {
            code: ended.exit_code,
            reason,
        };
    }
    let Some(waiting) = &state.waiting else {
        return State::Waiting(String::new());
    };
    let reason = waiting.reason.as_deref().unwrap_or_default();
    let message = waiting.message.as_deref().or(why).unwrap_or_default();
    judge(pod, status, reason, message)
}

/// How a container ended, if it has.
pub(super) fn end_of(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    status.state.as_ref()?.terminated.as_ref()
}

/// How a container ended, in a line: the runtime's own words where it never began.
pub(super) fn describe_end(status: &ContainerStatus) -> String {
    let Some(end) = end_of(status) else {
        return format!("container {:?} runs", status.name);
    };
    match (end.reason.as_deref(), end.message.as_deref()) {
        (Some("StartError" | "ContainerCannotRun"), Some(message)) => {
            format!(
                "container {:?} could not be started: {}",
                status.name,
                message.trim()
            )
        }
        (Some(reason), _) if !matches!(reason, "Error" | "Completed") => {
            format!(
                "container {:?} ended with exit code {} ({reason})",
                status.name, end.exit_code
            )
        }
        _ => format!(
            "container {:?} ended with exit code {}",
            status.name, end.exit_code
        ),
    }
}

fn judge(pod: &str, status: &ContainerStatus, reason: &str, message: &str) -> State {
    let evidence = vec![format!("{reason}: {message}")];
    let hopeless = |message: String, remedy: &str| {
        State::Hopeless(Cause {
            reason: reason.to_owned(),
            message,
            evidence: evidence.clone(),
            remedy: Some(remedy.to_owned()),
        })
    };
    let place = format!("container {:?} of pod {pod:?}", status.name);
    match reason {
        "ErrImageNeverPull" => hopeless(
            format!(
                "{place}: image {:?} is not on the node and its pull policy is Never",
                status.image
            ),
            "bring the image to the node, or change imagePullPolicy",
        ),
        "InvalidImageName" => hopeless(
            format!("{place}: image name {:?} is not valid", status.image),
            "name the image as REGISTRY/REPOSITORY:TAG",
        ),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => hopeless(
            format!("{place}: {}", or(message, reason)),
            "correct what the message names, then delete the session and create it again",
        ),
        "ErrImagePull" | "ImagePullBackOff" if is_final(message) => hopeless(
            format!(
                "{place}: image {:?} cannot be pulled: {}",
                status.image,
                first_line(message)
            ),
            "check the image's name and tag, and the node's access to its registry",
        ),
        "ErrImagePull" | "ImagePullBackOff" => State::Pulling(format!(
            "image {:?}: {}",
            status.image,
            or(first_line(message), reason)
        )),
        "CrashLoopBackOff" if status.restart_count >= CRASHES => {
            hopeless(crash(&place, status), "see the logs of the container")
        }
        "CrashLoopBackOff" => State::Waiting(crash(&place, status)),
        "ContainerCreating" | "PodInitializing" | "" => State::Waiting(String::new()),
        other => State::Waiting(format!("{other} {message}").trim().to_owned()),
    }
}

fn crash(place: &str, status: &ContainerStatus) -> String {
    let last = status
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    let how = match last {
        Some(ended) if ended.reason.as_deref() == Some("OOMKilled") => {
            "was killed for lack of memory (OOMKilled)".to_owned()
        }
        Some(ended) => format!("ended with exit code {}", ended.exit_code),
        None => "ended".to_owned(),
    };
    format!(
        "{place} {how} and was restarted {} times",
        status.restart_count
    )
}

/// A registry that says no will say it again; one that cannot be reached may come back.
fn is_final(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    [
        "not found",
        "manifest unknown",
        "unauthorized",
        "denied",
        "no such host",
        "authorization failed",
        "invalid reference",
    ]
    .iter()
    .any(|word| message.contains(word))
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

fn or<'a>(message: &'a str, reason: &'a str) -> &'a str {
    if message.is_empty() { reason } else { message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn waiting(reason: &str, message: &str, restarts: i32) -> State {
        let status: ContainerStatus = serde_json::from_value(json!({
            "name": "main", "image": "x:1", "imageID": "", "ready": false, "restartCount": restarts,
            "state": { "waiting": { "reason": reason, "message": message } },
            "lastState": { "terminated": { "exitCode": 3, "reason": "Error" } },
        }))
        .unwrap();
        read("p", &status, None)
    }

    #[test]
    fn what_cannot_heal_is_said_at_once() {
        for (reason, message) in [
            (
                "ErrImageNeverPull",
                "Container image \"x:1\" is not present with pull policy of Never",
            ),
            ("InvalidImageName", "couldn't parse image name"),
            ("CreateContainerConfigError", "secret \"s\" not found"),
            (
                "ErrImagePull",
                "rpc error: code = NotFound desc = failed: x:1: not found",
            ),
        ] {
            assert!(
                matches!(waiting(reason, message, 0), State::Hopeless(_)),
                "{reason}"
            );
        }
    }

    #[test]
    fn what_may_heal_is_waited_for() {
        assert_eq!(
            waiting("ContainerCreating", "", 0),
            State::Waiting(String::new())
        );
        assert!(matches!(
            waiting("ErrImagePull", "dial tcp: i/o timeout", 0),
            State::Pulling(_)
        ));
        assert!(matches!(
            waiting("CrashLoopBackOff", "back-off", 1),
            State::Waiting(_)
        ));
    }

    #[test]
    fn a_crash_loop_names_the_exit_code() {
        let State::Hopeless(cause) = waiting("CrashLoopBackOff", "back-off", 3) else {
            panic!("not hopeless")
        };
        assert_eq!(
            cause.message,
            "container \"main\" of pod \"p\" ended with exit code 3 and was restarted 3 times"
        );
    }
}
