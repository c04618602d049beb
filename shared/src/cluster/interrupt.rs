//! Ctrl-C, SIGTERM and SIGHUP: a flag that work looks at where it can stop, and that ends everything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::failure::{Failure, Kind};

/// Tells work that the user wants it to end. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Interrupt {
    set: Arc<watch::Sender<bool>>,
    guards: Arc<AtomicUsize>,
}

/// While one is held, an interrupt does not end the process: the holder looks at it and cleans up first.
#[derive(Debug)]
pub struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Default for Interrupt {
    fn default() -> Self {
        Self {
            set: Arc::new(watch::Sender::new(false)),
            guards: Arc::default(),
        }
    }
}

impl Interrupt {
    /// Sets it.
    pub fn trigger(&self) {
        self.set.send_replace(true);
    }

    /// True once it is set.
    pub fn is_set(&self) -> bool {
        *self.set.borrow()
    }

    /// Waits until it is set; never, if it never is.
    pub async fn wait(&self) {
        let mut seen = self.set.subscribe();
        // Cannot fail: `self` holds the sender for as long as this runs.
        let _ = seen.wait_for(|set| *set).await;
    }

    /// From now until the guard is dropped, work is asked to end itself.
    pub fn guard(&self) -> Guard {
        self.guards.fetch_add(1, Ordering::SeqCst);
        Guard(self.guards.clone())
    }

    /// True while somebody cleans up by himself.
    pub fn is_guarded(&self) -> bool {
        self.guards.load(Ordering::SeqCst) > 0
    }

    /// Runs `work` until it is done or the interrupt is set.
    ///
    /// # Errors
    /// Those of `work`, or Interrupted.
    pub async fn race<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            () = self.wait() => Err(interrupted()),
            result = work => result,
        }
    }

    /// Waits so long, for work that is done again and again.
    ///
    /// # Errors
    /// Interrupted.
    pub async fn pause(&self, length: Duration) -> anyhow::Result<()> {
        let over = async {
            tokio::time::sleep(length).await;
            Ok(())
        };
        self.race(over).await
    }

    /// Waits for Ctrl-C, SIGTERM or SIGHUP, for ever again, and sets the flag; returns at the second one, or at the first
    /// while nobody cleans up.
    pub async fn listen(&self) {
        loop {
            signal().await;
            let second = self.is_set();
            self.trigger();
            if second || !self.is_guarded() {
                return;
            }
        }
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut hang_up), Ok(mut terminate)) = (
        signal(SignalKind::hangup()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = hang_up.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The failure of work that was interrupted.
pub fn interrupted() -> anyhow::Error {
    anyhow::Error::new(Failure::local(Kind::Interrupted, "interrupted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_left_when_the_interrupt_is_set() {
        let interrupt = Interrupt::default();
        assert_eq!(interrupt.race(async { Ok(1) }).await.unwrap(), 1);
        interrupt.clone().trigger();
        let error = interrupt
            .race(std::future::pending::<anyhow::Result<()>>())
            .await
            .unwrap_err();
        assert!(crate::failure::is(&error, Kind::Interrupted));
    }

    #[test]
    fn a_guard_lasts_until_it_is_dropped() {
        let interrupt = Interrupt::default();
        let guard = interrupt.guard();
        assert!(interrupt.is_guarded());
        drop(guard);
        assert!(!interrupt.is_guarded());
    }
}
