//! Questions: what answers them, what ends them, and what does neither.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use session_support::terminal::{Terminal, ended, signal};

use super::scene::{PATIENCE, PROMPT, Scene};
use crate::attack::{Attack, attack};

/// A command line of every verb that asks.
const QUESTIONS: [&str; 9] = [
    "stop bob",
    "delete alice --delete-data",
    "delete alice bob",
    "cleanup --expired",
    "start bob --restart",
    "resize bob --memory 32Mi --restart",
    "snapshot delete first",
    "snapshot prune alice --keep 0",
    "snapshot restore bob --from @/files.tar.gz",
];
/// Those that need nobody's word where there is no terminal, as with kubectl.
const FREE: [&str; 1] = ["delete alice bob"];

pub(crate) fn attacks() -> Vec<Attack> {
    vec![
        attack!(
            a_signal_ends_every_question,
            "Ctrl-C, Ctrl-\\, SIGTERM or SIGHUP at the question of every verb that asks, and `y` and Enter right behind it",
            "exit code 130, 131, 143 or 129 at once, no write, the terminal as it was",
        ),
        attack!(
            an_end_of_input_answers_no,
            "Ctrl-D at a question",
            "nothing is done, exit code 0",
        ),
        attack!(
            what_was_typed_before_a_question_is_no_answer,
            "`y` and Enter typed before the question is there",
            "the question waits for an answer of its own",
        ),
        attack!(
            a_yes_from_a_pipe_is_no_word,
            "A pipe that says `y` to every verb that asks",
            "exit code 1 with the flag that says yes, no write",
        ),
        attack!(
            a_question_is_shown_where_somebody_sees_it,
            "A verb that asks, with standard output in a file",
            "the question is on the terminal, not in the file",
        ),
        attack!(
            a_question_outlives_ctrl_z,
            "Ctrl-Z at a question, later `fg`",
            "the terminal's modes are as before, and the question is still there to be answered",
        ),
        attack!(
            a_live_screen_is_given_back_on_ctrl_z,
            "Ctrl-Z in `status -w`, later `fg`, then Ctrl-C",
            "the terminal shows what it showed before, the report again after `fg`, and is as it was in the end",
        ),
        attack!(
            yes_may_be_said_twice,
            "`--yes` given twice, and answered once more by a pipe",
            "done once",
        ),
        attack!(
            a_second_ctrl_c_ends_what_cleans_up,
            "Ctrl-C again and again while a server does not answer a write",
            "the process ends with 130, whatever it was going to tell",
        ),
    ]
}

fn a_signal_ends_every_question() -> Result<()> {
    let scene = Scene::new()?;
    for line in QUESTIONS {
        for (way, code) in [("\x03", 130), ("\x1c", 131), ("TERM", 143), ("HUP", 129)] {
            let mut terminal = Terminal::new(100, 40)?;
            let before = terminal.modes()?;
            let child = scene.asked(line, &terminal)?;
            match way {
                "TERM" => signal(child.id(), Signal::TERM)?,
                "HUP" => signal(child.id(), Signal::HUP)?,
                // In one piece: the answer is there before anybody has heard the signal.
                typed => terminal.types(&format!("{typed}y\n"))?,
            }
            // The program may be gone by now.
            let _ = terminal.types("y\n");
            let told = || format!("{line} {way:?}");
            let ended = ended(child).with_context(told)?;
            ensure!(ended == code, "{}: exit code {ended}", told());
            terminal.shows("\r\n").with_context(told)?;
            let after = terminal.modes()?;
            ensure!(after == before, "{}:\n{before}\n{after}", told());
            scene.is_untouched(line)?;
        }
    }
    Ok(())
}

fn an_end_of_input_answers_no() -> Result<()> {
    let scene = Scene::new()?;
    for line in QUESTIONS {
        let mut terminal = Terminal::new(100, 40)?;
        let child = scene.asked(line, &terminal)?;
        terminal.types("\x04")?;
        let code = ended(child)?;
        ensure!(code == 0, "{line}: exit code {code}");
        // What follows begins a line of its own.
        terminal.shows("\r\n")?;
        scene.is_untouched(line)?;
    }
    Ok(())
}

fn what_was_typed_before_a_question_is_no_answer() -> Result<()> {
    let scene = Scene::new()?;
    for line in QUESTIONS {
        let mut terminal = Terminal::new(100, 40)?;
        terminal.types("y\ny\n")?;
        let child = scene.asked(line, &terminal)?;
        terminal.types("n\n")?;
        let code = ended(child)?;
        ensure!(code == 0, "{line}: exit code {code}");
        scene.is_untouched(line)?;
    }
    Ok(())
}

