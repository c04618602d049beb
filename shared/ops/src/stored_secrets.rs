//! The stored values of a session's secret parameters.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use crate::observed_session::ObservedSession;
use session_model::labels::SESSION_UID;
use session_model::names::parameters_secret_name;
use session_model::objects::Untyped;
use session_model::objects::ownership::has_kind_and_name;
use session_model::objects::resource::SECRET;
use session_template::decode_parameters_secret;

/// Reads the values of the session's parameters Secret, if it exists. It must name the UID of an existing Session: a create that
/// adopts a kept Secret writes the new UID on it.
pub(crate) async fn read_stored_secrets(
    cluster: &Cluster,
    observed: &ObservedSession,
) -> Result<Option<BTreeMap<String, String>>> {
    let name = parameters_secret_name(observed.name());
    let mut own = observed.live.own_data(&observed.session);
    let uid = observed.session.metadata.uid.as_deref();
    let is_its = |object: &Value| uid.is_none() || Untyped(object).annotation(SESSION_UID) == uid;
    if !own.any(|object| has_kind_and_name(object, "Secret", &name) && is_its(object)) {
        return Ok(None);
    }
    let secret = cluster.get(&SECRET, observed.namespace(), &name).await?;
    secret.as_ref().map(decode_parameters_secret).transpose()
}
