//! Errors of the container runtime at the start of a container: the words that say what is wrong, and what to do about it.

use std::borrow::Cow;

use k8s_openapi::api::core::v1::Container;

use super::message_text::first_line;

/// Remedy for an error whose cause only its message tells.
const NAMED_SETTING_REMEDY: &str =
    "correct the setting that the message names, then start the session again";

/// Returns the remedy of a container that the runtime could not start. `container` is its spec.
pub(super) fn start_error_remedy(message: &str, container: Option<&Container>) -> &'static str {
    let says = |word: &str| message.contains(word);
    // runc's words: the kernel grants a capability of securityContext.capabilities.add to nobody here, not even to the runtime.
    if says("unable to apply caps") {
        "remove capabilities from the container's securityContext, or use nodes whose container runtime may grant them; image and command are not the cause"
    } else if says("seccomp profile") {
        "put the seccomp profile on the node, or name another one in securityContext.seccompProfile"
    } else if says("apparmor") || says("AppArmor") {
        "load the AppArmor profile on the node, or name another one in securityContext.appArmorProfile"
    } else if says("volume-subpaths") && says("not a directory") {
        "correct the subPath of the volume: what it names must fit the mountPath, a file a file and a folder a folder"
    } else if says("error mounting") && says("not a directory") {
        "correct the mountPath of the volume: a folder cannot be mounted on a file, nor a file on a folder"
    } else if is_of_working_dir(message, container) {
        "correct the container's workingDir: it must be a folder, or not exist yet"
    } else if says("exec: ") || says("exec /") || says("exec \"") || says("executable file") {
        "correct the container's command or image, then restart the session"
    } else {
        NAMED_SETTING_REMEDY
    }
}

/// Returns true for an error about the folder in which the container's program is to start.
fn is_of_working_dir(message: &str, container: Option<&Container>) -> bool {
    let own = container.and_then(|container| container.working_dir.as_deref());
    let is_made = |path: &str| !path.is_empty() && message.contains(&format!("mkdir {path}: "));
    message.contains("chdir to cwd") || own.is_some_and(is_made)
}

/// Returns the innermost of the runtime's errors, without the paths of its node: `exec: "/nope": stat /nope: no such file or directory`.
pub(super) fn innermost_error(message: &str) -> String {
    let mut message = first_line(message);
    for word in [
        "unable to start container process: ",
        "OCI runtime create failed: ",
        "failed to create shim task: ",
    ] {
        if let Some((_, rest)) = message.split_once(word) {
            message = rest;
            break;
        }
    }
    let message = message.split(": Are you trying to mount").next();
    let message = without_mount_options(message.unwrap_or_default());
    shorten_paths(message.trim_end_matches(": unknown"))
}

/// Removes the arguments of the system call, which repeat the paths: `: mount src=A, dst=B, dstFd=C, flags=D`.
fn without_mount_options(message: &str) -> Cow<'_, str> {
    let Some((before, options)) = message.split_once(": mount src=") else {
        return message.into();
    };
    let after = options.split_once(": ").map_or("", |(_, after)| after);
    match after {
        "" => before.into(),
        after => format!("{before}: {after}").into(),
    }
}

/// Replaces the folder of a Pod on its node by an ellipsis: `…/v` for `/var/lib/kubelet/pods/UID/volumes/kubernetes.io~empty-dir/v`.
fn shorten_paths(message: &str) -> String {
    let mut short = String::new();
    let mut rest = message;
    while let Some(at) = rest.find("/pods/") {
        let begin = rest[..at].rfind(['"', ' ', '=']).map_or(0, |at| at + 1);
        let inside = &rest[at + "/pods/".len()..];
        let inside = inside.split_once('/').map_or("", |(_, inside)| inside);
        let inside = match inside.strip_prefix("volumes/") {
            Some(volume) => volume.split_once('/').map_or(volume, |(_, name)| name),
            None => inside.strip_prefix("volume-subpaths/").unwrap_or(inside),
        };
        short += &rest[..begin];
        short += "…/";
        rest = inside;
    }
    short + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_without_the_paths_of_its_node() {
        let error = innermost_error(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting \"/var/lib/x/kubelet/pods/1b-2c/volumes/kubernetes.io~empty-dir/v\" to rootfs at \"/etc/passwd\": mount src=/var/lib/x/kubelet/pods/1b-2c/volumes/kubernetes.io~empty-dir/v, dst=/etc/passwd, dstFd=/proc/thread-self/fd/11, flags=MS_BIND|MS_REC: not a directory: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type: unknown",
        );
        assert_eq!(
            error,
            "error during container init: error mounting \"…/v\" to rootfs at \"/etc/passwd\": not a directory"
        );
        let part = "stat /k/pods/1/volume-subpaths/v/main/0: no such file";
        assert_eq!(innermost_error(part), "stat …/v/main/0: no such file");
        assert_eq!(innermost_error("a /pods/ b"), "a …/");
    }

    #[test]
    fn only_the_command_is_blamed_for_the_command() {
        let container = Container {
            working_dir: Some("/etc/passwd".into()),
            ..Container::default()
        };
        let remedy = |message| start_error_remedy(message, Some(&container));
        let command = "correct the container's command or image, then restart the session";
        assert_eq!(remedy("exec: \"/nope\": no such file"), command);
        assert_eq!(
            remedy("exec: \"x\": executable file not found in $PATH"),
            command
        );
        assert!(remedy("mkdir /etc/passwd: not a directory").contains("workingDir"));
        assert_eq!(remedy("mkdir /data: not a directory"), NAMED_SETTING_REMEDY);
        assert_eq!(remedy("unable to find user bob"), NAMED_SETTING_REMEDY);
    }
}
