//! Rights that are missing, by name.

use session_shared::cluster::Cluster;
use session_shared::failure::{Kind, hinted, is};

/// Says which rights a refused upgrade needs, and which role gives them.
pub(crate) fn explain(error: anyhow::Error, cluster: &Cluster, subresource: &str) -> anyhow::Error {
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
