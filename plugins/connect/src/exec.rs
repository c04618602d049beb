//! Runs a shell or command in a container, with this program's streams and exit code.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use futures::future::{Either, join, select};
use session_shared::Pod;
use session_shared::client::interrupt::ended_error;
use session_shared::client::remote_command::ExecExit;
use session_shared::client::remote_command::ExecInput;
use session_shared::client::remote_command::ExecOutput;
use session_shared::client::remote_command::ExecRequest;
use session_shared::client::remote_command::RemoteCommand;
use session_shared::client::{ContainerRef, parse_object, random_token};
use session_shared::failure::{FailureKind, check_exit_code, exit_error, find_failure, with_hint};
use session_shared::objects::metadata::{is_same_object, name_of};
use session_shared::objects::resource::POD;
use session_shared::ops::{Cluster, ContainerTarget, ObservedSession};
use session_shared::report::console::Console;
use session_shared::report::terminal::{RawOutput, StdinStream, TerminalSizes};
use session_shared::verb::Environment;

use crate::intent::Intent;
use crate::left_command::{self, END_GRACE};
use crate::plan;

/// Time limit for reading the Pod after its command ended abnormally.
const POD_READ_TIMEOUT: Duration = Duration::from_secs(3);
/// Reads of a Pod whose status says nothing of the end yet, and the time between them: the kubelet kills the containers of an
/// evicted Pod at once, and its status follows.
const KILL_READS: usize = 3;
const KILL_READ_INTERVAL: Duration = Duration::from_millis(500);
/// Exit codes of a process ended by SIGKILL and SIGTERM.
const SIGNAL_EXIT_CODES: [i32; 2] = [137, 143];

const STDIN_CLOSE_NOTE: &[u8] =
    b"note: cannot close the command's standard input: the server is older than Kubernetes 1.30\n";

/// Streams of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Streams {
    stdin: bool,
    tty: bool,
}

/// Runs a command in the session until it ends; with `kill_on_exit`, it is ended with this program.
///
/// # Errors
/// The command's exit code if nonzero; a command that could not be started; a lost connection.
pub(crate) async fn run(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    argv: &[String],
    place: &ContainerTarget,
    kill_on_exit: bool,
    environment: &mut Environment,
) -> Result<()> {
    let Some((pod, container)) = observed.choose_container(place)? else {
        bail!("session \"{}\" has no Pod", intent.name)
    };
    let container = ContainerRef {
        namespace: cluster.namespace().to_owned(),
        pod: name_of(&pod.metadata).to_owned(),
        container,
    };
    let streams = choose_streams(intent, &mut environment.console);
    let mark = kill_on_exit.then(random_token).transpose()?;
    let marked = mark
        .as_deref()
        .map(|mark| left_command::marked_command(mark, argv));
    let running = ExecRequest {
        container: &container,
        argv: marked.as_deref().unwrap_or(argv),
        stdin: streams.stdin,
        tty: streams.tty,
    };
    let started = cluster.start_exec(&running).await;
    let ending = match started {
        Ok(remote) => {
            let command = AttachedCommand {
                remote,
                container: &container,
                program: argv.first().map_or("", String::as_str),
                mark: mark.as_deref(),
            };
            command
                .copy_until_end(cluster, intent, streams, environment)
                .await
        }
        Err(error) => Err(error),
    };
    let ending = match ending {
        Ok(ending) => ending,
        Err(error) if is_kubelet_error(&error) => {
            return Err(explain_not_started(cluster, intent, pod, &running, error).await);
        }
        Err(error) => return Err(error),
    };
    let is_marked = mark.is_some();
    let console = &mut environment.console;
    exit_as_command(cluster, pod, &running, ending, is_marked, console).await
}

/// A started command, with what is needed to end it or to tell the user about it.
struct AttachedCommand<'a> {
    remote: RemoteCommand,
    container: &'a ContainerRef,
    /// First word of the command as the user knows it.
    program: &'a str,
    /// Mark in its environment, for `--kill-on-exit`.
    mark: Option<&'a str>,
}

