//! Container logs as streams of bytes.

use anyhow::Result;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http_body_util::BodyExt;
use jiff::Timestamp;

use super::api_request::ApiRequest;
use super::read_limits::LOG_TAIL_LIMIT;
use super::{Cluster, api_paths, transport_failure};
use session_model::objects::resource::POD;

/// Options of a log request; the fields are the API's query parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Name of the container; required by the server if the Pod has several.
    pub container: String,
    /// If true, the stream continues until the container's run ends.
    pub follow: bool,
    /// If true, the log of the previous run.
    pub previous: bool,
    /// If true, each line begins with an RFC 3339 time stamp and a space.
    pub timestamps: bool,
    /// Oldest age in seconds, at least 1.
    pub since_seconds: Option<u64>,
    /// Oldest time. The server truncates it to whole seconds.
    pub since_time: Option<Timestamp>,
    /// Number of lines from the end.
    pub tail: Option<u64>,
    /// Most bytes, including time stamps; at least 1.
    pub limit_bytes: Option<u64>,
}

/// A stream of a log's bytes, split anywhere. Ends after an error.
pub type LogStream = BoxStream<'static, Result<Bytes>>;

impl Cluster {
    /// Returns the last lines of a container's log, at most `limits` lines and bytes.
    ///
    /// # Errors
    /// Whatever the server refuses.
    pub async fn get_log_tail(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
        limits: (u32, u32),
    ) -> Result<Vec<String>> {
        let call = ApiRequest::get(format!(
            "{}/log",
            api_paths::object_path(&POD, namespace, pod)?
        ))
        .for_object(&POD, pod)
        .accept("*/*")
        .query("container", container)
        .query("previous", if previous { "true" } else { "" })
        .query("tailLines", limits.0.to_string())
        .query("limitBytes", limits.1.to_string())
        .limit(LOG_TAIL_LIMIT);
        let answer = self.send(&call).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        Ok(text
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect())
    }

    /// Opens the log of a container, unmodified. With `follow`, this completes once the container has written something.
    ///
    /// # Errors
    /// A Failure in the server's words: a container that has not started (400), a deleted Pod, or a missing right.
    pub async fn open_log(
        &self,
        namespace: &str,
        pod: &str,
        options: &LogOptions,
    ) -> Result<LogStream> {
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
        let path = format!("{}/log", api_paths::object_path(&POD, namespace, pod)?);
        let call = ApiRequest::get(path)
            .for_object(&POD, pod)
            .accept("*/*")
            .query("container", container.clone())
            .query("follow", yes(follow))
            .query("limitBytes", number(limit_bytes))
            .query("previous", yes(previous))
            .query("sinceSeconds", number(since_seconds))
            .query("sinceTime", since)
            .query("tailLines", number(tail))
            .query("timestamps", yes(timestamps))
            .uncompressed();
        let response = self.send_streaming(&call).await?;
        let cluster = self.clone();
        let pieces = response.into_body().into_data_stream();
        let pieces = pieces.map(move |piece| {
            let inner = &cluster.inner;
            piece.map_err(|error| {
                transport_failure::failure_of_transport(&error, &inner.server, inner.proxied).into()
            })
        });
        Ok(pieces.boxed())
    }
}
