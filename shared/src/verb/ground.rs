//! What a verb stands on: streams, time, the way to the cluster, the user's wish to stop.

use anyhow::Result;
use jiff::Timestamp;

use crate::cluster::interrupt::Interrupt;
use crate::cluster::{Agent, Cluster};
use crate::flags::connection::Connection;
use crate::flags::output::Colour;
use crate::report::console::Console;

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
    pub(super) listens: bool,
    verb: &'static str,
    way: Way,
    now: Option<Timestamp>,
}

impl Ground {
    /// The ground of a program that a user has called.
    pub fn of_process(verb: &'static str) -> Self {
        let console = Console::of_process(Colour::Auto, false);
        Self {
            console,
            interrupt: Interrupt::default(),
            listens: true,
            verb,
            way: Way::Flags,
            now: None,
        }
    }

    /// The ground of a test.
    pub fn of_test(console: Console, cluster: Cluster, now: Timestamp) -> Self {
        let (interrupt, way) = (Interrupt::default(), Way::Given(cluster));
        Self {
            console,
            interrupt,
            listens: false,
            verb: "test",
            way,
            now: Some(now),
        }
    }

    /// The cluster. Sends nothing yet.
    ///
    /// # Errors
    /// What is wrong with the flags or the kubeconfig.
    pub async fn connect(&self, flags: &Connection) -> Result<Cluster> {
        match &self.way {
            Way::Flags => Cluster::connect(flags, Agent { verb: self.verb }).await,
            Way::Given(cluster) => Ok(cluster.clone()),
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
