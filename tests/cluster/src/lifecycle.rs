//! Bringing a cluster up, repairing one that lost parts, and taking it down.

use anyhow::Result;

use crate::folder::Folder;
use crate::parts::Part;
use crate::say::say;
use crate::settings::Settings;
use crate::{idle, kwok, leftovers, locks, process, programs, running, startup};

/// A cluster that works: the one there is, that one with its dead parts started again, or a new one.
/// The caller holds a lease, so that no test has stopped a part on purpose.
///
/// # Errors
/// When a program does not build or a part does not come up.
pub(crate) fn ensure_up(folder: &Folder) -> Result<Settings> {
    if let Some(settings) = whole(folder)? {
        idle::touch(folder);
        idle::start(folder);
        return Ok(settings);
    }
    // Before the lock: a build takes minutes, and `down` should not wait for it.
    let programs = programs::built()?;
    let _change = locks::change(folder)?;
    if let Some(settings) = whole(folder)? {
        idle::touch(folder);
        return Ok(settings);
    }
    if let Some(settings) =
        Settings::read(folder).filter(|settings| can_be_repaired(folder, settings, &programs))
    {
        match repair(folder, &settings) {
            Ok(()) => return Ok(settings),
            Err(error) => say(&format!(
                "starting anew, as the cluster cannot be repaired: {error:#}"
            )),
        }
    }
    if folder.root().exists() {
        say("removing what an earlier run left");
        leftovers::remove(folder)?;
    }
    startup::start(folder, &programs)
}

/// Removes the cluster, whatever is left of it.
///
/// # Errors
/// When something of it cannot be removed.
pub(crate) fn down(folder: &Folder) -> Result<()> {
    let _change = locks::change(folder)?;
    leftovers::remove(folder)?;
    locks::remove(folder);
    Ok(())
}

/// Starts the parts of `settings` that do not run, and waits until they work. The caller holds the change lock.
///
/// # Errors
/// When one does not come up.
pub(crate) fn repair(folder: &Folder, settings: &Settings) -> Result<()> {
    let dead: Vec<Part> = expected(folder, settings)
        .into_iter()
        .filter(|part| running::identity(folder, *part).is_none())
        .collect();
    for part in dead {
        say(&format!("starting {} again", part.name()));
        running::start(folder, settings, part)?;
        running::wait(folder, settings, part)?;
    }
    idle::touch(folder);
    idle::start(folder);
    if !settings.has_kubelet() {
        kwok::start_as_node(folder, settings)?;
    }
    startup::wait_for_node(folder, settings)
}

/// The parts that should run.
pub(crate) fn expected(folder: &Folder, settings: &Settings) -> Vec<Part> {
    let wanted = |part: &Part| match part {
        Part::Containerd | Part::Kubelet => settings.has_kubelet(),
        part if Part::STORAGE.contains(part) => settings.has_kubelet(),
        Part::Proxy => settings.has_kubelet() && settings.no_proxy.is_none(),
        Part::Kwok => kwok::is_wanted(folder, settings),
        _ => true,
    };
    Part::ALL.into_iter().filter(wanted).collect()
}

/// The settings of a cluster all of whose parts run, of this checkout's programs.
fn whole(folder: &Folder) -> Result<Option<Settings>> {
    let programs = programs::place()?;
    let settings = Settings::read(folder)
        .filter(|settings| settings.complete && settings.programs == programs);
    Ok(settings.filter(|settings| {
        expected(folder, settings)
            .iter()
            .all(|part| running::identity(folder, *part).is_some())
    }))
}

/// With nothing alive there is nothing worth keeping: a fresh start is as fast, and surely clean.
fn can_be_repaired(folder: &Folder, settings: &Settings, programs: &std::path::Path) -> bool {
    let alive = || {
        Part::ALL
            .into_iter()
            .any(|part| running::identity(folder, part).is_some())
    };
    settings.complete
        && settings.programs == programs
        && settings.boot == process::boot_id()
        && alive()
}
