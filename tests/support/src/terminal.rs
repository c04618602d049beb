//! A terminal as a user has it: a program in front of it, somebody who types, and what stands on it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How long anything on the terminal may take.
const PATIENCE: Duration = Duration::from_secs(30);

type Shown = Arc<(Mutex<String>, Condvar)>;

/// A terminal of its own. Dropping it hangs up on the programs in front of it.
pub struct Terminal {
    /// The side of the user.
    user: File,
    /// The side of the programs, kept open so that its modes outlive them.
    program: File,
    shown: Shown,
}

impl Terminal {
    /// A terminal of that size.
    ///
    /// # Errors
    /// When the system has no terminal left.
    pub fn new(columns: u16, rows: u16) -> Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let user = openpt(flags).context("no terminal is to be had")?;
        grantpt(&user)?;
        unlockpt(&user)?;
        let path = ptsname(&user, Vec::new())?;
        let program = File::options()
            .read(true)
            .write(true)
            .open(path.to_str()?)?;
        let user = File::from(user);
        let shown = Shown::default();
        let (mut reader, heard) = (user.try_clone()?, shown.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]);
                heard
                    .0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_str(&text);
                heard.1.notify_all();
            }
        });
        let terminal = Self {
            user,
            program,
            shown,
        };
        terminal.resize(columns, rows)?;
        Ok(terminal)
    }

    /// Changes its size; the program in front of it is told.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        Ok(tcsetwinsize(&self.user, size)?)
    }

    /// Starts a program in front of it, as the leader of a session of its own: it has the very pid of the child.
    ///
    /// # Errors
    /// When `setsid` is not on PATH.
    pub fn run(&self, command: &Command) -> Result<Child> {
        let side = || -> Result<Stdio> { Ok(OwnedFd::from(self.program.try_clone()?).into()) };
        let mut leader = Command::new("setsid");
        leader
            .arg("--ctty")
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(side()?)
            .stdout(side()?)
            .stderr(side()?);
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => leader.env(key, value),
                None => leader.env_remove(key),
            };
        }
        leader.spawn().context("setsid does not start")
    }

    /// Types `text`.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn types(&mut self, text: &str) -> Result<()> {
        Ok(self.user.write_all(text.as_bytes())?)
    }

    /// Waits until `text` has appeared, and forgets everything up to it.
    ///
    /// # Errors
    /// When it has not appeared within 30 seconds.
    pub fn shows(&self, text: &str) -> Result<()> {
        let (shown, changed) = &*self.shown;
        let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(shown, PATIENCE, |shown| !shown.contains(text));
        let (mut shown, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let Some(at) = shown.find(text) else {
            bail!("the terminal does not show {text:?} but {:?}", *shown);
        };
        shown.drain(..at + text.len());
        Ok(())
    }

    /// Its modes, as `stty -a` tells them.
    ///
    /// # Errors
    /// When `stty` fails.
    pub fn modes(&self) -> Result<String> {
        let output = Command::new("stty")
            .arg("-a")
            .stdin(OwnedFd::from(self.program.try_clone()?))
            .output()?;
        ensure!(output.status.success(), "stty: {output:?}");
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Waits for the end of a child: its exit code, 128 + n for a signal.
///
/// # Errors
/// When it has not ended within 30 seconds; it is killed then.
pub fn ended(mut child: Child) -> Result<i32> {
    use std::os::unix::process::ExitStatusExt;
    let (tell, told) = std::sync::mpsc::channel();
    let pid = child.id();
    std::thread::spawn(move || tell.send(child.wait()));
    let Ok(status) = told.recv_timeout(PATIENCE) else {
        signal(pid, rustix::process::Signal::KILL)?;
        bail!("the program does not end");
    };
    let status = status?;
    Ok(status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1))
}

/// Sends a signal to one process.
///
/// # Errors
/// When there is no such process.
pub fn signal(pid: u32, signal: rustix::process::Signal) -> Result<()> {
    let pid =
        rustix::process::Pid::from_raw(i32::try_from(pid)?).context("no process has pid 0")?;
    Ok(rustix::process::kill_process(pid, signal)?)
}
