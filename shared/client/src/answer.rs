//! Answers that are read whole, up to their limit.

use anyhow::Result;
use http::HeaderMap;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use super::limits::Limit;
use session_model::failure::{Failure, Kind};

/// A complete answer.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// How much of it was read at most.
    pub(super) limit: Limit,
    /// The request, for an error's text.
    pub(super) about: String,
}

impl Answer {
    pub(super) fn json(&self) -> Result<Value> {
        Ok(self.measured()?.0)
    }

    /// Its value, and the memory that takes.
    pub(super) fn measured(&self) -> Result<(Value, u64)> {
        self.limit.json(&self.body, &self.about)
    }
}

/// What a body holds, at most as much as the limit allows; true if that is all. The rest is never read.
pub(super) async fn beginning(mut body: Body, limit: Limit) -> kube::Result<(Vec<u8>, bool)> {
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

/// An answer with a good status code that is no JSON: most often a page of something between us and the server.
pub(super) fn unreadable(error: &serde_json::Error) -> anyhow::Error {
    Failure::local(
        Kind::Unreachable,
        format!("the server's answer is not what the Kubernetes API answers: {error}"),
    )
    .into()
}
