//! The names and ways by which other programs call the suite.
//!
//! Long because every way to call it is tried here.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use session_support::{FakeApi, Listening, Output, run_binary};
use tempfile::TempDir;

use crate::attack::{Attack, attack};
use crate::text::{program, running};

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            a_completer_that_is_told_to_delete,
            "A link `kubectl_complete-session` to the program is called with a deletion, as a shell does at Tab",
            "It prints nothing, sends nothing and exits with 0, under every path and spelling of the name"
        ),
        attack!(
            a_completer_by_name_alone,
            "A caller gives the program the name of a completer without a link (`exec -a`)",
            "The same: the name decides"
        ),
        attack!(
            kubectl_completes_a_deletion,
            "`kubectl __complete session delete -n x scrap` with the completer on PATH, by kubectl itself",
            "The session is there"
        ),
        attack!(
            a_renamed_verb,
            "A program kept as `kubectl-session-delete.old` is called with a name",
            "It is an unknown command: nothing is sent"
        ),
        attack!(
            a_verb_with_a_word_behind_it,
            "A link `kubectl-session-create-foo` takes `kubectl session create foo delete alice -y` for `delete alice -y`",
            "It is an unknown command: a program that is named after a verb runs no other"
        ),
        attack!(
            a_verb_in_other_letters,
            "Somebody types, or pastes, `DELETE`, `del`, `delet` and a verb with an invisible character",
            "Unknown commands: no verb is guessed or completed"
        ),
        attack!(
            a_verb_behind_two_dashes,
            "`-- delete alice -y`",
            "The help, as with kubectl"
        ),
        attack!(
            help_of_a_deletion,
            "`help delete alice -y` and `delete alice -y --help`",
            "A help page, or a complaint; nothing is sent"
        ),
        attack!(
            a_program_of_that_name_in_the_working_directory,
            "`kubectl-session-frob` lies in the working directory, and PATH has an empty or a relative folder",
            "It is not run"
        ),
        attack!(
            a_word_that_is_a_path,
            "A word with a slash, a backslash or dots that would lead to another program",
            "An unknown command: nothing is run"
        ),
        attack!(
            a_program_in_place_of_a_verb,
            "`kubectl-session-delete` of somebody else stands first on PATH",
            "Our own verb answers"
        ),
        attack!(
            a_name_that_is_a_flag,
            "`delete -- --all` and `-A`, `-y` as names of sessions",
            "They are no names: nothing is sent"
        ),
        attack!(
            a_program_without_a_name,
            "The program is started with an empty name, a slash and a control character as its name",
            "It works, and shows what it was called as escapes"
        ),
        attack!(
            ssh_in_the_working_directory,
            "`ssh` lies in the working directory, and PATH has a relative folder",
            "It is not run"
        ),
        attack!(
            a_namespace_that_is_a_command,
            "A kubeconfig's namespace is `x; touch pwned`, for the hints that people paste",
            "It is refused before any request, and shown in no command"
        ),
    ]
}

/// A server with session `scrap`, and links to the program.
struct Scene {
    api: FakeApi,
    listening: Listening,
    folder: TempDir,
}

impl Scene {
    fn new() -> Result<Self> {
        let api = FakeApi::stateful();
        api.put(json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": "scrap", "namespace": "default"},
            "spec": {"userId": "alice", "template": "tool"}, "status": {"phase": "stopped"},
        }));
        let listening = api.listen();
        let folder = tempfile::tempdir()?;
        Ok(Self {
            api,
            listening,
            folder,
        })
    }

    fn link(&self, name: &str) -> Result<PathBuf> {
        let link = self.folder.path().join(name);
        symlink(program(), &link)?;
        Ok(link)
    }

    fn script(&self, name: &str) -> Result<PathBuf> {
        script(self.folder.path(), name)
    }

    /// Runs a program with the server's kubeconfig.
    fn run(&self, path: &Path, words: &[&str], env: &[(&str, &str)]) -> Result<Output> {
        let config = self.listening.kubeconfig();
        let config = config.to_str().context("a path is text")?;
        let env = [&[("KUBECONFIG", config)], env].concat();
        Ok(run_binary(path, words, &env, ""))
    }

    /// Nothing was asked for, and nothing is gone.
    fn is_untouched(&self, what: &str) -> Result<()> {
        let requests = self.api.lines();
        ensure!(requests.is_empty(), "{what}: {requests:?}");
        let found = self
            .api
            .object("sessions.streaming.platform", "default", "scrap");
        ensure!(found.is_some(), "{what}: the session is gone");
        Ok(())
    }
}

