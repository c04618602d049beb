//! Starting, watching and stopping the parts by their pid files.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::folder::Folder;
use crate::kubectl;
use crate::parts::{Part, Readiness};
use crate::process::{self, Identity};
use crate::settings::Settings;

/// How long a part may take to end by itself after TERM.
const GRACE: Duration = Duration::from_secs(15);

/// The running process of a part; none when it does not run.
pub(crate) fn identity(folder: &Folder, part: Part) -> Option<Identity> {
    let text = std::fs::read_to_string(pid_file(folder, part)).ok()?;
    Identity::parse(&text).filter(Identity::is_alive)
}

/// Starts a part unless it runs. Does not wait until it works.
///
/// # Errors
/// When the program cannot be started.
pub(crate) fn start(folder: &Folder, settings: &Settings, part: Part) -> Result<()> {
    if identity(folder, part).is_some() {
        return Ok(());
    }
    let identity = process::spawn(&part.launch(folder, settings))?;
    let path = pid_file(folder, part);
    std::fs::write(&path, identity.text())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Waits until a started part works.
///
/// # Errors
/// When it ended or took too long; the message ends with the last lines of its log.
pub(crate) fn wait(folder: &Folder, settings: &Settings, part: Part) -> Result<()> {
    let begin = Instant::now();
    let readiness = part.readiness(settings);
    let log = part.launch(folder, settings).log;
    while !is_ready(folder, settings, &readiness) {
        let ended = identity(folder, part).is_none();
        if ended || begin.elapsed() > part.patience() {
            let how = if ended {
                "ended".to_owned()
            } else {
                format!("does not work after {} s", begin.elapsed().as_secs())
            };
            bail!(
                "{} {how}; the end of {}:\n{}",
                part.name(),
                log.display(),
                process::tail(&log, 12)
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Ends a part by TERM, then by KILL if it does not obey. Not running is no error.
///
/// # Errors
/// When it is still there after KILL.
pub(crate) fn stop(folder: &Folder, part: Part) -> Result<()> {
    if let Some(identity) = identity(folder, part) {
        process::signal("TERM", &[identity.pid]);
        if !identity.gone_within(GRACE) {
            return kill(folder, part);
        }
    }
    forget(folder, part);
    Ok(())
}

/// Ends a part by KILL, as a crash would. Not running is no error.
///
/// # Errors
/// When it is still there 10 s later.
pub(crate) fn kill(folder: &Folder, part: Part) -> Result<()> {
    if let Some(identity) = identity(folder, part) {
        process::signal("KILL", &[identity.pid]);
        if !identity.gone_within(Duration::from_secs(10)) {
            bail!("{} (process {}) does not die", part.name(), identity.pid);
        }
    }
    forget(folder, part);
    Ok(())
}

fn forget(folder: &Folder, part: Part) {
    let _ = std::fs::remove_file(pid_file(folder, part));
}

fn pid_file(folder: &Folder, part: Part) -> std::path::PathBuf {
    folder.path(&format!("pids/{}.pid", part.name()))
}

fn is_ready(folder: &Folder, settings: &Settings, readiness: &Readiness) -> bool {
    match readiness {
        Readiness::Http(port, path) => answers(*port, path),
        // Starting kubectl costs more than a look at the port.
        Readiness::Https(port, path) => {
            connect(*port).is_some() && kubectl::is_well(folder, settings, *port, path)
        }
        Readiness::Socket(below) => UnixStream::connect(folder.path(below)).is_ok(),
    }
}

fn connect(port: u16) -> Option<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    Some(stream)
}

fn answers(port: u16, path: &str) -> bool {
    let Some(mut stream) = connect(port) else {
        return false;
    };
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    let mut start = [0_u8; 12];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut start).is_ok()
        && start.ends_with(b" 200")
}
