//! The process of a credential plugin: what it writes is read up to a limit, and nothing of it outlives the run.
//!
//! A plugin that may not ask the user anything gets a process group of its own, which is killed when the run is over, however
//! that comes about: whatever the plugin started ends with it. One that may ask needs the terminal, and with it our group; the
//! terminal sends Ctrl-C to all of them, and otherwise the plugin itself is killed.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{ChildStdout, Command};

use super::limits::Limit;

/// A plugin whose children keep its standard output open is listened to for so long after its end.
const LEFT: Duration = Duration::from_secs(1);

/// How a plugin ended.
#[derive(Debug)]
pub(super) struct PluginOutput {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<u8>,
}

/// Why a plugin did not come to its end.
#[derive(Debug)]
pub(super) enum PluginFault {
    /// It could not be run.
    Io(io::Error),
    /// It wrote more than the limit.
    TooMuch,
    /// It wanted to use the terminal, which it does not have.
    Stopped,
}

impl From<io::Error> for PluginFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Runs `command` to its end and reads its standard output. When this is dropped the plugin is killed.
///
/// # Errors
/// A [`PluginFault`]; the plugin is killed.
pub(super) async fn run(
    mut command: Command,
    is_interactive: bool,
    limit: Limit,
) -> Result<PluginOutput, PluginFault> {
    #[cfg(unix)]
    if !is_interactive {
        command.process_group(0);
    }
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let pipe = child.stdout.take();
    // Dropped before the child is reaped: until then its number is no other process'.
    let group = Group::of(&child, is_interactive);
    let mut stdout = Vec::new();
    {
        let mut reading = std::pin::pin!(read(pipe, &mut stdout, limit));
        tokio::select! {
            result = &mut reading => {
                result?;
                if cfg!(unix) {
                    group.ended().await?;
                }
                drop(group);
            }
            ended = group.ended() => {
                ended?;
                drop(group);
                // What is left of the output is in the pipe.
                if let Ok(result) = tokio::time::timeout(LEFT, reading).await {
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
    limit: Limit,
) -> Result<(), PluginFault> {
    let Some(pipe) = pipe else { return Ok(()) };
    let most = limit.bytes as u64;
    pipe.take(most + 1).read_to_end(into).await?;
    if into.len() > limit.bytes {
        return Err(PluginFault::TooMuch);
    }
    Ok(())
}

#[cfg(unix)]
struct Group {
    plugin: Option<rustix::process::Pid>,
    is_own: bool,
}

#[cfg(unix)]
impl Group {
    fn of(child: &tokio::process::Child, is_interactive: bool) -> Self {
        let number = child.id().and_then(|number| i32::try_from(number).ok());
        Self {
            plugin: number.and_then(rustix::process::Pid::from_raw),
            is_own: !is_interactive,
        }
    }

    /// Waits until the plugin has ended, and leaves it to be reaped.
    async fn ended(&self) -> Result<(), PluginFault> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        use tokio::signal::unix::{SignalKind, signal};
        let Some(plugin) = self.plugin else {
            return Ok(());
        };
        let mut changes = signal(SignalKind::child())?;
        let mut options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        if self.is_own {
            // The system stops who reads from a terminal that belongs to another group.
            options |= WaitIdOptions::STOPPED;
        }
        loop {
            match waitid(WaitId::Pid(plugin), options) {
                Ok(Some(status)) if status.stopped() => return Err(PluginFault::Stopped),
                Ok(Some(_)) => return Ok(()),
                Ok(None) => drop(changes.recv().await),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        use rustix::process::{Signal, kill_process_group};
        if let Some(plugin) = self.plugin.filter(|_| self.is_own) {
            // Most often nobody is left.
            let _ = kill_process_group(plugin, Signal::KILL);
        }
    }
}

/// Where there are no process groups the plugin alone is killed, and its end shows at that of its output.
#[cfg(not(unix))]
struct Group;

#[cfg(not(unix))]
impl Group {
    fn of(_child: &tokio::process::Child, _is_interactive: bool) -> Self {
        Self
    }

    async fn ended(&self) -> Result<(), PluginFault> {
        std::future::pending().await
    }
}