fn a_yes_from_a_pipe_is_no_word() -> Result<()> {
    let scene = Scene::new()?;
    for line in QUESTIONS.into_iter().filter(|line| !FREE.contains(line)) {
        let mut child = scene
            .command(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().context("a pipe")?;
        // Nobody reads it.
        let _ = input.write_all(b"y\ny\n");
        drop(input);
        let output = child.wait_with_output()?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(1), "{line}: {said}");
        ensure!(
            said.contains("-y") || said.contains("--yes"),
            "{line}: {said}"
        );
        ensure!(
            !String::from_utf8(output.stdout)?.contains(PROMPT),
            "{line}"
        );
        scene.is_untouched(line)?;
    }
    Ok(())
}

fn a_question_is_shown_where_somebody_sees_it() -> Result<()> {
    let scene = Scene::new()?;
    let mut terminal = Terminal::new(100, 40)?;
    let child = terminal.run(&scene.shell("session delete alice bob > @/out"))?;
    terminal.shows("You are about to delete the following 2 resource(s):")?;
    terminal.shows(PROMPT)?;
    terminal.types("n\n")?;
    ensure!(ended(child)? == 0);
    let out = std::fs::read_to_string(scene.path("out"))?;
    ensure!(out == "deletion is cancelled\n", "{out:?}");
    scene.is_untouched("delete")
}

fn a_question_outlives_ctrl_z() -> Result<()> {
    let scene = Scene::new()?;
    let mut terminal = Terminal::new(100, 40)?;
    let before = terminal.modes()?;
    // A leader of a session is not stopped by its terminal: there would be nobody to continue it.
    let line = "set -m; session stop bob & pid=$!; fg; echo stopped; echo $pid; fg; echo code $?";
    let child = terminal.run(&scene.shell(line))?;
    terminal.shows(PROMPT)?;
    terminal.types("\x1a")?;
    terminal.shows("stopped\r\n")?;
    terminal.types("n\n")?;
    terminal.shows("stop is cancelled")?;
    terminal.shows("code 0")?;
    ensure!(ended(child)? == 0);
    ensure!(terminal.modes()? == before);
    scene.is_untouched("stop bob")
}

fn a_live_screen_is_given_back_on_ctrl_z() -> Result<()> {
    let scene = Scene::new()?;
    let mut terminal = Terminal::new(100, 40)?;
    let before = terminal.modes()?;
    let line = "set -m; session status bob -w & fg; echo stopped; fg; echo code $?";
    let child = terminal.run(&scene.shell(line))?;
    let (take, give_back) = ("\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l");
    terminal.shows(take)?;
    terminal.shows("bob")?;
    terminal.types("\x1a")?;
    terminal.shows(give_back)?;
    terminal.shows("stopped\r\n")?;
    terminal.shows(take)?;
    terminal.shows("bob")?;
    terminal.types("\x03")?;
    terminal.shows(give_back)?;
    terminal.shows("code 130")?;
    ensure!(ended(child)? == 0);
    ensure!(terminal.modes()? == before);
    scene.is_untouched("status -w")
}

fn yes_may_be_said_twice() -> Result<()> {
    let scene = Scene::new()?;
    let output = scene.shell("echo y | session stop bob -y --yes").output()?;
    ensure!(output.status.success(), "{output:?}");
    let stopped = String::from_utf8(output.stdout)?;
    ensure!(
        stopped == "session.streaming.platform/bob stopped\n",
        "{stopped:?}"
    );
    let deletions = scene.api.lines();
    let deletions = deletions.iter().filter(|line| line.starts_with("DELETE"));
    ensure!(deletions.count() == 1);
    Ok(())
}

fn a_second_ctrl_c_ends_what_cleans_up() -> Result<()> {
    let scene = Scene::new()?;
    let (begun, begins) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    scene
        .api
        .handle("PATCH", "/apis/streaming.platform/**", move |_| {
            let _ = begun.send(());
            let _ = released.lock().map(|released| released.recv());
            session_support::Answer::internal("too late")
        });
    let mut terminal = Terminal::new(100, 40)?;
    let mut child = terminal.run(&scene.command("stop bob -y"))?;
    begins.recv_timeout(PATIENCE)?;
    let until = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() && Instant::now() < until {
        // Two that come before the first is heard are one.
        terminal.types("\x03")?;
        std::thread::sleep(Duration::from_millis(20));
    }
    let code = ended(child)?;
    drop(release);
    ensure!(code == 130, "exit code {code}");
    Ok(())
}