impl AttachedCommand<'_> {
    /// Copies all streams until the command or this program ends. A command that this program leaves is ended, or the user is
    /// told that it may run on.
    async fn copy_until_end(
        mut self,
        cluster: &Cluster,
        intent: &Intent,
        streams: Streams,
        environment: &mut Environment,
    ) -> Result<ExecExit> {
        // The user is told what runs on before this process ends.
        let _guard = environment.interrupt.guard()?;
        let copied = copy_streams(&mut self.remote, streams, environment).await;
        if !matches!(copied, Ok(Some(_)))
            && let Some(mark) = self.mark
        {
            left_command::kill_command(cluster, self.container, mark, &mut self.remote).await?;
        } else if matches!(copied, Ok(None)) {
            let session = intent.name.as_str();
            let note = left_command::still_running_note(session, self.container, self.program);
            environment.console.note(&note);
        }
        copied.and_then(|ending| ending.ok_or_else(ended_error))
    }
}

/// Chooses the streams by flags and terminals, as kubectl exec does, except that a shell on a terminal needs no flags. In the
/// background of a terminal there is no input, since reading would stop this process. A terminal requires standard input, and is the default only if standard input and output are terminals.
fn choose_streams(intent: &Intent, console: &mut Console) -> Streams {
    let is_shell = intent.command.is_empty();
    if console.is_in_background() {
        return Streams {
            stdin: false,
            tty: false,
        };
    }
    let is_typed = console.stdin_is_terminal();
    if is_shell && !is_typed && intent.stdin.is_none() {
        console.note("standard input is not passed to the shell: use -i to pass it");
    }
    let stdin = intent.stdin.unwrap_or(is_shell && is_typed);
    let both = console.stdin_is_terminal() && console.stdout_is_terminal();
    let mut tty = stdin && intent.tty.unwrap_or(both);
    if tty && !console.stdin_is_terminal() {
        console.print_error_line(
            "Unable to use a TTY - input is not a terminal or the right kind of file",
        );
        tty = false;
    }
    Streams { stdin, tty }
}

/// Copies all streams until the command has ended, and restores the terminal before anything is printed. After a signal, the
/// command's input ends; `None` if it does not end with it, Interrupted if it does.
async fn copy_streams(
    remote: &mut RemoteCommand,
    streams: Streams,
    environment: &mut Environment,
) -> Result<Option<ExecExit>> {
    let interrupt = environment.interrupt.clone();
    let console = &mut environment.console;
    let (out, err) = console.raw_outputs();
    let input = remote.input();
    let _raw = streams.tty.then(|| console.enter_raw_mode()).transpose()?;
    let sizes = streams.tty.then(|| console.terminal_sizes());
    let inlet = streams.stdin.then(|| console.stdin_stream());
    let received = pin!(pass_output(remote, &out, &err));
    let sent = pin!(join(
        pass_input(inlet, &input, &err),
        pass_sizes(sizes, &input)
    ));
    let mut copied = pin!(async {
        match select(received, sent).await {
            Either::Left((ending, _)) => ending,
            // The command may continue after the end of its input.
            Either::Right((_, received)) => received.await,
        }
    });
    tokio::select! {
        biased;
        ending = &mut copied => return ending.map(Some),
        () = interrupt.wait() => {}
    }
    let ended = async {
        if streams.stdin {
            input.close().await;
        }
        copied.await
    };
    match tokio::time::timeout(END_GRACE, ended).await {
        Ok(_) => Err(ended_error()),
        Err(_) => Ok(None),
    }
}

async fn pass_output(
    remote: &mut RemoteCommand,
    out: &RawOutput,
    err: &RawOutput,
) -> Result<ExecExit> {
    loop {
        match remote.next_output().await? {
            ExecOutput::Stdout(bytes) => out.write(bytes).await?,
            // Errors of standard error are ignored, as everywhere.
            ExecOutput::Stderr(bytes) => drop(err.write(bytes).await),
            ExecOutput::Exited(ending) => return Ok(ending),
        }
    }
}

async fn pass_input(inlet: Option<StdinStream>, input: &ExecInput, err: &RawOutput) {
    let Some(mut inlet) = inlet else { return };
    while let Some(bytes) = inlet.read_chunk().await {
        if !input.write(&bytes).await {
            return;
        }
    }
    if !input.close().await {
        let _ = err.write(Bytes::from_static(STDIN_CLOSE_NOTE)).await;
    }
}

