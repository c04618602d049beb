//! Whose manifest a start carries out.

use anyhow::{Error, Result, anyhow};

use super::stopping::Present;
use crate::cluster::Cluster;
use crate::failure::hinted;
use crate::objects::privilege::privileges;
use crate::objects::resource::text;
use crate::reconcile::Start;

/// A stored manifest is somebody's text: only its owner's own is read any further unasked. Asked before the text is rendered,
/// since others can make that dear.
///
/// # Errors
/// Whose manifest it is and how to allow it; what the server refuses.
pub(super) async fn own(cluster: &Cluster, present: &Present) -> Result<()> {
    if present.session.spec.manifest.is_none() {
        return Ok(());
    }
    let owner = present.belonging.user_id.as_str();
    let caller = cluster.identity().await?.username;
    if caller == owner {
        return Ok(());
    }
    let name = present.name();
    let error = anyhow!("session {name:?} runs a manifest of {owner:?}, and you are {caller:?}");
    Err(confirmable(error, present))
}

/// One's own manifest is carried out unasked unless it takes privileges: it may have come from elsewhere.
///
/// # Errors
/// What it asks for and how to allow it.
pub(super) fn harmless(present: &Present, start: &Start) -> Result<()> {
    if present.session.spec.manifest.is_none() {
        return Ok(());
    }
    let takes = privileges(&start.rendering.objects);
    if takes.is_empty() {
        return Ok(());
    }
    let name = present.name();
    let takes = takes.join("; ");
    let error = anyhow!("the manifest of session {name:?} asks for privileges: {takes}");
    let objects = start.objects();
    let names = objects.iter().map(|object| {
        format!(
            "{}/{}",
            text(object, "/kind").to_lowercase(),
            text(object, "/metadata/name")
        )
    });
    let plan: Vec<String> = names.collect();
    let plan = format!("with your rights it would make {}", plan.join(", "));
    Err(confirmable(hinted(error, plan), present))
}

/// The error with the way to read the manifest, and to carry it out all the same.
fn confirmable(error: Error, present: &Present) -> Error {
    let (name, namespace) = (present.name(), present.namespace());
    let error = hinted(
        error,
        format!(
            "read it: kubectl get session {name} -n {namespace} -o jsonpath='{{.spec.manifest}}'"
        ),
    );
    hinted(
        error,
        format!("carry it out: kubectl session start {name} -n {namespace} --trust-manifest"),
    )
}
