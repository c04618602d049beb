//! `kubectl session version`: the version of the program, as the client's part of `kubectl version` prints it.

use anyhow::{Result, bail};
use clap::Parser;
use serde_json::json;
use session_shared::client::{UserAgent, non_empty};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::output::VerbosityFlags;
use session_shared::report::format::{Format, FormatSet};
use session_shared::verb::{Environment, VERSION, Verb, version_text};

const ABOUT: &str = "Print the version of kubectl session

No request is sent: there is no server part whose version could differ.";

const EXAMPLES: &str = "  # Print the version
  kubectl session version

  # Print the version as JSON
  kubectl session version -o json";

/// Flags of `version`.
#[derive(Parser, Clone, Debug)]
#[command(name = "version", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session version [options]")]
pub(crate) struct Args {
    /// If true, print only the client's version; accepted for compatibility with kubectl, there is no other
    #[arg(long)]
    pub client: bool,

    /// Output format. One of: (json, yaml)
    #[arg(help_heading = "Output", short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,

    /// Verbosity flags.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Cluster connection flags.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// The `version` verb.
#[derive(Debug)]
pub(crate) struct Version;

impl Verb for Version {
    const NAME: &'static str = "version";
    const ABOUT: &'static str = ABOUT;
    type Args = Args;

    async fn run(args: Args, environment: &mut Environment) -> Result<()> {
        let Args {
            client: _,
            output,
            verbosity,
            connection: _,
        } = args;
        let console = &mut environment.console;
        console.apply_flags(&verbosity);
        let output = non_empty(&output);
        if output.is_some_and(|format| !["json", "yaml"].contains(&format)) {
            bail!("--output must be 'yaml' or 'json'");
        }
        match Format::parse(output, FormatSet::Object, false, false)? {
            Format::Text { .. } => console.print(&version_text()),
            Format::Objects(mut printer) => {
                let mut numbers = VERSION.split('.');
                let version = json!({ "clientVersion": {
                    "major": numbers.next(),
                    "minor": numbers.next(),
                    "gitVersion": format!("v{VERSION}"),
                    "platform": UserAgent::platform(),
                }});
                console.print(&printer.print_object(&version)?)
            }
        }
    }
}
