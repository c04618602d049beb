//! One part in a test's hand.

use anyhow::Result;

use crate::cluster::Cluster;
use crate::parts::Part;
use crate::{locks, running};

/// A part of a cluster that is up. Only the holder of [`Cluster::exclusive`] may stop one: others would take the cluster for broken.
#[derive(Debug)]
pub struct PartHandle<'a> {
    cluster: &'a Cluster,
    part: Part,
}

impl<'a> PartHandle<'a> {
    pub(crate) fn new(cluster: &'a Cluster, part: Part) -> Self {
        Self { cluster, part }
    }

    /// Whether its process runs. It may still be starting.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.pid().is_some()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        running::identity(&self.cluster.folder, self.part).map(|identity| identity.pid)
    }

    /// Starts it unless it runs, and waits until it works. A kubelet that just started refuses exec and logs
    /// for about a second more, until it has looked at its Pods again.
    ///
    /// # Errors
    /// When it does not come up, with the last lines of its log.
    pub fn start(&self) -> Result<()> {
        let _change = locks::change(&self.cluster.folder)?;
        running::start(&self.cluster.folder, &self.cluster.settings, self.part)?;
        running::wait(&self.cluster.folder, &self.cluster.settings, self.part)
    }

    /// Ends it by TERM and waits until it is gone; by KILL after 15 s. Not running is no error.
    ///
    /// # Errors
    /// When it survives KILL.
    pub fn stop(&self) -> Result<()> {
        let _change = locks::change(&self.cluster.folder)?;
        running::stop(&self.cluster.folder, self.part)
    }

    /// Ends it by KILL, as a crash would, and waits until it is gone. Not running is no error.
    ///
    /// # Errors
    /// When it survives.
    pub fn kill(&self) -> Result<()> {
        let _change = locks::change(&self.cluster.folder)?;
        running::kill(&self.cluster.folder, self.part)
    }

    /// Stops and starts it.
    ///
    /// # Errors
    /// As [`Self::stop`] and [`Self::start`].
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.start()
    }
}
