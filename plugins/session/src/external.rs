//! Verbs of others: programs named `kubectl-session-WORD`, beside this program or on PATH.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::ArgMatches;

use crate::dispatch_errors::{report_exec_error, report_unknown_verb};

/// Replaces this process by the program of a word that is not a verb of the suite.
pub(crate) fn run_external(word: &str, matches: &ArgMatches, prefix: &str) -> ExitCode {
    if word.contains(['/', '\\']) {
        // A word with a slash would make a path of the name, and could run any program.
        return report_unknown_verb(word, prefix);
    }
    let Some(program) = find_program(word) else {
        return report_unknown_verb(word, prefix);
    };
    let args: Vec<OsString> = matches
        .get_many::<OsString>("")
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    replace(Command::new(program).args(args), prefix)
}

/// Finds a program: first in the directory of this program's real file, so that one directory of binaries belongs
/// together, then in the absolute directories of PATH. Never in the working directory, where others may have put it.
#[expect(
    clippy::disallowed_methods,
    reason = "external verbs are looked up on PATH, as git and kubectl do"
)]
fn find_program(word: &str) -> Option<PathBuf> {
    // kubectl's naming rule: a dash of the word is an underscore in the file name.
    let name = format!("kubectl-session-{}", word.replace('-', "_"));
    let own = std::env::current_exe()
        .ok()
        .and_then(|exe| exe.canonicalize().ok());
    let beside = own.as_ref().and_then(|exe| exe.parent());
    let found = beside.and_then(|folder| which::which_in(&name, Some(folder), folder).ok());
    found.or_else(|| {
        let path = std::env::var_os("PATH")?;
        let absolute = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
        let path = std::env::join_paths(absolute).ok()?;
        which::which_in(&name, Some(path), "/").ok()
    })
}

#[cfg(unix)]
fn replace(command: &mut Command, prefix: &str) -> ExitCode {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    report_exec_error(&error, command, prefix)
}

#[cfg(not(unix))]
fn replace(command: &mut Command, prefix: &str) -> ExitCode {
    match command.status() {
        Ok(status) => ExitCode::from(
            status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(1),
        ),
        Err(error) => report_exec_error(&error, command, prefix),
    }
}
