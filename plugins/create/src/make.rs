//! Creates a session: the Session, its parameters Secret, its objects, its status. If a step fails, everything is rolled
//! back.

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::api::{ObjectRef, Session};
use session_shared::client::Write;
use session_shared::client::interrupt::Interrupt;
use session_shared::client::interrupt::interrupted;
use session_shared::client::typed;
use session_shared::failure::{self, Hint, Kind};
use session_shared::labels;
use session_shared::objects::resource::{
    NAMESPACE, PERSISTENT_VOLUME_CLAIM, SECRET, SESSION, annotation, text,
};
use session_shared::objects::{ResourceType, is_data};
use session_shared::ops::Cluster;
use session_shared::ops::Driver;
use session_shared::ops::beginning::finished;
use session_shared::ops::execute::Carrying;
use session_shared::ops::settling::Made;
use session_shared::ops::trust;
use session_shared::plan::{Done, Outcome, Propagation};
use session_shared::progress::{Event, Sink};
use session_shared::reconcile::{Live, Start, Wanted, reconcile, record};
use session_shared::template::stored_secrets;

use crate::intent::Intent;
use crate::plan::{self, Observed, Subject};

/// Context of a creation: everything but the session itself.
pub(crate) struct Maker<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) intent: &'a Intent,
    pub(crate) observed: &'a Observed,
    pub(crate) write: &'a Write,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) driver: Driver,
}

/// Objects this run has created so far: a rollback deletes only these.
#[derive(Default)]
struct Undo {
    namespace: Option<Value>,
    session: Option<Value>,
    data: Vec<Value>,
}

