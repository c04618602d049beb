//! Reasons why an image cannot be pulled, read from the kubelet's message.

use super::Cause;

/// Remedy for a program that the node's platform does not run.
pub(super) const PLATFORM_REMEDY: &str = "use an image built for the node's operating system and CPU architecture, or set a nodeSelector for matching nodes";

/// An image pull and the parts of the Pod that it depends on.
pub(super) struct ImagePull<'a> {
    /// The container for messages: `container "main" of pod "x"`.
    pub(super) container: &'a str,
    /// The image as the Pod names it.
    pub(super) image: &'a str,
    /// Name of the node; empty where it is not known.
    pub(super) node: &'a str,
    /// True if the Pod has imagePullSecrets.
    pub(super) has_pull_secrets: bool,
}

/// Kind of a failed pull: a registry's answer, or an error on the way to it.
enum PullError {
    AccessDenied,
    NotFound,
    UnknownHost,
    UntrustedCertificate,
    PlatformMismatch,
    Unreachable,
    InvalidSignature,
    RateLimited,
    Unknown,
}

impl PullError {
    /// Returns true if retries cannot succeed: a registry that refuses will refuse again, one that cannot be reached or found may
    /// come back.
    fn is_final(&self) -> bool {
        match self {
            Self::AccessDenied
            | Self::NotFound
            | Self::UntrustedCertificate
            | Self::PlatformMismatch
            | Self::InvalidSignature => true,
            // The kubelet tries again, and a name server may answer otherwise the next time.
            Self::UnknownHost => false,
            Self::Unreachable | Self::RateLimited | Self::Unknown => false,
        }
    }
}

impl ImagePull<'_> {
    /// Returns the cause of an image that is missing on the node and has pull policy Never.
    pub(super) fn never_pull_cause(&self) -> Cause {
        let node = if self.node.is_empty() {
            "its node".to_owned()
        } else {
            format!("node {:?}", self.node)
        };
        self.cause(
            format!(
                "image {:?} is not on {node}, and its pull policy is Never",
                self.image
            ),
            "load the image onto the node, or change imagePullPolicy",
        )
    }

    /// Returns the cause of an image whose name is not valid.
    pub(super) fn invalid_name_cause(&self) -> Cause {
        self.cause(
            format!("image name {:?} is not valid", self.image),
            "write the image as REGISTRY/REPOSITORY:TAG, with the repository in lower case",
        )
    }

    /// Returns the cause of a pull that failed with that message, and true if retries cannot succeed.
    pub(super) fn failure_cause(&self, message: &str) -> (Cause, bool) {
        let error = parse_pull_error(message);
        let (text, remedy) = self.describe(&error);
        (self.cause(text, remedy), error.is_final())
    }

    /// Returns what has failed, and the remedy.
    fn describe(&self, error: &PullError) -> (String, &'static str) {
        let (registry, image) = (registry_of(self.image), self.image);
        match error {
            PullError::AccessDenied => self.describe_denial(registry),
            PullError::NotFound => (
                format!("registry {registry:?} does not have image {image:?}"),
                "check the image's name and tag",
            ),
            PullError::UnknownHost => (
                format!("registry {registry:?} of image {image:?} is an unknown host"),
                "check the registry in the image's name, and the node's DNS; the pull is retried",
            ),
            PullError::UntrustedCertificate => (
                format!(
                    "the node does not trust the TLS certificate of registry {registry:?} of image {image:?}, or the registry offers no TLS"
                ),
                "install the registry's CA certificate on the nodes",
            ),
            PullError::PlatformMismatch => (
                format!("image {image:?} is not built for the node's platform"),
                PLATFORM_REMEDY,
            ),
            PullError::Unreachable => (
                format!("registry {registry:?} of image {image:?} cannot be reached from the node"),
                "check the registry in the image's name and the node's network; the pull is retried",
            ),
            PullError::InvalidSignature => (
                format!("the signature of image {image:?} does not satisfy the node's policy"),
                "use a signed image, or ask the cluster's admin for the node's signature policy",
            ),
            PullError::RateLimited => (
                format!("registry {registry:?} of image {image:?} reports too many requests"),
                "wait for the next retry, or add registry credentials to imagePullSecrets",
            ),
            PullError::Unknown => (
                format!("image {image:?} cannot be pulled, for an unknown reason"),
                "check the node's message; the pull is retried",
            ),
        }
    }

    /// Returns that `registry` denies access, and the remedy. Most registries answer the same for an image that they do not have.
    fn describe_denial(&self, registry: &str) -> (String, &'static str) {
        let image = self.image;
        if self.has_pull_secrets {
            return (
                format!(
                    "registry {registry:?} denies access to image {image:?} with the Pod's imagePullSecrets, or does not have the image"
                ),
                "check the Secrets named in imagePullSecrets, and the image's name",
            );
        }
        (
            format!(
                "registry {registry:?} denies access to image {image:?} without credentials, or does not have the image"
            ),
            "add a Secret with registry credentials to imagePullSecrets (kubectl create secret docker-registry), or correct the image's name",
        )
    }

    fn cause(&self, text: String, remedy: &str) -> Cause {
        Cause {
            message: format!("{}: {text}", self.container),
            remedy: Some(remedy.to_owned()),
            ..Cause::default()
        }
    }
}

