//! The command line of `template` and of what it can do.

use clap::{Args as Group, Parser, Subcommand};
use session_shared::flags::connection::Connection;
use session_shared::flags::output::{ListOutput, NameOutput, ObjectOutput, Talk};
use session_shared::flags::selection::Selecting;
use session_shared::flags::values::Values;
use session_shared::flags::writing::Writing;

pub(crate) const ABOUT: &str = "Look at templates, check them, bring them into a cluster.

A SessionTemplate says what a session can run: a manifest with ${NAME} and ${NAME:-default} placeholders, and around it \
parameters, presets, ways to connect, a lifetime. The program brings some of its own (--builtin), which \"kubectl session \
setup templates\" installs.";

const EXAMPLES: &str = "  # See what sessions can be made from
  kubectl session template list

  # See what a template asks for
  kubectl session template params lab

  # Check a file, make a template of it, see what a session of it would be
  kubectl session template lint -f pod.yaml
  kubectl session template apply -f pod.yaml --name demo
  kubectl session template render demo --set IMAGE=busybox:1.36";

/// Flags and arguments of `template`, as they were typed.
#[derive(Parser, Clone, Debug)]
#[command(name = "template", visible_alias = "templates", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session template COMMAND [options]", disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub action: Action,

    /// How much is said.
    #[command(flatten)]
    pub talk: Talk,
    /// Which cluster, and as whom.
    #[command(flatten)]
    pub connection: Connection,
}

/// What `template` can do.
#[derive(Subcommand, Clone, Debug)]
pub enum Action {
    /// List the templates
    #[command(visible_alias = "ls", after_long_help = LIST, override_usage = "kubectl session template list [options]")]
    List(List),
    /// Show a template
    #[command(visible_alias = "get", after_long_help = SHOW, override_usage = "kubectl session template show NAME [options]")]
    Show(Show),
    /// List the parameters of a template
    #[command(visible_alias = "parameters", after_long_help = PARAMS, override_usage = "kubectl session template params (NAME | -f FILENAME) [options]")]
    Params(Params),
    /// Check a file before it is used; no cluster is needed
    #[command(after_long_help = LINT, override_usage = "kubectl session template lint -f FILENAME... [options]")]
    Lint(Lint),
    /// Print the objects that a session of a template would be made of
    #[command(after_long_help = RENDER, override_usage = "kubectl session template render (NAME | -f FILENAME) [options]")]
    Render(Render),
    /// Bring a template from a file into the cluster
    #[command(after_long_help = APPLY, override_usage = "kubectl session template apply -f FILENAME [options]")]
    Apply(Apply),
    /// Delete templates; sessions that run go on
    #[command(visible_alias = "rm", after_long_help = DELETE, override_usage = "kubectl session template delete NAME... [options]")]
    Delete(Delete),
}

impl Action {
    /// How it is written; `None` where nothing is.
    pub(crate) fn writing(&self) -> Option<&Writing> {
        match self {
            Action::Apply(args) => Some(&args.writing),
            Action::Delete(args) => Some(&args.writing),
            Action::List(_)
            | Action::Show(_)
            | Action::Params(_)
            | Action::Lint(_)
            | Action::Render(_) => None,
        }
    }
}

const LIST: &str = "  # List the templates of the cluster
  kubectl session template list

  # List the ones the program brings, without a cluster
  kubectl session template list --builtin";

/// Flags of `template list`.
#[derive(Group, Clone, Debug)]
pub struct List {
    /// The templates that come with the program, not those of the cluster
    #[arg(long)]
    pub builtin: bool,
    #[command(flatten)]
    pub selecting: Selecting,
    #[command(flatten)]
    pub printing: ListOutput,
}

const SHOW: &str = "  # Show what a template runs and asks for
  kubectl session template show lab

  # Get a built-in template as a file to begin with
  kubectl session template show shell --builtin -o yaml";

/// Flags and arguments of `template show`.
#[derive(Group, Clone, Debug)]
pub struct Show {
    /// Name of the template
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A template that comes with the program, not one of the cluster
    #[arg(long)]
    pub builtin: bool,
    #[command(flatten)]
    pub printing: ObjectOutput,
}

