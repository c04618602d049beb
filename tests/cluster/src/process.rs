//! Starting programs that outlive us, and stopping exactly those again.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// A program to start in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) log: PathBuf,
    /// The whole environment but PATH: proxies and credentials of the user are none of the cluster's business.
    pub(crate) env: Vec<(String, String)>,
    /// Put before the system's folders in PATH.
    pub(crate) path: PathBuf,
}

/// A process that can be told from a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// Clock ticks between the boot and the process's start.
    start: u64,
    boot: String,
}

impl Identity {
    /// The running process `pid`; none if there is none, or only a zombie.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let start = start_time(&stat)?;
        Some(Self {
            pid,
            start,
            boot: boot_id(),
        })
    }

    /// What a pid file holds: `PID START BOOT`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let identity = Self {
            pid: words.next()?.parse().ok()?,
            start: words.next()?.parse().ok()?,
            boot: words.next()?.to_owned(),
        };
        (identity.pid > 1).then_some(identity)
    }

    /// The text for a pid file.
    pub(crate) fn text(&self) -> String {
        format!("{} {} {}\n", self.pid, self.start, self.boot)
    }

    /// Whether this very process runs, not another with its number.
    pub(crate) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Waits until the process is gone; false when it is still there after `limit`.
    pub(crate) fn gone_within(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while self.is_alive() {
            if Instant::now() > until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }
}

/// Identifies this run of the machine; `-` where the kernel does not tell.
pub(crate) fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let id = id.trim();
    if id.is_empty() {
        "-".to_owned()
    } else {
        id.to_owned()
    }
}

/// Starts a program in a session of its own, with its output appended to a log.
///
/// # Errors
/// When the log cannot be opened or the program not be started.
pub(crate) fn spawn(launch: &Launch) -> Result<Identity> {
    let log = open_log(&launch.log)?;
    let errors = log
        .try_clone()
        .with_context(|| format!("cannot share the log {}", launch.log.display()))?;
    let mut command = Command::new("setsid");
    command
        .arg(&launch.program)
        .args(&launch.args)
        .env_clear()
        .envs(launch.env.iter().cloned());
    command
        .env("PATH", search_path(&launch.path))
        .current_dir("/");
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", launch.program.display()))?;
    // `setsid` replaces itself by the program, so the number stays.
    let Some(identity) = Identity::of(child.id()) else {
        bail!(
            "{} ended at once, see {}",
            launch.program.display(),
            launch.log.display()
        );
    };
    // A child that dies while we live stays a zombie until somebody asks for it.
    std::thread::spawn(move || child.wait());
    Ok(identity)
}

/// Sends a signal (`TERM`, `KILL`) to processes. Those already gone are no error: the caller checks what is left.
pub(crate) fn signal(name: &str, pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    // The shell's own `kill`, as not every machine has the program.
    let mut command = Command::new("sh");
    command
        .args(["-c", "kill -s \"$0\" \"$@\" 2>/dev/null", name])
        .args(pids.iter().map(u32::to_string));
    let _ = command.stdin(Stdio::null()).status();
}

/// The search path of everything we start: our programs, then the system's folders, whatever the user's PATH lacks.
pub(crate) fn search_path(first: &Path) -> String {
    format!(
        "{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        first.display()
    )
}

/// The last lines of a log, for messages. Empty when there is no log.
pub(crate) fn tail(log: &Path, lines: usize) -> String {
    let text = std::fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn open_log(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.with_context(|| format!("cannot open the log {}", path.display()))
}

/// Field 22 of /proc/PID/stat, counted behind the program's name, which may hold blanks and brackets. None for the dead:
/// a zombie, unless threads of it still end, as those hold its ports until they have.
fn start_time(stat: &str) -> Option<u64> {
    let behind_name = &stat[stat.rfind(')')? + 1..];
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let threads: u32 = fields.get(17)?.parse().ok()?;
    let is_dead = matches!(*fields.first()?, "Z" | "X") && threads <= 1;
    if is_dead {
        None
    } else {
        fields.get(19)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_a_strange_name() {
        let rest = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 1 18 4711 20 21";
        assert_eq!(start_time(&format!("12 (a ) b) S {rest}")), Some(4711));
        assert_eq!(start_time(&format!("12 (x) Z {rest}")), None);
        let ending = rest.replace(" 16 1 18 ", " 16 3 18 ");
        assert_eq!(start_time(&format!("12 (x) Z {ending}")), Some(4711));
    }

    #[test]
    fn a_recycled_number_is_another_process() {
        let me = Identity::of(std::process::id()).unwrap();
        assert!(me.is_alive());
        assert_eq!(Identity::parse(&me.text()), Some(me.clone()));
        assert!(
            !Identity {
                start: me.start + 1,
                ..me.clone()
            }
            .is_alive()
        );
        assert!(
            !Identity {
                boot: "another".into(),
                ..me
            }
            .is_alive()
        );
    }

    #[test]
    fn a_damaged_pid_file_names_no_process() {
        for text in ["", "12", "x 1 b", "0 1 b", "1 1 b"] {
            assert_eq!(Identity::parse(text), None, "{text}");
        }
    }
}
