//! Commands in containers that need no terminal: hooks.

use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::{Either, join, select};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Cluster;
use super::failure::{Subject, of_status};
use crate::failure::{Failure, Kind};

/// So much of what a command writes is kept of each stream; the rest is read and forgotten.
const KEPT: usize = 64 * 1024;

/// How a command in a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Its exit code.
    pub code: i32,
    /// The first 64 KiB it wrote to stdout.
    pub stdout: Vec<u8>,
    /// The first 64 KiB it wrote to stderr.
    pub stderr: Vec<u8>,
}

impl Cluster {
    /// Runs a command in a container, without input, for at most `limit`; what it does after that is not known.
    ///
    /// # Errors
    /// A Failure: of kind TimedOut after `limit`, Unreachable if the connection was cut before the end.
    pub async fn exec(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        command: &[String],
        limit: Duration,
    ) -> Result<Executed> {
        let work = self.execute(namespace, pod, container, command);
        match tokio::time::timeout(limit, work).await {
            Ok(executed) => executed,
            Err(_) => {
                let program = command.first().map_or("", String::as_str);
                let message = format!(
                    "timed out after {} s waiting for {program:?} in pod \"{pod}\"",
                    limit.as_secs()
                );
                Err(Failure::local(Kind::TimedOut, message).into())
            }
        }
    }

    async fn execute(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        command: &[String],
    ) -> Result<Executed> {
        if let Some(credentials) = &self.inner.credentials {
            credentials.keep_fresh().await?;
        }
        let pods: Api<Pod> = Api::namespaced(self.inner.client.clone(), namespace);
        let params = AttachParams::default()
            .stdin(false)
            .stdout(true)
            .stderr(true)
            .tty(false);
        // kube's own buffers hold 1 KiB.
        let params = params.max_stdout_buf_size(KEPT).max_stderr_buf_size(KEPT);
        let params = if container.is_empty() {
            params
        } else {
            params.container(container)
        };
        let subject = Subject {
            method: "GET".into(),
            plural: "pods".into(),
            qualified: "pods".into(),
            name: pod.to_owned(),
        };
        let command = command.iter().map(String::as_str);
        // kube makes the request itself; this one is only told of.
        let request = kube::core::Request::new(pods.resource_url());
        let request = request.exec(pod, command.clone(), &params);
        let asked = Instant::now();
        let opened = pods.exec(pod, command, &params).await;
        if let Ok(request) = request {
            let status = upgraded(opened.as_ref().err());
            self.observed("GET", &request.uri().to_string(), status, asked);
        }
        let mut process = opened.map_err(|error| self.refused(&error, &subject, "exec"))?;
        let Some((status, stdout, stderr)) = ending(&mut process).await else {
            return Err(Failure::local(Kind::Unreachable, "unexpected EOF").into());
        };
        let status = serde_json::to_value(&status)?;
        Ok(Executed {
            code: exit_code(&status).ok_or_else(|| of_status(&status, 0, &subject))?,
            stdout,
            stderr,
        })
    }
}

/// The status code of an upgrade, as far as kube tells: 0 where it does not.
pub(super) fn upgraded(error: Option<&kube::Error>) -> u16 {
    match error {
        None => 101,
        Some(kube::Error::Api(status)) => status.code,
        Some(_) => 0,
    }
}

/// The Status at the end of a command, and what it wrote; `None` if the connection was cut before.
async fn ending(process: &mut AttachedProcess) -> Option<(Status, Vec<u8>, Vec<u8>)> {
    let (stdout, stderr, status) = (process.stdout(), process.stderr(), process.take_status()?);
    let streams = pin!(join(beginning(stdout), beginning(stderr)));
    let status = pin!(status);
    // After a fault kube's streams never end: the Status, or that none will come, must be waited for at the same time.
    let (status, (stdout, stderr)) = match select(status, streams).await {
        Either::Left((status, streams)) => (status?, streams.await),
        Either::Right((streams, status)) => (status.await?, streams),
    };
    Some((status, stdout, stderr))
}

/// Reads a stream to its end and keeps its beginning.
async fn beginning(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else {
        return kept;
    };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let room = KEPT.saturating_sub(kept.len()).min(count);
        kept.extend(buffer.iter().take(room));
    }
    kept
}

/// The exit code in the Status at the end of an exec; `None` if the command was never run.
pub(super) fn exit_code(status: &Value) -> Option<i32> {
    if status["status"] == "Success" {
        return Some(0);
    }
    let causes = status["details"]["causes"].as_array()?;
    let cause = causes.iter().find(|cause| cause["reason"] == "ExitCode")?;
    cause["message"].as_str()?.parse().ok()
}
