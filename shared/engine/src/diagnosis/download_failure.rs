//! Failed downloads in the last lines of a log: which URL curl, wget or git could not fetch, and why.

use k8s_openapi::api::core::v1::Container;

use super::Cause;

/// Reason of a cause whose container could not fetch something.
const REASON: &str = "DownloadFailed";

/// Adds the failed download that the last lines of a log tell. `urls` are those of the container's command and environment: not every
/// program names the URL that it failed to fetch. An init container prepares the Pod, so that it may say more after the failure; any
/// other ends for a download only if its last line says so.
pub(super) fn add_download_failure(cause: &mut Cause, lines: &[String], urls: &[String]) {
    let is_init = cause.message.starts_with("init container");
    let depth = if is_init { lines.len() } else { 1 };
    let mut latest = lines.iter().enumerate().rev().take(depth);
    let Some((at, failure)) = latest.find_map(|(at, line)| Some((at, failure_of(line)?))) else {
        return;
    };
    let is_of_host = |url: &&str| {
        let host = failure.host.as_deref();
        host.is_none_or(|host| host_of(url) == Some(host))
    };
    let told = lines[..=at].iter().rev().filter_map(|line| next_url(line));
    let told = told.map(|(url, _)| url).find(is_of_host);
    let known: Vec<&str> = urls.iter().map(String::as_str).filter(is_of_host).collect();
    let only = match known.as_slice() {
        [url] => Some(*url),
        _ => None,
    };
    let what = match (told.or(only), &failure.host) {
        (Some(url), _) => format!("{:?}", hide_secrets(url)),
        (None, Some(host)) => format!("a file from {host:?}"),
        (None, None) => "a file".to_owned(),
    };
    cause.reason = REASON.to_owned();
    cause.message += &format!(": it could not fetch {what}: {}", failure.why);
    cause.remedy = Some(failure.remedy().to_owned());
}

/// Returns the URLs in a container's command, arguments and environment, without the variables that only the container can replace.
pub(super) fn container_urls(container: &Container) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    let words = container.command.iter().chain(&container.args).flatten();
    let variables = container.env.iter().flatten();
    // A proxy is not what is fetched.
    let variables = variables.filter(|one| !one.name.to_ascii_uppercase().contains("PROXY"));
    let values = variables.filter_map(|one| one.value.as_ref());
    for text in words.chain(values) {
        let mut rest = text.as_str();
        while let Some((url, after)) = next_url(rest) {
            if !url.contains('$') && !urls.iter().any(|known| known == url) {
                urls.push(url.to_owned());
            }
            rest = after;
        }
    }
    urls
}

/// A failed download, as a program tells it.
struct DownloadFailure {
    /// The program's words for the reason.
    why: String,
    /// The host, where the program names it.
    host: Option<String>,
}

impl DownloadFailure {
    /// Returns the remedy, by the reason.
    fn remedy(&self) -> &'static str {
        let why = self.why.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| why.contains(word));
        if says(&["resolve", "bad address", "name or service not known"]) {
            "correct the host name of the URL, or let the Pod ask DNS: a NetworkPolicy may forbid it, and a proxy may be needed"
        } else if says(&[
            "401",
            "403",
            "authentication failed",
            "could not read username",
            "permission denied",
        ]) {
            "give the container credentials for the URL, in a Secret"
        } else if says(&["404", "410", "not found"]) {
            "correct the URL: the server does not have it"
        } else if says(&["certificate", "ssl", "tls"]) {
            "give the container the certificate authority of the server, or correct the URL"
        } else {
            "check that the server of the URL runs, and that the Pod may reach it: a NetworkPolicy may forbid it, and a proxy may be needed"
        }
    }
}

/// Reads a line of curl, wget (also busybox's) or git about a failure.
fn failure_of(line: &str) -> Option<DownloadFailure> {
    let line = line.trim();
    if let Some(said) = line.strip_prefix("curl: (") {
        let (_, why) = said.split_once(") ")?;
        let host = after(why, "resolve host: ").or_else(|| after(why, "Failed to connect to "));
        return Some(failure(why, host));
    }
    if let Some(why) = line.strip_prefix("wget: ") {
        let host = after(why, "bad address ").or_else(|| after(why, "resolve host address "));
        let words = [
            "bad address",
            "unable to resolve",
            "server returned error",
            "can't connect",
            "timed out",
            "error getting response",
        ];
        let is_failure = words.iter().any(|word| why.contains(word));
        return is_failure.then(|| failure(why, host));
    }
    if let Some((_, why)) = line.split_once(" ERROR ") {
        // GNU wget: `2026-01-01 10:00:00 ERROR 404: Not Found.`
        let is_status =
            why.get(..3)?.bytes().all(|byte| byte.is_ascii_digit()) && why.get(3..4)? == ":";
        return is_status.then(|| failure(why, None));
    }
    let why = line.strip_prefix("fatal: ")?;
    if let Some(why) = why.strip_prefix("unable to access '") {
        let (_, why) = why.split_once("': ")?;
        return Some(failure(why, None));
    }
    let is_remote = why.contains("://") || why.contains("Could not read from remote repository");
    let words = [
        "repository '",
        "Authentication failed",
        "could not read Username",
        "Could not read from remote repository",
    ];
    let why = why
        .split(" '")
        .next()
        .filter(|_| is_remote && words.iter().any(|word| why.contains(word)))?;
    match why {
        "repository" => Some(failure("repository not found", None)),
        why => Some(failure(why.trim_end_matches(" for"), None)),
    }
}

