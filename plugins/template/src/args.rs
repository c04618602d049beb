//! The command line of `template` and its subcommands.

use clap::{Args as Group, Parser, Subcommand};
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::list::ListFlags;
use session_shared::flags::output::{
    ListOutputFlags, NameOutputFlags, ObjectOutputFlags, VerbosityFlags,
};
use session_shared::flags::values::{ReplaceFlags, ValueFlags};
use session_shared::flags::write::WriteFlags;

pub(crate) const ABOUT: &str = "Manage session templates

A SessionTemplate defines what a session runs: a manifest with ${NAME} and ${NAME:-default} placeholders, with parameters, \
presets, connection methods, hooks and a lifetime. Hooks are commands in the session's container: sync saves unsaved work \
before a stop; quiesce and resume run before and after a snapshot. Templates belong to the cluster, not to a namespace. Some \
are built into the program (--builtin); \"kubectl session setup templates\" installs them.";

const EXAMPLES: &str = "  # List the templates of the cluster
  kubectl session template list

  # List the parameters of a template
  kubectl session template params lab

  # Check a manifest, create a template from it, print the objects of a session
  kubectl session template lint -f pod.yaml
  kubectl session template apply -f pod.yaml --name demo
  kubectl session template render demo --set IMAGE=busybox:1.36";

/// Flags and subcommand of `template`, unchecked.
#[derive(Parser, Clone, Debug)]
#[command(name = "template", visible_alias = "templates", about = ABOUT.lines().next().unwrap_or_default(), long_about = ABOUT, after_long_help = EXAMPLES, override_usage = "kubectl session template COMMAND [options]", disable_help_subcommand = true, subcommand_value_name = "COMMAND")]
pub struct Args {
    /// Subcommand
    #[command(subcommand)]
    pub command: TemplateCommand,

    /// Verbosity.
    #[command(flatten)]
    pub verbosity: VerbosityFlags,
    /// Connection to the cluster.
    #[command(flatten)]
    pub connection: ConnectionFlags,
}

/// A subcommand of `template`.
#[derive(Subcommand, Clone, Debug)]
pub enum TemplateCommand {
    /// List templates
    #[command(visible_alias = "ls", after_long_help = LIST, override_usage = "kubectl session template list [options]")]
    List(TemplateListArgs),
    /// Show a template
    #[command(visible_alias = "get", after_long_help = SHOW_EXAMPLES, override_usage = "kubectl session template show NAME [options]")]
    Show(TemplateShowArgs),
    /// List the parameters of a template
    #[command(visible_alias = "parameters", after_long_help = PARAMS_EXAMPLES, override_usage = "kubectl session template params (NAME [--builtin] | -f FILENAME) [options]")]
    Params(TemplateParamsArgs),
    /// Check template or manifest files without a cluster
    ///
    /// Print one line for each problem. The exit code is 1 if one of them is an error, with --strict also for a warning.
    #[command(after_long_help = LINT_EXAMPLES, override_usage = "kubectl session template lint -f FILENAME [-f FILENAME]... [options]")]
    Lint(TemplateLintArgs),
    /// Print the objects of a session made from a template
    #[command(after_long_help = RENDER_EXAMPLES, override_usage = "kubectl session template render (NAME [--builtin] | -f FILENAME) [options]")]
    Render(TemplateRenderArgs),
    /// Create or update templates from a file
    ///
    /// The file holds SessionTemplates, or, with --name, a manifest from which a template is made.
    #[command(after_long_help = APPLY_EXAMPLES, override_usage = "kubectl session template apply -f FILENAME [options]
  kubectl session template apply -f FILENAME --name NAME [--description TEXT] [--primary KIND/NAME] [options]")]
    Apply(TemplateApplyArgs),
    /// Delete templates; running sessions continue
    ///
    /// A session of a deleted template cannot be started, restarted or extended until the template is applied again. Its data
    /// is kept.
    #[command(visible_alias = "rm", after_long_help = DELETE, override_usage = "kubectl session template delete NAME... [options]")]
    Delete(TemplateDeleteArgs),
}

const LIST: &str = "  # List the templates of the cluster
  kubectl session template list

  # List the built-in templates; no cluster is needed
  kubectl session template list --builtin";

/// Flags of `template list`. Templates have no namespace, so -A, which kubectl accepts here, too, is not shown.
#[derive(Group, Clone, Debug)]
#[command(mut_arg("all_namespaces", |all| all.hide(true)))]
pub struct TemplateListArgs {
    /// If true, list the built-in templates instead of those in the cluster
    #[arg(long)]
    pub builtin: bool,
    #[command(flatten)]
    pub selecting: ListFlags,
    #[command(flatten)]
    pub output: ListOutputFlags,
}

const SHOW_EXAMPLES: &str = "  # Show a template with its connection methods and parameters
  kubectl session template show lab

  # Print a built-in template as YAML, as a start for your own
  kubectl session template show shell --builtin -o yaml";

/// Flags and arguments of `template show`.
#[derive(Group, Clone, Debug)]
pub struct TemplateShowArgs {
    /// Name of the template
    #[arg(value_name = "NAME")]
    pub name: String,
    /// If true, use a built-in template instead of one in the cluster
    #[arg(long)]
    pub builtin: bool,
    #[command(flatten)]
    pub output: ObjectOutputFlags,
}

