//! [`Environment`], everything a verb may use from outside.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use jiff::Timestamp;

use super::version::VERSION;
use crate::flags::connection::ConnectionFlags;
use crate::flags::file_connection::with_file_hint;
use crate::flags::output::Colour;
use crate::flags::trust_manifest::TrustFlags;
use crate::report::console::Console;
use session_client::interrupt::Interrupt;
use session_client::{AccessReviews, Exchange, UserAgent, WriteOptions};
use session_model::progress::{ProgressEvent, ProgressSink};
use session_ops::Cluster;
use session_ops::stop::StopContext;
use session_ops::wait_ready::WaitContext;

/// Level of `-v` from which requests are printed, as in kubectl.
const TRACE_REQUESTS_LEVEL: i32 = 6;

/// Source of the cluster client.
#[derive(Clone)]
pub enum ClientSource {
    /// A client made from flags and kubeconfig.
    Kubeconfig,
    /// A ready client: tests.
    Ready(Cluster),
}

/// Everything a command may use from outside: streams, clock, interrupt signal and the way to build a cluster client.
/// Tests pass captured streams, a fake API and a fixed time.
pub struct Environment {
    /// The streams; no verb prints otherwise.
    pub console: Console,
    /// Interrupt, set by SIGINT, SIGTERM and SIGHUP.
    pub interrupt: Interrupt,
    verb: &'static str,
    way: ClientSource,
    now: Option<Timestamp>,
    /// True for `--warnings-as-errors`.
    strict: AtomicBool,
}

impl Environment {
    /// Returns the environment of this process for a verb.
    pub fn for_process(verb: &'static str, interrupt: Interrupt) -> Self {
        let mut console = Console::for_process(Colour::Auto, false);
        console.set_interrupt(&interrupt);
        Self {
            console,
            interrupt,
            verb,
            way: ClientSource::Kubeconfig,
            now: None,
            strict: AtomicBool::new(false),
        }
    }

    /// Returns the environment of a test.
    pub fn for_test(console: Console, cluster: Cluster, now: Timestamp) -> Self {
        Self {
            console,
            interrupt: Interrupt::default(),
            verb: "test",
            way: ClientSource::Ready(cluster),
            now: Some(now),
            strict: AtomicBool::new(false),
        }
    }

    /// Builds the client of the cluster without sending a request. From then on `-v` applies: level 6 and higher print
    /// every request, no level prints headers or bodies. Warnings of the server are printed as they arrive.
    ///
    /// # Errors
    /// Invalid flags or kubeconfig.
    pub async fn connect(&self, flags: &ConnectionFlags) -> Result<Cluster> {
        self.console.set_trace_level(flags.verbosity);
        self.console.set_connection_flags(flags);
        let cluster = match &self.way {
            ClientSource::Kubeconfig => {
                let connected = Cluster::connect(&flags.options()?, self.agent()).await;
                connected.map_err(|error| with_file_hint(error, flags))?
            }
            ClientSource::Ready(cluster) => cluster.clone(),
        };
        for file in
            std::env::split_paths(cluster.kubeconfig_paths()).filter(|f| !f.as_os_str().is_empty())
        {
            let text = format!("Config loaded from file:  {}", file.display());
            self.console.trace(TRACE_REQUESTS_LEVEL, &text);
        }
        self.strict
            .store(flags.warnings_as_errors, Ordering::Relaxed);
        let aside = self.console.stderr_handle();
        let warner = aside.clone();
        cluster.on_warning(move |text| warner.warn(text));
        if flags.verbosity >= TRACE_REQUESTS_LEVEL {
            cluster.on_exchange(move |exchange| {
                aside.trace(TRACE_REQUESTS_LEVEL, &format_exchange(exchange))
            });
        }
        Ok(cluster)
    }

    /// Builds the client as [`Environment::connect`] does, for a verb with `--trust-manifest`.
    ///
    /// # Errors
    /// Invalid flags or kubeconfig.
    pub async fn connect_trusting(
        &self,
        flags: &ConnectionFlags,
        trust: TrustFlags,
    ) -> Result<Cluster> {
        let cluster = self.connect(flags).await?;
        cluster.known_sessions().trust_all(trust.trust_manifest);
        Ok(cluster)
    }

    /// Runs a wait with the progress line and Ctrl-C of the terminal.
    pub async fn wait<T>(&self, wait: impl AsyncFnOnce(&mut WaitContext<'_>) -> T) -> T {
        let (now, mut sink) = (self.clock(), self.console.progress());
        let mut context = WaitContext {
            interrupt: &self.interrupt,
            sink: &mut sink,
            now: &now,
        };
        let waited = wait(&mut context).await;
        sink.tell(ProgressEvent::Done);
        waited
    }

    /// Returns what the stop of a session needs beside its options.
    pub fn stop_context<'a>(
        &'a self,
        write: &'a WriteOptions,
        permissions: &'a AccessReviews,
    ) -> StopContext<'a> {
        StopContext {
            write,
            interrupt: &self.interrupt,
            now: self.now(),
            permissions,
        }
    }

    fn agent(&self) -> UserAgent {
        UserAgent {
            program: format!("kubectl-session-{}", self.verb),
            version: VERSION,
        }
    }

    /// Returns the result of a verb, or an error if the server warned and `--warnings-as-errors` was given.
    ///
    /// # Errors
    /// The verb's own, or the number of warnings.
    pub fn finish(&self, result: Result<()>) -> Result<()> {
        result?;
        match self.console.stderr_handle().warning_count() {
            warned @ 1.. if self.strict.load(Ordering::Relaxed) => {
                let s = if warned == 1 { "" } else { "s" };
                bail!("{warned} warning{s} received")
            }
            _ => Ok(()),
        }
    }

    /// Returns a clock for work that outlives this borrow.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn clock(&self) -> impl Fn() -> Timestamp + use<> {
        let fixed = self.now;
        move || fixed.unwrap_or_else(Timestamp::now)
    }

    /// Returns the current time.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(Timestamp::now)
    }
}

/// Formats a request and its response as kubectl's trace does.
fn format_exchange(exchange: &Exchange) -> String {
    let Exchange {
        method,
        url,
        status,
        elapsed,
    } = exchange;
    let phrase = session_client::status_text(*status);
    let milliseconds = elapsed.as_millis();
    format!(
        "\"Response\" verb={method:?} url={url:?} status={phrase:?} milliseconds={milliseconds}"
    )
}
