//! Creates a session: the Session, its parameters Secret, its objects, its status. If a step fails, everything is rolled
//! back.

use anyhow::Result;
use serde_json::{Value, json};
use session_shared::Timestamp;
use session_shared::api::{ObjectRef, Session};
use session_shared::client::interrupt::{Interrupt, InterruptGuard, interrupted_error};
use session_shared::client::{WriteOptions, parse_object};
use session_shared::failure::{self, FailureKind, HintExt};
use session_shared::labels;
use session_shared::objects::Untyped;
use session_shared::objects::resource::{NAMESPACE, PERSISTENT_VOLUME_CLAIM, SECRET, SESSION};
use session_shared::objects::{ResourceType, is_data};
use session_shared::ops::finish_start::Started;
use session_shared::ops::missing_kinds::MissingKinds;
use session_shared::ops::room::{CheckedRoom, offer_wait, refused_start_error};
use session_shared::ops::room_wait::RoomWait;
use session_shared::ops::start::{RequestedStart, StartContext};
use session_shared::ops::wait_ready::AwaitedWorkloads;
use session_shared::ops::{Cluster, Driver};
use session_shared::plan::PropagationPolicy;
use session_shared::progress::{ProgressEvent, ProgressSink};
use session_shared::reconcile::{LiveObjects, Rendering};
use session_shared::template::decode_parameters_secret;

use crate::intent::Intent;
use crate::plan::{self, NewSession, Observed};

/// Context of a creation: everything but the session itself.
pub(crate) struct Creation<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) intent: &'a Intent,
    pub(crate) observed: &'a Observed,
    pub(crate) write: &'a WriteOptions,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) driver: Driver,
    /// Time of the start.
    pub(crate) now: Timestamp,
    /// Kinds whose objects are left out.
    pub(crate) missing: &'a MissingKinds,
}

/// Objects this run has created so far: a rollback deletes only these.
#[derive(Default)]
struct CreatedObjects {
    namespace: Option<Value>,
    session: Option<Value>,
    /// Objects of the session, of which only data has no owner.
    created: Vec<Value>,
}

impl CreatedObjects {
    /// Returns the objects that a rollback deletes, in its order: the Session, the data, which has no owner, and the Namespace.
    fn objects(&self) -> impl Iterator<Item = (&'static ResourceType, &Value)> {
        let session = self.session.iter().map(|session| (&SESSION, session));
        let data = self.created.iter().filter(|object| is_data(object));
        let data = data.map(|object| match Untyped(object).kind() {
            "Secret" => (&SECRET, object),
            _ => (&PERSISTENT_VOLUME_CLAIM, object),
        });
        let namespace = self.namespace.iter();
        let namespace = namespace.map(|namespace| (&NAMESPACE, namespace));
        session.chain(data).chain(namespace)
    }
}