fn failure(why: &str, host: Option<String>) -> DownloadFailure {
    let why = why.trim_end_matches('.');
    DownloadFailure {
        why: hide_secrets(why),
        host,
    }
}

/// Returns the word behind `words`, without quotes: the name of a host.
fn after(text: &str, words: &str) -> Option<String> {
    let (_, rest) = text.split_once(words)?;
    let name = rest.split_whitespace().next()?;
    let name = name.trim_matches(|c: char| "'\"‘’,.;:".contains(c));
    (!name.is_empty()).then(|| name.to_owned())
}

/// Returns the first URL of a text, and the text behind it.
fn next_url(text: &str) -> Option<(&str, &str)> {
    let starts = ["https://", "http://", "ftp://", "ssh://", "git://"];
    let at = starts.iter().filter_map(|start| text.find(start)).min()?;
    let rest = &text[at..];
    let end = rest.find(|c: char| c.is_whitespace() || "'\"`<>|;)\\‘’".contains(c));
    let (url, after) = rest.split_at(end.unwrap_or(rest.len()));
    Some((url.trim_end_matches([':', ',', '.']), after))
}

fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    host.split(':').next()
}

/// Returns the text without the user, password and query of its URL: they may be credentials.
fn hide_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn urls() -> Vec<String> {
        let container = json!({ "name": "prep", "args": ["-c", "curl -fsSL \"$BASE/x\" | tar x; wget https://files.example.com/a.tar?sig=1"],
            "env": [{ "name": "HTTPS_PROXY", "value": "http://proxy:3128" }, { "name": "ROOT", "value": "https://u:pw@images.example.com:8443/root.ext4" }] });
        container_urls(&serde_json::from_value(container).unwrap())
    }

    /// Returns the end of the message; empty where no download failed.
    fn told(whose: &str, lines: &[&str]) -> String {
        let mut cause = Cause {
            reason: "Error".into(),
            message: whose.into(),
            ..Cause::default()
        };
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        add_download_failure(&mut cause, &lines, &urls());
        assert_eq!(cause.reason == REASON, cause.remedy.is_some());
        let end = cause.message.strip_prefix(whose).unwrap();
        end.trim_start_matches(": it could not fetch ").to_owned()
    }

    /// Lines of curl 8.14, GNU wget 1.25, busybox 1.37 and git 2.47.
    #[test]
    fn the_url_and_the_reason_of_a_failed_download_are_named() {
        for (lines, end) in [
            (
                vec!["curl: (6) Could not resolve host: images.example.com"],
                "\"https://images.example.com:8443/root.ext4\": Could not resolve host: images.example.com",
            ),
            (
                vec![
                    "+ curl -f https://h.example.com/x?token=1",
                    "curl: (22) The requested URL returned error: 404",
                ],
                "\"https://h.example.com/x\": The requested URL returned error: 404",
            ),
            (
                vec![
                    "curl: (7) Failed to connect to h port 443 after 2 ms: Could not connect to server",
                ],
                "a file from \"h\": Failed to connect to h port 443 after 2 ms: Could not connect to server",
            ),
            (
                vec!["wget: bad address 'files.example.com'"],
                "\"https://files.example.com/a.tar\": bad address 'files.example.com'",
            ),
            (
                vec!["wget: server returned error: HTTP/1.1 404 Not Found"],
                "a file: server returned error: HTTP/1.1 404 Not Found",
            ),
            (
                vec![
                    "--2026-01-01 10:00:00--  https://h/x",
                    "2026-01-01 10:00:00 ERROR 403: Forbidden.",
                ],
                "\"https://h/x\": 403: Forbidden",
            ),
            (
                vec![
                    "fatal: unable to access 'https://t:x@git.example.com/a.git/': Could not resolve host: git.example.com",
                ],
                "\"https://git.example.com/a.git/\": Could not resolve host: git.example.com",
            ),
            (
                vec!["fatal: repository 'https://git.example.com/a.git/' not found"],
                "\"https://git.example.com/a.git/\": repository not found",
            ),
            (
                vec!["fatal: Authentication failed for 'https://git.example.com/a.git/'"],
                "\"https://git.example.com/a.git/\": Authentication failed",
            ),
        ] {
            assert_eq!(told("container", &lines), end, "{lines:?}");
            assert_eq!(told("init container", &lines), end, "{lines:?}");
        }
    }

    #[test]
    fn other_failures_are_no_downloads() {
        for lines in [
            vec!["curl: try 'curl --help' for more information"],
            vec!["wget: unrecognized option: x"],
            vec!["fatal: not a git repository (or any of the parent directories): .git"],
            vec!["app ERROR out of paper"],
            vec!["see https://example.com/help"],
        ] {
            assert_eq!(told("init container", &lines), "", "{lines:?}");
        }
        let later = [
            "curl: (22) The requested URL returned error: 404",
            "no such key",
        ];
        assert_eq!(told("container", &later), "");
        assert!(told("init container", &later).ends_with("error: 404"));
    }
}
