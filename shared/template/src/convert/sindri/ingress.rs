//! The Ingress of a sindri.yaml, whose keys stand flat or in a block.

use super::super::super::node::Node;
use super::super::fields::{FieldReader, location};

const SSH_PORT: &str =
    "the Ingress leads to port 2222, which speaks SSH: an Ingress carries HTTP only";
const SSH_WAYS: &str = "reach SSH with kubectl session connect --ssh or serviceType NodePort or LoadBalancer, or name an HTTP port as ingressPort";

/// An Ingress.
#[derive(Debug)]
pub(super) struct Ingress {
    pub(super) host: String,
    pub(super) class: Option<String>,
    /// HTTP port of the container, if the file names one.
    pub(super) port: Option<u64>,
}

/// Reads the flat keys and the nested block of an Ingress, which must agree.
pub(super) fn read_ingress(
    reader: &mut FieldReader<'_>,
    section: Option<&Node>,
) -> Option<Ingress> {
    let nested = reader.section(
        section,
        "ingress",
        &["enabled", "hostname", "class", "port"],
    );
    let enabled = agreed(
        reader,
        (section, "ingressEnabled"),
        (nested, "enabled"),
        |reader, node, key| reader.flag(node, key),
    );
    let text =
        |reader: &mut FieldReader<'_>, node: Option<&Node>, key: &str| reader.text(node, key);
    let host = agreed(reader, (section, "ingressHost"), (nested, "hostname"), text);
    let class = agreed(reader, (section, "ingressClass"), (nested, "class"), text);
    let port = agreed(
        reader,
        (section, "ingressPort"),
        (nested, "port"),
        |reader, node, key| reader.number(node, key, 1..=65535),
    );
    let place = location(section, "ingressHost");
    match (enabled, host) {
        (Some(true), Some(host)) => {
            if port.is_none() {
                reader.warn(place, SSH_PORT.to_owned(), SSH_WAYS);
            }
            Some(Ingress { host, class, port })
        }
        (Some(true), None) => {
            reader.reject(
                place,
                "the Ingress has no host".to_owned(),
                "add ingressHost: HOST",
            );
            None
        }
        (None, Some(_)) => {
            let message = "ingressHost has no effect without ingressEnabled: true";
            reader.warn(place, message.to_owned(), "");
            None
        }
        _ => None,
    }
}

/// Reads a value that the file may have in two places. If both have one, they must be equal.
fn agreed<'n, T: PartialEq>(
    reader: &mut FieldReader<'_>,
    flat: (Option<&'n Node>, &str),
    nested: (Option<&'n Node>, &str),
    read: impl Fn(&mut FieldReader<'_>, Option<&'n Node>, &str) -> Option<T>,
) -> Option<T> {
    let first = read(reader, flat.0, flat.1);
    let second = read(reader, nested.0, nested.1);
    if let (Some(first), Some(second)) = (&first, &second)
        && first != second
    {
        let message = format!("{} and ingress.{} differ", flat.1, nested.1);
        reader.reject(location(nested.0, nested.1), message, "remove one of them");
    }
    first.or(second)
}