/// Flags that select a template: by name from the cluster or the built-in ones, or from a file.
#[derive(Group, Clone, Debug, Default)]
pub struct TemplateFlags {
    /// Name of the template
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// File with a SessionTemplate or a manifest with placeholders; "-" means standard input
    #[arg(short = 'f', long, value_name = "FILENAME")]
    pub filename: Option<String>,
    /// If true, use a built-in template instead of one in the cluster
    #[arg(long)]
    pub builtin: bool,
    #[command(flatten)]
    pub replacements: ReplaceFlags,
}

const PARAMS_EXAMPLES: &str = "  # List the parameters of a template
  kubectl session template params lab

  # List the parameters of a manifest with their allowed values
  kubectl session template params -f pod.yaml -o wide";

/// Flags and arguments of `template params`.
#[derive(Group, Clone, Debug)]
pub struct TemplateParamsArgs {
    #[command(flatten)]
    pub template: TemplateFlags,
    /// Output format. One of: (wide, json, yaml, kyaml, name, jsonpath, jsonpath-as-json, jsonpath-file, custom-columns, custom-columns-file)
    #[arg(help_heading = "Output", short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
    /// If true, omit the headings of tables and custom columns
    #[arg(help_heading = "Output", long)]
    pub no_headers: bool,
}

const LINT_EXAMPLES: &str = "  # Check a template
  kubectl session template lint -f lab.yaml

  # Check the output of another program
  cat pod.yaml | kubectl session template lint -f - -o json

  # Fail for warnings too, and for what a controller refuses
  kubectl session template lint -f lab.yaml --strict --for-controller";

/// Flags of `template lint`.
#[derive(Group, Clone, Debug)]
pub struct TemplateLintArgs {
    /// File with SessionTemplates or a manifest with placeholders; "-" means standard input. May be repeated
    #[arg(short = 'f', long, value_name = "FILENAME", required = true)]
    pub filename: Vec<String>,
    /// If true, the exit code is 1 for warnings too
    #[arg(long)]
    pub strict: bool,
    /// If true, also report what a controller that creates sessions of the template refuses
    #[arg(long)]
    pub for_controller: bool,
    #[command(flatten)]
    pub replacements: ReplaceFlags,
    /// Output format. One of: (json, yaml, kyaml, jsonpath, jsonpath-as-json, jsonpath-file)
    #[arg(help_heading = "Output", short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
}

const RENDER_EXAMPLES: &str = "  # Print the objects of a session of a template
  kubectl session template render shell --set IMAGE=busybox:1.36

  # Print them for a file and another user; no cluster is needed
  kubectl session template render -f lab.yaml --name lab-1 --user-id alice@example.com --preset large";

/// Flags and arguments of `template render`.
#[derive(Group, Clone, Debug)]
pub struct TemplateRenderArgs {
    #[command(flatten)]
    pub template: TemplateFlags,
    #[command(flatten)]
    pub values: ValueFlags,
    /// Name of the session
    #[arg(long = "name", value_name = "NAME", default_value = "example")]
    pub session: String,
    /// Owner of the session (alice@example.com); defaults to your user name at the API server, or "user" without a cluster
    #[arg(long, value_name = "ID")]
    pub user_id: Option<String>,
    /// Primary workload, to which connect connects; required for a manifest with several workloads
    #[arg(long, value_name = "KIND/NAME")]
    pub primary: Option<String>,
    /// Print the objects as one List in this format; by default, as YAML documents. One of: (json, yaml, kyaml, name, jsonpath,
    /// jsonpath-as-json, jsonpath-file)
    #[arg(help_heading = "Output", short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
}

const APPLY_EXAMPLES: &str = "  # Create or update a template
  kubectl session template apply -f lab.yaml

  # Create a template from a manifest with placeholders
  kubectl session template apply -f pod.yaml --name demo --description 'A demo'

  # Let the server check a template without storing it
  kubectl session template apply -f lab.yaml --dry-run=server";

/// Flags of `template apply`.
#[derive(Group, Clone, Debug)]
pub struct TemplateApplyArgs {
    /// File with SessionTemplates or a manifest with placeholders; "-" means standard input
    #[arg(short = 'f', long, value_name = "FILENAME", required = true)]
    pub filename: String,
    #[command(flatten)]
    pub replacements: ReplaceFlags,
    /// Name of the template that is created from a manifest
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Description of the template that is created from a manifest
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Primary workload, to which connect connects; required for a manifest with several workloads
    #[arg(long, value_name = "KIND/NAME")]
    pub primary: Option<String>,
    #[command(flatten)]
    pub output: ObjectOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
}

const DELETE: &str = "  # Delete a template
  kubectl session template delete demo

  # Delete two templates that may not exist
  kubectl session template delete demo demo-2 --ignore-not-found";

/// Flags and arguments of `template delete`.
#[derive(Group, Clone, Debug)]
pub struct TemplateDeleteArgs {
    /// Names of the templates
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// If true, treat a template that does not exist as deleted
    #[arg(long)]
    pub ignore_not_found: bool,
    #[command(flatten)]
    pub output: NameOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
}
