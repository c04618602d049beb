//! Parser for `--port-forward [ADDRESS:][LOCAL:]REMOTE`. Pure.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;
use session_shared::failure::usage_error;

use crate::port_name::parse_port;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A port of the session and the local addresses it is forwarded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortForward {
    /// Addresses to listen on: all of them; for `localhost`, those that this machine has.
    pub(crate) addresses: Vec<IpAddr>,
    /// Local port; 0 for any free port, `None` for the number of the remote port.
    pub(crate) local: Option<u16>,
    /// Number or name of the remote port.
    pub(crate) remote: String,
}

impl PortForward {
    /// Returns the local port if it is known without the Pod; 0 for any free port.
    pub(crate) fn known_local(&self) -> Option<u16> {
        self.local.or_else(|| self.remote.parse().ok())
    }
}

/// Parses the values of the flag. One value may hold several ports, separated by commas or spaces as in kubectl's arguments.
///
/// # Errors
/// A usage error: an invalid port, or a local port given twice.
pub(crate) fn parse_port_forwards(words: &[String]) -> Result<Vec<PortForward>> {
    let mut forwards = Vec::new();
    for word in words {
        let mut parts = word
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|part| !part.is_empty())
            .peekable();
        if parts.peek().is_none() {
            return Err(usage_error("--port-forward requires a port"));
        }
        for part in parts {
            forwards.push(parse_port_forward(part)?);
        }
    }
    let mut taken = HashSet::new();
    for forward in &forwards {
        let Some(local @ 1..) = forward.known_local() else {
            continue;
        };
        for address in &forward.addresses {
            if !taken.insert((*address, local)) {
                let place = std::net::SocketAddr::new(*address, local);
                return Err(usage_error(format!(
                    "local port {place} is specified twice"
                )));
            }
        }
    }
    Ok(forwards)
}

fn parse_port_forward(word: &str) -> Result<PortForward> {
    let (address, ports) = split_address(word)?;
    let parts: Vec<&str> = ports.split(':').collect();
    let (address, local, remote) = match (address, parts.as_slice()) {
        (address, [remote]) => (address, None, *remote),
        // An address without a local port.
        (None, [first, remote]) if is_address(first) => (Some(*first), None, *remote),
        (address, [local, remote]) => (address, Some(*local), *remote),
        (None, [address, local, remote]) => (Some(*address), Some(*local), *remote),
        _ => return Err(usage_error(format!("invalid port format '{word}'"))),
    };
    Ok(PortForward {
        addresses: parse_addresses(address)?,
        local: local
            .map(|local| parse_local_port(local, word))
            .transpose()?,
        remote: parse_remote_port(remote)?,
    })
}

/// Splits off an address in brackets.
fn split_address(word: &str) -> Result<(Option<&str>, &str)> {
    let Some(rest) = word.strip_prefix('[') else {
        return Ok((None, word));
    };
    match rest.split_once("]:") {
        Some((address, ports)) => Ok((Some(address), ports)),
        None => Err(usage_error(format!("invalid port format '{word}'"))),
    }
}

fn is_address(word: &str) -> bool {
    word == "localhost" || word.parse::<IpAddr>().is_ok()
}

fn parse_addresses(word: Option<&str>) -> Result<Vec<IpAddr>> {
    match word {
        None => Ok(vec![LOOPBACK]),
        Some("localhost") => Ok(vec![LOOPBACK, IpAddr::V6(Ipv6Addr::LOCALHOST)]),
        Some(word) => match word.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) => Err(usage_error(format!("{word} is not a valid IP"))),
        },
    }
}

fn parse_local_port(word: &str, all: &str) -> Result<u16> {
    if word.is_empty() {
        return Ok(0);
    }
    word.parse().map_err(|_| {
        usage_error(format!(
            "error parsing local port '{word}' of '{all}': must be a number from 0 to 65535"
        ))
    })
}

fn parse_remote_port(word: &str) -> Result<String> {
    if word.parse() == Ok(0) {
        return Err(usage_error("remote port must be > 0"));
    }
    parse_port(word).map_err(|_| {
        usage_error(format!(
            "error parsing remote port '{word}': must be a number from 1 to 65535 or a port name"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        match parse_port_forwards(&words) {
            Ok(forwards) => {
                let one = |f: &PortForward| format!("{:?} {:?} {}", f.addresses, f.local, f.remote);
                forwards.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_form_is_read() {
        for (word, meant) in [
            ("8080", "[127.0.0.1] None 8080"),
            ("web", "[127.0.0.1] None web"),
            ("8888:80", "[127.0.0.1] Some(8888) 80"),
            (":80", "[127.0.0.1] Some(0) 80"),
            ("0:http", "[127.0.0.1] Some(0) http"),
            ("localhost:8080", "[127.0.0.1, ::1] None 8080"),
            ("0.0.0.0:1:2", "[0.0.0.0] Some(1) 2"),
            ("10.0.0.1::2", "[10.0.0.1] Some(0) 2"),
            ("[::1]:8080", "[::1] None 8080"),
            ("[::1]:1:2", "[::1] Some(1) 2"),
            ("[localhost]::2", "[127.0.0.1, ::1] Some(0) 2"),
        ] {
            assert_eq!(shown(&[word]), meant, "{word}");
        }
    }

    #[test]
    fn several_may_stand_in_one_word() {
        let three = "[127.0.0.1] None 1; [127.0.0.1] Some(0) 2; [127.0.0.1] None web";
        assert_eq!(shown(&["1,:2 web"]), three);
        assert_eq!(shown(&["1", ":2", " web, "]), three);
        // Any free port may be taken as often as one likes.
        assert_eq!(
            shown(&[":2,:2"]),
            "[127.0.0.1] Some(0) 2; [127.0.0.1] Some(0) 2"
        );
    }

    #[test]
    fn what_is_no_port_is_told() {
        for (word, told) in [
            ("", "--port-forward requires a port"),
            (", ,", "--port-forward requires a port"),
            ("0", "remote port must be > 0"),
            ("80:0", "remote port must be > 0"),
            (
                "70000",
                "error parsing remote port '70000': must be a number from 1 to 65535 or a port name",
            ),
            (
                "80:",
                "error parsing remote port '': must be a number from 1 to 65535 or a port name",
            ),
            (
                "-1",
                "error parsing remote port '-1': must be a number from 1 to 65535 or a port name",
            ),
            (
                "Web",
                "error parsing remote port 'Web': must be a number from 1 to 65535 or a port name",
            ),
            (
                "70000:80",
                "error parsing local port '70000' of '70000:80': must be a number from 0 to 65535",
            ),
            (
                "web:80",
                "error parsing local port 'web' of 'web:80': must be a number from 0 to 65535",
            ),
            ("example.org:1:2", "example.org is not a valid IP"),
            ("1:2:3:4", "invalid port format '1:2:3:4'"),
            ("::1:80:80", "invalid port format '::1:80:80'"),
            ("[::1", "invalid port format '[::1'"),
            ("8080,8080", "local port 127.0.0.1:8080 is specified twice"),
            (
                "8080 localhost:8080:1",
                "local port 127.0.0.1:8080 is specified twice",
            ),
        ] {
            assert_eq!(shown(&[word]), told, "{word}");
        }
    }
}
