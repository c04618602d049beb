//! Restart of a running session: a stop and a validated start.

use anyhow::Result;

use super::finish_start::Started;
use super::start_plan::StartPlan;
use super::stop::StopContext;
use super::stop_options::StopOptions;
use crate::Cluster;
use crate::observed_session::ObservedSession;
use crate::selected_sessions::SelectedSession;
use session_model::objects::Untyped;
use session_model::objects::access::Access;
use session_model::objects::pods::pod_metadata_paths;
use session_model::objects::resource::SESSION;
use session_model::objects::rest_method::RestMethod;
use session_model::objects::{ResourceType, is_data};
use session_model::progress::ProgressSink;

impl StartPlan {
    /// Checks before the first write that the caller may both stop and start the session, so that it does not stay stopped because
    /// its start is refused.
    ///
    /// # Errors
    /// The first missing right, in the server's words.
    pub async fn require_restart_access(
        &self,
        options: &StopOptions,
        with: StopContext<'_>,
    ) -> Result<()> {
        self.observed
            .require_stop_access(options, &self.start_accesses(), with)
            .await
    }

    /// Returns the rights that the start needs after the stop: Pods are created again, workloads that were scaled to 0 and other
    /// existing objects are patched.
    fn start_accesses(&self) -> Vec<Access> {
        let (live, name) = (&self.observed.live, self.observed.name());
        let needs = self.start.owned_objects().into_iter().filter_map(|object| {
            let (kind, name) = (Untyped(&object).kind(), Untyped(&object).name());
            let resource = ResourceType::find_known(Untyped(&object).api_version(), kind)?;
            let there = live.find_object(kind, name).is_some();
            let pods = !pod_metadata_paths(kind).is_empty();
            let started = !there || (pods && RestMethod::of_kind(kind).is_none());
            match started {
                true => Some(Access::new("create", resource, "")),
                false => (!is_data(&object)).then(|| Access::new("patch", resource, name)),
            }
        });
        let session = [
            Access::new("patch", &SESSION, name),
            Access::new("patch", &SESSION, name).on_subresource("status"),
        ];
        let custom = live.custom.iter();
        let custom = custom.flat_map(|one| one.start_accesses(self.observed.session.primary()));
        needs.chain(custom).chain(session).collect()
    }

    /// Stops the session and starts it.
    ///
    /// # Errors
    /// A missing right, before anything is written; the step that failed, with a hint how to continue.
    pub async fn restart(
        &self,
        cluster: &Cluster,
        options: &StopOptions,
        with: StopContext<'_>,
        sink: &mut dyn ProgressSink,
    ) -> Result<Started> {
        self.require_restart_access(options, with).await?;
        let object = self.observed.stop(cluster, options, with, sink).await?;
        let mut start_plan = self.clone();
        if !with.write.dry_run {
            let chosen = SelectedSession::parse(object)?;
            start_plan.replace_observed(
                ObservedSession::read(cluster, chosen, self.observed.driver).await?,
            );
        }
        start_plan.start(cluster, with.into(), sink).await
    }
}
