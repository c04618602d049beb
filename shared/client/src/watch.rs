//! Watches that reconnect: a stream of changes across the ends that every watch has.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::Instant;

use super::api_request::{ApiRequest, JSON, TABLE};
use super::backoff::{self, Backoff};
use super::body_lines::{BodyLines, LineError};
use super::failure_of_response::{RequestSubject, failure_of_status};
use super::list_page::{ListOptions, add_selectors};
use super::read::remove_nulls;
use super::read_limits::{self, COLLECTION_MEMORY_MAX, WATCH_EVENT_LIMIT};
use super::scope::{OwnedScope, Scope};
use super::seen_objects::SeenObjects;
use super::watch_change::WatchChange;
use super::{Cluster, api_paths};
use session_model::failure::{self, FailureKind};
use session_model::objects::ResourceType;
use session_model::objects::Untyped;

/// Seconds after which the server ends a watch; it is then continued from the last resourceVersion.
const LIFETIME_SECONDS: u64 = 290;
/// Additional seconds without data after which the connection is considered lost.
const GRACE_SECONDS: u64 = 20;
/// Most consecutive failures to continue a watch.
const REOPEN_ATTEMPTS_MAX: u32 = 5;

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
        scope: Scope<'_>,
        select: &ListOptions,
        from: Option<&str>,
        table: bool,
    ) -> BoxStream<'static, Result<WatchChange>> {
        let watching = WatchState {
            cluster: self.clone(),
            t: t.clone(),
            scope: OwnedScope::of(scope),
            select: select.clone(),
            version: from.unwrap_or_default().to_owned(),
            starts_with_all: from.is_none(),
            table,
            lines: None,
            opened: None,
            has_news: false,
            failed: 0,
            backoff: Backoff::default(),
            held: SeenObjects::default(),
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

struct WatchState {
    cluster: Cluster,
    t: ResourceType,
    scope: OwnedScope,
    select: ListOptions,
    /// The resourceVersion to continue from; empty at the start.
    version: String,
    /// True if the watch started with all existing objects, so that it can restart that way.
    starts_with_all: bool,
    table: bool,
    lines: Option<BodyLines>,
    /// Time of the last successful request.
    opened: Option<Instant>,
    /// True if a new change was reported since then.
    has_news: bool,
    /// Consecutive failed requests.
    failed: u32,
    backoff: Backoff,
    held: SeenObjects,
}

impl WatchState {
    async fn next(&mut self) -> Result<WatchChange> {
        match self.next_change().await {
            Err(error)
                if self.starts_with_all && failure::has_kind(&error, FailureKind::Expired) =>
            {
                self.version.clear();
                self.held.restart();
                self.lines = None;
                self.backoff.pause().await;
                Ok(WatchChange::Restarted)
            }
            result => result,
        }
    }

    async fn next_change(&mut self) -> Result<WatchChange> {
        loop {
            let Some(lines) = &mut self.lines else {
                self.open().await?;
                continue;
            };
            let line = tokio::time::timeout(
                Duration::from_secs(LIFETIME_SECONDS + GRACE_SECONDS),
                lines.next_line(),
            )
            .await;
            match line {
                Ok(Some(Ok(line))) => {
                    if let Some(change) = self.parse_line(&line)? {
                        return Ok(change);
                    }
                }
                Ok(Some(Err(LineError::TooLong))) => {
                    return Err(WATCH_EVENT_LIMIT.exceeded_error(&self.subject().error_suffix()));
                }
                // The end, an error or silence: the position is known either way.
                Ok(None | Some(Err(LineError::ConnectionLost))) | Err(_) => {
                    self.lines = None;
                    // A watch that lasted shows that the server does not end all of them at once.
                    if self
                        .opened
                        .is_some_and(|at| at.elapsed() >= backoff::MAX_PAUSE)
                    {
                        self.backoff.reset();
                    } else if !self.has_news {
                        self.backoff.pause().await;
                    }
                }
            }
        }
    }

    /// Sends the watch request. Transient failures are retried once the watch had been open before.
    async fn open(&mut self) -> Result<()> {
        match self.cluster.send_streaming(&self.request()?).await {
            Ok(response) => {
                self.opened = Some(Instant::now());
                self.failed = 0;
                self.has_news = false;
                self.lines = Some(BodyLines::new(
                    response.into_body().into_data_stream(),
                    WATCH_EVENT_LIMIT,
                ));
                Ok(())
            }
            Err(error) => {
                let passing = [
                    FailureKind::Unreachable,
                    FailureKind::ConnectionRefused,
                    FailureKind::TooManyRequests,
                    FailureKind::OtherStatus,
                ];
                let passing = failure::find_failure(&error)
                    .is_some_and(|failure| passing.contains(&failure.kind));
                self.failed += 1;
                if !(self.opened.is_some() && passing && self.failed <= REOPEN_ATTEMPTS_MAX) {
                    return Err(error);
                }
                self.backoff.pause().await;
                Ok(())
            }
        }
    }

    fn subject(&self) -> RequestSubject {
        RequestSubject {
            method: "WATCH".into(),
            qualified: self.t.qualified(),
            ..RequestSubject::default()
        }
    }

    fn request(&self) -> Result<ApiRequest> {
        let path = api_paths::collection_path(&self.t, self.scope.as_scope())?;
        let call = add_selectors(ApiRequest::get(path).for_object(&self.t, ""), &self.select)
            .accept(if self.table { TABLE } else { JSON });
        let call = call
            .query("watch", "true")
            .query("allowWatchBookmarks", "true")
            .query("resourceVersion", self.version.clone());
        let call = if self.table {
            call.query("includeObject", "Metadata")
        } else {
            call
        };
        Ok(call
            .query("timeoutSeconds", LIFETIME_SECONDS.to_string())
            .uncompressed())
    }

    /// Parses one line of the stream; `None` for events of unknown types.
    fn parse_line(&mut self, line: &[u8]) -> Result<Option<WatchChange>> {
        let (mut event, memory) =
            WATCH_EVENT_LIMIT.parse_json(line, &self.subject().error_suffix())?;
        let mut object = event["object"].take();
        if self.table {
            remove_nulls(&mut object);
        }
        let what = Untyped(&event).str_at("/type");
        if what == Some("ERROR") {
            let subject = RequestSubject {
                method: "GET".into(),
                ..self.subject()
            };
            return Err(failure_of_status(&object, 0, &subject).into());
        }
        if let Some(version) = event_version(&object, self.table) {
            version.clone_into(&mut self.version);
        }
        let change: fn(Value) -> WatchChange = match what {
            Some("ADDED") => WatchChange::Added,
            Some("MODIFIED") => WatchChange::Modified,
            Some("DELETED") => WatchChange::Deleted,
            Some("BOOKMARK") => return Ok(Some(WatchChange::Bookmark(self.version.clone()))),
            _ => return Ok(None),
        };
        let metadata = object
            .pointer(metadata_pointer(self.table))
            .unwrap_or(&Value::Null);
        if self.held.record(metadata, what == Some("DELETED"), memory) {
            self.has_news = true;
            self.backoff.reset();
        }
        if self.held.memory() > COLLECTION_MEMORY_MAX {
            return Err(read_limits::collection_exceeded_error(
                "watch",
                &self.t.plural,
            ));
        }
        Ok(Some(change(object)))
    }
}

/// Returns the JSON pointer to the metadata of an event's object.
fn metadata_pointer(table: bool) -> &'static str {
    if table {
        "/rows/0/object/metadata"
    } else {
        "/metadata"
    }
}

/// Returns the resourceVersion of an event.
fn event_version(object: &Value, table: bool) -> Option<&str> {
    let object = Untyped(object);
    let row = table.then(|| object.str_at("/rows/0/object/metadata/resourceVersion"));
    row.flatten().or_else(|| object.resource_version())
}
