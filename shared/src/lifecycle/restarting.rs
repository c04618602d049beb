//! A session that runs is stopped and started again.

use anyhow::Result;

use super::manner::Manner;
use super::settling::Made;
use super::starting::Ahead;
use super::stopping::{Present, Stopping};
use crate::cluster::Cluster;
use crate::cluster::chosen::Chosen;
use crate::progress::Sink;

impl Ahead {
    /// Stops the session as `manner` says, and starts it.
    ///
    /// # Errors
    /// What failed, and how to go on.
    pub async fn restart(
        &self,
        cluster: &Cluster,
        manner: &Manner,
        with: Stopping<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Made> {
        let object = self.present.stop(cluster, manner, with, sink).await?;
        let mut ahead = self.clone();
        if !with.write.dry_run {
            let chosen = Chosen::of(object)?;
            ahead.take_over(Present::of(cluster, chosen, self.present.controller).await?);
        }
        let (write, interrupt, now) = (with.write, with.interrupt, with.now);
        ahead.begin(cluster, write, interrupt, now, sink).await
    }
}
