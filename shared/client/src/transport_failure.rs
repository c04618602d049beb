//! Conversion of connection errors to [`Failure`], in Go's words, which kubectl's users know.

use std::error::Error;
use std::io;

use super::config_error_text::certificate_name_text;
use super::read_limits::ERROR_BODY_LIMIT;
use session_model::failure::{Failure, FailureKind};

/// Go's message for a connection closed by the peer.
const EOF_MESSAGE: &str = "EOF";

/// Returns the Failure for a request that exceeds `--request-timeout`.
pub(super) fn request_timeout_failure() -> Failure {
    Failure::client_side(
        FailureKind::Unreachable,
        "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
    )
}

/// True if the peer closed the connection.
pub(super) fn is_connection_closed(failure: &Failure) -> bool {
    failure.kind == FailureKind::Unreachable
        && (failure.message == EOF_MESSAGE || failure.message.ends_with("connection reset by peer"))
}

/// Converts the error of building a client, such as an invalid certificate or an unknown auth provider.
pub(super) fn setup_error(error: &kube::Error) -> anyhow::Error {
    let links = error_chain(error);
    let text = links
        .last()
        .map_or_else(|| error.to_string(), |innermost| innermost.text.clone());
    if text.contains("UnsupportedCertVersion") {
        return anyhow::anyhow!(
            "cannot use the client certificate: X.509 version 1 is not supported: reissue the certificate as version 3 (with any extension)"
        );
    }
    anyhow::anyhow!("failed to set up the connection to the server: {text}")
}

/// Converts the error of a request to `server`.
pub(super) fn failure_of_transport(error: &kube::Error, server: &str, proxied: bool) -> Failure {
    let links = error_chain(error);
    let server: http::Uri = server.parse().unwrap_or_default();
    let authority = server.authority().map_or("", http::uri::Authority::as_str);
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let says = |part: &str| links.iter().any(|link| link.text.contains(part));
    let io = links.iter().rev().find_map(|link| link.io);
    if io == Some(io::ErrorKind::ConnectionRefused) && !proxied {
        let message = format!(
            "The connection to the server {authority} was refused - did you specify the right host or port?"
        );
        return Failure::client_side(FailureKind::ConnectionRefused, message);
    }
    let message = if io == Some(io::ErrorKind::ConnectionRefused) {
        "proxyconnect tcp: connect: connection refused".to_owned()
    } else if says("dns error") {
        lookup_message(server.host().unwrap_or_default(), &links)
    } else if let Some(message) = tls_message(&links) {
        message
    } else if let Some(link) = links
        .iter()
        .find(|link| link.text.starts_with("tunnel error") || link.text.starts_with("socks error"))
    {
        format!("proxyconnect tcp: {}", link.text)
    } else if let Some(message) = connection_message(&links, &host_and_port(&server)) {
        message
    } else {
        links
            .last()
            .map_or_else(|| error.to_string(), |innermost| innermost.text.clone())
    };
    Failure::client_side(FailureKind::Unreachable, message)
}

/// Returns Go's message for a connection to `dialled` that was not made, or that broke; `None` for other errors.
fn connection_message(links: &[ChainedError], dialled: &str) -> Option<String> {
    let says = |part: &str| links.iter().any(|link| link.text.contains(part));
    Some(match links.iter().rev().find_map(|link| link.io) {
        Some(io::ErrorKind::ConnectionReset) => {
            format!("read tcp {dialled}: read: connection reset by peer")
        }
        Some(io::ErrorKind::TimedOut) => format!("dial tcp {dialled}: i/o timeout"),
        Some(io::ErrorKind::NetworkUnreachable) => {
            format!("dial tcp {dialled}: connect: network is unreachable")
        }
        Some(io::ErrorKind::HostUnreachable) => {
            format!("dial tcp {dialled}: connect: no route to host")
        }
        _ if says("length limit exceeded") => {
            format!(
                "the server's error response is larger than {}",
                ERROR_BODY_LIMIT.size()
            )
        }
        _ if says("error reading a body") => "unexpected EOF".to_owned(),
        Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe) => EOF_MESSAGE.to_owned(),
        _ if says("keep-alive timed out") => "http2: client connection lost".to_owned(),
        // The latter two are HTTP/2's: one answer, or all of a connection, will not come.
        _ if says("connection closed before message completed")
            || says("connection was not ready")
            || says("stream error received")
            || says("connection error received") =>
        {
            EOF_MESSAGE.to_owned()
        }
        _ => return None,
    })
}

fn host_and_port(server: &http::Uri) -> String {
    let port = server
        .port_u16()
        .unwrap_or(if server.scheme_str() == Some("http") {
            80
        } else {
            443
        });
    format!("{}:{port}", server.host().unwrap_or_default())
}