fn parse_pull_error(message: &str) -> PullError {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["the signature validation failed"]) {
        PullError::InvalidSignature
    } else if says(&["429", "toomanyrequests", "too many requests"]) {
        PullError::RateLimited
    } else if says(&["no such host"]) {
        PullError::UnknownHost
    } else if says(&[
        "unauthorized",
        "denied",
        "authorization failed",
        "403 forbidden",
    ]) {
        PullError::AccessDenied
    } else if says(&[
        "x509:",
        "server gave http response to https client",
        "first record does not look like a tls",
    ]) {
        PullError::UntrustedCertificate
    } else if says(&[
        "no match for platform",
        "no matching manifest",
        "does not match the specified platform",
    ]) {
        PullError::PlatformMismatch
    } else if says(&[
        "dial tcp",
        "timeout",
        "connection re",
        "temporary failure",
        "unreachable",
        "eof",
        "the registry is unavailable",
    ]) {
        PullError::Unreachable
    } else if says(&["not found", "manifest unknown", "name unknown"]) {
        PullError::NotFound
    } else {
        PullError::Unknown
    }
}

/// Returns the registry of an image name by the rule of all runtimes: the part before the first slash if it has a dot, a colon
/// or a capital letter or is `localhost`, else Docker Hub.
fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.chars().any(|c| c.is_ascii_uppercase()) =>
        {
            first
        }
        _ => "docker.io",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_found_as_runtimes_find_it() {
        for (image, expected) in [
            ("busybox", "docker.io"),
            ("team/tool:1", "docker.io"),
            ("localhost/tool:1", "localhost"),
            ("127.0.0.1:5000/tool:1", "127.0.0.1:5000"),
            ("registry.example.com/a/b@sha256:0", "registry.example.com"),
        ] {
            assert_eq!(registry_of(image), expected);
        }
    }

    /// Messages of containerd 2.4 and Docker Hub.
    #[test]
    fn a_registrys_answers_are_told_apart() {
        let pull = ImagePull {
            container: "container \"main\" of pod \"x\"",
            image: "r.example.com/tool:1",
            node: "n",
            has_pull_secrets: false,
        };
        for (message, expected, is_final) in [
            (
                "failed to resolve image: r.example.com/tool:1: not found",
                "does not have image",
                true,
            ),
            (
                "failed to resolve image: pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
                "without credentials",
                true,
            ),
            (
                "failed to do request: Head \"https://r.example.com/v2/tool/manifests/1\": dial tcp: lookup r.example.com on 10.0.0.2:53: no such host",
                "an unknown host",
                false,
            ),
            (
                "failed to do request: Head \"https://r.example.com/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
                "does not trust",
                true,
            ),
            (
                "failed to do request: Head \"https://r.example.com/v2/\": dial tcp 192.0.2.1:443: i/o timeout",
                "cannot be reached",
                false,
            ),
            (
                "failed to do request: Head \"https://r.example.com/v2/\": net/http: TLS handshake timeout",
                "cannot be reached",
                false,
            ),
            (
                "unexpected status from HEAD request: 429 Too Many Requests",
                "too many requests",
                false,
            ),
            (
                "no match for platform in manifest: not found",
                "platform",
                true,
            ),
            // The kubelet's words for the answers of CRI-O.
            (
                "image pull failed for r.example.com/tool:1 because the registry is unavailable: pinging container registry",
                "cannot be reached",
                false,
            ),
            (
                "image pull failed for r.example.com/tool:1 because the signature validation failed: Source image rejected",
                "does not satisfy the node's policy",
                true,
            ),
            ("unexpected media type", "unknown reason", false),
        ] {
            let (cause, done) = pull.failure_cause(message);
            assert!(
                cause.message.contains(expected),
                "{message}: {}",
                cause.message
            );
            assert_eq!(done, is_final, "{message}");
        }
    }
}
