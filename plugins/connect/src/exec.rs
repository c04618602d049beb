//! Runs a shell or command in a container, with this program's streams and exit code.

use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use futures::future::{Either, join, select};
use session_shared::Pod;
use session_shared::client::remote_command::ExecExit;
use session_shared::client::remote_command::ExecInput;
use session_shared::client::remote_command::ExecOutput;
use session_shared::client::remote_command::ExecRequest;
use session_shared::client::remote_command::RemoteCommand;
use session_shared::client::{ContainerRef, parse_object};
use session_shared::failure::{FailureKind, check_exit_code, exit_error, find_failure, with_hint};
use session_shared::objects::resource::POD;
use session_shared::ops::{Cluster, ObservedSession, missing_right};
use session_shared::report::console::Console;
use session_shared::report::terminal::{RawOutput, StdinStream, TerminalSizes};
use session_shared::verb::Environment;

use crate::intent::Intent;

use crate::plan;

/// Time limit for reading the Pod after its command ended abnormally.
const POD_READ_TIMEOUT: Duration = Duration::from_secs(3);
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

/// Runs a command in the session until it ends.
///
/// # Errors
/// The command's exit code if nonzero; a command that could not be started; a lost connection.
pub(crate) async fn run(
    cluster: &Cluster,
    intent: &Intent,
    observed: &ObservedSession,
    argv: &[String],
    container: Option<&str>,
    environment: &mut Environment,
) -> Result<()> {
    let Some((pod, container)) = plan::choose_pod(observed, container)? else {
        bail!("session \"{}\" has no Pod", intent.name)
    };
    let container = ContainerRef {
        namespace: cluster.namespace().to_owned(),
        pod: pod.metadata.name.clone().unwrap_or_default(),
        container,
    };
    let streams = choose_streams(intent, &mut environment.console);
    let running = ExecRequest {
        container: &container,
        argv,
        stdin: streams.stdin,
        tty: streams.tty,
    };
    let started = cluster.start_exec(&running).await;
    let ending = match started {
        Ok(mut remote) => copy_streams(&mut remote, streams, &mut environment.console).await,
        Err(error) => Err(error),
    };
    let ending = match ending {
        Ok(ending) => ending,
        Err(error) if is_kubelet_error(&error) => {
            return Err(explain_not_started(cluster, intent, pod, &running, error).await);
        }
        Err(error) => return Err(missing_right::explain(error, cluster, "pods/exec")),
    };
    exit_as_command(cluster, pod, &running, ending, &mut environment.console).await
}

/// Chooses the streams by flags and terminals. A terminal requires standard input, and is the default only if standard
/// input and output are terminals.
fn choose_streams(intent: &Intent, console: &mut Console) -> Streams {
    let stdin = intent.stdin.unwrap_or(true);
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

/// Copies all streams until the command has ended, and restores the terminal before anything is printed.
async fn copy_streams(
    remote: &mut RemoteCommand,
    streams: Streams,
    console: &mut Console,
) -> Result<ExecExit> {
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
    match select(received, sent).await {
        Either::Left((ending, _)) => ending,
        // The command may continue after the end of its input.
        Either::Right((_, received)) => received.await,
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
        Some(Some(pod)) if pod.metadata.uid == before.metadata.uid => {
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
    match get_pod_again(cluster, running).await? {
        Some(pod) if pod.metadata.uid == before.metadata.uid => {
            plan::kill_reason(&pod, &running.container.container)
        }
        // Deleted, or replaced by another Pod of the same name.
        _ => Some(format!("pod {:?} was deleted", running.container.pod)),
    }
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
