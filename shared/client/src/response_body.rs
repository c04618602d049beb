//! Response bodies that are read completely, up to a limit.

use anyhow::Result;
use http::HeaderMap;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use super::read_limits::ReadLimit;

/// A response whose body was read completely.
pub(super) struct BufferedResponse {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// The limit that the body was read with.
    pub(super) limit: ReadLimit,
    /// The request as errors name it, ` (get pods x)`; empty for requests without a resource.
    pub(super) subject: String,
}

impl BufferedResponse {
    /// Parses the body as JSON.
    pub(super) fn json(&self) -> Result<Value> {
        Ok(self.json_with_memory()?.0)
    }

    /// Parses the body as JSON; returns the value and an estimate of the memory it takes, in bytes.
    pub(super) fn json_with_memory(&self) -> Result<(Value, u64)> {
        self.limit.parse_json(&self.body, &self.subject)
    }
}

/// Reads a body up to the limit. The flag is true if that was the whole body; the rest is never read.
pub(super) async fn read_limited_body(
    mut body: Body,
    limit: ReadLimit,
) -> kube::Result<(Vec<u8>, bool)> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        let room = limit.bytes - read.len();
        if data.len() > room {
            read.extend_from_slice(&data[..room]);
            return Ok((read, false));
        }
        read.extend_from_slice(&data);
    }
    Ok((read, true))
}
