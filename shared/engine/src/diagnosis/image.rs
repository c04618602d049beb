//! Why an image does not come to its node.

use super::Cause;

/// What is known of an image that is wanted.
pub(super) struct Pull<'a> {
    /// `container "main" of pod "x"`.
    pub(super) place: &'a str,
    /// The image as the Pod names it.
    pub(super) image: &'a str,
    /// The node, empty where it is not known.
    pub(super) node: &'a str,
    /// Whether the Pod has imagePullSecrets.
    pub(super) credentials: bool,
}

/// A registry's answer, or what happened on the way to it.
enum Answer {
    Login,
    NotFound,
    NoHost,
    Untrusted,
    OtherPlatform,
    Unreachable,
    TooOften,
    Unknown,
}

impl Pull<'_> {
    /// The image is not there, and it must not be pulled.
    pub(super) fn never(&self) -> Cause {
        let node = if self.node.is_empty() {
            "its node".to_owned()
        } else {
            format!("node {:?}", self.node)
        };
        self.cause(
            format!(
                "image {:?} is not on {node} and its pull policy is Never",
                self.image
            ),
            "bring the image to the node, or change imagePullPolicy",
        )
    }

    /// The image's name is none.
    pub(super) fn invalid_name(&self) -> Cause {
        self.cause(
            format!("image name {:?} is not valid", self.image),
            "write it as REGISTRY/REPOSITORY:TAG, the repository in lower case",
        )
    }

    /// The pull failed with that message. True if trying again cannot help: a registry that says no will say it again, one
    /// that cannot be reached may come back.
    pub(super) fn failed(&self, message: &str) -> (Cause, bool) {
        let registry = registry(self.image);
        let image = self.image;
        let (text, remedy, is_final) = match read(message) {
            Answer::Login if self.credentials => (
                format!(
                    "registry {registry:?} refuses image {image:?} with the Pod's imagePullSecrets, or does not have it"
                ),
                "check the Secrets that imagePullSecrets names, and the image's name",
                true,
            ),
            Answer::Login => (
                format!(
                    "registry {registry:?} refuses image {image:?} without a login, or does not have it"
                ),
                "name a Secret with the registry's login in imagePullSecrets (kubectl create secret docker-registry), and check the image's name",
                true,
            ),
            Answer::NotFound => (
                format!("registry {registry:?} does not have image {image:?}"),
                "check the image's name and tag",
                true,
            ),
            Answer::NoHost => (
                format!("registry {registry:?} of image {image:?} is not a known host"),
                "check the registry in the image's name, and the node's DNS",
                true,
            ),
            Answer::Untrusted => (
                format!(
                    "the node does not trust registry {registry:?} of image {image:?}: its certificate, or that it has none"
                ),
                "have the registry's certificate made known to the nodes",
                true,
            ),
            Answer::OtherPlatform => (
                format!("image {image:?} is not made for the node's platform"),
                "use an image for the node's operating system and processor, or a nodeSelector for nodes it is made for",
                true,
            ),
            Answer::Unreachable => (
                format!("registry {registry:?} of image {image:?} cannot be reached from the node"),
                "check the registry in the image's name, and the node's way to it; it is tried again",
                false,
            ),
            Answer::TooOften => (
                format!("registry {registry:?} of image {image:?} has been asked too often"),
                "wait, or pull with a login; it is tried again",
                false,
            ),
            Answer::Unknown => (
                format!("image {image:?} cannot be pulled, for a reason not known here"),
                "see what the node said; it is tried again",
                false,
            ),
        };
        (self.cause(text, remedy), is_final)
    }

    fn cause(&self, text: String, remedy: &str) -> Cause {
        Cause {
            message: format!("{}: {text}", self.place),
            remedy: Some(remedy.to_owned()),
            ..Cause::default()
        }
    }
}

fn read(message: &str) -> Answer {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["429", "toomanyrequests", "too many requests"]) {
        Answer::TooOften
    } else if says(&["no such host"]) {
        Answer::NoHost
    } else if says(&[
        "unauthorized",
        "denied",
        "authorization failed",
        "403 forbidden",
    ]) {
        Answer::Login
    } else if says(&[
        "x509:",
        "server gave http response to https client",
        "first record does not look like a tls",
    ]) {
        Answer::Untrusted
    } else if says(&[
        "no match for platform",
        "no matching manifest",
        "does not match the specified platform",
    ]) {
        Answer::OtherPlatform
    } else if says(&[
        "dial tcp",
        "timeout",
        "connection re",
        "temporary failure",
        "unreachable",
        "eof",
    ]) {
        Answer::Unreachable
    } else if says(&["not found", "manifest unknown", "name unknown"]) {
        Answer::NotFound
    } else {
        Answer::Unknown
    }
}

/// The registry an image's name leads to, by the rule all runtimes have: what stands before the first slash, if it has a dot
/// or a colon or is localhost or has capitals, else Docker's.
fn registry(image: &str) -> &str {
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
            assert_eq!(registry(image), expected);
        }
    }

    /// What containerd 2.4 and Docker Hub really say.
    #[test]
    fn a_registrys_answers_are_told_apart() {
        let pull = Pull {
            place: "container \"main\" of pod \"x\"",
            image: "r.example.com/tool:1",
            node: "n",
            credentials: false,
        };
        for (message, expected, is_final) in [
            (
                "failed to resolve image: r.example.com/tool:1: not found",
                "does not have image",
                true,
            ),
            (
                "failed to resolve image: pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
                "without a login",
                true,
            ),
            (
                "failed to do request: Head \"https://r.example.com/v2/tool/manifests/1\": dial tcp: lookup r.example.com on 10.0.0.2:53: no such host",
                "not a known host",
                true,
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
                "too often",
                false,
            ),
            (
                "no match for platform in manifest: not found",
                "platform",
                true,
            ),
            ("unexpected media type", "not known here", false),
        ] {
            let (cause, done) = pull.failed(message);
            assert!(
                cause.message.contains(expected),
                "{message}: {}",
                cause.message
            );
            assert_eq!(done, is_final, "{message}");
        }
    }
}
