//! Hints for missing rights.

use super::Cluster;
use crate::failure::{Kind, hinted, is};

/// Adds the rights and role that a refused exec or port-forward needs; other errors stay unchanged.
pub fn explain(error: anyhow::Error, cluster: &Cluster, subresource: &str) -> anyhow::Error {
    if !is(&error, Kind::Forbidden) {
        return error;
    }
    let namespace = cluster.namespace();
    hinted(
        error,
        format!(
            "grant get and create on {subresource} in namespace {namespace:?}, for example with role session-user: kubectl create rolebinding session-user --clusterrole session-user --user NAME -n {namespace}"
        ),
    )
}