impl Creation<'_> {
    /// Creates the session, if the command line says so as soon as there is room for it. Ctrl-C ends the wait for room at once; from the
    /// first write on it must not end the process, or the objects would be neither rolled back nor reported: hence the guard.
    ///
    /// # Errors
    /// As [`Creation::create`]; a wait for room that has come to its limit.
    pub(crate) async fn create_in_room(
        &mut self,
        mut subject: NewSession,
        checked: Option<CheckedRoom>,
        clock: impl Fn() -> Timestamp,
        sink: &mut dyn ProgressSink,
    ) -> Result<(Started, InterruptGuard)> {
        let (cluster, room, interrupt) = (self.cluster, self.intent.room, self.interrupt);
        let mut create = async |sink: &mut dyn ProgressSink| {
            let guard = self.interrupt.guard()?;
            // The lifetime counts from the start, not from the wait for it.
            self.now = clock();
            subject.request_start(self.now);
            let mut started = self.create(&subject, sink).await?;
            if room.is_some() {
                started.awaited = AwaitedWorkloads::AllInRoom;
            }
            Ok((started, guard))
        };
        match room.zip(checked) {
            Some((limit, checked)) => {
                let wait = RoomWait::new(limit, interrupt);
                wait.start_in_room(cluster, checked, sink, create).await
            }
            None => create(sink).await.map_err(offer_wait),
        }
    }

    /// Creates the session.
    ///
    /// # Errors
    /// The server's refusal, or `Interrupted`, after the objects of this run have been deleted again.
    pub(crate) async fn create(
        &self,
        subject: &NewSession,
        sink: &mut dyn ProgressSink,
    ) -> Result<Started> {
        let mut undo = CreatedObjects::default();
        let started = self.create_objects(subject, &mut undo, sink).await;
        sink.tell(ProgressEvent::Done);
        let error = match started {
            Ok(started) => return Ok(started),
            Err(error) => {
                let namespace = subject.ownership.namespace.as_str();
                refused_start_error(subject.name.as_str(), namespace, error)
            }
        };
        if self.write.dry_run {
            return Err(error);
        }
        Err(self.roll_back(error, undo, subject).await)
    }

    async fn create_objects(
        &self,
        subject: &NewSession,
        undo: &mut CreatedObjects,
        sink: &mut dyn ProgressSink,
    ) -> Result<Started> {
        self.check_interrupt()?;
        if self.intent.create_namespace {
            let namespace = subject.ownership.namespace.as_str();
            undo.namespace = create_namespace(self.cluster, namespace, self.write).await?;
        }
        if self.write.dry_run && undo.namespace.is_some() {
            return self.unchecked_dry_run(subject, sink);
        }
        let object = self.create_session(subject).await?;
        undo.session = Some(object.clone());
        let uid = Untyped(&object).require_uid()?.to_owned();
        let start = subject.start(&self.intent.use_existing, Some(uid));
        let sent: Session = parse_object(subject.session_object(&self.intent.session.metadata))?;
        let requested = RequestedStart {
            object,
            sent_spec: &sent.spec,
            secret_plan: start.parameters_plan(),
            start,
            live: &LiveObjects::default(),
            driver: self.driver,
            gave_secrets: sent.spec.secrets_from.is_some(),
            rolls_back: true,
        };
        let context = StartContext {
            write: self.write,
            interrupt: self.interrupt,
            now: self.now,
        };
        let render_again = |secret: &Value| self.render_with_secret(subject, secret);
        requested
            .carry_out(self.cluster, context, &mut undo.created, render_again, sink)
            .await
    }

    /// Renders the session with the values of a Secret that was kept from an earlier one.
    fn render_with_secret(&self, subject: &NewSession, secret: &Value) -> Result<Rendering> {
        let stored = decode_parameters_secret(secret)?;
        let (intent, observed) = (self.intent, self.observed);
        let (name, spec) = (&subject.name, &subject.spec);
        let output = plan::render_session(intent, observed, name, spec, &stored, false)?;
        let mut rendering = output.rendering;
        self.missing.leave_out(&mut rendering.objects);
        Ok(rendering)
    }

    /// Returns the outcome of a server-side dry run in a namespace that does not exist: the server cannot check objects in
    /// it.
    fn unchecked_dry_run(
        &self,
        subject: &NewSession,
        sink: &mut dyn ProgressSink,
    ) -> Result<Started> {
        let object = subject.session_object(&self.intent.session.metadata);
        let start = subject.start(&self.intent.use_existing, None);
        let count = start.rendering.objects.len();
        let namespace = subject.ownership.namespace.as_str();
        sink.tell(ProgressEvent::Note(format!(
            "the session and its {count} objects were not checked: namespace {namespace:?} does not exist yet"
        )));
        let session = parse_object(object.clone())?;
        Ok(Started {
            session,
            object,
            start,
            objects: Vec::new(),
            driver: self.driver,
            awaited: AwaitedWorkloads::All,
        })
    }

    fn check_interrupt(&self) -> Result<()> {
        if self.interrupt.is_set() {
            Err(interrupted_error())
        } else {
            Ok(())
        }
    }

    /// Creates the Session. After a lost answer the Session is read, and the run annotation tells whether this run created
    /// it.
    async fn create_session(&self, subject: &NewSession) -> Result<Value> {
        let object = subject.session_object(&self.intent.session.metadata);
        let (namespace, name) = (subject.ownership.namespace.as_str(), subject.name.as_str());
        let error = match self
            .cluster
            .create(&SESSION, namespace, &object, self.write)
            .await
        {
            Ok(started) => return Ok(started),
            Err(error) => error,
        };
        if failure::has_kind(&error, FailureKind::AlreadyExists) {
            return Err(error).with_hint(format!("choose another name, or delete the existing session: kubectl session delete {name} -n {namespace}"));
        }
        if failure::has_kind(&error, FailureKind::ResourceTypeNotFound) {
            return Err(error).with_hint("install the API first: kubectl session setup");
        }
        let missing = format!("namespaces {namespace:?} not found");
        if failure::find_failure(&error).is_some_and(|failure| failure.message == missing) {
            return Err(error).with_hint("add --create-namespace to create the namespace, too");
        }
        if !failure::has_kind(&error, FailureKind::Unreachable) || self.write.dry_run {
            return Err(error);
        }
        match self.cluster.get(&SESSION, namespace, name).await {
            Ok(Some(found)) if Untyped(&found).annotation(labels::RUN) == Some(subject.ownership.command_token.as_str()) => Ok(found),
            Ok(_) => Err(error),
            Err(_) => Err(error).with_hint(format!(
                "the session may have been created; check when the server is reachable again: kubectl session list {name} -n {namespace}"
            )),
        }
    }

    /// Deletes what this run has created, by UID: the Session, with which everything it owns is deleted, and the data,
    /// which has no owner. Objects that existed before are not touched.
    async fn roll_back(
        &self,
        error: anyhow::Error,
        undo: CreatedObjects,
        subject: &NewSession,
    ) -> anyhow::Error {
        let namespace = subject.ownership.namespace.as_str();
        let write = WriteOptions {
            dry_run: false,
            ..self.write.clone()
        };
        let mut left = Vec::new();
        for (resource, object) in undo.objects() {
            let place = if resource.namespaced { namespace } else { "" };
            let target = ObjectRef::from_object(object);
            let policy = PropagationPolicy::Background;
            let gone = self
                .cluster
                .delete_if_present(resource, place, &target, policy, &write)
                .await;
            if gone.is_err() {
                left.push(target.to_string());
            }
        }
        if left.is_empty() {
            return error;
        }
        failure::with_hint(
            error,
            format!(
                "{} could not be deleted; delete the session when the server is reachable again: kubectl session delete {} -n {namespace}",
                left.join(", "),
                subject.name
            ),
        )
    }
}

/// Creates a namespace, and returns it; `None` if it exists already.
///
/// # Errors
/// Refusals of the server.
pub(crate) async fn create_namespace(
    cluster: &Cluster,
    name: &str,
    write: &WriteOptions,
) -> Result<Option<Value>> {
    if cluster.get(&NAMESPACE, "", name).await?.is_some() {
        return Ok(None);
    }
    let object = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": name, "labels": { labels::MANAGED_BY: labels::MANAGER } },
    });
    match cluster.create(&NAMESPACE, "", &object, write).await {
        Ok(created) => Ok(Some(created)),
        Err(error) if failure::has_kind(&error, FailureKind::AlreadyExists) => Ok(None),
        Err(error) => Err(error),
    }
}
