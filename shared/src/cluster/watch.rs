//! Watching: changes as they happen, across the ends that every watch has.

use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use http_body_util::BodyExt;
use serde_json::Value;

use super::failure::{Subject, of_status};
use super::read::{Owned, Place, Selection, selecting, without_nulls};
use super::request::{Call, JSON, TABLE, unreadable};
use super::{Cluster, paths};
use crate::failure::{self, Kind};
use crate::objects::ResourceType;
use crate::objects::resource::text;

/// The server ends a watch after this many seconds; we begin it again where it was.
const LIFETIME: u64 = 290;
/// So much longer without a word, and the connection is taken for dead.
const GRACE: u64 = 20;
/// Pauses before a watch is begun again after a fault; the last one is the last try.
const PAUSES: [u64; 7] = [100, 200, 500, 1000, 2000, 5000, 10_000];

/// One change. With `table` each value is a Table of one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is there: made, or there already when the watch began, or selected since.
    Added(Value),
    /// It has changed.
    Modified(Value),
    /// It is gone, or no longer selected: as it was last.
    Deleted(Value),
    /// Nothing happened up to this resourceVersion.
    Bookmark(String),
}

impl Cluster {
    /// Watches objects of a type. `from` is the resourceVersion of a LIST; `None` begins with an Added for everything there
    /// is. Begins itself again after the server's end of it, and after faults with growing pauses (some 20 s in all).
    ///
    /// The stream ends only with an error: a Failure of kind Expired if `from` is too old (LIST anew), or what stopped it.
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
            table,
            lines: None,
            faults: 0,
            begun: false,
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
    /// Where to go on; empty at the very beginning.
    version: String,
    table: bool,
    lines: Option<Lines>,
    /// Faults since the last change.
    faults: usize,
    begun: bool,
}

impl Watching {
    async fn next(&mut self) -> Result<Change> {
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
                        self.faults = 0;
                        return Ok(change);
                    }
                }
                // The end, a fault or silence: all the same, we know where we were.
                Ok(None) => self.lines = None,
                Ok(Some(Err(_))) | Err(_) => {
                    self.lines = None;
                    self.pause().await;
                }
            }
        }
    }

    /// Opens the watch, again and again if it had been open before.
    async fn begin(&mut self) -> Result<()> {
        match self.cluster.open(&self.call()?).await {
            Ok(response) => {
                self.begun = true;
                self.lines = Some(Lines::of(response.into_body().into_data_stream()));
                Ok(())
            }
            Err(error) => {
                let passing = [
                    Kind::Unreachable,
                    Kind::Refused,
                    Kind::TooManyRequests,
                    Kind::Server,
                ];
                let passing =
                    failure::of(&error).is_some_and(|failure| passing.contains(&failure.kind));
                if !(self.begun && passing && self.faults < PAUSES.len()) {
                    return Err(error);
                }
                self.pause().await;
                Ok(())
            }
        }
    }

    async fn pause(&mut self) {
        let pause = PAUSES
            .get(self.faults)
            .or(PAUSES.last())
            .copied()
            .unwrap_or_default();
        self.faults += 1;
        tokio::time::sleep(Duration::from_millis(pause)).await;
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

    /// One line of the stream; `None` for what nobody needs to know.
    fn read(&mut self, line: &[u8]) -> Result<Option<Change>> {
        let mut event: Value = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
        let mut object = event["object"].take();
        if self.table {
            without_nulls(&mut object);
        }
        let what = text(&event, "/type").to_owned();
        if what == "ERROR" {
            let subject = Subject {
                method: "GET".into(),
                qualified: self.t.qualified(),
                ..Subject::default()
            };
            return Err(of_status(&object, 0, &subject).into());
        }
        let version = version(&object, self.table);
        if !version.is_empty() {
            version.clone_into(&mut self.version);
        }
        Ok(match what.as_str() {
            "ADDED" => Some(Change::Added(object)),
            "MODIFIED" => Some(Change::Modified(object)),
            "DELETED" => Some(Change::Deleted(object)),
            "BOOKMARK" => Some(Change::Bookmark(self.version.clone())),
            _ => None,
        })
    }
}

/// The version an event brings us to.
fn version(object: &Value, table: bool) -> &str {
    let row = if table {
        text(object, "/rows/0/object/metadata/resourceVersion")
    } else {
        ""
    };
    if row.is_empty() {
        text(object, "/metadata/resourceVersion")
    } else {
        row
    }
}

type Pieces = BoxStream<'static, Result<Bytes, kube::Error>>;

/// A body cut into lines.
struct Lines {
    pieces: Pieces,
    rest: Vec<u8>,
    /// How much of `rest` has been searched for the end of a line: a long line is searched once.
    searched: usize,
}

impl Lines {
    fn of(pieces: impl Stream<Item = Result<Bytes, kube::Error>> + Send + 'static) -> Self {
        Self {
            pieces: pieces.boxed(),
            rest: Vec::new(),
            searched: 0,
        }
    }

    /// The next whole line. What comes after the last end of a line is the trace of a hang-up and nobody's.
    async fn next(&mut self) -> Option<Result<Vec<u8>, kube::Error>> {
        loop {
            if let Some(end) = self
                .rest
                .iter()
                .skip(self.searched)
                .position(|byte| *byte == b'\n')
            {
                let tail = self.rest.split_off(self.searched + end + 1);
                let line = std::mem::replace(&mut self.rest, tail);
                self.searched = 0;
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Some(Ok(line));
            }
            self.searched = self.rest.len();
            match self.pieces.next().await? {
                Ok(piece) => self.rest.extend_from_slice(&piece),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
