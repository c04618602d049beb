//! Messages of the kubelet and the container runtime, as parts of a sentence.

pub(super) fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default().trim()
}

pub(super) fn non_empty_or<'a>(message: &'a str, reason: &'a str) -> &'a str {
    if message.is_empty() { reason } else { message }
}
