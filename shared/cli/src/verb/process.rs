//! Threads of a process that runs a verb. The verb has a thread of its own, so that the main thread can always handle
//! signals: neither a blocking read nor a FIFO without a writer keeps the process from ending.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::oneshot;

use crate::flags::output::Colour;
use crate::report::console::Console;
use crate::report::{errors, terminal};
use session_client::interrupt::Interrupt;
use session_client::signals::Signals;

/// Stack of the main thread on Linux.
const STACK_BYTES: usize = 8 << 20;
/// Exit code of a Rust program that panicked.
const PANIC_EXIT_CODE: u8 = 101;
/// Time limit for the last line, on a stream that may have no reader.
const LAST_MESSAGE_TIMEOUT: Duration = Duration::from_millis(200);

/// Runs `work`, which returns the exit code, until it ends or a signal ends the process.
pub(super) fn run_in_thread(work: impl FnOnce(Interrupt) -> u8 + Send + 'static) -> ExitCode {
    let code = run_with_signals(work).unwrap_or_else(|error| {
        let mut console = Console::for_process(Colour::Auto, false);
        errors::print_error(&mut console, &error, "")
    });
    ExitCode::from(code)
}

fn run_with_signals(work: impl FnOnce(Interrupt) -> u8 + Send + 'static) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let interrupt = Interrupt::default();
        let signals = Signals::of_process(&interrupt)?;
        let (tell, told) = oneshot::channel();
        let heeding = interrupt.clone();
        thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || tell.send(work(heeding)))
            .context("failed to start a thread")?;
        Ok(tokio::select! {
            biased;
            code = told => code.unwrap_or(PANIC_EXIT_CODE),
            () = signals.deliver() => {
                restore_terminal();
                interrupt.exit_code()
            }
        })
    })
}

/// Restores the terminal for a verb that is killed before it could. That verb may hold the locks of the standard
/// streams.
fn restore_terminal() {
    terminal::leave_raw_mode();
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        // A closed standard error must not delay the end.
        let _ = terminal::unlocked_stderr().and_then(|mut error| match error.is_terminal() {
            // Below the terminal's `^C`.
            true => error.write_all(b"\n"),
            false => Ok(()),
        });
        let _ = done.send(());
    });
    let _ = wait.recv_timeout(LAST_MESSAGE_TIMEOUT);
}
