//! What is printed, and how: kubectl's output flags.

use clap::{ArgAction, Args, ValueEnum};

/// How one object or a few are printed.
#[derive(Args, Clone, Debug, Default)]
pub struct ObjectOutput {
    /// Output format. One of: (json, yaml, kyaml, name, jsonpath, jsonpath-as-json, jsonpath-file)
    #[arg(short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,

    /// If true, keep the managedFields when printing objects in JSON or YAML format
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub show_managed_fields: bool,
}

/// How the names of objects are printed that are there no more.
#[derive(Args, Clone, Debug, Default)]
pub struct NameOutput {
    /// Output format. One of: (name)
    #[arg(short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
}

/// How a list of objects is printed.
#[derive(Args, Clone, Debug, Default)]
pub struct ListOutput {
    /// Output format. One of: (json, yaml, kyaml, name, wide, jsonpath, jsonpath-as-json, jsonpath-file, custom-columns, custom-columns-file)
    #[arg(short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,

    /// When using the default or custom-column output format, don't print headers
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub no_headers: bool,

    /// When printing, show all labels as the last column
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub show_labels: bool,

    /// Accepts a comma separated list of labels that are going to be presented as columns; the flag can be repeated
    #[arg(short = 'L', long, value_name = "LABEL", value_delimiter = ',')]
    pub label_columns: Vec<String>,

    /// If non-empty, sort the list by this field, a JSONPath expression such as '{.metadata.name}'
    #[arg(long, value_name = "PATH")]
    pub sort_by: Option<String>,

    /// If present, list the resource type for the objects
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub show_kind: bool,

    /// If true, keep the managedFields when printing objects in JSON or YAML format
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub show_managed_fields: bool,
}

/// How much is said beside the answer, and in which colours.
#[derive(Args, Clone, Debug, Default)]
pub struct Talk {
    /// Only print what was asked for: no progress, no notes
    #[arg(short = 'q', long, global = true, value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true)]
    pub quiet: bool,

    /// When to use colours on a terminal. One of: (auto, always, never); always overrides NO_COLOR and TERM=dumb
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub color: Colour,
}

/// When to use colours. Never where there is no terminal, whatever is asked for: what goes into a file or pipe is data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// Unless NO_COLOR is set or the terminal is dumb.
    #[default]
    Auto,
    /// Even then.
    Always,
    /// Not at all.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Parser)]
    struct List {
        #[command(flatten)]
        output: ListOutput,
        #[command(flatten)]
        talk: Talk,
        names: Vec<String>,
    }

    #[derive(Parser)]
    struct Create {
        #[command(flatten)]
        output: ObjectOutput,
    }

    #[test]
    fn flags_are_written_as_for_kubectl() {
        List::command().debug_assert();
        Create::command().debug_assert();
        for line in [
            "x -o jsonpath={.a}",
            "x -ojsonpath={.a}",
            "x --output=jsonpath={.a}",
            "x -o=jsonpath={.a}",
            "x --output jsonpath={.a}",
        ] {
            assert_eq!(
                List::parse_from(line.split(' ')).output.output.as_deref(),
                Some("jsonpath={.a}"),
                "{line}"
            );
        }
        let line = "x alice -L a,b -Lc --no-headers --show-labels=false --show-kind=true --sort-by=.metadata.name -q";
        let list = List::parse_from(line.split(' '));
        assert_eq!(
            (
                list.names.len(),
                list.output.label_columns.join(" ").as_str()
            ),
            (1, "a b c")
        );
        assert!(
            list.output.no_headers
                && !list.output.show_labels
                && list.output.show_kind
                && list.talk.quiet
        );
        assert_eq!(
            (list.output.sort_by.as_deref(), list.talk.color),
            (Some(".metadata.name"), Colour::Auto)
        );
        // A truth value follows `=` only: what follows a blank is a NAME.
        let list = List::parse_from(["x", "--no-headers", "alice", "--color", "never"]);
        assert_eq!(
            (list.names.as_slice(), list.talk.color),
            (["alice".to_owned()].as_slice(), Colour::Never)
        );
    }
}
