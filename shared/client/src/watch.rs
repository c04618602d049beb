//! Watches that reconnect: a stream of changes across the ends that every watch has.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::Instant;

use super::backoff::{self, Backoff};
use super::failure::{Subject, of_status};
use super::held::Held;
use super::limits::{self, COLLECTION_MEMORY, EVENT};
use super::lines::{LineFault, Lines};
use super::read::{Owned, Place, Selection, selecting, without_nulls};
use super::request::{Call, JSON, TABLE};
use super::{Cluster, paths};
use session_model::failure::{self, FailureKind};
use session_model::objects::ResourceType;
use session_model::objects::resource::string_at;

/// Seconds after which the server ends a watch; it is then continued from the last resourceVersion.
const LIFETIME: u64 = 290;
/// Additional seconds without data after which the connection is considered lost.
const GRACE: u64 = 20;
/// Most consecutive failures to continue a watch.
const ATTEMPTS: u32 = 5;

/// A change of one object. If Tables were requested, each value is a Table with one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The object was created, existed when the watch started, or matches the selector now.
    Added(Value),
    /// The object was modified.
    Modified(Value),
    /// The object was deleted or no longer matches the selector; its last version.
    Deleted(Value),
    /// No further change up to this resourceVersion.
    Bookmark(String),
    /// The watch restarts because its resourceVersion has expired: every existing object follows as Added, and objects
    /// that do not follow are gone. Only for watches that start with all existing objects.
    Anew,
}

