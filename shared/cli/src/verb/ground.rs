//! What a verb stands on: streams, time, the way to the cluster, the user's wish to stop.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use jiff::Timestamp;

use crate::flags::connection::Connection;
use crate::flags::output::{Colour, Talk};
use crate::flags::writing::Writing;
use crate::report::console::Console;
use session_client::Agent;
use session_client::Exchange;
use session_client::interrupt::Interrupt;
use session_ops::Cluster;

/// The level of -v that tells of requests, kubectl's.
const REQUESTS: i32 = 6;

/// How the cluster is reached.
#[derive(Clone)]
pub enum Way {
    /// As the flags and the kubeconfig say.
    Flags,
    /// It is there already: tests.
    Given(Cluster),
}

/// What a verb stands on. Tests give it captured streams, a fake API and a fixed time.
pub struct Ground {
    /// The only way to print.
    pub console: Console,
    /// Set when the user wants it to end.
    pub interrupt: Interrupt,
    verb: &'static str,
    way: Way,
    now: Option<Timestamp>,
    /// --warnings-as-errors.
    strict: AtomicBool,
}

impl Ground {
    /// The ground of a program that a user has called.
    pub fn of_process(verb: &'static str, interrupt: Interrupt) -> Self {
        let mut console = Console::of_process(Colour::Auto, false);
        console.heed(&interrupt);
        Self {
            console,
            interrupt,
            verb,
            way: Way::Flags,
            now: None,
            strict: AtomicBool::new(false),
        }
    }

    /// The ground of a test.
    pub fn of_test(console: Console, cluster: Cluster, now: Timestamp) -> Self {
        Self {
            console,
            interrupt: Interrupt::default(),
            verb: "test",
            way: Way::Given(cluster),
            now: Some(now),
            strict: AtomicBool::new(false),
        }
    }

    /// What the flags say about what is printed; the ones that are out of date are warned of, where anything is written.
    pub fn obey<'a>(&mut self, talk: &Talk, writing: impl Into<Option<&'a Writing>>) {
        self.console.obey(talk);
        if let Some(text) = writing.into().and_then(Writing::deprecation) {
            self.console.warn(text);
        }
    }

    /// The cluster. Sends nothing yet. From now on -v is obeyed: every request is told at level 6, and no level tells of
    /// headers or bodies. Warnings of the server are printed as they come.
    ///
    /// # Errors
    /// What is wrong with the flags or the kubeconfig.
    pub async fn connect(&self, flags: &Connection) -> Result<Cluster> {
        self.console.set_level(flags.verbosity);
        let cluster = match &self.way {
            Way::Flags => Cluster::connect(&flags.options()?, self.agent()).await?,
            Way::Given(cluster) => cluster.clone(),
        };
        for file in std::env::split_paths(cluster.origin()).filter(|f| !f.as_os_str().is_empty()) {
            let text = format!("Config loaded from file:  {}", file.display());
            self.console.trace(REQUESTS, &text);
        }
        self.strict
            .store(flags.warnings_as_errors, Ordering::Relaxed);
        let aside = self.console.aside();
        let warner = aside.clone();
        cluster.on_warning(move |text| warner.warn(text));
        if flags.verbosity >= REQUESTS {
            cluster.observe(move |exchange| aside.trace(REQUESTS, &told(exchange)));
        }
        Ok(cluster)
    }

    fn agent(&self) -> Agent {
        Agent {
            program: format!("kubectl-session-{}", self.verb),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// How a verb ended: well, unless the server warned and --warnings-as-errors was given.
    ///
    /// # Errors
    /// The verb's own, or how many warnings there were.
    pub fn conclude(&self, result: Result<()>) -> Result<()> {
        result?;
        match self.console.aside().warnings() {
            warned @ 1.. if self.strict.load(Ordering::Relaxed) => {
                let s = if warned == 1 { "" } else { "s" };
                bail!("{warned} warning{s} received")
            }
            _ => Ok(()),
        }
    }

    /// A clock for work that goes on.
    pub fn clock(&self) -> impl Fn() -> Timestamp + use<> {
        let fixed = self.now;
        move || fixed.unwrap_or_else(Timestamp::now)
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.now.unwrap_or_else(Timestamp::now)
    }
}

/// An exchange as kubectl tells of it.
fn told(exchange: &Exchange) -> String {
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
