//! A real API server, for tests that are not async: asked directly, or through a proxy that disturbs its clients.

use std::path::Path;
use std::sync::Arc;

use http::{Method, Request};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;
use tokio::runtime::Handle;

use crate::faulty::{At, Faulty};

/// The server that a kubeconfig leads to, with its credentials. Work goes on in a thread of its own until the last clone is dropped.
#[derive(Clone)]
pub struct Real {
    pub(crate) client: kube::Client,
    pub(crate) runtime: Arc<Runtime>,
}

/// A runtime in a thread.
pub(crate) struct Runtime {
    pub(crate) handle: Handle,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Runtime {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || runtime.block_on(stopped).ok());
        Self {
            handle,
            stop: Some(stop),
        }
    }

    /// Runs `work` in the runtime's thread and waits for it.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let (tell, told) = std::sync::mpsc::channel();
        self.handle.spawn(async move {
            let _ = tell.send(work.await);
        });
        told.recv().expect("the runtime goes on")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
    }
}

impl Real {
    /// The server of the current context.
    pub fn of(kubeconfig: &Path) -> Self {
        let runtime = Arc::new(Runtime::start());
        let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
        let client = runtime.wait(async move {
            let options = kube::config::KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
            let mut config = config.unwrap();
            config.default_retry = false;
            kube::Client::try_from(config).unwrap()
        });
        Self { client, runtime }
    }

    /// Sends a request with a body of a content type, and reads the whole answer: its status code, and its JSON or null.
    pub fn ask(&self, method: Method, path: &str, content: &str, body: &Value) -> (u16, Value) {
        let answer = self.try_ask(method, path, content, body);
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The same, where no answer may come: why it did not.
    pub fn try_ask(
        &self,
        method: Method,
        path: &str,
        content: &str,
        body: &Value,
    ) -> Result<(u16, Value), String> {
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content)
            .body(Body::from(bytes))
            .unwrap();
        let client = self.client.clone();
        let answer = self.runtime.wait(async move {
            let response = client.send(request).await?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?;
            Ok::<_, kube::Error>((status, body.to_bytes()))
        });
        let (status, body) = answer.map_err(|error| error.to_string())?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// What a GET answers; `None` where there is nothing.
    pub fn get(&self, path: &str) -> Option<Value> {
        let (status, body) = self.ask(Method::GET, path, "application/json", &Value::Null);
        (status == 200).then_some(body)
    }

    /// A proxy to this server that disturbs the client whose requests come through it.
    pub fn faulty(&self, at: Option<At>, namespace: &str) -> Faulty {
        Faulty::before(self, at, namespace)
    }
}