async fn pass_sizes(sizes: Option<TerminalSizes>, input: &ExecInput) {
    let Some(mut sizes) = sizes else { return };
    let (columns, rows) = sizes.current();
    input.resize(columns, rows).await;
    loop {
        let (columns, rows) = sizes.wait_changed().await;
        input.resize(columns, rows).await;
    }
}

/// Exits with the command's exit code, and explains an end by a signal or a lost connection.
async fn exit_as_command(
    cluster: &Cluster,
    pod: &Pod,
    running: &ExecRequest<'_>,
    ending: ExecExit,
    is_marked: bool,
    console: &mut Console,
) -> Result<()> {
    let (name, container) = (&running.container.pod, &running.container.container);
    let program = running.argv.first().map_or("", String::as_str);
    match ending {
        ExecExit::Code(code) => {
            if SIGNAL_EXIT_CODES.contains(&code)
                && let Some(why) = explain_killed(cluster, pod, running).await
            {
                console.note(&why);
            }
            check_exit_code(code)
        }
        ExecExit::NotStarted { code: 127, .. } if is_marked => Err(with_hint(
            exit_error(
                127,
                format!(
                    "cannot run command in container {container:?} of pod {name:?}: no shell (sh) found"
                ),
            ),
            "omit --kill-on-exit, which needs a shell",
        )),
        ExecExit::NotStarted { code: 127, .. } => Err(exit_error(
            127,
            format!("command {program:?} not found in container {container:?} of pod {name:?}"),
        )),
        ExecExit::NotStarted { code, .. } => Err(exit_error(
            code,
            format!("cannot run command {program:?} in container {container:?} of pod {name:?}"),
        )),
        ExecExit::ConnectionLost => match explain_killed(cluster, pod, running).await {
            Some(why) => bail!("lost the connection to container {container:?}: {why}"),
            None => bail!("lost the connection to container {container:?} of pod {name:?}"),
        },
    }
}

/// Returns true for an error that the node reported, as opposed to a failed connection or a missing permission.
fn is_kubelet_error(error: &anyhow::Error) -> bool {
    find_failure(error).is_some_and(|failure| {
        failure.kind == FailureKind::OtherStatus
            && (failure.code != 0 || !failure.reason.is_empty())
    })
}

/// Explains a command that was not started. For a container that is not running the node reports only that it is not found,
/// so the Pod is read again.
async fn explain_not_started(
    cluster: &Cluster,
    intent: &Intent,
    before: &Pod,
    running: &ExecRequest<'_>,
    error: anyhow::Error,
) -> anyhow::Error {
    let ended = match get_pod_again(cluster, running).await {
        Some(Some(pod)) if is_same_object(&pod.metadata, &before.metadata) => {
            plan::not_running_reason(&pod, &running.container.container)
        }
        Some(_) => Some(format!("pod {:?} was deleted", running.container.pod)),
        None => None,
    };
    let why = format!(
        "inspect the session: kubectl session status {} -n {}",
        intent.name,
        cluster.namespace()
    );
    match ended {
        Some(ended) => with_hint(anyhow!("failed to start a command: {ended}"), why),
        None => with_hint(error, why),
    }
}

/// Returns why the container ended while a command ran in it; `None` if unknown.
async fn explain_killed(
    cluster: &Cluster,
    before: &Pod,
    running: &ExecRequest<'_>,
) -> Option<String> {
    for read in 0..KILL_READS {
        if read > 0 {
            tokio::time::sleep(KILL_READ_INTERVAL).await;
        }
        match get_pod_again(cluster, running).await? {
            Some(pod) if is_same_object(&pod.metadata, &before.metadata) => {
                let reason = plan::kill_reason(&pod, &running.container.container);
                if reason.is_some() {
                    return reason;
                }
            }
            // Deleted, or replaced by another Pod of the same name.
            _ => return Some(format!("pod {:?} was deleted", running.container.pod)),
        }
    }
    None
}

/// Reads the Pod again: `None` if it cannot be read, `Some(None)` if it does not exist.
async fn get_pod_again(cluster: &Cluster, running: &ExecRequest<'_>) -> Option<Option<Pod>> {
    let read = cluster.get(&POD, &running.container.namespace, &running.container.pod);
    let found = tokio::time::timeout(POD_READ_TIMEOUT, read)
        .await
        .ok()?
        .ok()?;
    Some(found.and_then(|object| parse_object(object).ok()))
}
