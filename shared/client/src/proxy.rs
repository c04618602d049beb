//! Selection of the proxy for a server, with the rules of Go's `httpproxy`, which kubectl follows.

use std::net::IpAddr;

use anyhow::{Result, anyhow};
use http::Uri;

use super::process_env::ProcessEnv;
use super::userinfo::hide_userinfo;

/// Returns the proxy for `server`. `configured`, from a flag or the kubeconfig, always applies; the environment's proxy
/// does not apply to loopback addresses and hosts in NO_PROXY.
///
/// # Errors
/// An invalid proxy address.
pub(super) fn choose_proxy(
    server: &Uri,
    configured: &str,
    around: &ProcessEnv,
) -> Result<Option<Uri>> {
    if !configured.is_empty() {
        return parse_proxy(configured).map(Some);
    }
    let names = if server.scheme_str() == Some("https") {
        ["HTTPS_PROXY", "https_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy"]
    };
    let Some(proxy) = around.first_var(&names) else {
        return Ok(None);
    };
    let host = server
        .host()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_lowercase();
    let port = server
        .port_u16()
        .unwrap_or(if server.scheme_str() == Some("https") {
            443
        } else {
            80
        });
    if is_bypassed(
        &host,
        port,
        around
            .first_var(&["NO_PROXY", "no_proxy"])
            .unwrap_or_default(),
    ) {
        return Ok(None);
    }
    parse_proxy(proxy).map(Some)
}

fn parse_proxy(text: &str) -> Result<Uri> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    // socks5h means that the proxy resolves names, which is what this client does with socks5 as well.
    let whole = whole.replacen("socks5h://", "socks5://", 1);
    let uri: Uri = whole
        .parse()
        .map_err(|error| anyhow!("invalid proxy address {:?}: {error}", hide_userinfo(text)))?;
    match uri.scheme_str() {
        Some("http" | "https" | "socks5") => Ok(uri),
        _ => Err(anyhow!(
            "unsupported scheme of proxy address {:?}: must be http, https, or socks5",
            hide_userinfo(text)
        )),
    }
}

/// True if no proxy applies.
fn is_bypassed(host: &str, port: u16, list: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    list.split(',')
        .map(|entry| entry.trim().to_lowercase())
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            entry == "*"
                || is_in_network(&entry, address)
                || matches_host(&entry, host, port, address)
        })
}

/// True for an address inside a network such as `10.0.0.0/8`.
fn is_in_network(entry: &str, address: Option<IpAddr>) -> bool {
    let Some((network, length)) = entry.split_once('/') else {
        return false;
    };
    let (Ok(network), Ok(length), Some(address)) =
        (network.parse::<IpAddr>(), length.parse::<u32>(), address)
    else {
        return false;
    };
    let (network, address, bits) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => (
            u128::from(network.to_bits()),
            u128::from(address.to_bits()),
            32,
        ),
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    length <= bits && (length == 0 || network >> (bits - length) == address >> (bits - length))
}

/// True if an entry of NO_PROXY matches: a host or address, optionally with a port. A domain matches itself and all
/// subdomains; with a leading dot, subdomains only.
fn matches_host(entry: &str, host: &str, port: u16, address: Option<IpAddr>) -> bool {
    let (name, wanted) = match entry.rsplit_once(':') {
        Some((name, digits)) if entry.parse::<IpAddr>().is_err() && !digits.is_empty() => {
            match digits.parse::<u16>() {
                Ok(port) => (name, Some(port)),
                Err(_) => return false,
            }
        }
        _ => (entry, None),
    };
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let name = name.trim_matches(['[', ']']);
    if let Ok(named) = name.parse::<IpAddr>() {
        return address == Some(named);
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(domain) => host
            .strip_suffix(domain)
            .is_some_and(|below| below.ends_with('.')),
        None => {
            host == name
                || host
                    .strip_suffix(name)
                    .is_some_and(|below| below.ends_with('.'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(server: &str, variables: &[(&str, &str)]) -> bool {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect();
        let around = ProcessEnv {
            variables,
            ..ProcessEnv::default()
        };
        choose_proxy(&server.parse().unwrap(), "", &around)
            .unwrap()
            .is_some()
    }

    #[test]
    fn the_list_is_matched_against_the_server() {
        for (server, list, expected) in [
            ("https://10.1.2.3:6443", "", true),
            ("https://10.1.2.3:6443", "10.0.0.0/8", false),
            ("https://10.1.2.3:6443", "10.1.2.3", false),
            ("https://10.1.2.3:6443", "10.1.2.3:443", true),
            ("https://10.1.2.3:6443", "a,,10.1.2.3:6443", false),
            ("https://k8s.example.com", "example.com", false),
            ("https://example.com", "example.com", false),
            ("https://example.com", ".example.com", true),
            ("https://k8s.example.com", "*.example.com", false),
            ("https://badexample.com", "example.com", true),
            ("https://k8s.example.com", " K8S.Example.com:443 ", false),
            ("https://k8s.example.com", "*", false),
            ("https://127.0.0.1:6443", "", false),
            ("https://localhost:6443", "", false),
            ("https://[::1]:6443", "", false),
            ("https://[fd00::2]:6443", "fd00::/8", false),
            ("https://[fd00::2]:6443", "fd00::2", false),
            ("https://[fd00::2]:6443", "[fd00::2]:6443", false),
        ] {
            assert_eq!(
                proxied(server, &[("HTTPS_PROXY", "proxy:3128"), ("NO_PROXY", list)]),
                expected,
                "{server} {list:?}"
            );
        }
    }

    #[test]
    fn each_scheme_has_its_variable_and_upper_case_comes_first() {
        assert!(!proxied("https://a", &[("HTTP_PROXY", "p")]));
        assert!(proxied("http://a", &[("http_proxy", "p")]));
        let both = [
            ("HTTPS_PROXY".to_owned(), "http://up:1".into()),
            ("https_proxy".to_owned(), "http://low:1".into()),
        ]
        .into();
        let around = ProcessEnv {
            variables: both,
            ..ProcessEnv::default()
        };
        let server = "https://a".parse().unwrap();
        assert_eq!(
            choose_proxy(&server, "", &around).unwrap().unwrap().host(),
            Some("up")
        );
    }

    #[test]
    fn a_configured_proxy_counts_always() {
        let around = ProcessEnv {
            variables: [("NO_PROXY".to_owned(), "*".into())].into(),
            ..ProcessEnv::default()
        };
        let server: Uri = "https://127.0.0.1".parse().unwrap();
        assert_eq!(
            choose_proxy(&server, "socks5h://p:1080", &around)
                .unwrap()
                .unwrap()
                .scheme_str(),
            Some("socks5")
        );
        assert!(choose_proxy(&server, "ftp://p", &around).is_err());
        for secret in ["http://alice:secret@a b", "ftp://alice:secret@p"] {
            let error = choose_proxy(&server, secret, &around)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("***@") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
