//! Reads from the cluster what `create` needs before it writes, with concurrent requests.

use anyhow::{Context, Result};
use session_shared::Timestamp;
use session_shared::api::SessionTemplate;
use session_shared::client::random_token;
use session_shared::names::NamespaceName;
use session_shared::ops::{Cluster, Driver, template_lookup};

use crate::given_session::{SessionSource, SourceNamespace};
use crate::intent::Intent;
use crate::plan::Observed;

/// Reads owner and template, and chooses the driver.
///
/// # Errors
/// A missing template; an API that is not installed; an unknown caller.
pub(crate) async fn observe(
    cluster: &Cluster,
    intent: &Intent,
    now: Timestamp,
) -> Result<(Observed, Driver)> {
    let namespace: NamespaceName = resolve_namespace(cluster, intent)?.parse()?;
    let identity = async {
        match &intent.user_id {
            Some(owner) => Ok(owner.clone()),
            None => cluster
                .get_caller_identity()
                .await?
                .username
                .parse()
                .context("cannot use your user name at the API server as owner"),
        }
    };
    let (owner, template, driver) = futures::try_join!(
        identity,
        get_template(cluster, intent),
        cluster.choose_driver(namespace.as_str(), intent.driver)
    )?;
    let run = random_token()?;
    Ok((
        Observed {
            owner,
            namespace,
            template,
            now,
            run,
        },
        driver,
    ))
}

fn resolve_namespace(cluster: &Cluster, intent: &Intent) -> Result<String> {
    let current = cluster.namespace();
    match &intent.namespace {
        Some(SourceNamespace::Default(named)) => Ok(named.clone()),
        Some(SourceNamespace::Required(named)) if named != current => Err(anyhow::anyhow!(
            "the namespace from the provided object {named:?} does not match the namespace {current:?}. You must pass \
             '--namespace={named}' to perform this operation."
        )),
        _ => Ok(current.to_owned()),
    }
}

async fn get_template(cluster: &Cluster, intent: &Intent) -> Result<Option<SessionTemplate>> {
    match &intent.source {
        SessionSource::Template(name) => template_lookup::read_template(cluster, name.as_str())
            .await
            .map(Some),
        SessionSource::Manifest(_) => Ok(None),
    }
}
