//! Reads what explains the causes of a diagnosis.

use anyhow::Result;
use futures::future::join_all;
use session_shared::diagnosis::Cause;
use session_shared::ops::Cluster;

use crate::diagnosis;
use crate::observe::{Observed, observe};

/// Reads the session and everything that a report shows of it, including explanations of the causes.
///
/// # Errors
/// As [`observe`].
pub(crate) async fn observe_with_causes(cluster: &Cluster, name: &str) -> Result<Observed> {
    let mut observed = observe(cluster, name).await?;
    explain_causes(cluster, &mut observed).await;
    Ok(observed)
}

/// Reads further facts about the causes, such as the last lines of a log or the capacity of nodes. Causes that were explained
/// before are not explained again.
pub(crate) async fn explain_causes(cluster: &Cluster, observed: &mut Observed) {
    let causes = diagnosis::unexplained_causes(observed);
    observed
        .explained_causes
        .retain(|(before, _)| causes.contains(before));
    let known = |cause: &Cause| {
        observed
            .explained_causes
            .iter()
            .any(|(before, _)| before == cause)
    };
    let new: Vec<Cause> = causes.into_iter().filter(|cause| !known(cause)).collect();
    let explanations = new
        .iter()
        .map(|cause| cluster.explain_cause(cluster.namespace(), cause.clone()));
    let explained = join_all(explanations).await;
    observed
        .explained_causes
        .extend(new.into_iter().zip(explained));
}
