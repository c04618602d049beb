//! HTTP and WebSocket URLs of a session, for browsers and scripts.
//!
//! Host and port are validated and the path is percent-encoded, so that no path can change the host of a URL.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use anyhow::{Result, anyhow};

/// An HTTP endpoint: HOST:PORT, or an http or https URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `http` or `https`; `None` if the endpoint was given as HOST:PORT.
    scheme: Option<&'static str>,
    /// Host and optional port, without user and password.
    authority: String,
    /// Path, query and fragment, percent-encoded.
    path: String,
}

impl Endpoint {
    /// Returns the URL of a page below this endpoint. The scheme is http unless the endpoint has one.
    pub fn page_url(&self, path: &str) -> String {
        let scheme = self.scheme.unwrap_or("http");
        let base = self.path.strip_suffix('/').unwrap_or(&self.path);
        let path = path.strip_prefix('/').unwrap_or(path);
        format!(
            "{scheme}://{}{base}/{}",
            self.authority,
            percent_encode(path)
        )
    }
}

impl FromStr for Endpoint {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused =
            || anyhow!("invalid address {text:?}: must be HOST:PORT or an http or https URL");
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some("http"), rest),
            Some(("https", rest)) => (Some("https"), rest),
            Some(_) => return Err(refused()),
            None => (None, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if !is_authority(authority) {
            return Err(refused());
        }
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
            path: percent_encode(path),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(f, "{scheme}://")?;
        }
        write!(f, "{}{}", self.authority, self.path)
    }
}

/// Returns the URL of a WebSocket at a Pod's IP address.
pub fn websocket_url(address: IpAddr, port: u16, path: &str) -> String {
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let path = path.trim_matches('/');
    let slash = if path.is_empty() { "" } else { "/" };
    format!("ws://{host}:{port}{slash}{}", percent_encode(path))
}

/// Returns true for a host name or IP address with an optional port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((address, port))) => (address, port),
        Some(None) => return false,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_host = match text.starts_with('[') {
        true => host.parse::<std::net::Ipv6Addr>().is_ok(),
        false => {
            let legal = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            host.starts_with(|c: char| c.is_ascii_alphanumeric()) && host.chars().all(legal)
        }
    };
    let number = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(number))
}

/// Percent-encodes a path with query and fragment. Besides what URLs require, it encodes characters that are special where a
/// URL may be pasted. Existing percent-encoding is kept.
fn percent_encode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut encoded = String::with_capacity(text.len());
    for (at, byte) in bytes.iter().enumerate() {
        let code = |offset| bytes.get(at + offset).is_some_and(u8::is_ascii_hexdigit);
        match byte {
            b'%' if code(1) && code(2) => encoded.push('%'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => encoded.push(char::from(*byte)),
            byte if b"-._~/?#&=+,:@".contains(byte) => encoded.push(char::from(*byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(endpoint: &str, path: &str) -> String {
        endpoint.parse::<Endpoint>().unwrap().page_url(path)
    }

    #[test]
    fn an_endpoint_and_a_path_are_an_url() {
        for (endpoint, path, url) in [
            ("192.0.2.1:80", "/", "http://192.0.2.1:80/"),
            (
                "https://labs.example.com",
                "/a?b=c&d#e",
                "https://labs.example.com/a?b=c&d#e",
            ),
            (
                "https://labs.example.com/alice/",
                "lab",
                "https://labs.example.com/alice/lab",
            ),
            ("[2001:db8::1]:8080", "", "http://[2001:db8::1]:8080/"),
            (
                "lab.default.svc:80",
                "/ü 100%/%41",
                "http://lab.default.svc:80/%C3%BC%20100%25/%41",
            ),
        ] {
            assert_eq!(page(endpoint, path), url);
        }
        let local = "127.0.0.1".parse().unwrap();
        assert_eq!(websocket_url(local, 80, "/"), "ws://127.0.0.1:80");
        assert_eq!(
            websocket_url("::1".parse().unwrap(), 80, "/a b/"),
            "ws://[::1]:80/a%20b"
        );
    }

    #[test]
    fn no_path_changes_the_host() {
        for path in [
            "@evil.example",
            "//evil.example",
            "/\\evil.example",
            ".evil.example",
            ":80@evil.example",
            "\n//evil",
        ] {
            let url = page("127.0.0.1:8080", path);
            assert!(url.starts_with("http://127.0.0.1:8080/"), "{url}");
            assert!(url.chars().all(|c| c.is_ascii_graphic()), "{url}");
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for text in [
            "",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data://x",
            "http://",
            "http://a@b",
            "http://a b",
            "a:0",
            "a:99999",
            "a:+80",
            "http://a\nb",
            "-oProxyCommand=id",
            "http://[::1",
            "*.example.com",
            "ftp://a",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text:?}");
        }
        assert_eq!("a.b:80".parse::<Endpoint>().unwrap().to_string(), "a.b:80");
        assert_eq!(
            "https://a/b".parse::<Endpoint>().unwrap().to_string(),
            "https://a/b"
        );
    }
}
