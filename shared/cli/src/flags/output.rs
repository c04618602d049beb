//! Output flags, kubectl's.

use clap::{Args, ValueEnum};

/// Output flags of verbs that print single objects.
#[derive(Args, Clone, Debug, Default)]
pub struct ObjectOutputFlags {
    /// Output format. One of: (json, yaml, kyaml, name, jsonpath, jsonpath-as-json, jsonpath-file)
    #[arg(help_heading = "Output", short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,

    /// If true, keep the managedFields when printing objects in JSON or YAML format
    #[arg(help_heading = "Output", long)]
    pub show_managed_fields: bool,
}

/// Output flag of verbs that delete, and so have only names to print.
#[derive(Args, Clone, Debug, Default)]
pub struct NameOutputFlags {
    /// Output format. One of: (name)
    #[arg(help_heading = "Output", short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,
}

/// Output flags of verbs that print a list.
#[derive(Args, Clone, Debug, Default)]
pub struct ListOutputFlags {
    /// Output format. One of: (json, yaml, kyaml, name, wide, jsonpath, jsonpath-as-json, jsonpath-file,
    /// custom-columns, custom-columns-file)
    #[arg(help_heading = "Output", short = 'o', long, value_name = "FORMAT")]
    pub output: Option<String>,

    /// If true, omit the headings of tables and custom columns
    #[arg(help_heading = "Output", long)]
    pub no_headers: bool,

    /// If true, show all labels in the last column
    #[arg(help_heading = "Output", long)]
    pub show_labels: bool,

    /// Label to show as a column; may be repeated or comma-separated
    #[arg(
        help_heading = "Output",
        short = 'L',
        long,
        value_name = "LABEL",
        value_delimiter = ','
    )]
    pub label_columns: Vec<String>,

    /// JSONPath of the field to sort the list by, such as '{.metadata.name}'
    #[arg(help_heading = "Output", long, value_name = "PATH")]
    pub sort_by: Option<String>,

    /// If true, print the resource type before each name
    #[arg(help_heading = "Output", long)]
    pub show_kind: bool,

    /// If true, keep the managedFields when printing objects in JSON or YAML format
    #[arg(help_heading = "Output", long)]
    pub show_managed_fields: bool,
}

/// Flags for the amount of messages and for colours.
#[derive(Args, Clone, Debug, Default)]
pub struct VerbosityFlags {
    /// If true, print neither progress nor notes
    #[arg(help_heading = "Output", short = 'q', long, global = true)]
    pub quiet: bool,

    /// Use of colours on terminals: auto, always or never; always overrides NO_COLOR and TERM=dumb
    #[arg(
        help_heading = "Output",
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

/// Use of colours. Output that is not a terminal never gets colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// Colours unless NO_COLOR is set or TERM is `dumb`.
    #[default]
    Auto,
    /// Colours on every terminal.
    Always,
    /// No colours.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Parser)]
    struct List {
        #[command(flatten)]
        output: ListOutputFlags,
        #[command(flatten)]
        verbosity: VerbosityFlags,
        names: Vec<String>,
    }

    #[derive(Parser)]
    struct Create {
        #[command(flatten)]
        output: ObjectOutputFlags,
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
        let line = "x alice -L a,b -Lc --no-headers --show-kind --sort-by=.metadata.name -q";
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
                && list.verbosity.quiet
        );
        assert_eq!(
            (list.output.sort_by.as_deref(), list.verbosity.color),
            (Some(".metadata.name"), Colour::Auto)
        );
        // A boolean must follow `=`: a word after a blank is a NAME.
        let list = List::parse_from(["x", "--no-headers", "alice", "--color", "never"]);
        assert_eq!(
            (list.names.as_slice(), list.verbosity.color),
            (["alice".to_owned()].as_slice(), Colour::Never)
        );
    }
}
