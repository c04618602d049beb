//! Ports by number or name, as the command line and connection methods write them. Pure.

use anyhow::{Result, bail};
use session_shared::failure::usage_error;

/// Validates a port number or name from the command line.
///
/// # Errors
/// A usage error.
pub(crate) fn parse_port(word: &str) -> Result<String> {
    check_port(word).map_err(|error| usage_error(error.to_string()))?;
    Ok(word.to_owned())
}

/// Validates a port number or name of a connection method.
///
/// # Errors
/// Neither a port number nor a valid port name.
pub(crate) fn check_port(word: &str) -> Result<()> {
    let number = word.parse::<i64>();
    let is_legal = match number {
        Ok(number) => (1..=65535).contains(&number),
        Err(_) => is_port_name(word),
    };
    if !is_legal {
        bail!("invalid port {word:?}: must be a number from 1 to 65535 or a port name");
    }
    Ok(())
}

/// Returns true for an IANA service name, the form of Kubernetes' port names.
fn is_port_name(word: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    word.len() <= 15
        && word.chars().all(legal)
        && word.contains(|c: char| c.is_ascii_lowercase())
        && !word.starts_with('-')
        && !word.ends_with('-')
        && !word.contains("--")
}
