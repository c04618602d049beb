//! The validated request of a setup. Pure.

use std::time::Duration;

use anyhow::Result;
use session_shared::client::DryRun;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::names::check_dns_subdomain;
use session_shared::report::console::Console;

use crate::args::{Args, ESTABLISHED_TIMEOUT, SetupCommand};
use crate::namespace::args::SetupNamespaceArgs;
use crate::part::flags::{PartFlags, PartIntent};
use crate::part::site::Part;
use crate::part::{autoscaling, ingress, isolation, mesh, monitoring, rights, storage};
use crate::secret;
use crate::secret::intent::{SecretIntent, SecretsRequest};

/// A part of the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SetupPart {
    /// The CustomResourceDefinitions.
    Crds,
    /// The Namespace session-system and the RBAC roles.
    Roles,
    /// The admission policy that protects sessions from other users.
    Admission,
    /// The built-in templates.
    Templates,
}

impl SetupPart {
    pub(crate) const ALL: [(SetupPart, &'static str); 4] = [
        (SetupPart::Crds, "crds"),
        (SetupPart::Roles, "roles"),
        (SetupPart::Admission, "admission"),
        (SetupPart::Templates, "templates"),
    ];
}

/// Names of the subcommands of `setup`.
const COMMANDS: [&str; 8] = [
    "namespace",
    "autoscaling",
    "ingress",
    "isolation",
    "mesh",
    "monitoring",
    "secrets",
    "storage",
];

/// What `setup` is asked for.
#[derive(Debug)]
pub(crate) enum Request {
    /// Parts to install or remove.
    Parts(Box<Intent>),
    /// The namespace of a user.
    Namespace(Box<SetupNamespaceArgs>, Box<ConnectionFlags>),
    /// The keys of a Secret.
    Secret(Box<SecretIntent>),
    /// The objects of a platform beside its sessions.
    Part(Box<dyn Part>, Box<PartIntent>),
}

/// A validated setup request.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    /// Parts in the order of installation.
    pub(crate) parts: Vec<SetupPart>,
    pub(crate) remove: bool,
    pub(crate) force: bool,
    /// Timeout of the wait for the API; `None` does not wait.
    pub(crate) wait: Option<Duration>,
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

/// Applies the output flags and validates the command line.
///
/// # Errors
/// Usage errors: an unknown part, or `--force` without `--remove`.
pub(crate) fn parse_request(args: Args, console: &mut Console) -> Result<Request> {
    let Args {
        command,
        parts,
        template,
        bind_to,
        remove,
        force,
        output,
        verbosity,
        write_flags,
        wait_flags,
        connection,
    } = args;
    console.apply_flags(&verbosity);
    if let Some(command) = command {
        return parse_command(command, connection, console);
    }
    let parts = parse_parts(&parts)?;
    if template.is_some() {
        if parts != [SetupPart::Roles] {
            return Err(usage_error("--for requires the part roles and no other"));
        }
        if force {
            return Err(usage_error(
                "--for and --force cannot be specified together",
            ));
        }
        check_account(bind_to.as_deref())?;
        let flags = PartFlags {
            template,
            remove,
            output,
            write_flags,
        };
        let (part, intent) = rights::parse_part(flags, bind_to, &connection, console)?;
        return Ok(Request::Part(part, Box::new(intent)));
    }
    let mutation = MutationOptions::for_objects(&write_flags, &output, console)?;
    if force && !remove {
        return Err(usage_error("--force requires --remove"));
    }
    let waits = wait_flags.wait && mutation.dry_run == DryRun::None;
    Ok(Request::Parts(Box::new(Intent {
        parts,
        remove,
        force,
        wait: waits.then(|| wait_flags.timeout_or(ESTABLISHED_TIMEOUT)),
        mutation,
        connection,
    })))
}

/// Checks the name of a ServiceAccount in `--bind-to`, before which `kubectl create rolebinding` has a namespace.
fn check_account(bind_to: Option<&str>) -> Result<()> {
    let account = bind_to.and_then(|subject| subject.strip_prefix("serviceaccount:"));
    let checked = account
        .filter(|account| !account.is_empty())
        .map(check_dns_subdomain);
    checked.unwrap_or(Ok(())).map_err(|reason| {
        let subject = bind_to.unwrap_or_default();
        let error = usage_error(format!("invalid value of --bind-to {subject:?}: {reason}"));
        with_hint(
            error,
            "name a ServiceAccount of the namespace: serviceaccount:NAME",
        )
    })
}

fn parse_command(
    command: SetupCommand,
    connection: ConnectionFlags,
    console: &mut Console,
) -> Result<Request> {
    let (part, intent) = match command {
        SetupCommand::Namespace(args) => {
            return Ok(Request::Namespace(args, Box::new(connection)));
        }
        SetupCommand::Autoscaling(args) => autoscaling::parse_part(*args, &connection, console)?,
        SetupCommand::Ingress(args) => ingress::parse_part(*args, &connection, console)?,
        SetupCommand::Isolation(args) => isolation::parse_part(*args, &connection, console)?,
        SetupCommand::Mesh(args) => mesh::parse_part(*args, &connection, console)?,
        SetupCommand::Monitoring(args) => monitoring::parse_part(*args, &connection, console)?,
        SetupCommand::Secrets(args) => {
            match secret::intent::parse_request(*args, &connection, console)? {
                SecretsRequest::External(part, intent) => (part, intent),
                SecretsRequest::Keys(intent) => return Ok(Request::Secret(Box::new(intent))),
            }
        }
        SetupCommand::Storage(args) => storage::parse_part(*args, &connection, console)?,
    };
    Ok(Request::Part(part, Box::new(intent)))
}

/// Parses part names and returns the parts in the order of installation, without duplicates. No names mean all parts.
///
/// # Errors
/// If a name is unknown.
fn parse_parts(words: &[String]) -> Result<Vec<SetupPart>> {
    let mut parts = Vec::new();
    for word in words {
        let Some((part, _)) = SetupPart::ALL.iter().find(|(_, name)| name == word) else {
            let error = usage_error(format!(
                "unknown part {word:?}: must be one of crds, roles, admission, templates"
            ));
            return Err(match word.as_str() {
                "namespace" | "ns" => with_hint(
                    error,
                    "put namespace first: kubectl session setup namespace NAME [options]",
                ),
                word if COMMANDS.contains(&word) => with_hint(
                    error,
                    format!("put {word} first: kubectl session setup {word} [options]"),
                ),
                _ => with_hint(error, format!("commands: {}", COMMANDS.join(", "))),
            });
        };
        parts.push(*part);
    }
    if parts.is_empty() {
        parts = SetupPart::ALL.map(|(part, _)| part).to_vec();
    }
    parts.sort();
    parts.dedup();
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subcommand_is_named() {
        let command = <Args as clap::CommandFactory>::command();
        let names: Vec<&str> = command
            .get_subcommands()
            .map(|one| one.get_name())
            .collect();
        assert_eq!(names, COMMANDS);
    }

    #[test]
    fn parts_are_installed_in_their_order_whatever_was_typed() {
        let words = ["templates".to_owned(), "crds".to_owned(), "crds".to_owned()];
        assert_eq!(
            parse_parts(&words).unwrap(),
            [SetupPart::Crds, SetupPart::Templates]
        );
        assert_eq!(parse_parts(&[]).unwrap().len(), 4);
        assert!(
            parse_parts(&["x".to_owned()])
                .unwrap_err()
                .to_string()
                .contains("must be one of crds")
        );
    }
}