/// A program of somebody else, which says so.
fn script(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    std::fs::write(&path, "#!/bin/sh\necho intruder\n")?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

const DELETION: [&str; 3] = ["delete", "scrap", "-y"];

fn a_completer_that_is_told_to_delete() -> Result<()> {
    let scene = Scene::new()?;
    for name in [
        "kubectl_complete-session",
        "kubectl_complete-session-delete",
        "kubectl_complete-session.exe",
        "KUBECTL_COMPLETE-SESSION",
    ] {
        let link = scene.link(name)?;
        let relative = PathBuf::from(format!(
            "{}/../{}/{name}",
            scene.folder.path().display(),
            scene
                .folder
                .path()
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
        ));
        for path in [&link, &relative] {
            for words in [
                &DELETION[..],
                &["scrap", "-y"],
                &["-n", "default", "delete", "scrap", "-y"],
                &["--help"],
                &[],
            ] {
                let done = scene.run(path, words, &[])?;
                let silent = (done.code, done.stdout.as_str(), done.stderr.as_str()) == (0, "", "");
                ensure!(silent, "{path:?} {words:?}: {done:?}");
                scene.is_untouched(name)?;
            }
        }
    }
    // The same words under the program's own name do delete: the attack is a real one.
    scene.run(program(), &DELETION, &[])?;
    ensure!(!scene.api.writes().is_empty(), "delete deletes nothing");
    Ok(())
}

fn a_completer_by_name_alone() -> Result<()> {
    let scene = Scene::new()?;
    for name in [
        "kubectl_complete-session",
        "/nowhere/kubectl_complete-session",
        "kubectl_complete-session/",
    ] {
        let output = Command::new(program())
            .arg0(name)
            .args(DELETION)
            .env("KUBECONFIG", scene.listening.kubeconfig())
            .output()?;
        let silent =
            output.status.success() && output.stdout.is_empty() && output.stderr.is_empty();
        ensure!(silent, "{name}: {output:?}");
        scene.is_untouched(name)?;
    }
    Ok(())
}

fn kubectl_completes_a_deletion() -> Result<()> {
    let scene = Scene::new()?;
    scene.link("kubectl-session")?;
    scene.link("kubectl_complete-session")?;
    let path = scene.folder.path().to_str().context("a path is text")?;
    let kubectl = session_cluster::kubectl_program()?;
    for words in [
        &["__complete", "session", "delete", "scrap", "-y"][..],
        &[
            "__complete",
            "session",
            "delete",
            "-n",
            "default",
            "scrap",
            "-y",
            "",
        ],
        &["__completeNoDesc", "session", "delete", "scrap", "-y", ""],
    ] {
        let done = scene.run(&kubectl, words, &[("PATH", path)])?;
        ensure!(!done.stdout.contains("deleted"), "{words:?}: {done:?}");
        let writes = scene.api.writes();
        ensure!(writes.is_empty(), "{words:?}: {writes:?}");
    }
    let session = scene
        .api
        .object("sessions.streaming.platform", "default", "scrap");
    ensure!(session.is_some(), "the session is gone");
    Ok(())
}

/// The program says that `word` is no command, and does nothing.
fn is_unknown(scene: &Scene, done: &Output, word: &str) -> Result<()> {
    let line = format!("error: unknown command {word:?} for \"kubectl session\"\n");
    let told = done.code == 1 && done.stdout.is_empty() && done.stderr.starts_with(&line);
    ensure!(told, "{word}: {done:?}");
    scene.is_untouched(word)
}

fn a_renamed_verb() -> Result<()> {
    let scene = Scene::new()?;
    for (name, word) in [
        ("kubectl-session-delete.old", "delete.old"),
        ("kubectl-session-delete.1", "delete.1"),
        ("kubectl-session-Delete", "Delete"),
        ("kubectl-session-", ""),
    ] {
        let link = scene.link(name)?;
        for words in [&["scrap", "-y"][..], &DELETION] {
            is_unknown(&scene, &scene.run(&link, words, &[])?, word)?;
        }
    }
    Ok(())
}

fn a_verb_with_a_word_behind_it() -> Result<()> {
    let scene = Scene::new()?;
    for (name, word) in [
        ("kubectl-session-create-foo", "create-foo"),
        ("kubectl-session-list_all", "list-all"),
    ] {
        let link = scene.link(name)?;
        is_unknown(&scene, &scene.run(&link, &DELETION, &[])?, word)?;
    }
    Ok(())
}

fn a_verb_in_other_letters() -> Result<()> {
    let scene = Scene::new()?;
    for word in [
        "DELETE",
        "del",
        "delet",
        "deleted",
        "delete\u{200b}",
        "\u{202e}eteled",
        "dеlete",
    ] {
        let done = scene.run(program(), &[word, "scrap", "-y"], &[("PATH", "/nowhere")])?;
        let told = done.code == 1 && done.stderr.starts_with("error: unknown command");
        ensure!(told, "{word:?}: {done:?}");
        ensure!(!done.stderr.contains(['\u{200b}', '\u{202e}']), "{done:?}");
        scene.is_untouched(word)?;
    }
    Ok(())
}

fn a_verb_behind_two_dashes() -> Result<()> {
    let scene = Scene::new()?;
    for words in [
        &["--", "delete", "scrap", "-y"][..],
        &["-n", "default", "--", "delete", "scrap", "-y"],
    ] {
        let done = scene.run(program(), words, &[])?;
        ensure!(done.code == 0 && done.stdout.contains("Usage:"), "{done:?}");
        scene.is_untouched("--")?;
    }
    Ok(())
}

fn help_of_a_deletion() -> Result<()> {
    let scene = Scene::new()?;
    for words in [
        &["help", "delete", "scrap", "-y"][..],
        &["delete", "scrap", "-y", "--help"],
        &["delete", "--help", "scrap", "-y"],
        &["-h", "delete", "scrap", "-y"],
    ] {
        scene.run(program(), words, &[])?;
        scene.is_untouched(&words.join(" "))?;
    }
    Ok(())
}

/// Runs a command of the program in a folder, with that PATH.
fn in_folder(scene: &Scene, folder: &Path, path: &str, words: &[&str]) -> Result<String> {
    let output = Command::new(program())
        .args(words)
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .env("KUBECONFIG", scene.listening.kubeconfig())
        .output()?;
    let all = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&all).into_owned())
}

