//! Host keys of an SSH server. They belong to one run of its container, because a server may generate new ones when it starts.
//!
//! With `--ssh`, every run is a host with an alias of its own. A Host block outlives runs: its known_hosts file holds only the keys
//! of the run that its first line names, and the ProxyCommand drops them when it connects to another run. Which run that is, the API
//! server tells.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use session_shared::local_state;
use session_shared::objects::pod_containers::container_status;
use session_shared::objects::pod_ports::{port_container, resolve_port};
use session_shared::ops::{ContainerTarget, ObservedSession};
use session_shared::report::console::Console;

use crate::intent::Intent;

/// Start of the line that names a run. It is a comment for ssh.
const HEAD: &str = "# host keys of run ";

/// One run of the container that has the SSH server.
pub(crate) struct ServerRun {
    /// UID of the Pod.
    pub(crate) pod: String,
    /// Restarts of the container before this run.
    pub(crate) restarts: i32,
    /// Time of the start as RFC 3339, if known.
    started: Option<String>,
}

impl ServerRun {
    /// Returns the run of the container that declares `port`, else of the container of `place`. `None` without a Pod.
    pub(crate) fn of(
        observed: &ObservedSession,
        place: &ContainerTarget,
        port: &str,
    ) -> Option<Self> {
        let (pod, chosen) = observed.choose_container(place).ok().flatten()?;
        let number = resolve_port(pod, port).ok();
        let declaring = number.and_then(|number| port_container(pod, number));
        let status = container_status(pod, declaring.unwrap_or(&chosen));
        let running = status.and_then(|status| status.state.as_ref()?.running.as_ref());
        let started = running.and_then(|running| running.started_at.as_ref());
        Some(Self {
            pod: pod.metadata.uid.clone()?,
            restarts: status.map_or(0, |status| status.restart_count),
            started: started.map(|time| time.0.to_string()),
        })
    }

    fn head(&self) -> String {
        format!("{HEAD}{} {}", self.pod, self.restarts)
    }
}

/// Drops the keys in the known_hosts file of a Host block if they are those of another run, and says so even with `--quiet`: ssh
/// then reports a key that it does not know.
///
/// # Errors
/// A file that was not written here, whose keys are not ours to drop; a file that cannot be read or written.
pub(crate) fn drop_keys_of_other_runs(
    file: &Path,
    run: &ServerRun,
    intent: &Intent,
    console: &mut Console,
) -> Result<()> {
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        read => read.with_context(|| format!("failed to read {file:?}"))?,
    };
    let (head, keys) = text.split_once('\n').unwrap_or((&text, ""));
    if head == run.head() {
        return Ok(());
    }
    if !text.is_empty() && !head.starts_with(HEAD) {
        return Err(anyhow!(
            "cannot store host keys in {file:?}: it does not begin with {HEAD:?}, so its keys may be those of other hosts"
        ));
    }
    create_parent(file)?;
    local_state::replace_private_file(file, &format!("{}\n", run.head()))
        .with_context(|| format!("failed to write {file:?}"))?;
    if !keys.trim().is_empty() {
        let at = run.started.iter().map(|time| format!(" at {time}"));
        console.warn(&format!(
            "session \"{}\" was restarted{}: dropped its former host key",
            intent.name,
            at.collect::<String>()
        ));
    }
    Ok(())
}

/// Creates the directory of a file, accessible only to its owner.
pub(crate) fn create_parent(file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    let made = local_state::create_private_folder(folder);
    made.with_context(|| format!("failed to create directory {folder:?}"))
}