impl Maker<'_> {
    /// Creates the session.
    ///
    /// # Errors
    /// The server's refusal, or `Interrupted`, after the objects of this run have been deleted again.
    pub(crate) async fn make(&self, mut subject: Subject, sink: &mut dyn Sink) -> Result<Made> {
        let mut undo = Undo::default();
        let made = self.try_make(&mut subject, &mut undo, sink).await;
        sink.tell(Event::Done);
        match made {
            Ok(made) => Ok(made),
            Err(error) if self.write.dry_run => Err(error),
            Err(error) => Err(self.roll_back(error, undo, &subject).await),
        }
    }

    async fn try_make(
        &self,
        subject: &mut Subject,
        undo: &mut Undo,
        sink: &mut dyn Sink,
    ) -> Result<Made> {
        self.stop_if_asked()?;
        if self.intent.create_namespace {
            undo.namespace = self
                .make_namespace(subject.belonging.namespace.as_str())
                .await?;
        }
        if self.write.dry_run && undo.namespace.is_some() {
            return self.unchecked(subject, sink);
        }
        let object = self.post_session(subject).await?;
        undo.session = Some(object.clone());
        let session: Session = typed(object.clone())?;
        let uid = text(&object, "/metadata/uid").to_owned();
        if !self.write.dry_run {
            // The spec that was sent: the returned one may have been changed by somebody else.
            let sent: Session = typed(subject.session(&self.intent.metadata))?;
            let rendering = Some(&subject.rendered.rendering);
            trust::remember(self.cluster, &uid, &sent.spec, rendering, sink);
        }
        if !self.driver.is_controller() || session.spec.secrets_from.is_some() {
            self.make_secret(subject, &uid, undo, sink).await?;
        }
        let start = subject.start(&self.intent.use_existing, &uid);
        if self.driver.is_controller() {
            return Ok(Made {
                session,
                object,
                start,
                objects: Vec::new(),
                driver: self.driver,
            });
        }
        let decision = reconcile(
            &session,
            Wanted::Running,
            Some(&start),
            &Live::default(),
            &[],
            self.observed.now,
        );
        let outcome = self.carry_out(&decision.plan, &start, sink).await;
        undo.data
            .extend(outcome.created().filter(|object| is_data(object)).cloned());
        let objects = finished(outcome)?;
        self.stop_if_asked()?;
        if self.write.dry_run {
            return Ok(Made {
                session,
                object,
                start,
                objects,
                driver: self.driver,
            });
        }
        let mut status = record::started(&session, &start, &objects, self.observed.now);
        status["metadata"] = json!({ "uid": uid });
        let namespace = subject.belonging.namespace.as_str();
        let name = subject.name.as_str();
        let object = self
            .cluster
            .merge_patch(
                &SESSION,
                namespace,
                name,
                Some("status"),
                &status,
                self.write,
            )
            .await?;
        Ok(Made {
            session: typed(object.clone())?,
            object,
            start,
            objects,
            driver: self.driver,
        })
    }

    /// Returns the outcome of a server-side dry run in a namespace that does not exist: the server cannot check objects in
    /// it.
    fn unchecked(&self, subject: &Subject, sink: &mut dyn Sink) -> Result<Made> {
        let object = subject.session(&self.intent.metadata);
        let start = subject.start(&self.intent.use_existing, "");
        let count = start.rendering.objects.len();
        let namespace = subject.belonging.namespace.as_str();
        sink.tell(Event::Note(format!(
            "the session and its {count} objects were not checked: namespace {namespace:?} does not exist yet"
        )));
        let session = typed(object.clone())?;
        Ok(Made {
            session,
            object,
            start,
            objects: Vec::new(),
            driver: self.driver,
        })
    }

    fn stop_if_asked(&self) -> Result<()> {
        if self.interrupt.is_set() {
            Err(interrupted())
        } else {
            Ok(())
        }
    }

    async fn make_namespace(&self, name: &str) -> Result<Option<Value>> {
        if self.cluster.get(&NAMESPACE, "", name).await?.is_some() {
            return Ok(None);
        }
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "name": name, "labels": { labels::MANAGED_BY: labels::MANAGER } },
        });
        match self
            .cluster
            .create(&NAMESPACE, "", &object, self.write)
            .await
        {
            Ok(made) => Ok(Some(made)),
            Err(error) if failure::is(&error, Kind::AlreadyExists) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates the Session. After a lost answer the Session is read, and the run annotation tells whether this run created
    /// it.
    async fn post_session(&self, subject: &Subject) -> Result<Value> {
        let object = subject.session(&self.intent.metadata);
        let (namespace, name) = (subject.belonging.namespace.as_str(), subject.name.as_str());
        let error = match self
            .cluster
            .create(&SESSION, namespace, &object, self.write)
            .await
        {
            Ok(made) => return Ok(made),
            Err(error) => error,
        };
        if failure::is(&error, Kind::AlreadyExists) {
            return Err(error).hint(format!("choose another name, or delete the existing session: kubectl session delete {name} -n {namespace}"));
        }
        if failure::is(&error, Kind::NoSuchResource) {
            return Err(error).hint("install the API first: kubectl session setup");
        }
        if !failure::is(&error, Kind::Unreachable) || self.write.dry_run {
            return Err(error);
        }
        match self.cluster.get(&SESSION, namespace, name).await {
            Ok(Some(found)) if annotation(&found, labels::RUN) == Some(subject.belonging.run.as_str()) => Ok(found),
            Ok(_) => Err(error),
            Err(_) => Err(error).hint(format!(
                "the session may have been created; check when the server is reachable again: kubectl session list {name} -n {namespace}"
            )),
        }
    }

    /// Creates the parameters Secret before the objects rendered from it. A Secret kept from an earlier session takes
    /// precedence over newly generated values: kept data needs its old passwords.
    async fn make_secret(
        &self,
        subject: &mut Subject,
        uid: &str,
        undo: &mut Undo,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        let start = subject.start(&self.intent.use_existing, uid);
        let outcome = self.carry_out(&start.parameters_plan(), &start, sink).await;
        undo.data.extend(outcome.created().cloned());
        let kept = outcome.done.iter().find_map(|done| match done {
            Done::TakenUp(secret) => Some(secret.clone()),
            _ => None,
        });
        finished(outcome)?;
        if let Some(secret) = kept {
            let stored = stored_secrets(&secret)?;
            subject.rendered = plan::render(
                self.intent,
                self.observed,
                &subject.name,
                &subject.spec,
                &stored,
                false,
            )?;
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        plan: &session_shared::plan::Plan,
        start: &Start,
        sink: &mut dyn Sink,
    ) -> Outcome {
        let with = Carrying {
            belonging: &start.belonging,
            write: self.write.clone(),
            interrupt: self.interrupt,
            limit: std::time::Duration::MAX,
        };
        self.cluster.carry_out(plan, &with, sink).await
    }

    /// Deletes what this run has created, by UID: the Session, with which everything it owns is deleted, and the data,
    /// which has no owner. Objects that existed before are not touched.
    async fn roll_back(
        &self,
        error: anyhow::Error,
        undo: Undo,
        subject: &Subject,
    ) -> anyhow::Error {
        let namespace = subject.belonging.namespace.as_str();
        let write = Write {
            dry_run: false,
            ..self.write.clone()
        };
        let mut left = Vec::new();
        let mut targets: Vec<(&ResourceType, &Value)> = undo
            .session
            .iter()
            .map(|session| (&SESSION, session))
            .collect();
        for data in &undo.data {
            let resource = if text(data, "/kind") == "Secret" {
                &SECRET
            } else {
                &PERSISTENT_VOLUME_CLAIM
            };
            targets.push((resource, data));
        }
        targets.extend(
            undo.namespace
                .iter()
                .map(|namespace| (&NAMESPACE, namespace)),
        );
        for (resource, object) in targets {
            let place = if resource.namespaced { namespace } else { "" };
            let target = ObjectRef::of(object);
            let gone = self
                .cluster
                .take_away(resource, place, &target, Propagation::Background, &write)
                .await;
            if gone.is_err() {
                left.push(target.to_string());
            }
        }
        if left.is_empty() {
            return error;
        }
        failure::hinted(
            error,
            format!(
                "{} could not be deleted; delete the session when the server is reachable again: kubectl session delete {} -n {namespace}",
                left.join(", "),
                subject.name
            ),
        )
    }
}
