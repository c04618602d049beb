//! Waits for the phase that a controller writes.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::Cluster;
use session_client::interrupt::Interrupt;
use session_client::timed_out;
use session_model::api::Session;
use session_model::objects::Untyped;
use session_model::objects::conditions::has_condition;
use session_model::objects::resource::SESSION;
use session_model::progress::{ProgressEvent, ProgressSink, WaitStage};

impl Cluster {
    /// Waits until a controller has started a session, successfully or not: until its phase is running, failed or
    /// stopped.
    ///
    /// # Errors
    /// TimedOut in kubectl's words; Interrupted; NotFound if the session is deleted.
    pub async fn wait_phase(
        &self,
        namespace: &str,
        session: &Session,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn ProgressSink,
    ) -> Result<Value> {
        let name = session.name();
        let object = format!("session/{name}");
        sink.tell(ProgressEvent::Waiting {
            stage: WaitStage::Applying,
            object,
            detail: "the controller is starting the session".into(),
        });
        let asked = session.spec.start_request.as_deref();
        let before = session.status.as_ref();
        let before = before.and_then(|status| status.start_request.as_deref());
        let settled = |object: &Value| {
            // Until the controller has recorded the new start request, the phase is that of the previous start.
            let taken_up = before.is_none()
                || asked.is_some_and(|asked| {
                    Untyped(object).str_at("/status/startRequest") == Some(asked)
                });
            let phase = Untyped(object).str_at("/status/phase");
            taken_up && matches!(phase, Some("running" | "failed" | "stopped"))
        };
        self.wait_session(namespace, name, settled, limit, interrupt)
            .await
    }

    /// Waits until a controller has stopped a session, or reports that it cannot (condition Synced is False).
    ///
    /// # Errors
    /// As [`Cluster::wait_phase`].
    pub async fn wait_stopped(
        &self,
        namespace: &str,
        name: &str,
        limit: Duration,
        interrupt: &Interrupt,
        sink: &mut dyn ProgressSink,
    ) -> Result<Value> {
        sink.tell(ProgressEvent::Waiting {
            stage: WaitStage::Terminating,
            object: format!("session/{name}"),
            detail: "the controller is stopping the session".into(),
        });
        let settled = |object: &Value| {
            let phase = Untyped(object).str_at("/status/phase");
            matches!(phase, Some("failed" | "stopped")) || has_condition(object, "Synced", "False")
        };
        self.wait_session(namespace, name, settled, limit, interrupt)
            .await
    }

    /// Waits until `settled` is true for a session.
    async fn wait_session(
        &self,
        namespace: &str,
        name: &str,
        settled: impl Fn(&Value) -> bool,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<Value> {
        let wait = self.wait_object(&SESSION, namespace, name, settled);
        let timed = async {
            tokio::time::timeout(limit, wait)
                .await
                .unwrap_or_else(|_| Err(timed_out(&SESSION, name)))
        };
        interrupt.race(timed).await
    }
}
