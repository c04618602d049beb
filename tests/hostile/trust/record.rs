//! What this machine knows of sessions, and what becomes of that.

use std::fs;

use anyhow::{Result, ensure};
use serde_json::json;
use session_support::terminal::{Terminal, ended};

use super::evil;
use super::scene::{SESSIONS, Scene};

pub(super) fn a_record_that_others_may_write_is_not_believed() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::unguarded()?.stopped()?;
    let known = scene.known()?;
    let [file] = known.as_slice() else {
        anyhow::bail!("{known:?}")
    };
    let folder = file.parent().unwrap_or(file);
    for path in [file.as_path(), folder] {
        let before = fs::metadata(path)?.permissions();
        fs::set_permissions(path, fs::Permissions::from_mode(0o777))?;
        scene.refuses("start alice", &["not known to this machine"])?;
        fs::set_permissions(path, before)?;
    }
    let text = fs::read_to_string(file)?;
    for damaged in [
        String::new(),
        "\0".repeat(100),
        text[..text.len() - 1].to_owned(),
        text.replace("spec.", "spoc."),
        format!("{text}{}", "# \n".repeat(100_000)),
    ] {
        fs::write(file, damaged)?;
        scene.refuses(
            "start alice",
            &["cannot start session \"alice\" without confirmation"],
        )?;
    }
    let elsewhere = scene.machine.path().join("elsewhere");
    fs::write(&elsewhere, &text)?;
    fs::remove_file(file)?;
    std::os::unix::fs::symlink(&elsewhere, file)?;
    scene.refuses("start alice", &["not known to this machine"])?;
    fs::remove_file(file)?;
    fs::rename(&elsewhere, file)?;
    scene.run("start alice --wait=false")?;
    Ok(())
}

pub(super) fn a_uid_that_is_a_path_leads_nowhere() -> Result<()> {
    let scene = Scene::unguarded()?.stopped()?;
    let keys = scene.machine.path().join(".ssh/authorized_keys");
    let before = scene.known()?.len();
    scene.tamper("/metadata/uid", json!("../../../../.ssh/authorized_keys"))?;
    scene.call(
        scene.machine.path(),
        "start alice --trust-manifest --wait=false",
    );
    ensure!(!keys.exists(), "{keys:?}");
    for file in scene.known()? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let plain = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        ensure!(plain, "{name}");
    }
    ensure!(scene.known()?.len() <= before + 1);
    Ok(())
}

pub(super) fn a_record_holds_for_its_own_server_only() -> Result<()> {
    let scene = Scene::unguarded()?.stopped()?;
    let other = Scene::unguarded()?;
    let session = scene.api.object(SESSIONS, "default", "alice");
    other.api.put(session.unwrap_or_default());
    let refused = other.call(scene.machine.path(), "start alice");
    let said = "not known to this machine";
    ensure!(
        refused.code == 1 && refused.stderr.contains(said),
        "{refused:?}"
    );
    ensure!(other.writes().is_empty(), "{:?}", other.writes());
    Ok(())
}

pub(super) fn the_record_holds_no_text() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::unguarded()?;
    scene.run("create alice --template tool --set IMAGE=confidential:1")?;
    for file in scene.known()? {
        let text = fs::read_to_string(&file)?;
        ensure!(!text.contains("confidential"), "{text}");
        ensure!(text.contains(" spec.parameters.IMAGE\n"), "{text}");
        let mode = |path| fs::metadata(path).map(|found| found.permissions().mode() & 0o777);
        ensure!(mode(file.as_path())? == 0o600);
        ensure!(mode(file.parent().unwrap_or(&file))? == 0o700);
    }
    Ok(())
}

pub(super) fn an_answer_of_no_starts_nothing() -> Result<()> {
    let scene = Scene::unguarded()?.stopped_manifest()?;
    scene.tamper("/spec/manifest", evil())?;
    let before = scene.writes();
    for (answer, says, code) in [("n\r", "operation is cancelled", 0), ("y\r", "started", 0)] {
        let mut terminal = Terminal::new(120, 40)?;
        let child = terminal.run(&scene.command("start alice"))?;
        terminal.shows("image: \"evil:1\"")?;
        terminal.shows("Do you want to continue? (y/N): ")?;
        ensure!(scene.writes() == before, "{:?}", scene.writes());
        terminal.types(answer)?;
        terminal.shows(says)?;
        ensure!(ended(child)? == code);
    }
    scene.run("stop alice -y")?;
    scene.run("start alice")?;
    Ok(())
}

pub(super) fn a_second_machine_is_asked_once() -> Result<()> {
    let scene = Scene::unguarded()?.stopped()?;
    let second = tempfile::tempdir()?;
    let start = |more: &str| scene.call(second.path(), &format!("start alice {more}"));
    let refused = start("");
    let said = "not known to this machine";
    ensure!(
        refused.code == 1 && refused.stderr.contains(said),
        "{refused:?}"
    );
    let agreed = start("--trust-manifest");
    ensure!(agreed.code == 0, "{agreed:?}");
    for words in ["stop alice -y", "start alice", "stop alice -y"] {
        let done = scene.call(second.path(), words);
        ensure!(done.code == 0, "{words}: {done:?}");
    }
    scene.run("start alice")?;
    Ok(())
}

pub(super) fn an_ordinary_day_asks_nothing() -> Result<()> {
    let scene = Scene::unguarded()?.running()?;
    for words in [
        "list",
        "connect alice",
        "stop alice -y",
        "start alice --set IMAGE=tool:2",
        "extend alice --by 1h",
        "start alice --restart -y",
        "stop alice -y",
        "connect alice",
        "delete alice -y",
    ] {
        scene.run(words)?;
    }
    let asked: Vec<String> = scene.api.lines();
    let asked: Vec<&String> = asked
        .iter()
        .filter(|line| line.contains("admission"))
        .collect();
    ensure!(asked.is_empty(), "{asked:?}");
    Ok(())
}

pub(super) fn a_machine_without_a_home_works() -> Result<()> {
    for (scene, code) in [(Scene::unguarded()?, 1), (Scene::guarded()?, 0)] {
        // A file in place of the home: nothing can be written below it.
        let home = scene.machine.path().join("file");
        fs::write(&home, "")?;
        let call = |words: &str| scene.call(&home, words);
        let made = call("create alice --template tool");
        ensure!(made.code == 0, "{made:?}");
        ensure!(
            made.stderr.contains("cannot record the session"),
            "{made:?}"
        );
        let stopped = call("stop alice -y");
        ensure!(
            stopped.code == 0,
            "the hooks are the template's own: {stopped:?}"
        );
        let started = call("start alice");
        ensure!(started.code == code, "{started:?}");
    }
    Ok(())
}