/// Which template: of the cluster, of a file, or built in.
#[derive(Group, Clone, Debug, Default)]
pub struct Which {
    /// Name of the template
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// File that holds a SessionTemplate or a manifest with placeholders; - reads standard input
    #[arg(short = 'f', long, value_name = "FILENAME")]
    pub filename: Option<String>,
    /// A template that comes with the program, not one of the cluster
    #[arg(long)]
    pub builtin: bool,
}

const PARAMS: &str = "  # List the parameters of a template
  kubectl session template params lab

  # List what a manifest asks for, with what is allowed
  kubectl session template params -f pod.yaml -o wide";

/// Flags and arguments of `template params`.
#[derive(Group, Clone, Debug)]
pub struct Params {
    #[command(flatten)]
    pub which: Which,
    /// Output format. One of: (wide, json, yaml, kyaml, name, jsonpath, jsonpath-as-json, jsonpath-file, custom-columns, custom-columns-file)
    #[arg(short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
    /// Don't print headers
    #[arg(long)]
    pub no_headers: bool,
}

const LINT: &str = "  # Check a template
  kubectl session template lint -f lab.yaml

  # Check what another program writes
  cat pod.yaml | kubectl session template lint -f - -o json";

/// Flags of `template lint`.
#[derive(Group, Clone, Debug)]
pub struct Lint {
    /// File that holds SessionTemplates or a manifest with placeholders; - reads standard input; the flag can be repeated
    #[arg(short = 'f', long, value_name = "FILENAME", required = true)]
    pub filename: Vec<String>,
    /// Output format. One of: (json, yaml, kyaml, jsonpath, jsonpath-as-json, jsonpath-file)
    #[arg(short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
}

const RENDER: &str = "  # See what a session of a template would be
  kubectl session template render shell --set IMAGE=busybox:1.36

  # The same for a file, without a cluster, for somebody else
  kubectl session template render -f lab.yaml --name lab-1 --user-id alice@example.com --preset large";

/// Flags and arguments of `template render`.
#[derive(Group, Clone, Debug)]
pub struct Render {
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub values: Values,
    /// Preset of the template: a named set of values
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Name of the session
    #[arg(long = "name", value_name = "NAME", default_value = "example")]
    pub session: String,
    /// Owner of the session (alice@example.com); by default who the API server says you are, "user" without a cluster
    #[arg(long, value_name = "ID")]
    pub user_id: Option<String>,
    /// Workload that is entered, as KIND/NAME, for a manifest with several
    #[arg(long, value_name = "KIND/NAME")]
    pub primary: Option<String>,
    /// Output format. One of: (json, yaml, kyaml, name, jsonpath, jsonpath-as-json, jsonpath-file); a List, YAML documents without it
    #[arg(short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
}

const APPLY: &str = "  # Install a template, or change it
  kubectl session template apply -f lab.yaml

  # Make a template of a manifest with placeholders, as it is
  kubectl session template apply -f pod.yaml --name demo --description 'A demo'

  # Have the server check it without keeping it
  kubectl session template apply -f lab.yaml --dry-run=server";

/// Flags of `template apply`.
#[derive(Group, Clone, Debug)]
pub struct Apply {
    /// File that holds SessionTemplates or a manifest with placeholders; - reads standard input
    #[arg(short = 'f', long, value_name = "FILENAME", required = true)]
    pub filename: String,
    /// Name of the template that is made of a manifest
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Description of the template that is made of a manifest
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Workload that is entered, as KIND/NAME, of the template that is made of a manifest with several
    #[arg(long, value_name = "KIND/NAME")]
    pub primary: Option<String>,
    #[command(flatten)]
    pub printing: ObjectOutput,
    #[command(flatten)]
    pub writing: Writing,
}

const DELETE: &str = "  # Delete a template
  kubectl session template delete demo

  # Delete two, whether they are there or not
  kubectl session template delete demo demo-2 --ignore-not-found";

/// Flags and arguments of `template delete`.
#[derive(Group, Clone, Debug)]
pub struct Delete {
    /// Names of templates
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Treat a template that does not exist as deleted
    #[arg(long)]
    pub ignore_not_found: bool,
    #[command(flatten)]
    pub printing: NameOutput,
    #[command(flatten)]
    pub writing: Writing,
}