/// One error of a chain of sources.
struct ChainedError {
    text: String,
    io: Option<io::ErrorKind>,
}

/// Returns the chain of sources, outermost first.
fn error_chain(error: &kube::Error) -> Vec<ChainedError> {
    let mut links = Vec::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        links.push(ChainedError {
            text: error.to_string(),
            io: io.map(io::Error::kind),
        });
        // An io::Error does not return the error that it wraps from `source`.
        next = match io.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    links
}

fn lookup_message(host: &str, links: &[ChainedError]) -> String {
    let resolver = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let address = resolver
        .lines()
        .find_map(|line| line.strip_prefix("nameserver").map(str::trim))
        .unwrap_or("127.0.0.1");
    let address = if address.contains(':') {
        format!("[{address}]:53")
    } else {
        format!("{address}:53")
    };
    // EAI_AGAIN as glibc and musl word it; released programs are built with musl.
    let says = |words: &str| links.iter().any(|link| link.text.contains(words));
    let reason = if says("Temporary failure") || says("Try again") {
        "server misbehaving"
    } else {
        "no such host"
    };
    format!("dial tcp: lookup {host} on {address}: {reason}")
}

/// Translates rustls's errors to Go's words.
fn tls_message(links: &[ChainedError]) -> Option<String> {
    let after = |part: &str| {
        links
            .iter()
            .rev()
            .find_map(|link| link.text.split_once(part).map(|(_, rest)| rest.to_owned()))
    };
    if let Some(why) = after("invalid peer certificate: ") {
        let reason = match why.as_str() {
            "UnknownIssuer" | "BadSignature" => {
                "certificate signed by unknown authority".to_owned()
            }
            _ if why.contains("xpired")
                || why.contains("not valid yet")
                || why.contains("NotValidYet") =>
            {
                let times = describe_validity(&why).unwrap_or_default();
                format!("certificate has expired or is not yet valid{times}")
            }
            _ => certificate_name_text(&why).unwrap_or_else(|| {
                let parts = why.split_once(";");
                parts.map_or(why.clone(), |(first, rest)| format!("{first}:{rest}"))
            }),
        };
        return Some(format!("tls: failed to verify certificate: x509: {reason}"));
    }
    if let Some(alert) = after("received fatal alert: ") {
        return Some(format!("remote error: tls: {}", spaced_words(&alert)));
    }
    if after("InvalidContentType").is_some() {
        return Some("http: server gave HTTP response to HTTPS client".to_owned());
    }
    None
}

/// Reads rustls's `verification time 1700000000 (UNIX), but certificate is not valid after 1600000000` and returns Go's words for it:
/// the time of this machine, which may be the one that is wrong, and the end of the certificate's validity.
fn describe_validity(why: &str) -> Option<String> {
    let time_behind = |words: &str| {
        let (_, rest) = why.split_once(words)?;
        let seconds = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        jiff::Timestamp::from_second(seconds.parse().ok()?).ok()
    };
    let now = time_behind("verification time ")?;
    let (relation, bound) = match time_behind("is not valid after ") {
        Some(end) => ("after", end),
        None => ("before", time_behind("is not valid before ")?),
    };
    Some(format!(": current time {now} is {relation} {bound}"))
}

/// Converts `BadCertificate` to `bad certificate`.
fn spaced_words(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_is_not_valid_now_is_told_with_both_times() {
        let told = |why: &str| {
            let text = format!("invalid peer certificate: {why}");
            tls_message(&[ChainedError { text, io: None }]).unwrap()
        };
        let prefix =
            "tls: failed to verify certificate: x509: certificate has expired or is not yet valid";
        for (why, times) in [
            (
                "certificate expired: verification time 1772366400 (UNIX), but certificate is not valid after 1772280000 (86400 seconds ago)",
                ": current time 2026-03-01T12:00:00Z is after 2026-02-28T12:00:00Z",
            ),
            (
                "certificate not valid yet: verification time 1772366400 (UNIX), but certificate is not valid before 1772452800 (86400 seconds in future)",
                ": current time 2026-03-01T12:00:00Z is before 2026-03-02T12:00:00Z",
            ),
            ("Expired", ""),
        ] {
            assert_eq!(told(why), format!("{prefix}{times}"));
        }
    }

    #[test]
    fn a_name_server_that_fails_is_told_from_a_name_that_is_not_there() {
        let said = |text: &str| {
            let text = format!("failed to lookup address information: {text}");
            lookup_message("h", &[ChainedError { text, io: None }])
        };
        for (text, wanted) in [
            ("Temporary failure in name resolution", "server misbehaving"),
            ("Try again", "server misbehaving"),
            ("Name or service not known", "no such host"),
            ("Name does not resolve", "no such host"),
        ] {
            let told = said(text);
            assert!(told.ends_with(&format!(": {wanted}")), "{text}: {told}");
        }
    }
}
