//! Reads from the cluster what `create` needs before it writes, with concurrent requests.

use anyhow::{Context, Result};
use session_shared::Timestamp;
use session_shared::api::SessionTemplate;
use session_shared::client::random_token;
use session_shared::flags::file_connection::resolve_namespace;
use session_shared::names::NamespaceName;
use session_shared::ops::{Cluster, Driver, template_lookup};

use crate::given_session::SessionSource;
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
    let namespace = resolve_namespace(intent.session.namespace.as_ref(), cluster.namespace())?;
    let namespace: NamespaceName = namespace.parse()?;
    let identity = async {
        match &intent.session.user_id {
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

async fn get_template(cluster: &Cluster, intent: &Intent) -> Result<Option<SessionTemplate>> {
    match &intent.session.source {
        SessionSource::Template(name) => template_lookup::read_template(cluster, name.as_str())
            .await
            .map(Some),
        SessionSource::Manifest(_) => Ok(None),
    }
}
