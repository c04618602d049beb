//! What containers write: their logs, as streams of bytes.

use anyhow::Result;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http_body_util::BodyExt;
use jiff::Timestamp;

use super::limits::LOG_TAIL;
use super::request::Call;
use super::{Cluster, paths, transport};
use session_model::objects::resource::POD;

/// What of a log is asked for, as the server's parameters have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The container; the server wants a name wherever there are several.
    pub container: String,
    /// The server goes on as long as the container writes.
    pub follow: bool,
    /// The run before the present one.
    pub previous: bool,
    /// Each line begins with its RFC 3339 time and a blank.
    pub timestamps: bool,
    /// Only what is no older than so many seconds, at least 1.
    pub since_seconds: Option<u64>,
    /// Only what is no older. The server cuts it to whole seconds.
    pub since_time: Option<Timestamp>,
    /// Only so many of the last lines.
    pub tail: Option<u64>,
    /// Only so many bytes, the times among them; at least 1.
    pub limit_bytes: Option<u64>,
}

/// The bytes of a log as they come, cut anywhere. After an error it ends.
pub type LogStream = BoxStream<'static, Result<Bytes>>;

impl Cluster {
    /// The last lines of a container's log, `limits` lines and bytes at most.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn last_log_lines(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
        limits: (u32, u32),
    ) -> Result<Vec<String>> {
        let call = Call::get(format!("{}/log", paths::object(&POD, namespace, pod)?))
            .about(&POD, pod)
            .accept("*/*")
            .with("container", container)
            .with("previous", if previous { "true" } else { "" })
            .with("tailLines", limits.0.to_string())
            .with("limitBytes", limits.1.to_string())
            .at_most(LOG_TAIL);
        let answer = self.call(&call).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        Ok(text
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect())
    }

    /// Opens the log of a container, without anything that changes its bytes on the way. With `follow` this takes until the
    /// container has written something.
    ///
    /// # Errors
    /// A Failure, in the server's words: a container that has not begun (400), a Pod that is gone, a right that is missing.
    pub async fn log(&self, namespace: &str, pod: &str, options: &LogOptions) -> Result<LogStream> {
        let LogOptions {
            container,
            follow,
            previous,
            timestamps,
            since_seconds,
            since_time,
            tail,
            limit_bytes,
        } = options;
        let yes = |flag: &bool| if *flag { "true" } else { "" };
        let number = |number: &Option<u64>| number.map_or_else(String::new, |n| n.to_string());
        let since = since_time.map_or_else(String::new, |at| at.to_string());
        let path = format!("{}/log", paths::object(&POD, namespace, pod)?);
        let call = Call::get(path)
            .about(&POD, pod)
            .accept("*/*")
            .with("container", container.clone())
            .with("follow", yes(follow))
            .with("limitBytes", number(limit_bytes))
            .with("previous", yes(previous))
            .with("sinceSeconds", number(since_seconds))
            .with("sinceTime", since)
            .with("tailLines", number(tail))
            .with("timestamps", yes(timestamps))
            .uncompressed();
        let response = self.open(&call).await?;
        let cluster = self.clone();
        let pieces = response.into_body().into_data_stream();
        let pieces = pieces.map(move |piece| {
            let inner = &cluster.inner;
            piece.map_err(|error| transport::of(&error, &inner.server, inner.proxied).into())
        });
        Ok(pieces.boxed())
    }
}
