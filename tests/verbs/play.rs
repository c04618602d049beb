//! One call of a verb, in process: against a fake API, on captured streams, at a fixed time.

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use clap::FromArgMatches;
use session_shared::Timestamp;
use session_shared::client::interrupt::Interrupt;
use session_shared::failure::ErrorList;
use session_shared::ops::Cluster;
use session_shared::report::console::{CapturedOutput, Console};
use session_shared::report::errors;
use session_shared::verb::command_line::report_clap_error_for;
use session_shared::verb::{
    Environment, Verb, VerbEntry, command_path, parse_args, run_until_interrupted,
};
use session_support::FakeApi;

/// The time of every call.
pub const NOW: &str = "2026-03-01T12:00:00Z";

/// What a call printed, and how it ended.
#[derive(Debug)]
pub struct Played {
    pub out: String,
    pub err: String,
    pub code: u8,
}

/// A call that is about to be made.
pub struct Play<'a> {
    api: &'a FakeApi,
    input: String,
    terminal: bool,
    interrupt: Interrupt,
}

#[allow(dead_code, reason = "no verb needs all of it")]
impl<'a> Play<'a> {
    /// Against `api`, without a terminal, nothing to read.
    pub fn on(api: &'a FakeApi) -> Self {
        Self {
            api,
            input: String::new(),
            terminal: false,
            interrupt: Interrupt::default(),
        }
    }

    /// Everything is a terminal, and somebody types `input`.
    pub fn at_terminal(mut self, input: &str) -> Self {
        (self.terminal, self.input) = (true, input.to_owned());
        self
    }

    /// `input` comes through a pipe.
    pub fn piped(mut self, input: &str) -> Self {
        self.input = input.to_owned();
        self
    }

    /// The user's Ctrl-C.
    pub fn stopped_by(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = interrupt.clone();
        self
    }

    /// Makes the call, and at the same time `act`, with what has been printed and the user's Ctrl-C. A failure of `act` ends the call.
    pub fn meanwhile<V: Verb>(
        self,
        words: &str,
        act: impl FnOnce(&CapturedOutput, &Interrupt) + Send,
    ) -> Played {
        let streams = Console::for_test(&self.input, self.terminal);
        let (captured, interrupt) = (streams.1.clone(), self.interrupt.clone());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let acted = catch_unwind(AssertUnwindSafe(|| act(&captured, &interrupt)));
                if let Err(failure) = acted {
                    // Or a call that waits for what has not been done would never end, and nobody would hear of it.
                    interrupt.trigger();
                    resume_unwind(failure);
                }
            });
            let words: Vec<&str> = words.split_whitespace().collect();
            self.call::<V>(&words, streams)
        })
    }

    /// Makes the call: `words` is the command line behind the verb, split at blanks.
    pub fn run<V: Verb>(self, words: &str) -> Played {
        self.run_args::<V>(&words.split_whitespace().collect::<Vec<_>>())
    }

    /// As [`Play::run`], with words that hold blanks.
    pub fn run_args<V: Verb>(self, words: &[&str]) -> Played {
        let streams = Console::for_test(&self.input, self.terminal);
        self.call::<V>(words, streams)
    }

    fn call<V: Verb>(
        self,
        words: &[&str],
        (mut console, captured): (Console, CapturedOutput),
    ) -> Played {
        let verb = format!("kubectl session {}", V::NAME);
        let command = (VerbEntry::of::<V>().command)()
            .no_binary_name(true)
            .bin_name(&verb)
            .disable_help_subcommand(true);
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let matches = match parse_args(&command, &verb, words.clone()) {
            Ok(matches) => matches,
            Err(error) => {
                let code = report_clap_error_for(&mut console, &command, &verb, &error, &words);
                return Played::new(&captured, code);
            }
        };
        let args = V::Args::from_arg_matches(&matches).unwrap();
        let prefix = command_path(&verb, &matches);
        let code = runtime().block_on(async {
            let client = session_shared::client::Cluster::from_client(self.api.client(), "default");
            let cluster = Cluster::from(client);
            let mut ground = Environment::for_test(console, cluster, now());
            ground.interrupt = self.interrupt;
            let result = run_until_interrupted::<V>(args, &mut ground).await;
            match ground.finish(result) {
                Ok(()) => 0,
                Err(error) => match error.downcast::<ErrorList>() {
                    Ok(ErrorList(errors)) => {
                        errors::print_errors(&mut ground.console, &errors, &prefix)
                    }
                    Err(error) => errors::print_error(&mut ground.console, &error, &prefix),
                },
            }
        });
        Played::new(&captured, code)
    }
}

#[allow(dead_code, reason = "no verb needs all of it")]
impl Played {
    fn new(captured: &CapturedOutput, code: u8) -> Self {
        Self {
            out: captured.stdout(),
            err: captured.stderr(),
            code,
        }
    }

    /// The call failed with exit code 1 and printed nothing on stdout; returns stderr.
    #[track_caller]
    pub fn failed(&self) -> &str {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{self:#?}");
        &self.err
    }

    /// The call went well; returns stdout.
    #[track_caller]
    pub fn done(&self) -> &str {
        assert_eq!(self.code, 0, "{self:#?}");
        &self.out
    }

    /// Streams and exit code as a golden file has them.
    pub fn text(&self) -> String {
        format!(
            "--- stdout\n{}--- stderr\n{}--- exit code {}\n",
            self.out, self.err, self.code
        )
    }
}

pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// One thread a call, as the program has it; made anew for each test, so that a stream left open disturbs no other.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