impl Cluster {
    /// Watches objects of a type. `from` is the resourceVersion of a LIST; `None` starts with an Added event for every
    /// existing object. Reconnects when the server ends the watch and after errors, with growing pauses unless new
    /// changes arrived in the meantime.
    ///
    /// The stream ends only with an error: one that persisted for half a minute, or a Failure of kind Expired if `from`
    /// is too old, in which case the caller lists again.
    pub fn watch(
        &self,
        t: &ResourceType,
        place: Place<'_>,
        select: &Selection,
        from: Option<&str>,
        table: bool,
    ) -> BoxStream<'static, Result<Change>> {
        let watching = Watching {
            cluster: self.clone(),
            t: t.clone(),
            place: Owned::of(place),
            select: select.clone(),
            version: from.unwrap_or_default().to_owned(),
            is_whole: from.is_none(),
            table,
            lines: None,
            opened: None,
            news: false,
            failed: 0,
            backoff: Backoff::default(),
            held: Held::default(),
        };
        stream::unfold(Some(watching), |watching| async move {
            let mut watching = watching?;
            match watching.next().await {
                Ok(change) => Some((Ok(change), Some(watching))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }
}

struct Watching {
    cluster: Cluster,
    t: ResourceType,
    place: Owned,
    select: Selection,
    /// The resourceVersion to continue from; empty at the start.
    version: String,
    /// True if the watch started with all existing objects, so that it can restart that way.
    is_whole: bool,
    table: bool,
    lines: Option<Lines>,
    /// Time of the last successful request.
    opened: Option<Instant>,
    /// True if a new change was reported since then.
    news: bool,
    /// Consecutive failed requests.
    failed: u32,
    backoff: Backoff,
    held: Held,
}

impl Watching {
    async fn next(&mut self) -> Result<Change> {
        match self.change().await {
            Err(error) if self.is_whole && failure::has_kind(&error, FailureKind::Expired) => {
                self.version.clear();
                self.held.begin_anew();
                self.lines = None;
                self.backoff.pause().await;
                Ok(Change::Anew)
            }
            result => result,
        }
    }

    async fn change(&mut self) -> Result<Change> {
        loop {
            let Some(lines) = &mut self.lines else {
                self.begin().await?;
                continue;
            };
            let line =
                tokio::time::timeout(Duration::from_secs(LIFETIME + GRACE), lines.next()).await;
            match line {
                Ok(Some(Ok(line))) => {
                    if let Some(change) = self.read(&line)? {
                        return Ok(change);
                    }
                }
                Ok(Some(Err(LineFault::TooLong))) => {
                    return Err(EVENT.exceeded(&self.subject().told()));
                }
                // The end, an error or silence: the position is known either way.
                Ok(None | Some(Err(LineFault::Broken))) | Err(_) => {
                    self.lines = None;
                    // A watch that lasted shows that the server does not end all of them at once.
                    if self
                        .opened
                        .is_some_and(|at| at.elapsed() >= backoff::LONGEST)
                    {
                        self.backoff.reset();
                    } else if !self.news {
                        self.backoff.pause().await;
                    }
                }
            }
        }
    }

    /// Sends the watch request. Transient failures are retried once the watch had been open before.
    async fn begin(&mut self) -> Result<()> {
        match self.cluster.open(&self.call()?).await {
            Ok(response) => {
                self.opened = Some(Instant::now());
                self.failed = 0;
                self.news = false;
                self.lines = Some(Lines::of(response.into_body().into_data_stream(), EVENT));
                Ok(())
            }
            Err(error) => {
                let passing = [
                    FailureKind::Unreachable,
                    FailureKind::ConnectionRefused,
                    FailureKind::TooManyRequests,
                    FailureKind::OtherStatus,
                ];
                let passing =
                    failure::find_failure(&error).is_some_and(|failure| passing.contains(&failure.kind));
                self.failed += 1;
                if !(self.opened.is_some() && passing && self.failed <= ATTEMPTS) {
                    return Err(error);
                }
                self.backoff.pause().await;
                Ok(())
            }
        }
    }

    fn subject(&self) -> Subject {
        Subject {
            method: "WATCH".into(),
            qualified: self.t.qualified(),
            ..Subject::default()
        }
    }

    fn call(&self) -> Result<Call> {
        let path = paths::collection(&self.t, self.place.get())?;
        let call = selecting(Call::get(path).about(&self.t, ""), &self.select)
            .accept(if self.table { TABLE } else { JSON });
        let call = call
            .with("watch", "true")
            .with("allowWatchBookmarks", "true")
            .with("resourceVersion", self.version.clone());
        let call = if self.table {
            call.with("includeObject", "Metadata")
        } else {
            call
        };
        Ok(call
            .with("timeoutSeconds", LIFETIME.to_string())
            .uncompressed())
    }

    /// Parses one line of the stream; `None` for events of unknown types.
    fn read(&mut self, line: &[u8]) -> Result<Option<Change>> {
        let (mut event, memory) = EVENT.json(line, &self.subject().told())?;
        let mut object = event["object"].take();
        if self.table {
            without_nulls(&mut object);
        }
        let what = string_at(&event, "/type").to_owned();
        if what == "ERROR" {
            let subject = Subject {
                method: "GET".into(),
                ..self.subject()
            };
            return Err(of_status(&object, 0, &subject).into());
        }
        let version = version(&object, self.table);
        if !version.is_empty() {
            version.clone_into(&mut self.version);
        }
        let change: fn(Value) -> Change = match what.as_str() {
            "ADDED" => Change::Added,
            "MODIFIED" => Change::Modified,
            "DELETED" => Change::Deleted,
            "BOOKMARK" => return Ok(Some(Change::Bookmark(self.version.clone()))),
            _ => return Ok(None),
        };
        let metadata = object.pointer(metadata(self.table)).unwrap_or(&Value::Null);
        if self.held.take(metadata, what == "DELETED", memory) {
            self.news = true;
            self.backoff.reset();
        }
        if self.held.memory() > COLLECTION_MEMORY {
            return Err(limits::collection_exceeded("watch", &self.t.plural));
        }
        Ok(Some(change(object)))
    }
}

/// Returns the JSON pointer to the metadata of an event's object.
fn metadata(table: bool) -> &'static str {
    if table {
        "/rows/0/object/metadata"
    } else {
        "/metadata"
    }
}

/// Returns the resourceVersion of an event.
fn version(object: &Value, table: bool) -> &str {
    let row = if table {
        string_at(object, "/rows/0/object/metadata/resourceVersion")
    } else {
        ""
    };
    if row.is_empty() {
        string_at(object, "/metadata/resourceVersion")
    } else {
        row
    }
}