fn a_program_of_that_name_in_the_working_directory() -> Result<()> {
    let scene = Scene::new()?;
    scene.script("kubectl-session-frob")?;
    let folder = scene.folder.path();
    for path in ["", ".", ":", "./", "../x:.", "/nowhere::"] {
        let said = in_folder(&scene, folder, path, &["frob"])?;
        ensure!(
            said.starts_with("error: unknown command \"frob\""),
            "PATH={path:?}: {said}"
        );
    }
    let absolute = folder.to_str().context("a path is text")?;
    let said = in_folder(&scene, folder, absolute, &["frob"])?;
    ensure!(said == "intruder\n", "a program on PATH is found: {said}");
    Ok(())
}

fn a_word_that_is_a_path() -> Result<()> {
    let scene = Scene::new()?;
    let folder = scene.folder.path();
    std::fs::create_dir(folder.join("kubectl-session-x"))?;
    scene.script("evil")?;
    let absolute = folder.to_str().context("a path is text")?;
    for word in ["x/../evil", "../evil", "/bin/sh", "x\\..\\evil", "x/evil"] {
        let said = in_folder(&scene, folder, absolute, &[word])?;
        ensure!(said.starts_with("error: unknown command"), "{word}: {said}");
    }
    Ok(())
}

fn a_program_in_place_of_a_verb() -> Result<()> {
    let scene = Scene::new()?;
    scene.script("kubectl-session-delete")?;
    let path = scene.folder.path().to_str().context("a path is text")?;
    let done = scene.run(program(), &["delete", "nobody", "-y"], &[("PATH", path)])?;
    ensure!(!done.stdout.contains("intruder"), "{done:?}");
    ensure!(done.stderr.contains("\"nobody\" not found"), "{done:?}");
    Ok(())
}

