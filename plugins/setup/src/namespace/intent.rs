//! The validated request of `setup namespace`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use session_shared::capacity::container_defaults::ContainerDefaults;
use session_shared::capacity::quota_key::add_hard;
use session_shared::client::DryRun;
use session_shared::failure::{usage_error, with_hint};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::file_connection::adopt_file_connection;
use session_shared::flags::list::parse_new_owner;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::values::read_source;
use session_shared::names::{UserId, check_dns_label, check_dns_subdomain};
use session_shared::quantity::Quantity;
use session_shared::report::console::Console;
use session_shared::template::InputForm;

use super::args::{COUNTED_TIMEOUT, SetupNamespaceArgs};
use crate::roles::SYSTEM_NAMESPACE;
use crate::template_pods::{Port, TemplatePods};

/// Levels of the Pod Security Standards.
const POD_SECURITY_LEVELS: [&str; 3] = ["restricted", "baseline", "privileged"];

/// A validated request to prepare or clear the namespace of a user.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    /// Name of the namespace.
    pub(crate) namespace: String,
    /// Its user; `None` only for a removal.
    pub(crate) user: Option<UserId>,
    /// Templates whose ports are open.
    pub(crate) templates: Vec<String>,
    /// Team of the user; `None` keeps what is there.
    pub(crate) team: Option<String>,
    /// Pod Security level; `None` keeps what is there.
    pub(crate) pod_security: Option<String>,
    /// The file, if there is one.
    pub(crate) file: Option<TenantFile>,
    pub(crate) remove: bool,
    pub(crate) force: bool,
    /// Timeout of the wait for the quota; `None` does not wait.
    pub(crate) wait: Option<Duration>,
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

/// What the sindri.yaml of a user says about their namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct TenantFile {
    /// Name of the file for messages.
    pub(crate) name: String,
    /// What the command line names it by: a path, or `-`.
    pub(crate) argument: String,
    /// `spec.hard` of the ResourceQuota; empty without resourceQuota.
    pub(crate) hard: BTreeMap<String, Quantity>,
    /// Defaults of the LimitRange.
    pub(crate) defaults: ContainerDefaults,
    /// Ports of its session.
    pub(crate) ports: BTreeSet<Port>,
}

/// Validates the command line and the file it names. The file's namespace and context are used unless flags name others.
///
/// # Errors
/// Usage errors: no namespace or user, a namespace of the cluster, an invalid value; problems of the file.
pub(crate) fn parse_intent(
    args: SetupNamespaceArgs,
    connection: &ConnectionFlags,
    console: &mut Console,
) -> Result<Intent> {
    let SetupNamespaceArgs {
        name,
        user_id,
        filename,
        templates,
        team,
        pod_security,
        remove,
        force,
        output,
        write_flags,
        wait_flags,
    } = args;
    let mutation = MutationOptions::for_objects(&write_flags, &output, console)?;
    if team.as_deref() == Some("") {
        return Err(usage_error("--team must not be empty"));
    }
    check_level(pod_security.as_deref())?;
    for template in &templates {
        check_dns_subdomain(template).map_err(|reason| {
            usage_error(format!("invalid value of --for {template:?}: {reason}"))
        })?;
    }
    let user = user_id.as_deref().map(parse_new_owner).transpose()?;
    let mut connection = connection.clone();
    connection.namespace = name;
    let file = filename.map(|file| read_tenant(file, &mut connection, console));
    let file = file.transpose()?;
    let namespace = connection.namespace.clone();
    let namespace = namespace.ok_or_else(|| no_namespace_error(file.as_ref()))?;
    check_namespace(&namespace)?;
    if user.is_none() && !remove {
        return Err(usage_error("--user-id is required"));
    }
    let waits = wait_flags.wait && mutation.dry_run == DryRun::None;
    Ok(Intent {
        namespace,
        user,
        templates,
        team,
        pod_security,
        file,
        remove,
        force,
        wait: waits.then(|| wait_flags.timeout_or(COUNTED_TIMEOUT)),
        mutation,
        connection,
    })
}

fn check_level(level: Option<&str>) -> Result<()> {
    match level.filter(|level| !POD_SECURITY_LEVELS.contains(level)) {
        None => Ok(()),
        Some(other) => Err(usage_error(format!(
            "invalid value of --pod-security {other:?}: must be one of {}",
            POD_SECURITY_LEVELS.join(", ")
        ))),
    }
}

/// Checks that a name can be that of a user's namespace.
fn check_namespace(name: &str) -> Result<()> {
    check_dns_label(name).map_err(|reason| anyhow!("invalid namespace {name:?}: {reason}"))?;
    if name == "default" || name == SYSTEM_NAMESPACE || name.starts_with("kube-") {
        let error =
            anyhow!("namespace {name:?} belongs to the cluster and cannot be that of a user");
        return Err(with_hint(error, "choose another NAME"));
    }
    Ok(())
}

fn no_namespace_error(file: Option<&TenantFile>) -> anyhow::Error {
    usage_error(match file {
        Some(file) => format!("NAME is required: {} names no namespace", file.name),
        None => "NAME or --filename is required".to_owned(),
    })
}

/// Reads what a sindri.yaml says about the namespace of a user. No secret of it is read.
fn read_tenant(
    argument: String,
    connection: &mut ConnectionFlags,
    console: &mut Console,
) -> Result<TenantFile> {
    let source = &read_source(&argument, console.input())?;
    let file = source.name();
    let form = InputForm::Sindri;
    match InputForm::recognize(source) {
        Some(found) if found == form => {}
        Some(other) => bail!(
            "{file}: must be {}, not {}",
            form.describe(),
            other.describe()
        ),
        None => bail!("{file}: must be {}", form.describe()),
    }
    // Secrets do not matter for a namespace, but without a value a required one would be a problem.
    let converted = form.convert(source, &mut |_, _| Ok(Some("unread".to_owned())))?;
    let converted = converted.unwrap_or_default();
    // Warnings about the rest of the file concern the session, not its namespace.
    let warnings = converted.warnings.iter();
    for warning in warnings.filter(|warning| warning.message.contains("resourceQuota")) {
        console.warn_with_hint(&warning.to_string(), warning.hint.as_deref());
    }
    let pods = TemplatePods::of_objects("sindri", &converted.objects, &|_, _| false);
    let mut tenant = TenantFile {
        name: file.to_owned(),
        argument,
        ports: pods.ports(),
        ..TenantFile::default()
    };
    for (key, amount) in &converted.quota {
        add_hard(&mut tenant.hard, key, amount).with_context(|| file.to_owned())?;
    }
    for (key, amount) in &converted.container_defaults {
        tenant.defaults.add(key, amount)?;
    }
    tenant.defaults.cap(&tenant.hard);
    adopt_file_connection(file, &converted, connection, console);
    Ok(tenant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_of_the_cluster_are_nobodys() {
        for name in ["default", "kube-system", "kube-public", "session-system"] {
            let refused = check_namespace(name).unwrap_err().to_string();
            assert!(refused.contains("belongs to the cluster"), "{refused}");
        }
        check_namespace("dev-alice").unwrap();
        assert!(check_namespace("Dev").is_err());
    }

    #[test]
    fn a_level_is_one_of_the_standards() {
        check_level(None).unwrap();
        check_level(Some("privileged")).unwrap();
        let refused = check_level(Some("strict")).unwrap_err().to_string();
        assert!(refused.ends_with("must be one of restricted, baseline, privileged"));
    }
}
