//! The host names under which a platform is reached, and their certificate.

use anyhow::Result;
use session_shared::failure::usage_error;
use session_shared::names::check_dns_subdomain;

/// Checks the values of `--host`, which may begin with `*.`, and of `--tls-secret`.
///
/// # Errors
/// Usage errors that name the flag.
pub(crate) fn check_hosts(hosts: &[String], tls_secret: &str) -> Result<()> {
    let hosts = hosts.iter().map(|host| {
        let name = host.strip_prefix("*.").unwrap_or(host);
        ("--host", host.as_str(), name)
    });
    for (flag, value, name) in hosts.chain([("--tls-secret", tls_secret, tls_secret)]) {
        check_dns_subdomain(name).map_err(|reason| {
            usage_error(format!("invalid value of {flag} {value:?}: {reason}"))
        })?;
    }
    Ok(())
}
