//! The container whose files are copied.

use anyhow::{Result, anyhow};

use crate::{ContainerTarget, ObservedSession};
use session_client::ContainerRef;
use session_model::failure::with_hint;
use session_model::objects::metadata::name_of;

/// Returns the wanted container of a session, or its primary one.
///
/// # Errors
/// A session that is not running; a container that no Pod of the session has.
pub fn find_container(observed: &ObservedSession, wanted: Option<&str>) -> Result<ContainerRef> {
    let (session, namespace) = (observed.name(), observed.namespace());
    let target = ContainerTarget {
        container: wanted.map(str::to_owned),
        ..ContainerTarget::default()
    };
    let chosen = observed.choose_container(&target)?;
    let Some((pod, container)) = chosen.filter(|_| observed.has_live_workload()) else {
        let error = anyhow!("cannot access files of session {session:?}: session is not running");
        let start = format!("start the session: kubectl session start {session} -n {namespace}");
        return Err(with_hint(error, start));
    };
    Ok(ContainerRef {
        namespace: namespace.to_owned(),
        pod: name_of(&pod.metadata).to_owned(),
        container,
    })
}