fn a_name_that_is_a_flag() -> Result<()> {
    let scene = Scene::new()?;
    for verb in [
        "delete", "stop", "start", "extend", "connect", "status", "logs",
    ] {
        for name in ["--all", "-A", "-y", "-oProxyCommand=id"] {
            let done = scene.run(program(), &[verb, "--", name], &[])?;
            ensure!(
                done.code == 1 && done.stdout.is_empty(),
                "{verb} {name}: {done:?}"
            );
            scene.is_untouched(name)?;
        }
    }
    Ok(())
}

fn a_program_without_a_name() -> Result<()> {
    for name in ["", "/", "..", "evil\x1b]0;x\x07\u{202e}"] {
        let output = Command::new(program()).arg0(name).arg("--bogus").output()?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(1), "{name:?}: {said}");
        ensure!(
            said.starts_with("error: unknown flag: --bogus\n"),
            "{name:?}: {said}"
        );
        ensure!(
            !said.contains(['\x1b', '\x07', '\u{202e}']),
            "{name:?}: {said:?}"
        );
    }
    Ok(())
}

fn ssh_in_the_working_directory() -> Result<()> {
    let api = running(json!([{"name": "ssh", "ssh": {"port": 8080, "user": "lab"}}]));
    let scene = Scene {
        listening: api.listen(),
        api,
        folder: tempfile::tempdir()?,
    };
    scene.script("ssh")?;
    let folder = scene.folder.path();
    for path in ["", ".", "./:/nowhere"] {
        let said = in_folder(&scene, folder, path, &["connect", "alice", "--ssh"])?;
        ensure!(
            said.starts_with("error: cannot run ssh: ssh not found in PATH\n"),
            "PATH={path:?}: {said}"
        );
    }
    let absolute = folder.to_str().context("a path is text")?;
    let said = in_folder(&scene, folder, absolute, &["connect", "alice", "--ssh"])?;
    ensure!(said == "intruder\n", "ssh on PATH is run: {said}");
    Ok(())
}

fn a_namespace_that_is_a_command() -> Result<()> {
    let scene = Scene::new()?;
    let text = std::fs::read_to_string(scene.listening.kubeconfig())?;
    let config = scene.folder.path().join("config");
    for namespace in ["x; touch pwned", "$(id)", "a\\nb", "../../x", "-A", "Ünder"] {
        let text = text.replace("namespace: default", &format!("namespace: \"{namespace}\""));
        std::fs::write(&config, text)?;
        let config = config.to_str().context("a path is text")?;
        for verb in ["connect", "delete", "status", "stop"] {
            let done = run_binary(program(), &[verb, "scrap"], &[("KUBECONFIG", config)], "");
            ensure!(done.code == 1 && done.stdout.is_empty(), "{done:?}");
            ensure!(
                done.stderr.starts_with("error: invalid namespace "),
                "{done:?}"
            );
            ensure!(done.stderr.lines().count() == 1, "{done:?}");
            scene.is_untouched(namespace)?;
        }
    }
    Ok(())
}
