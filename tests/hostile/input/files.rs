//! Files that are not what they seem.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, ensure};

use super::scene::Scene;
use crate::attack::{Attack, attack};

/// A command line for every place that reads all of a file which the user names; `FILE` is the file.
const READS: [&str; 8] = [
    "create carol -f FILE",
    "create carol --template bare --set-file IMAGE=FILE",
    "create carol --template bare --env-file FILE",
    "start bob --restart -y --set-file IMAGE=FILE",
    "template lint -f FILE",
    "template apply -f FILE",
    "list -o jsonpath-file=FILE",
    "list -o custom-columns-file=FILE",
];

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            a_file_without_end_is_not_read_for_ever,
            "/dev/zero and a sparse file of 10 GiB in the place of every file that is read whole, with 1 GiB of address space",
            "exit code 1 with the file's name and the limit, no write",
        ),
        attack!(
            what_is_no_text_is_refused_by_name,
            "A directory, invalid UTF-8, or a file that may not be read in the same places",
            "exit code 1 with the file's name, no write",
        ),
        attack!(
            a_file_that_changes_while_it_is_read_is_one_or_the_other,
            "A manifest that is replaced again and again while `create -f` reads it",
            "the session is made of the one or of the other manifest, never of a mixture",
        ),
        attack!(
            a_folder_that_takes_no_file_is_told_before_the_session_pauses,
            "`snapshot create --to` into a folder that is missing, is a file, or takes no file",
            "exit code 1, no hook and no tar is run, nothing is left behind",
        ),
    ]
}

/// Runs each line with a file; finds that it fails, names the file and writes nothing.
fn all_refuse(scene: &Scene, file: &str, limit: &str) -> Result<()> {
    for line in READS {
        let line = line.replace("FILE", file);
        let output = scene.shell(&format!("{limit} session {line}")).output()?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(
            output.status.code() == Some(1),
            "{line}: {}: {said}",
            output.status
        );
        let name = file.rsplit('/').next().unwrap_or(file);
        ensure!(said.contains(name), "{line}: {said}");
        ensure!(!said.contains("panicked"), "{line}: {said}");
        scene.is_untouched(&line)?;
    }
    Ok(())
}

fn a_file_without_end_is_not_read_for_ever() -> Result<()> {
    let scene = Scene::new()?;
    File::create(scene.path("sparse"))?.set_len(10 << 30)?;
    for file in ["/dev/zero", "@/sparse"] {
        all_refuse(&scene, file, "ulimit -v 1048576;")?;
    }
    Ok(())
}

fn what_is_no_text_is_refused_by_name() -> Result<()> {
    let scene = Scene::new()?;
    fs::create_dir(scene.path("folder"))?;
    fs::write(scene.path("latin"), b"A=\xe9\xff\n")?;
    for file in ["@/folder", "@/latin", "@/missing"] {
        all_refuse(&scene, file, "")?;
    }
    Ok(())
}

fn a_file_that_changes_while_it_is_read_is_one_or_the_other() -> Result<()> {
    let scene = Scene::new()?;
    let manifest = |image: &str| {
        // More than one read takes.
        let filler = format!("# {image}\n").repeat(20_000);
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: \"x-${{SESSION_ID}}\"}}\nspec:\n  containers:\n  - {{name: main, image: {image}}}\n{filler}"
        )
    };
    let texts = [manifest("one"), manifest("two")];
    fs::write(scene.path("manifest"), &texts[0])?;
    for round in 0..4 {
        let line = format!(
            "create c-{round} -f @/manifest --dry-run=client -o jsonpath={{.spec.manifest}}"
        );
        let child = scene
            .command(&line)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()?;
        for turn in 0..200 {
            // As an editor saves it.
            fs::write(scene.path("next"), &texts[turn % 2])?;
            fs::rename(scene.path("next"), scene.path("manifest"))?;
        }
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{output:?}");
        let stored = String::from_utf8(output.stdout)?;
        ensure!(
            stored.contains("one") != stored.contains("two"),
            "{} bytes of both",
            stored.len()
        );
    }
    scene.is_untouched("create -f")
}

fn a_folder_that_takes_no_file_is_told_before_the_session_pauses() -> Result<()> {
    let scene = Scene::new()?;
    fs::create_dir(scene.path("closed"))?;
    let closed = fs::Permissions::from_mode(0o500);
    fs::set_permissions(scene.path("closed"), closed)?;
    // Root may write everywhere but here.
    let takes_none = if is_root()? { "/proc" } else { "@/closed" };
    for folder in ["@/missing", "@/notes", takes_none] {
        let line = format!("snapshot create bob --to {folder}/backup.tar.gz");
        let output = scene.command(&line).output()?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(1), "{line}: {said}");
        let folder = scene.words(folder).pop().context("a folder")?;
        ensure!(said.contains(&folder), "{line}: {said}");
        let packed = scene.api.executed();
        let packed = packed
            .iter()
            .any(|words| words.join(" ").contains("tar -cf"));
        ensure!(!packed, "{line}");
        scene.is_untouched(&line)?;
    }
    ensure!(fs::read_dir(scene.path("closed"))?.next().is_none());
    Ok(())
}

fn is_root() -> Result<bool> {
    let status = fs::read_to_string("/proc/self/status")?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    Ok(uid.is_some_and(|uid| uid.split_whitespace().nth(1) == Some("0")))
}
