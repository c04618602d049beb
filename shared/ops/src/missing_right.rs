//! Rights that are missing, by name.

use crate::Cluster;
use session_model::failure::{Kind, hinted, is};

/// Says which rights a refused upgrade of a Pod needs, and which role gives them; any other error stays as it is.
pub fn explain(error: anyhow::Error, cluster: &Cluster, subresource: &str) -> anyhow::Error {
    if !is(&error, Kind::Forbidden) {
        return error;
    }
    let namespace = cluster.namespace();
    hinted(
        error,
        format!(
            "it needs get and create on {subresource} in namespace {namespace:?}, as the role session-user gives: kubectl create rolebinding session-user --clusterrole session-user --user NAME -n {namespace}"
        ),
    )
}

/// Says which right a refused log needs, and which roles give it; any other error stays as it is.
pub fn explain_log(error: anyhow::Error, namespace: &str) -> anyhow::Error {
    if !is(&error, Kind::Forbidden) {
        return error;
    }
    hinted(
        error,
        format!(
            "ask an admin for the right to get pods/log in namespace {namespace:?}: the roles session-user, view and edit hold it"
        ),
    )
}
