//! Hints for missing rights.

use crate::Cluster;
use session_model::failure::{FailureKind, has_kind, with_hint};

/// Adds the rights and role that a refused exec or port-forward needs; other errors stay unchanged.
pub fn explain(error: anyhow::Error, cluster: &Cluster, subresource: &str) -> anyhow::Error {
    if !has_kind(&error, FailureKind::Forbidden) {
        return error;
    }
    let namespace = cluster.namespace();
    with_hint(
        error,
        format!(
            "grant get and create on {subresource} in namespace {namespace:?}, for example with role session-user: kubectl create rolebinding session-user --clusterrole session-user --user NAME -n {namespace}"
        ),
    )
}

/// Adds the hint that names the right to a refused log; returns any other error unchanged.
pub fn explain_log(error: anyhow::Error, namespace: &str) -> anyhow::Error {
    if !has_kind(&error, FailureKind::Forbidden) {
        return error;
    }
    with_hint(
        error,
        format!(
            "ask an administrator for the right to get pods/log in namespace {namespace:?}: roles session-user, view and edit include this right"
        ),
    )
}
