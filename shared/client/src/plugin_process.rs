//! The process of a credential plugin: its output is read up to a limit, and no process of it outlives the run.
//!
//! A plugin that may not prompt gets a process group of its own, which is killed at the end of the run with everything
//! the plugin started. A plugin that may prompt needs the terminal and therefore stays in our group: the terminal sends
//! Ctrl-C to the whole group, and otherwise only the plugin itself is killed.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{ChildStdout, Command};

use super::read_limits::ReadLimit;

/// Time to read remaining output after the plugin's end, in case its children keep standard output open.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The exit status and output of a plugin.
#[derive(Debug)]
pub(super) struct PluginOutput {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
}

/// The reason why a plugin did not complete.
#[derive(Debug)]
pub(super) enum PluginError {
    /// The process could not be run.
    Io(io::Error),
    /// The output exceeds the limit.
    OutputTooLarge,
    /// The process was stopped by the system because it used the terminal from outside the foreground group.
    StoppedByTerminal,
}

impl From<io::Error> for PluginError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Runs `command` until it exits and reads its standard output. Dropping the future kills the plugin.
///
/// # Errors
/// A [`PluginError`]; the plugin is killed.
pub(super) async fn run_plugin(
    mut command: Command,
    is_interactive: bool,
    limit: ReadLimit,
) -> Result<PluginOutput, PluginError> {
    #[cfg(unix)]
    if !is_interactive {
        command.process_group(0);
    }
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let pipe = child.stdout.take();
    // Dropped before the child is reaped: until then no other process can get its id.
    let group = PluginProcess::new(&child, is_interactive);
    let mut stdout = Vec::new();
    {
        let mut reading = std::pin::pin!(read(pipe, &mut stdout, limit));
        tokio::select! {
            result = &mut reading => {
                result?;
                if cfg!(unix) {
                    group.wait_exited().await?;
                }
                drop(group);
            }
            ended = group.wait_exited() => {
                ended?;
                drop(group);
                // Remaining output is in the pipe.
                if let Ok(result) = tokio::time::timeout(DRAIN_TIMEOUT, reading).await {
                    result?;
                }
            }
        }
    }
    let status = child.wait().await?;
    Ok(PluginOutput { status, stdout })
}

async fn read(
    pipe: Option<ChildStdout>,
    into: &mut Vec<u8>,
    limit: ReadLimit,
) -> Result<(), PluginError> {
    let Some(pipe) = pipe else { return Ok(()) };
    let most = limit.bytes as u64;
    pipe.take(most + 1).read_to_end(into).await?;
    if into.len() > limit.bytes {
        return Err(PluginError::OutputTooLarge);
    }
    Ok(())
}

#[cfg(unix)]
struct PluginProcess {
    plugin: Option<rustix::process::Pid>,
    is_own: bool,
}

#[cfg(unix)]
impl PluginProcess {
    fn new(child: &tokio::process::Child, is_interactive: bool) -> Self {
        let number = child.id().and_then(|number| i32::try_from(number).ok());
        Self {
            plugin: number.and_then(rustix::process::Pid::from_raw),
            is_own: !is_interactive,
        }
    }

    /// Waits until the plugin exits, without reaping it.
    async fn wait_exited(&self) -> Result<(), PluginError> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        use tokio::signal::unix::{SignalKind, signal};
        let Some(plugin) = self.plugin else {
            return Ok(());
        };
        let mut changes = signal(SignalKind::child())?;
        let mut options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        if self.is_own {
            // The system stops a process that reads from a terminal of another group.
            options |= WaitIdOptions::STOPPED;
        }
        loop {
            match waitid(WaitId::Pid(plugin), options) {
                Ok(Some(status)) if status.stopped() => return Err(PluginError::StoppedByTerminal),
                Ok(Some(_)) => return Ok(()),
                Ok(None) => drop(changes.recv().await),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
    }
}

#[cfg(unix)]
impl Drop for PluginProcess {
    fn drop(&mut self) {
        use rustix::process::{Signal, kill_process_group};
        if let Some(plugin) = self.plugin.filter(|_| self.is_own) {
            // Usually no process is left.
            let _ = kill_process_group(plugin, Signal::KILL);
        }
    }
}

/// Without process groups only the plugin itself is killed, and its end shows at the end of its output.
#[cfg(not(unix))]
struct Group;

#[cfg(not(unix))]
impl PluginProcess {
    fn of(_child: &tokio::process::Child, _is_interactive: bool) -> Self {
        Self
    }

    async fn ended(&self) -> Result<(), PluginError> {
        std::future::pending().await
    }
}
