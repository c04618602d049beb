//! Whose manifest a start carries out.

use anyhow::{Result, anyhow};

use super::stopping::Present;
use crate::cluster::Cluster;
use crate::failure::hinted;
use crate::objects::privilege::privileges;
use crate::objects::resource::text;
use crate::reconcile::Start;

/// A stored manifest is somebody's text: only its owner's own, without privileges, is carried out unasked.
///
/// # Errors
/// What the manifest would do and how to allow it; what the server refuses.
pub(super) async fn own_and_harmless(
    cluster: &Cluster,
    present: &Present,
    start: &Start,
) -> Result<()> {
    if present.session.spec.manifest.is_none() {
        return Ok(());
    }
    let owner = present.belonging.user_id.as_str();
    let caller = cluster.identity().await?.username;
    let takes = privileges(&start.rendering.objects);
    let name = present.name();
    let error = if caller != owner {
        anyhow!("session {name:?} runs a manifest of {owner:?}, and you are {caller:?}")
    } else if takes.is_empty() {
        return Ok(());
    } else {
        let takes = takes.join(", ");
        anyhow!("the manifest of session {name:?} asks for privileges: {takes}")
    };
    let objects = start.objects();
    let names = objects.iter().map(|object| {
        format!(
            "{}/{}",
            text(object, "/kind").to_lowercase(),
            text(object, "/metadata/name")
        )
    });
    let plan: Vec<String> = names.collect();
    let error = hinted(
        error,
        format!("with your rights it would make {}", plan.join(", ")),
    );
    let namespace = present.namespace();
    let error = hinted(
        error,
        format!(
            "read it: kubectl get session {name} -n {namespace} -o jsonpath='{{.spec.manifest}}'"
        ),
    );
    Err(hinted(
        error,
        format!("carry it out: kubectl session start {name} -n {namespace} --trust-manifest"),
    ))
}
